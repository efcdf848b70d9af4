//! Files that are not ours and hold blobs.

use crate::known_files::FileState;
use oci::Digest;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Says where bytes already stand, so that they need not be copied: a handle to one store, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lender(Arc<Mutex<BTreeMap<Digest, Lent>>>);

/// A file that is not ours and holds a blob, or did when it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Lent {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// The file as it was when its bytes were found to be the blob's; `None` if nobody has looked.
    read: Option<FileState>,
}

impl Lender {
    /// Says that the file at `path` holds the blob `digest` of `size` bytes. It is read from there as long as it does.
    pub fn lend(&self, digest: Digest, size: u64, path: &Path) {
        self.add(digest, size, path, None);
    }

    /// The same of a file that was read and is as `metadata` says: its bytes need not be compared again before it changes.
    pub fn lend_read(&self, digest: Digest, metadata: &Metadata, path: &Path) {
        self.add(digest, metadata.len(), path, FileState::settled(metadata));
    }

    fn add(&self, digest: Digest, size: u64, path: &Path, read: Option<FileState>) {
        let new = || Lent {
            path: path.to_owned(),
            size,
            read,
        };
        self.known().entry(digest).or_insert_with(new);
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Lent> {
        self.known().get(digest).cloned()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Digest, Lent>> {
        // The map is whole whatever a thread was doing that ended with it in its hands.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Whether `file`, opened at its path, is known to hold the blob without being read again.
    pub(crate) fn is_known_to_be(&self, file: &File) -> bool {
        let found = file.metadata().map(|metadata| FileState::of(&metadata));
        self.read.is_some() && found.ok() == self.read
    }

    /// Whether the file that stood at its path when it was read does not any more.
    pub(crate) fn has_changed(&self) -> bool {
        let found = || std::fs::metadata(&self.path).ok().map(|found| FileState::of(&found));
        self.read.is_some() && found() != self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskBlobs;
    use crate::testing::Scratch;
    use std::fs;
    use std::io::Read;
    use store::BlobStore;

    /// A store to which a file was lent as one that was read: its state is settled here by word, as nothing in a test may wait.
    fn lent(scratch: &Scratch) -> (DiskBlobs, PathBuf, Digest) {
        let path = scratch.write("a", "hello");
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let state = FileState::of(&fs::metadata(&path).unwrap());
        let digest = Digest::of(b"hello");
        blobs.lender().add(digest, 5, &path, Some(state));
        (blobs, path, digest)
    }

    fn read(blobs: &DiskBlobs, digest: &Digest) -> std::io::Result<String> {
        let mut text = String::new();
        blobs.open(digest).unwrap().read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_file_that_was_read_is_kept_as_it_was() {
        let scratch = Scratch::new();
        let (mut blobs, path, digest) = lent(&scratch);
        assert_eq!(read(&blobs, &digest).unwrap(), "hello");
        blobs.keep(&digest).unwrap();
        fs::write(path, "other").unwrap();
        assert_eq!(read(&blobs, &digest).unwrap(), "hello");
    }

    #[test]
    fn a_file_that_changed_since_is_compared_again() {
        let scratch = Scratch::new();
        let (mut blobs, path, digest) = lent(&scratch);
        fs::write(&path, "HELLO").unwrap();
        // Even if a clock that stands still gave it the same times: another inode is another file.
        fs::rename(&path, scratch.path("b")).unwrap();
        fs::copy(scratch.path("b"), &path).unwrap();
        assert!(read(&blobs, &digest).is_err());
        assert!(blobs.keep(&digest).is_err());
    }
}
