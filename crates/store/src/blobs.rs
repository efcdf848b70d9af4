//! Blobs: bytes under their digest.

mod lent;
mod verified;

pub use lent::LentBlobs;
pub use verified::Verified;

use crate::{Changeset, Source};
use oci::{DiffId, Digest};
use std::collections::BTreeMap;
use std::io::{BufRead, Cursor, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

/// Why a blob, a tree or a layer could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No blob with this digest. Callers may fetch it and try again.
    #[error("blob not found: {digest}")]
    Missing {
        /// The blob asked for.
        digest: Digest,
    },
    /// The bytes do not match their name; the copy must be discarded.
    #[error("corrupt blob: expected {expected}, found {found}")]
    Corrupt {
        /// The name.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// The place where blobs live could not be read.
    #[error("could not read blob {digest}: {source}")]
    Read {
        /// The blob asked for.
        digest: Digest,
        /// What the system said.
        source: std::io::Error,
    },
    /// The blob is too large to be had as one piece.
    #[error("expected a blob of at most {limit} bytes to hold in memory, found {digest} of {size}")]
    Large {
        /// The blob asked for.
        digest: Digest,
        /// Its bytes.
        size: u64,
        /// As many as may be asked for at once.
        limit: u64,
    },
    /// Bytes that were to be kept could not be read from where they come.
    #[error("could not read the bytes to keep: {0}")]
    Source(std::io::Error),
    /// The place where blobs live could not be written: it is full, or not ours.
    #[error("could not keep blob {digest}: {source}")]
    Write {
        /// The blob to keep.
        digest: Digest,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Where blobs live: a memory, a directory, an object store.
pub trait BlobStore {
    /// Stores `bytes` and returns their digest; storing the same bytes twice is no error and costs one copy.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they could not be kept; then nothing is.
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError>;

    /// Stores everything that `source` holds and returns its digest and size. Stores that can should not hold the whole
    /// blob in memory for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Source`] if `source` fails, otherwise as [`put`](BlobStore::put).
    fn put_from(&mut self, source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).map_err(StoreError::Source)?;
        Ok((self.put(&bytes)?, bytes.len() as u64))
    }

    /// Stores everything that `source` holds, which also lies in `place`, and returns its digest and size. Stores that can
    /// should remember the place instead of holding the bytes.
    ///
    /// # Errors
    ///
    /// As [`put_from`](BlobStore::put_from).
    fn put_part(&mut self, source: &mut dyn Read, _place: &Source) -> Result<(Digest, u64), StoreError> {
        self.put_from(source)
    }

    /// The bytes named `digest`, verified. Whoever can use them in pieces should [`open`](BlobStore::open) them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if they are not here, [`StoreError::Corrupt`] if they are not what their name says,
    /// [`StoreError::Large`] if there are more of them than the store gives at once.
    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError>;

    /// The size of the blob named `digest`, if it is here.
    fn size(&self, digest: &Digest) -> Option<u64>;

    /// The bytes named `digest`, to be read in pieces. Stores that can should not hold the whole blob in memory for it.
    ///
    /// # Errors
    ///
    /// As [`get`](BlobStore::get). A store that reads in pieces may find the corruption only at the end, as an I/O error.
    fn open(&self, digest: &Digest) -> Result<Box<dyn BufRead + '_>, StoreError> {
        Ok(Box::new(Cursor::new(self.get(digest)?)))
    }

    /// The bytes named `digest`, to be read from any place, without borrowing the store. They were verified when they came
    /// in, or are now.
    ///
    /// # Errors
    ///
    /// As [`get`](BlobStore::get).
    fn source(&self, digest: &Digest) -> Result<Source, StoreError> {
        Ok(Source::of(Rc::new(self.get(digest)?)))
    }

    /// Takes the tar of a layer that is to be kept, while somebody finds out its name; a store that has no use for it lets it go. What
    /// goes wrong is no error: then it is as if nobody had begun.
    fn begin_tar(&mut self, _changes: &Changeset) -> Box<dyn Write> {
        Box::new(std::io::sink())
    }

    /// Says that the tar that was begun last is whole, and what it is.
    fn end_tar(&mut self, _diff_id: DiffId, _size: u64) {}

    /// Whether the blob named `digest` is here.
    fn has(&self, digest: &Digest) -> bool {
        self.size(digest).is_some()
    }
}

/// A [`BlobStore`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlobs {
    blobs: BTreeMap<Digest, Arc<[u8]>>,
}

impl BlobStore for MemoryBlobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.blobs.entry(digest).or_insert_with(|| bytes.into());
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        self.blobs
            .get(digest)
            .cloned()
            .ok_or(StoreError::Missing { digest: *digest })
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|bytes| bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryBlobs;

    #[test]
    fn memory_keeps_the_laws_of_blob_stores() {
        crate::testing::blob_store_laws(MemoryBlobs::default);
    }
}
