//! The build cache as bytes: twins of its records, and the way there and back.

use crate::disk::DiskBlobs;
use crate::layers;
use builder::{Fidelity, Record, Records, Seen};
use oci::{Descriptor, DiffId, Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, Layer, LayerSource, StoreError, Time};

/// All records, or some.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CacheDoc {
    results: BTreeMap<Digest, RecordDoc>,
    links: BTreeMap<Digest, BTreeSet<Digest>>,
    seen: BTreeMap<String, SeenDoc>,
    /// By DiffID and epoch.
    rewritten: BTreeMap<(Digest, i64), LayerDoc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecordDoc {
    created: TimeDoc,
    layer: Option<LayerDoc>,
    millis: u64,
    log: String,
    simulated: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LayerDoc {
    diff_id: Digest,
    /// The descriptor as JSON: it leaves out what it has not.
    descriptor: String,
    /// Whether the blob store holds the layer's blob; else it is written from the changes.
    is_blob: bool,
}

impl LayerDoc {
    fn parts(&self) -> (DiffId, Option<Descriptor>) {
        let blob = || serde_json::from_str(&self.descriptor).ok();
        (DiffId(self.diff_id), self.is_blob.then(blob).flatten())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SeenDoc {
    text: String,
    definition: Vec<(String, String)>,
    base: Vec<Digest>,
    files: BTreeMap<String, Digest>,
}

/// A time: seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
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
            descriptor: serde_json::to_string(&layer.descriptor).expect("texts have a JSON form"),
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
    let mut rewritten = BTreeMap::new();
    for ((diff_id, epoch), layer) in &records.rewritten {
        rewritten.insert((diff_id.0, *epoch), layer_doc(layer)?);
    }
    let seen = records.seen.iter().map(|(place, seen)| (place.clone(), seen_doc(seen)));
    Ok(CacheDoc {
        results,
        links: records.links.clone(),
        seen: seen.collect(),
        rewritten,
    })
}

impl CacheDoc {
    /// The layers of all records: their DiffIDs, and their blobs if they are not written from what they list.
    pub fn layers(&self) -> impl Iterator<Item = (DiffId, Option<Descriptor>)> {
        let results = self.results.values().filter_map(|record| record.layer.as_ref());
        let layers = results.chain(self.rewritten.values());
        layers.map(LayerDoc::parts)
    }

    /// Drops the records whose layer is not `wanted`. Returns how many.
    pub fn retain(&mut self, wanted: impl Fn(DiffId, Option<&Descriptor>) -> bool) -> usize {
        let before = self.results.len() + self.rewritten.len();
        let is_wanted = |layer: &LayerDoc| {
            let (diff_id, blob) = layer.parts();
            wanted(diff_id, blob.as_ref())
        };
        self.results
            .retain(|_, record| record.layer.as_ref().is_none_or(is_wanted));
        self.rewritten.retain(|_, layer| is_wanted(layer));
        for keys in self.links.values_mut() {
            keys.retain(|key| self.results.contains_key(key));
        }
        self.links.retain(|_, keys| !keys.is_empty());
        before - self.results.len() - self.rewritten.len()
    }

    /// Drops results, and whatever leads to nothing then. Without results there is nothing to remember of builds either.
    pub fn forget(&mut self, results: &BTreeSet<Digest>) {
        self.results.retain(|key, _| !results.contains(key));
        for keys in self.links.values_mut() {
            keys.retain(|key| self.results.contains_key(key));
        }
        self.links.retain(|_, keys| !keys.is_empty());
        // Layers that were made of others can be made of them again.
        self.rewritten.clear();
        if self.results.is_empty() {
            self.seen.clear();
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty() && self.links.is_empty() && self.seen.is_empty() && self.rewritten.is_empty()
    }

    /// Adds what is newer than this: what both have counts as it is there.
    pub fn merge(&mut self, newer: CacheDoc) {
        self.results.extend(newer.results);
        for (link, keys) in newer.links {
            self.links.entry(link).or_default().extend(keys);
        }
        self.seen.extend(newer.seen);
        self.rewritten.extend(newer.rewritten);
    }

    /// Forgets of what builds consisted, beyond so many places.
    pub fn forget_places(&mut self, max: usize) {
        while self.seen.len() > max {
            self.seen.pop_first();
        }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes it")
    }

    /// The records of bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn of_bytes(bytes: &[u8]) -> Result<CacheDoc, String> {
        postcard::from_bytes(bytes).map_err(|error| format!("it is damaged: {error}"))
    }
}

/// What is in `records` and is not in `loaded`, or otherwise.
pub fn learned(loaded: &Records, records: &Records) -> Records {
    let mut new = Records::default();
    let results = records.results.iter();
    let results = results.filter(|(key, _)| !loaded.results.contains_key(*key));
    new.results.extend(results.map(|(key, record)| (*key, record.clone())));
    let links = records.links.iter();
    let links = links.filter(|(link, keys)| loaded.links.get(*link) != Some(*keys));
    new.links.extend(links.map(|(link, keys)| (*link, keys.clone())));
    let seen = records.seen.iter();
    let seen = seen.filter(|(place, seen)| loaded.seen.get(*place) != Some(*seen));
    new.seen.extend(seen.map(|(place, seen)| (place.clone(), seen.clone())));
    let rewritten = records.rewritten.iter();
    let rewritten = rewritten.filter(|(of, _)| !loaded.rewritten.contains_key(*of));
    new.rewritten.extend(rewritten.map(|(of, layer)| (*of, layer.clone())));
    new
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
    for ((diff_id, epoch), layer) in doc.rewritten {
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
    let descriptor: Descriptor = serde_json::from_str(&doc.descriptor).ok()?;
    if doc.is_blob && blobs.size(&descriptor.digest) != Some(descriptor.size) {
        return None;
    }
    layers::find(DiffId(doc.diff_id), descriptor, Some(source), blobs)
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
