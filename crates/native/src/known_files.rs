//! Digests of files that were read before, so that a large file which did not change is not read again.

use builder::{Checksums, PlainFile};
use oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is known of files: a handle, cheap to clone.
///
/// A file is the same while its inode, size and both times are. Its time says nothing about changes of the same moment, so one that was
/// changed just before it was read is not remembered (git calls such an entry "racily clean").
#[derive(Debug, Clone, Default)]
pub struct KnownFiles(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By path. The bool says whether this process has seen the file.
    files: BTreeMap<PathBuf, (Entry, bool)>,
    /// What a cache key says of them.
    sums: BTreeMap<PlainFile, Digest>,
    is_changed: bool,
}

/// All that is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    files: Vec<(PathBuf, Entry)>,
    sums: Vec<(PlainFile, Digest)>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    state: FileState,
    digest: Digest,
}

/// All that changes with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Smaller files are read as fast as they are looked up, in bytes.
const MIN_SIZE: u64 = 8 << 10;

/// So many files are remembered.
const MAX_FILES: usize = 200_000;

/// A file that was changed so shortly before it was read may be changed again without a sign of it.
const RACY: Duration = Duration::from_secs(1);

impl KnownFiles {
    /// What the file at `path` says; nothing if there is none, or none that can be understood.
    pub fn load(path: &Path) -> KnownFiles {
        let known = KnownFiles::default();
        let bytes = std::fs::read(path).unwrap_or_default();
        let document: Document = serde_json::from_slice(&bytes).unwrap_or_default();
        let files = document.files.into_iter();
        known.lock().files = files.map(|(path, entry)| (path, (entry, false))).collect();
        known.lock().sums = document.sums.into_iter().collect();
        known
    }

    /// Writes to `path` what is known, if anything is new: what this process has seen first, up to a limit.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let known = self.lock();
        if !known.is_changed {
            return Ok(());
        }
        let seen = known.files.iter().filter(|(_, (_, seen))| *seen);
        let others = known.files.iter().filter(|(_, (_, seen))| !*seen);
        let files: Vec<(PathBuf, Entry)> = seen
            .chain(others)
            .take(MAX_FILES)
            .map(|(path, (entry, _))| (path.clone(), entry.clone()))
            .collect();
        let digests: BTreeSet<Digest> = files.iter().map(|(_, entry)| entry.digest).collect();
        let sums = known.sums.iter().filter(|((digest, ..), _)| digests.contains(digest));
        let document = Document {
            sums: sums.map(|(file, sum)| (*file, *sum)).collect(),
            files,
        };
        let bytes = serde_json::to_vec(&document).expect("paths of the context are text");
        crate::atomic::write_file(path, &bytes)
    }

    /// The digest of the file at `path`, if it is as it was when it was read.
    pub fn find(&self, path: &Path, metadata: &Metadata) -> Option<Digest> {
        if metadata.size() < MIN_SIZE {
            return None;
        }
        let mut known = self.lock();
        let (entry, seen) = known.files.get_mut(path)?;
        (entry.state == FileState::of(metadata)).then(|| {
            *seen = true;
            entry.digest
        })
    }

    /// Remembers a file that was read, `metadata` being from before.
    pub fn add(&self, path: &Path, metadata: &Metadata, digest: Digest) {
        let is_text = path.to_str().is_some();
        let Some(state) = FileState::settled(metadata).filter(|_| is_text && metadata.size() >= MIN_SIZE) else {
            return;
        };
        let mut known = self.lock();
        known.files.insert(path.to_owned(), (Entry { state, digest }, true));
        known.is_changed = true;
    }

    /// Remembers the checksum of a file, which was found when it was read. It is kept as long as the file is.
    pub(crate) fn add_sum(&self, file: PlainFile, sum: Digest) {
        self.lock().sums.insert(file, sum);
    }

    /// Gives to `checksums` what is known of the files that it would have to read.
    pub fn tell(&self, checksums: &mut Checksums) {
        for (file, sum) in &self.lock().sums {
            checksums.know_file(*file, *sum);
        }
    }

    /// Takes from `checksums` what it has found out of files that are known here.
    pub fn learn(&self, checksums: &Checksums) {
        let mut known = self.lock();
        let digests: BTreeSet<Digest> = known.files.values().map(|(entry, _)| entry.digest).collect();
        for (file, sum) in checksums.files().filter(|((digest, ..), _)| digests.contains(digest)) {
            let before = known.sums.insert(*file, *sum);
            known.is_changed |= before.is_none();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // The map is whole whatever a thread was doing that ended with it in its hands.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileState {
    /// The state that `metadata` tells.
    pub(crate) fn of(metadata: &Metadata) -> FileState {
        FileState {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The same, if a change after this moment would show in it: `None` for a file that was changed just now.
    pub(crate) fn settled(metadata: &Metadata) -> Option<FileState> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = now.saturating_sub(RACY).as_secs() as i64;
        let is_settled = metadata.ctime() < limit && metadata.mtime() < limit;
        is_settled.then(|| FileState::of(metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::fs::{self, File};

    /// A file that was changed long ago, as far as its times say: the kernel sets the other one itself.
    fn entry(path: &Path) -> (Metadata, Digest) {
        (fs::metadata(path).unwrap(), Digest::of(&fs::read(path).unwrap()))
    }

    #[test]
    fn a_file_that_was_changed_just_now_is_not_remembered() {
        let scratch = Scratch::new();
        let path = scratch.write("a", vec![7; 10_000]);
        let (metadata, digest) = entry(&path);
        let known = KnownFiles::default();
        known.add(&path, &metadata, digest);
        assert_eq!(known.find(&path, &metadata), None);
    }

    #[test]
    fn a_file_is_known_until_anything_of_it_changes() {
        let scratch = Scratch::new();
        let path = scratch.write("a", vec![7; 10_000]);
        let (metadata, digest) = entry(&path);
        let known = KnownFiles::default();
        let entry = Entry {
            state: FileState::of(&metadata),
            digest,
        };
        // Nothing in a test may wait until the file is old enough: it is put there as if it were.
        known.lock().files.insert(path.clone(), (entry, true));
        let mut sums = Checksums::default();
        sums.know_file((digest, 0o644, 0, 0), Digest::of(b"sum"));
        sums.know_file((Digest::of(b"of no file"), 0o644, 0, 0), Digest::of(b"sum"));
        known.learn(&sums);
        known.save(&scratch.path("known")).unwrap();
        let again = KnownFiles::load(&scratch.path("known"));
        assert_eq!(again.find(&path, &metadata), Some(digest));
        let mut told = Checksums::default();
        again.tell(&mut told);
        let told: Vec<_> = told.files().map(|(file, sum)| (*file, *sum)).collect();
        assert_eq!(told, [((digest, 0o644, 0, 0), Digest::of(b"sum"))]);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(UNIX_EPOCH)
            .unwrap();
        assert_eq!(again.find(&path, &fs::metadata(&path).unwrap()), None);
        assert_eq!(KnownFiles::load(&scratch.path("none")).find(&path, &metadata), None);
    }
}
