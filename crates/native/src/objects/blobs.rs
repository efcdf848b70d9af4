//! Blobs in a bucket and nowhere else: those of a registry, which may run on many machines over one bucket.

use super::bucket::{Bucket, BucketError};
use super::shared::key;
use oci::{Digest, Digester};
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{BlobStore, StoreError, Verified};

/// A [`BlobStore`] in a bucket: a handle, cheap to clone. What was stored is there.
#[derive(Debug, Clone)]
pub struct BucketBlobs {
    bucket: Arc<Bucket>,
    /// Where large blobs are on their way.
    spool: PathBuf,
}

/// So much of a blob is in memory at once, in bytes.
const PIECE: usize = 1 << 18;

impl BucketBlobs {
    /// The blobs of `bucket`; `spool` is a folder for what is on its way.
    pub fn new(bucket: Arc<Bucket>, spool: PathBuf) -> BucketBlobs {
        BucketBlobs { bucket, spool }
    }

    /// A blob as a file of this machine that has no name, verified.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::get`].
    pub fn file(&self, digest: &Digest) -> Result<File, StoreError> {
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let mut file = nameless(&self.spool).map_err(failed)?;
        io::copy(&mut self.open(digest)?, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Ok(file)
    }

    fn failed(digest: Digest) -> impl Fn(BucketError) -> StoreError {
        move |error| StoreError::Write {
            digest,
            source: error.into(),
        }
    }
}

/// A file in `folder` that is gone when it is closed.
pub(super) fn nameless(folder: &std::path::Path) -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("layerlab-{}-{number}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl BlobStore for BucketBlobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.size(&digest) != Some(bytes.len() as u64) {
            let sent = self.bucket.upload(&key(&digest), &mut &bytes[..]);
            sent.map_err(Self::failed(digest))?;
        }
        Ok(digest)
    }

    fn put_from(&mut self, source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
        // Its name is known only at its end.
        let here = |error| StoreError::Write {
            digest: Digest::of(b""),
            source: error,
        };
        let mut file = nameless(&self.spool).map_err(here)?;
        let (mut digester, mut size) = (Digester::new(), 0);
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            piece.clear();
            let count = source
                .take(PIECE as u64)
                .read_to_end(&mut piece)
                .map_err(StoreError::Source)?;
            if count == 0 {
                break;
            }
            digester.update(&piece);
            file.write_all(&piece).map_err(here)?;
            size += count as u64;
        }
        let digest = digester.finish();
        if self.size(&digest) != Some(size) {
            file.rewind().map_err(here)?;
            self.bucket
                .upload(&key(&digest), &mut file)
                .map_err(Self::failed(digest))?;
        }
        Ok((digest, size))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let found = self.bucket.get(&key(digest)).map_err(|error| failed(error.into()))?;
        let (bytes, _) = found.ok_or(StoreError::Missing { digest: *digest })?;
        match Digest::of(&bytes) {
            found if found == *digest => Ok(Arc::from(&*bytes)),
            found => Err(StoreError::Corrupt {
                expected: *digest,
                found,
            }),
        }
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        self.bucket.size(&key(digest)).ok().flatten()
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn BufRead + '_>, StoreError> {
        let found = self.bucket.open(&key(digest)).map_err(|error| StoreError::Read {
            digest: *digest,
            source: error.into(),
        })?;
        let bytes = found.ok_or(StoreError::Missing { digest: *digest })?;
        Ok(Box::new(Verified::new(bytes, *digest)))
    }
}
