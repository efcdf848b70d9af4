//! Blobs on this machine and in a bucket: read from here, or from there once; written here, and there before they are named.

use super::bucket::{Bucket, BucketError};
use crate::disk::DiskBlobs;
use oci::Digest;
use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;
use store::{BlobStore, Source, StoreError, Verified};

/// A [`BlobStore`] on disk, with a bucket behind it.
#[derive(Debug)]
pub struct SharedBlobs {
    local: DiskBlobs,
    /// The same folder once more: what is fetched is written through it, while `local` is being read.
    fetched: RefCell<DiskBlobs>,
    bucket: Arc<Bucket>,
    writes: Writes,
}

/// When what is stored goes to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// When it is [shared](SharedBlobs::share): before something there names it.
    Behind,
    /// At once: a blob that was stored is there.
    Through,
}

impl SharedBlobs {
    /// The blobs of the layout at `layout`, with `bucket` behind them.
    ///
    /// # Errors
    ///
    /// As [`DiskBlobs::open`].
    pub fn open(layout: &Path, bucket: Arc<Bucket>, writes: Writes) -> io::Result<SharedBlobs> {
        Ok(SharedBlobs {
            local: DiskBlobs::open(layout)?,
            fetched: RefCell::new(DiskBlobs::open(layout)?),
            bucket,
            writes,
        })
    }

    /// What is on this machine.
    pub fn local(&mut self) -> &mut DiskBlobs {
        &mut self.local
    }

    /// Makes sure that the bucket has these blobs, each verified on its way out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if one is neither here nor there, is not what its name says, or cannot be sent.
    pub fn share<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> Result<(), StoreError> {
        digests.into_iter().try_for_each(|digest| self.upload(digest))
    }

    fn upload(&self, digest: &Digest) -> Result<(), StoreError> {
        let failed = |error: BucketError| StoreError::Write {
            digest: *digest,
            source: error.into(),
        };
        let key = key(digest);
        let there = self.bucket.size(&key).map_err(failed)?;
        if there.is_some() && there == self.local.size(digest) {
            return Ok(());
        }
        let mut bytes = match self.local.open(digest) {
            // Not here, but there.
            Err(StoreError::Missing { .. }) if there.is_some() => return Ok(()),
            other => other?,
        };
        // Bytes that are wrong fail at their end, before the object has its name.
        self.bucket.upload(&key, &mut bytes).map_err(|error| match error {
            BucketError::Source(source) => StoreError::Read {
                digest: *digest,
                source,
            },
            error => failed(error),
        })
    }

    /// Brings a blob here, if the bucket has it. What is not what its name says is not kept.
    fn fetch(&self, digest: &Digest) -> Result<(), StoreError> {
        let failed = |source: io::Error| match source.get_ref().and_then(|inner| inner.downcast_ref::<StoreError>()) {
            Some(StoreError::Corrupt { expected, found }) => StoreError::Corrupt {
                expected: *expected,
                found: *found,
            },
            _ => StoreError::Read {
                digest: *digest,
                source,
            },
        };
        let there = self.bucket.open(&key(digest)).map_err(|error| failed(error.into()))?;
        let bytes = there.ok_or(StoreError::Missing { digest: *digest })?;
        let mut verified = Verified::new(bytes, *digest);
        let mut fetched = self.fetched.borrow_mut();
        match fetched.put_from(&mut verified) {
            Ok(_) => {}
            Err(StoreError::Source(error)) => return Err(failed(error)),
            Err(error) => return Err(error),
        }
        fetched.sync().map_err(|source| StoreError::Write {
            digest: *digest,
            source,
        })
    }

    /// Makes sure that a blob is here if it can be had at all.
    fn have(&self, digest: &Digest) -> Result<(), StoreError> {
        if self.local.has(digest) {
            return Ok(());
        }
        self.fetch(digest)
    }

    /// What was stored, sent on if that is asked for.
    fn stored(&mut self, digest: Digest) -> Result<Digest, StoreError> {
        if self.writes == Writes::Through {
            self.upload(&digest)?;
        }
        Ok(digest)
    }
}

impl BlobStore for SharedBlobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = self.local.put(bytes)?;
        self.stored(digest)
    }

    fn put_from(&mut self, source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
        let (digest, size) = self.local.put_from(source)?;
        Ok((self.stored(digest)?, size))
    }

    fn put_part(&mut self, source: &mut dyn Read, place: &Source) -> Result<(Digest, u64), StoreError> {
        let (digest, size) = self.local.put_part(source, place)?;
        Ok((self.stored(digest)?, size))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        self.have(digest)?;
        self.local.get(digest)
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        // A bucket that cannot be asked has nothing: whoever needs the blob is told why.
        let there = || self.bucket.size(&key(digest)).ok().flatten();
        self.local.size(digest).or_else(there)
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn BufRead + '_>, StoreError> {
        self.have(digest)?;
        self.local.open(digest)
    }

    fn source(&self, digest: &Digest) -> Result<Source, StoreError> {
        self.have(digest)?;
        self.local.source(digest)
    }
}

/// Where a blob lies, as in an OCI layout.
pub(super) fn key(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
