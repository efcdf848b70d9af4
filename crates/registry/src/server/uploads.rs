//! Blobs that are still coming in.

use oci::{AnyDigest, Digest, Time};
use std::collections::BTreeMap;
use std::io::{self, Read};
use store::{BlobStore, StoreError};

/// How much is read at once.
const PIECE_BYTES: usize = 64 << 10;

/// An upload that was begun and is neither finished nor given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The repository it is for.
    pub repository: String,
    /// How many bytes are here.
    pub size: u64,
    /// When it began.
    pub started: Time,
}

/// Where uploads grow. A disk implements it as well as [`MemoryUploads`], and may find them again after a restart.
///
/// Identifiers come checked: UUIDs in lower case.
pub trait Uploads: Send {
    /// How many there are.
    ///
    /// # Errors
    ///
    /// If the place cannot be read or written; so for every method.
    fn count(&self) -> io::Result<usize>;

    /// Begins one.
    ///
    /// # Errors
    ///
    /// As above.
    fn begin(&mut self, id: &str, repository: &str, now: Time) -> io::Result<()>;

    /// The upload of this identifier.
    ///
    /// # Errors
    ///
    /// As above.
    fn find(&self, id: &str) -> io::Result<Option<Upload>>;

    /// Adds everything `body` has, in pieces. If `body` fails, what came before stays.
    ///
    /// # Errors
    ///
    /// As above, and whatever `body` returns.
    fn append(&mut self, id: &str, body: &mut dyn Read) -> io::Result<()>;

    /// Drops what is past `size` bytes.
    ///
    /// # Errors
    ///
    /// As above.
    fn truncate(&mut self, id: &str, size: u64) -> io::Result<()>;

    /// The bytes, from the first.
    ///
    /// # Errors
    ///
    /// As above.
    fn read(&self, id: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Gives it up; whether it was there.
    ///
    /// # Errors
    ///
    /// As above.
    fn remove(&mut self, id: &str) -> io::Result<bool>;

    /// Gives up all that began before `time`.
    ///
    /// # Errors
    ///
    /// As above.
    fn expire(&mut self, time: Time) -> io::Result<()>;

    /// The digest of the bytes by the algorithm of `like`. A place that hashes while it writes can do better than to read.
    ///
    /// # Errors
    ///
    /// As above.
    fn digest(&self, id: &str, like: &AnyDigest) -> io::Result<AnyDigest> {
        let (mut source, mut digester) = (self.read(id)?, like.digester());
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut piece) {
                Ok(0) => return Ok(digester.finish()),
                Ok(count) => digester.update(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the bytes to `blobs`. A place beside the blobs can do better than to copy them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they could not be kept; then the upload stays.
    fn keep(&mut self, id: &str, blobs: &mut dyn BlobStore) -> Result<Digest, StoreError> {
        let (digest, _) = blobs.put_from(&mut *self.read(id).map_err(StoreError::Source)?)?;
        self.remove(id).map_err(StoreError::Source)?;
        Ok(digest)
    }
}

/// [`Uploads`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryUploads {
    uploads: BTreeMap<String, Held>,
}

#[derive(Debug, Clone)]
struct Held {
    repository: String,
    started: Time,
    bytes: Vec<u8>,
}

impl MemoryUploads {
    fn held(&mut self, id: &str) -> io::Result<&mut Held> {
        self.uploads.get_mut(id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Uploads for MemoryUploads {
    fn count(&self) -> io::Result<usize> {
        Ok(self.uploads.len())
    }

    fn begin(&mut self, id: &str, repository: &str, now: Time) -> io::Result<()> {
        let held = Held {
            repository: repository.to_owned(),
            started: now,
            bytes: Vec::new(),
        };
        self.uploads.insert(id.to_owned(), held);
        Ok(())
    }

    fn find(&self, id: &str) -> io::Result<Option<Upload>> {
        Ok(self.uploads.get(id).map(|held| Upload {
            repository: held.repository.clone(),
            size: held.bytes.len() as u64,
            started: held.started,
        }))
    }

    fn append(&mut self, id: &str, body: &mut dyn Read) -> io::Result<()> {
        body.read_to_end(&mut self.held(id)?.bytes).map(drop)
    }

    fn truncate(&mut self, id: &str, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.held(id)?.bytes.truncate(size);
        Ok(())
    }

    fn read(&self, id: &str) -> io::Result<Box<dyn Read + '_>> {
        match self.uploads.get(id) {
            Some(held) => Ok(Box::new(held.bytes.as_slice())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn remove(&mut self, id: &str) -> io::Result<bool> {
        Ok(self.uploads.remove(id).is_some())
    }

    fn expire(&mut self, time: Time) -> io::Result<()> {
        self.uploads.retain(|_, held| held.started >= time);
        Ok(())
    }
}
