//! The build cache between two runs of the program: one file, to which each run appends what it learned.
//!
//! The file is a mark and pieces, each with its length and a checksum. A piece that a power cut left half is at the end, and is written
//! over by the next one. Once there are many, they are written anew as one.

use crate::disk::DiskBlobs;
use crate::records::{self, CacheDoc};
use crate::state::{Changing, State};
use builder::{Cache, Records};
use oci::Digest;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use store::StoreError;

/// What the file begins with; the last byte changes whenever older programs would misread what follows.
const MAGIC: &[u8; 8] = b"recrds\0\x01";
/// Bytes before each piece: its length and the beginning of its digest.
const HEAD: usize = 4 + 8;
/// A larger file is not ours, in bytes.
const MAX_BYTES: u64 = 1 << 30;
/// So many pieces are written anew as one.
const MAX_PIECES: usize = 200;
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
    match read_doc(path) {
        Ok(doc) => LoadedCache {
            cache: doc.map_or_else(Cache::default, |doc| Cache::of_records(records::of_doc(doc, blobs))),
            warning: None,
        },
        Err(why) => LoadedCache {
            cache: Cache::default(),
            warning: Some(format!("the build cache in {} is not used: {why}", path.display())),
        },
    }
}

/// Keeps what is in `records` and was not in `loaded`, all the files it names first. What other processes wrote meanwhile stays. If one
/// does so just now, `on_wait` is called once.
///
/// # Errors
///
/// If the store or the file cannot be written; then what was there is still there.
pub fn save(
    state: &State,
    loaded: &Records,
    records: &Records,
    blobs: &mut DiskBlobs,
    on_wait: impl FnOnce(),
) -> Result<(), SaveError> {
    let doc = records::to_doc(&records::learned(loaded, records), blobs)?;
    if doc.is_empty() {
        return Ok(());
    }
    // What the file names must be durable before the file is.
    blobs.sync().map_err(SaveError::Write)?;
    let changing = state.change(on_wait).map_err(SaveError::Write)?;
    append(state, &changing, &doc).map_err(SaveError::Write)
}

/// Adds a piece to the file, or writes it anew.
fn append(state: &State, _changing: &Changing, doc: &CacheDoc) -> io::Result<()> {
    let path = state.cache_file();
    let bytes = read(&path)?.unwrap_or_default();
    // A file that cannot be understood was lost before.
    let whole = pieces(&bytes).ok().filter(|pieces| pieces.list.len() < MAX_PIECES);
    let Some(whole) = whole else {
        let mut all = merged(&bytes).unwrap_or_default();
        all.merge(doc.clone());
        all.forget_places(MAX_SEEN);
        return write_doc(state, &all);
    };
    let file = File::options().write(true).open(&path)?;
    let piece = framed(doc);
    file.write_all_at(&piece, whole.end as u64)?;
    file.set_len((whole.end + piece.len()) as u64)?;
    file.sync_all()
}

/// Replaces the whole file.
///
/// # Errors
///
/// If the disk refuses; then the old file is still there.
pub(crate) fn write_doc(state: &State, doc: &CacheDoc) -> io::Result<()> {
    let bytes = [&MAGIC[..], &framed(doc)].concat();
    crate::atomic::write_file(&state.cache_file(), &bytes)
}

/// The file, if there is one.
///
/// # Errors
///
/// Why it cannot be understood.
pub(crate) fn read_doc(path: &Path) -> Result<Option<CacheDoc>, String> {
    match read(path).map_err(|error| error.to_string())? {
        Some(bytes) => merged(&bytes).map(Some),
        None => Ok(None),
    }
}

/// Forgets results, durably: blobs that only they need are removed next.
///
/// # Errors
///
/// If the file cannot be replaced.
pub fn forget(state: &State, _changing: &Changing, results: &BTreeSet<Digest>) -> io::Result<()> {
    // A file that cannot be understood is lost already.
    let mut doc = read_doc(&state.cache_file()).ok().flatten().unwrap_or_default();
    doc.forget(results);
    write_doc(state, &doc)
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

/// A piece with what comes before it.
fn framed(doc: &CacheDoc) -> Vec<u8> {
    let body = doc.to_bytes();
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend(&Digest::of(&body).as_bytes()[..8]);
    bytes.extend(body);
    bytes
}

/// The pieces of a file.
struct Pieces<'a> {
    list: Vec<&'a [u8]>,
    /// Where the next one goes.
    end: usize,
}

/// Takes a file apart. What is not whole ends it.
fn pieces(bytes: &[u8]) -> Result<Pieces<'_>, String> {
    let mut rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| "expected records of a build cache, found something else".to_owned())?;
    let mut list = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<HEAD>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((body, after)) = after.split_at_checked(length) else {
            break;
        };
        if Digest::of(body).as_bytes()[..8] != head[4..] {
            break;
        }
        list.push(body);
        rest = after;
    }
    Ok(Pieces {
        list,
        end: bytes.len() - rest.len(),
    })
}

fn merged(bytes: &[u8]) -> Result<CacheDoc, String> {
    let mut all = CacheDoc::default();
    for body in pieces(bytes)?.list {
        all.merge(CacheDoc::of_bytes(body)?);
    }
    Ok(all)
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
        super::save(state, &Records::default(), records, blobs, || {}).unwrap();
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
    fn a_record_whose_layer_is_gone_is_a_miss() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let records = sample(&mut blobs);
        save(&state, &records, &mut blobs);
        fs::remove_dir_all(blobs.layers()).unwrap();
        let loaded = load(&state.cache_file(), &blobs);
        assert_eq!((loaded.cache.records().results.len(), loaded.warning), (0, None));
    }

    #[test]
    fn a_foreign_file_is_a_warning_and_an_empty_cache_and_is_replaced() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let records = sample(&mut blobs);
        for text in [&b""[..], b"{}", b"recrds\0\xff", b"recrds"] {
            let loaded = load(&scratch.write("cache", text), &blobs);
            assert_eq!(loaded.cache.records(), &Records::default());
            assert!(loaded.warning.is_some_and(|warning| warning.contains("is not used: ")));
            save(&state, &records, &mut blobs);
            assert_eq!(load(&state.cache_file(), &blobs).cache.records(), &records);
        }
        assert_eq!(load(&scratch.path("nope"), &blobs).warning, None);
    }

    #[test]
    fn half_a_piece_is_what_a_power_cut_left_and_is_written_over() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let first = sample(&mut blobs);
        save(&state, &first, &mut blobs);
        let whole = fs::read(state.cache_file()).unwrap();
        let mut second = Records::default();
        second.seen.insert("of second".to_owned(), Seen::default());
        save(&state, &second, &mut blobs);
        let both = fs::read(state.cache_file()).unwrap();
        for cut in whole.len()..both.len() {
            fs::write(state.cache_file(), &both[..cut]).unwrap();
            assert_eq!(load(&state.cache_file(), &blobs).cache.records(), &first);
        }
        let mut torn = both.clone();
        *torn.last_mut().unwrap() ^= 1;
        fs::write(state.cache_file(), &torn).unwrap();
        save(&state, &second, &mut blobs);
        assert_eq!(fs::read(state.cache_file()).unwrap(), both);
    }

    #[test]
    fn nothing_new_writes_nothing_and_many_pieces_become_one() {
        let scratch = Scratch::new();
        let (state, mut blobs) = open(&scratch);
        let records = sample(&mut blobs);
        save(&state, &records, &mut blobs);
        let one = fs::read(state.cache_file()).unwrap();
        super::save(&state, &records, &records, &mut blobs, || panic!("nobody else writes")).unwrap();
        assert_eq!(fs::read(state.cache_file()).unwrap(), one);
        for _ in 0..MAX_PIECES {
            save(&state, &records, &mut blobs);
        }
        assert_eq!(fs::read(state.cache_file()).unwrap(), one);
        assert_eq!(load(&state.cache_file(), &blobs).cache.records(), &records);
    }
}
