//! The build cache between two runs of the program: one file, read whole, and replaced whole with what several runs learned.

use crate::disk::DiskBlobs;
use crate::records::{self, CacheDoc, VERSION};
use crate::state::{Changing, State};
use builder::{Cache, Records};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use store::StoreError;

/// A larger file is not ours, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// So many steps of all projects are remembered, to tell what changed.
const MAX_SEEN: usize = 20_000;

/// What was found of the cache.
#[derive(Debug)]
pub struct LoadedCache {
    /// The cache; empty if there was none or it could not be read.
    pub cache: Cache,
    /// Why it is empty although there is a file.
    pub warning: Option<String>,
}

/// Reads the cache. A file that cannot be understood is a cache that is lost, not an error: builds only take longer.
pub fn load(path: &Path, blobs: &DiskBlobs) -> LoadedCache {
    let lost = |why: String| LoadedCache {
        cache: Cache::default(),
        warning: Some(format!("the build cache in {} is not used: {why}", path.display())),
    };
    match read_doc(path) {
        Ok(doc) => LoadedCache {
            cache: doc.map_or_else(Cache::default, |doc| Cache::of_records(records::of_doc(doc, blobs))),
            warning: None,
        },
        Err(why) => lost(why),
    }
}

/// The file, if there is one; why it cannot be understood.
fn read_doc(path: &Path) -> Result<Option<CacheDoc>, String> {
    let Some(bytes) = read(path).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    match serde_json::from_slice::<VersionOnly>(&bytes) {
        Ok(VersionOnly { version: VERSION }) => {}
        Ok(VersionOnly { version }) => return Err(format!("expected version {VERSION} of it, found {version}")),
        Err(error) => return Err(format!("expected JSON, found {error}")),
    }
    let doc = serde_json::from_slice(&bytes).map_err(|error| format!("it is damaged: {error}"))?;
    Ok(Some(doc))
}

/// Writes the cache, all the files it names first. What other processes wrote there meanwhile stays. If one does so just now, `on_wait`
/// is called once.
///
/// # Errors
///
/// If the store or the file cannot be written; then the old file is still there.
pub fn save(state: &State, records: &Records, blobs: &mut DiskBlobs, on_wait: impl FnOnce()) -> Result<(), SaveError> {
    let mut doc = records::to_doc(records, blobs)?;
    // What the file names must be durable before the file is.
    blobs.sync().map_err(SaveError::Write)?;
    let _changing = state.change(on_wait).map_err(SaveError::Write)?;
    // A file that cannot be understood was lost before.
    if let Ok(Some(old)) = read_doc(&state.cache_file()) {
        doc.merge(old, MAX_SEEN);
    }
    let bytes = serde_json::to_vec(&doc).expect("digests and numbers have a JSON form");
    crate::atomic::write_file(&state.cache_file(), &bytes).map_err(SaveError::Write)
}

/// Forgets everything.
///
/// # Errors
///
/// If the file cannot be removed.
pub fn clear(state: &State, _changing: &Changing) -> io::Result<()> {
    match std::fs::remove_file(state.cache_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Why the cache could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// A file's content could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused.
    #[error("could not write the build cache: {0}")]
    Write(io::Error),
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("expected at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use builder::{Fidelity, Record, Seen};
    use oci::{DiffId, Digest};
    use std::fs;
    use store::{BlobStore, Change, ChangeKind, Changeset, Content, Layer, Meta, Node, Special, Time, TreePath};

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn open(scratch: &Scratch) -> (State, DiskBlobs) {
        let state = State::open(scratch.dir(), || {}).unwrap();
        let blobs = DiskBlobs::open(&state.layout()).unwrap();
        (state, blobs)
    }

    fn save(state: &State, records: &Records, blobs: &mut DiskBlobs) {
        super::save(state, records, blobs, || {}).unwrap();
    }

    fn sample(blobs: &mut DiskBlobs) -> Records {
        let digest = blobs.put(b"hello").unwrap();
        let mut meta = Meta {
            mtime: Time { secs: -5, nanos: 0 },
            uid: 7,
            ..Meta::of_mode(0o4755)
        };
        meta.xattrs.insert("security.capability".to_owned(), vec![0, 255]);
        let put = |at: &str, node| Change {
            path: path(at),
            kind: ChangeKind::Put(node),
        };
        let changes = vec![
            put("a", Node::dir(meta.clone())),
            put("a/b", Node::file(meta.clone(), Content::Blob { digest, size: 5 })),
            Change {
                path: path("a/c"),
                kind: ChangeKind::Link {
                    to: path("a/b"),
                    meta: meta.clone(),
                },
            },
            put("big", Node::file(meta.clone(), Content::Absent { size: 1 << 40 })),
            put("l", Node::symlink(meta.clone(), "x")),
            put(
                "n",
                Node::Special {
                    meta,
                    kind: Special::Char(1, 3),
                },
            ),
            Change {
                path: path("o"),
                kind: ChangeKind::Delete,
            },
            Change {
                path: path("p"),
                kind: ChangeKind::Opaque,
            },
        ];
        let layer = Layer::make(Changeset { changes }, None, blobs).unwrap();
        let key = Digest::of(b"key");
        let mut records = Records::default();
        let record = Record {
            created: Time { secs: 3, nanos: 4 },
            layer: Some(layer.clone()),
            millis: 5,
            log: "said\n".to_owned(),
            fidelity: Fidelity::Simulated,
        };
        records.results.insert(key, record);
        records.links.entry(Digest::of(b"link")).or_default().insert(key);
        let files = [("a".to_owned(), digest)].into();
        let definition = vec![("command".to_owned(), "x".to_owned())];
        records.seen.insert(
            "s".to_owned(),
            Seen {
                text: "RUN x".to_owned(),
                definition,
                base: vec![key],
                files,
            },
        );
        records.rewritten.insert((DiffId(digest), -1), layer);
        records
    }

    #[test]
    fn the_cache_comes_back_as_it_was() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let records = sample(&mut blobs);
        save(&state, &records, &mut blobs);
        let loaded = load(&state.cache_file(), &open(&scratch).1);
        assert_eq!(loaded.warning, None);
        assert_eq!(loaded.cache.records(), &records);
    }

    #[test]
    fn files_of_the_context_are_copied_when_the_cache_needs_them() {
        let scratch = Scratch::new();
        let lent = scratch.write("context/a", "hello");
        let (state, mut blobs) = open(&scratch);
        blobs.lender().lend(Digest::of(b"hello"), 5, &lent);
        let changes = vec![Change {
            path: path("a"),
            kind: ChangeKind::Put(Node::file(
                Meta::of_mode(0o644),
                Content::Blob {
                    digest: Digest::of(b"hello"),
                    size: 5,
                },
            )),
        }];
        let layer = Layer::make(Changeset { changes }, None, &blobs).unwrap();
        let mut records = Records::default();
        records.rewritten.insert((layer.diff_id, 0), layer);
        save(&state, &records, &mut blobs);
        fs::remove_file(lent).unwrap();
        let loaded = load(&state.cache_file(), &open(&scratch).1);
        assert_eq!(loaded.cache.records(), &records);
    }

    #[test]
    fn what_two_processes_learn_at_once_is_kept_together() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let mut first = sample(&mut blobs);
        let mut second = sample(&mut blobs);
        let record = first.results.pop_first().unwrap().1;
        first.results.insert(Digest::of(b"first"), record.clone());
        first
            .links
            .entry(Digest::of(b"link"))
            .or_default()
            .insert(Digest::of(b"first"));
        first.seen.insert("of first".to_owned(), Seen::default());
        second
            .rewritten
            .insert((DiffId(Digest::of(b"y")), 7), record.layer.unwrap());
        save(&state, &first, &mut blobs);
        save(&state, &second, &mut blobs);
        let mut expected = second;
        expected.results.extend(first.results);
        expected.links.extend(first.links);
        expected.seen.extend(first.seen);
        assert_eq!(load(&state.cache_file(), &blobs).cache.records(), &expected);
    }

    #[test]
    fn a_record_whose_files_are_gone_is_a_miss() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let records = sample(&mut blobs);
        save(&state, &records, &mut blobs);
        let blob = scratch.path("store/blobs/sha256").join(Digest::of(b"hello").hex());
        fs::remove_file(blob).unwrap();
        let loaded = load(&state.cache_file(), &blobs);
        assert_eq!((loaded.cache.records().results.len(), loaded.warning), (0, None));
    }

    #[test]
    fn a_damaged_or_foreign_file_is_a_warning_and_an_empty_cache() {
        let scratch = Scratch::new();
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        for text in [
            "",
            "{",
            "[]",
            "{\"version\": 999}",
            "{\"version\": 1}",
            "{\"version\": 1, \"results\": 3}",
        ] {
            let loaded = load(&scratch.write("cache.json", text), &blobs);
            assert_eq!(loaded.cache.records(), &Records::default(), "{text}");
            assert!(
                loaded.warning.is_some_and(|warning| warning.contains("is not used: ")),
                "{text}"
            );
        }
        assert_eq!(load(&scratch.path("nope"), &blobs).warning, None);
    }
}
