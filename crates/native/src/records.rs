//! The build cache as JSON: twins of its records, and the way there and back.

use crate::disk::DiskBlobs;
use crate::layers;
use builder::{Fidelity, Record, Records, Seen};
use oci::{Descriptor, DiffId, Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, Layer, LayerSource, StoreError, Time};

/// A number that changes whenever older programs would misread what follows.
pub const VERSION: u32 = 2;

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
    descriptor: Descriptor,
    /// Whether the blob store holds the layer's blob; else it is written from the changes.
    is_blob: bool,
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

/// A time: seconds and nanoseconds.
#[derive(Serialize, Deserialize)]
pub struct TimeDoc(i64, u32);

/// The file for `records`. The lists of their layers are kept beside `blobs`, with the contents of all files they name.
///
/// # Errors
///
/// As [`layers::keep`].
pub fn to_doc(records: &Records, blobs: &mut DiskBlobs) -> Result<CacheDoc, StoreError> {
    let mut layer_doc = |layer: &Layer| -> Result<LayerDoc, StoreError> {
        layers::keep(layer, blobs)?;
        Ok(LayerDoc {
            diff_id: layer.diff_id.0,
            descriptor: layer.descriptor.clone(),
            is_blob: layer.source == LayerSource::Blob,
        })
    };
    let mut results = BTreeMap::new();
    for (key, record) in &records.results {
        let doc = RecordDoc {
            created: TimeDoc::of(record.created),
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
pub fn of_doc(doc: CacheDoc, blobs: &DiskBlobs) -> Records {
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

fn layer_of(doc: LayerDoc, blobs: &DiskBlobs) -> Option<Layer> {
    let source = if doc.is_blob {
        LayerSource::Blob
    } else {
        LayerSource::Changes
    };
    if doc.is_blob && blobs.size(&doc.descriptor.digest) != Some(doc.descriptor.size) {
        return None;
    }
    layers::find(DiffId(doc.diff_id), doc.descriptor, Some(source), blobs)
}

fn seen_doc(seen: &Seen) -> SeenDoc {
    SeenDoc {
        text: seen.text.clone(),
        definition: seen.definition.clone(),
        base: seen.base.clone(),
        files: seen.files.clone(),
    }
}

impl TimeDoc {
    /// The twin of a time.
    pub fn of(time: Time) -> TimeDoc {
        TimeDoc(time.secs, time.nanos)
    }

    /// The time.
    pub fn into_time(self) -> Time {
        Time {
            secs: self.0,
            nanos: self.1.min(999_999_999),
        }
    }
}
