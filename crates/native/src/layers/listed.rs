//! What a layer lists, as bytes: twins of its changes, and the way there and back.

use crate::records::TimeDoc;
use oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Change, ChangeKind, Changeset, Content, Dir, File, Meta, Node, Special, TreePath};

/// The bytes of a list.
pub(super) fn to_bytes(changes: &Changeset) -> Vec<u8> {
    let docs: Vec<ChangeDoc> = changes.changes.iter().map(change_doc).collect();
    postcard::to_allocvec(&docs).expect("memory takes it")
}

/// The list of bytes; `None` if they are none.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<Changeset> {
    let docs: Vec<ChangeDoc> = postcard::from_bytes(bytes).ok()?;
    let changes = docs.into_iter().map(ChangeDoc::into_change).collect::<Option<_>>()?;
    Some(Changeset { changes })
}

#[derive(Serialize, Deserialize)]
struct MetaDoc {
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: TimeDoc,
    xattrs: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct ChangeDoc {
    path: String,
    kind: KindDoc,
}

#[derive(Serialize, Deserialize)]
enum KindDoc {
    File {
        meta: MetaDoc,
        size: u64,
        digest: Option<[u8; 32]>,
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

fn meta_doc(meta: &Meta) -> MetaDoc {
    MetaDoc {
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        mtime: TimeDoc::of(meta.mtime),
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
                digest: Some(*digest.as_bytes()),
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
                let content = digest.map_or(Content::Absent { size }, |bytes| Content::Blob {
                    digest: Digest::from_bytes(bytes),
                    size,
                });
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
