//! The build cache as JSON: twins of its records, and the way there and back.

use builder::{Fidelity, Record, Records, Seen};
use oci::{Descriptor, DiffId, Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{
    BlobStore, Change, ChangeKind, Changeset, Content, Dir, File, Layer, LayerSource, Meta, Node, Special, StoreError,
    Time, TreePath,
};

/// A number that changes whenever older programs would misread what follows.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Serialize, Deserialize)]
pub struct CacheDoc {
    /// [`VERSION`].
    pub version: u32,
    results: BTreeMap<Digest, RecordDoc>,
    links: BTreeMap<Digest, BTreeSet<Digest>>,
    seen: BTreeMap<String, SeenDoc>,
    rewritten: Vec<RewrittenDoc>,
}

#[derive(Serialize, Deserialize)]
struct RecordDoc {
    created: TimeDoc,
    layer: Option<LayerDoc>,
    millis: u64,
    log: String,
    simulated: bool,
}

#[derive(Serialize, Deserialize)]
struct LayerDoc {
    diff_id: Digest,
    tar_size: u64,
    descriptor: Descriptor,
    /// Whether the blob store holds the layer's tar; else it is written from the changes.
    is_blob: bool,
    /// The blob that lists the changes.
    changes: Digest,
}

#[derive(Serialize, Deserialize)]
struct SeenDoc {
    text: String,
    definition: Vec<(String, String)>,
    base: Vec<Digest>,
    files: BTreeMap<String, Digest>,
}

#[derive(Serialize, Deserialize)]
struct RewrittenDoc {
    diff_id: Digest,
    epoch: i64,
    layer: LayerDoc,
}

#[derive(Serialize, Deserialize)]
struct TimeDoc(i64, u32);

#[derive(Serialize, Deserialize)]
struct MetaDoc {
    mode: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    uid: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    gid: u32,
    mtime: TimeDoc,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct ChangeDoc {
    path: String,
    #[serde(flatten)]
    kind: KindDoc,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum KindDoc {
    File {
        meta: MetaDoc,
        size: u64,
        digest: Option<Digest>,
    },
    Dir {
        meta: MetaDoc,
    },
    Symlink {
        meta: MetaDoc,
        target: String,
    },
    Char {
        meta: MetaDoc,
        major: u32,
        minor: u32,
    },
    Block {
        meta: MetaDoc,
        major: u32,
        minor: u32,
    },
    Fifo {
        meta: MetaDoc,
    },
    Link {
        meta: MetaDoc,
        to: String,
    },
    Delete,
    Opaque,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The file for `records`. The lists of changes go into `blobs` as blobs of their own, and `keep` is called with every file's content.
///
/// # Errors
///
/// Whatever `keep` and [`BlobStore::put`] return.
pub fn to_doc<B: BlobStore>(
    records: &Records,
    blobs: &mut B,
    keep: impl Fn(&mut B, &Digest) -> Result<(), StoreError>,
) -> Result<CacheDoc, StoreError> {
    let mut layer_doc = |layer: &Layer| -> Result<LayerDoc, StoreError> {
        for (_, content) in layer.changes.files() {
            if let Content::Blob { digest, .. } = content {
                keep(blobs, &digest)?;
            }
        }
        let is_blob = layer.source == LayerSource::Blob;
        if is_blob {
            keep(blobs, &layer.descriptor.digest)?;
        }
        let changes: Vec<ChangeDoc> = layer.changes.changes.iter().map(change_doc).collect();
        let changes = blobs.put(&serde_json::to_vec(&changes).expect("changes have a JSON form"))?;
        let (diff_id, descriptor) = (layer.diff_id.0, layer.descriptor.clone());
        Ok(LayerDoc {
            diff_id,
            tar_size: layer.tar_size,
            descriptor,
            is_blob,
            changes,
        })
    };
    let mut results = BTreeMap::new();
    for (key, record) in &records.results {
        let doc = RecordDoc {
            created: TimeDoc(record.created.secs, record.created.nanos),
            layer: record.layer.as_ref().map(&mut layer_doc).transpose()?,
            millis: record.millis,
            log: record.log.clone(),
            simulated: record.fidelity == Fidelity::Simulated,
        };
        results.insert(*key, doc);
    }
    let mut rewritten = Vec::new();
    for ((diff_id, epoch), layer) in &records.rewritten {
        rewritten.push(RewrittenDoc {
            diff_id: diff_id.0,
            epoch: *epoch,
            layer: layer_doc(layer)?,
        });
    }
    let seen = records.seen.iter().map(|(place, seen)| (place.clone(), seen_doc(seen)));
    Ok(CacheDoc {
        version: VERSION,
        results,
        links: records.links.clone(),
        seen: seen.collect(),
        rewritten,
    })
}

impl CacheDoc {
    /// Adds what `old` has and this one has not: what other processes learned meanwhile. Of what builds consisted of, only so many
    /// places are remembered.
    pub fn merge(&mut self, old: CacheDoc, max_seen: usize) {
        for (key, record) in old.results {
            self.results.entry(key).or_insert(record);
        }
        for (link, keys) in old.links {
            self.links.entry(link).or_default().extend(keys);
        }
        for (place, seen) in old.seen {
            if self.seen.len() < max_seen {
                self.seen.entry(place).or_insert(seen);
            }
        }
        let known: BTreeSet<(Digest, i64)> = self
            .rewritten
            .iter()
            .map(|rewritten| (rewritten.diff_id, rewritten.epoch))
            .collect();
        let is_new = |rewritten: &RewrittenDoc| !known.contains(&(rewritten.diff_id, rewritten.epoch));
        self.rewritten.extend(old.rewritten.into_iter().filter(is_new));
    }
}

/// The records of a file. One whose layer is not all in `blobs` any more is left out: its step is then a miss.
pub fn of_doc(doc: CacheDoc, blobs: &dyn BlobStore) -> Records {
    let mut records = Records {
        links: doc.links,
        ..Records::default()
    };
    for (key, record) in doc.results {
        let layer = match record.layer {
            None => None,
            Some(doc) => match layer_of(doc, blobs) {
                Some(layer) => Some(layer),
                None => continue,
            },
        };
        let created = record.created.into_time();
        let fidelity = if record.simulated {
            Fidelity::Simulated
        } else {
            Fidelity::Exact
        };
        records.results.insert(
            key,
            Record {
                created,
                layer,
                millis: record.millis,
                log: record.log,
                fidelity,
            },
        );
    }
    for RewrittenDoc { diff_id, epoch, layer } in doc.rewritten {
        if let Some(layer) = layer_of(layer, blobs) {
            records.rewritten.insert((DiffId(diff_id), epoch), layer);
        }
    }
    for (
        place,
        SeenDoc {
            text,
            definition,
            base,
            files,
        },
    ) in doc.seen
    {
        records.seen.insert(
            place,
            Seen {
                text,
                definition,
                base,
                files,
            },
        );
    }
    records
}

fn layer_of(doc: LayerDoc, blobs: &dyn BlobStore) -> Option<Layer> {
    let bytes = blobs.get(&doc.changes).ok()?;
    let changes: Vec<ChangeDoc> = serde_json::from_slice(&bytes).ok()?;
    let changes = changes
        .into_iter()
        .map(ChangeDoc::into_change)
        .collect::<Option<Vec<_>>>()?;
    let changes = Changeset { changes };
    let is_there = |content| match content {
        Content::Blob { digest, size } => blobs.size(&digest) == Some(size),
        Content::Absent { .. } => true,
    };
    if !changes.files().all(|(_, content)| is_there(content)) {
        return None;
    }
    if doc.is_blob && blobs.size(&doc.descriptor.digest) != Some(doc.descriptor.size) {
        return None;
    }
    Some(Layer {
        diff_id: DiffId(doc.diff_id),
        tar_size: doc.tar_size,
        descriptor: doc.descriptor,
        source: if doc.is_blob {
            LayerSource::Blob
        } else {
            LayerSource::Changes
        },
        changes: Arc::new(changes),
    })
}

fn seen_doc(seen: &Seen) -> SeenDoc {
    SeenDoc {
        text: seen.text.clone(),
        definition: seen.definition.clone(),
        base: seen.base.clone(),
        files: seen.files.clone(),
    }
}

fn meta_doc(meta: &Meta) -> MetaDoc {
    MetaDoc {
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        mtime: TimeDoc(meta.mtime.secs, meta.mtime.nanos),
        xattrs: meta.xattrs.clone(),
    }
}

fn change_doc(change: &Change) -> ChangeDoc {
    let kind = match &change.kind {
        ChangeKind::Put(node) => node_doc(node),
        ChangeKind::Link { to, meta } => KindDoc::Link {
            meta: meta_doc(meta),
            to: to.as_str().to_owned(),
        },
        ChangeKind::Delete => KindDoc::Delete,
        ChangeKind::Opaque => KindDoc::Opaque,
    };
    ChangeDoc {
        path: change.path.as_str().to_owned(),
        kind,
    }
}

fn node_doc(node: &Node) -> KindDoc {
    let meta = meta_doc(node.meta());
    match node {
        Node::File(file) => match file.content {
            Content::Blob { digest, size } => KindDoc::File {
                meta,
                size,
                digest: Some(digest),
            },
            Content::Absent { size } => KindDoc::File {
                meta,
                size,
                digest: None,
            },
        },
        Node::Dir(_) => KindDoc::Dir { meta },
        Node::Symlink { target, .. } => KindDoc::Symlink {
            meta,
            target: target.clone(),
        },
        Node::Special { kind, .. } => match *kind {
            Special::Char(major, minor) => KindDoc::Char { meta, major, minor },
            Special::Block(major, minor) => KindDoc::Block { meta, major, minor },
            Special::Fifo => KindDoc::Fifo { meta },
        },
    }
}

impl TimeDoc {
    fn into_time(self) -> Time {
        Time {
            secs: self.0,
            nanos: self.1.min(999_999_999),
        }
    }
}

impl MetaDoc {
    fn into_meta(self) -> Meta {
        let mtime = self.mtime.into_time();
        Meta {
            mode: self.mode & 0o7777,
            uid: self.uid,
            gid: self.gid,
            mtime,
            xattrs: self.xattrs,
        }
    }
}

impl ChangeDoc {
    fn into_change(self) -> Option<Change> {
        let put = |node| Some(ChangeKind::Put(node));
        let special = |meta: MetaDoc, kind| {
            Some(ChangeKind::Put(Node::Special {
                meta: meta.into_meta(),
                kind,
            }))
        };
        let kind = match self.kind {
            KindDoc::File { meta, size, digest } => {
                let content = digest.map_or(Content::Absent { size }, |digest| Content::Blob { digest, size });
                put(Node::File(Arc::new(File {
                    meta: meta.into_meta(),
                    content,
                    link: None,
                })))
            }
            KindDoc::Dir { meta } => put(Node::Dir(Arc::new(Dir::new(meta.into_meta())))),
            KindDoc::Symlink { meta, target } => put(Node::symlink(meta.into_meta(), target)),
            KindDoc::Char { meta, major, minor } => special(meta, Special::Char(major, minor)),
            KindDoc::Block { meta, major, minor } => special(meta, Special::Block(major, minor)),
            KindDoc::Fifo { meta } => special(meta, Special::Fifo),
            KindDoc::Link { meta, to } => Some(ChangeKind::Link {
                to: TreePath::parse(&to).ok()?,
                meta: meta.into_meta(),
            }),
            KindDoc::Delete => Some(ChangeKind::Delete),
            KindDoc::Opaque => Some(ChangeKind::Opaque),
        }?;
        Some(Change {
            path: TreePath::parse(&self.path).ok()?,
            kind,
        })
    }
}
