//! Blobs that are still coming in.

use oci::{AnyDigest, Digest, Time};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
/// Several requests use it at once, but of those that change one upload only one at a time. Identifiers come checked: UUIDs
/// in lower case.
pub trait Uploads: Send + Sync {
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
    fn begin(&self, id: &str, repository: &str, now: Time) -> io::Result<()>;

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
    fn append(&self, id: &str, body: &mut dyn Read) -> io::Result<()>;

    /// Drops what is past `size` bytes.
    ///
    /// # Errors
    ///
    /// As above.
    fn truncate(&self, id: &str, size: u64) -> io::Result<()>;

    /// Gives it up; whether it was there.
    ///
    /// # Errors
    ///
    /// As above.
    fn remove(&self, id: &str) -> io::Result<bool>;

    /// Gives up all that began before `time`.
    ///
    /// # Errors
    ///
    /// As above.
    fn expire(&self, time: Time) -> io::Result<()>;

    /// The digest of the bytes by the algorithm of `like`.
    ///
    /// # Errors
    ///
    /// As above.
    fn digest(&self, id: &str, like: &AnyDigest) -> io::Result<AnyDigest>;

    /// Moves the bytes to `blobs`. A place beside the blobs can do better than to copy them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they could not be kept; then the upload stays.
    fn keep(&self, id: &str, blobs: &mut dyn BlobStore) -> Result<Digest, StoreError>;
}

/// [`Uploads`] in memory.
#[derive(Debug, Default)]
pub struct MemoryUploads {
    uploads: Mutex<BTreeMap<String, Held>>,
}

#[derive(Debug)]
struct Held {
    repository: String,
    started: Time,
    bytes: Vec<u8>,
}

impl MemoryUploads {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Held) -> T) -> io::Result<T> {
        self.all()
            .get_mut(id)
            .map(work)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Uploads for MemoryUploads {
    fn count(&self) -> io::Result<usize> {
        Ok(self.all().len())
    }

    fn begin(&self, id: &str, repository: &str, now: Time) -> io::Result<()> {
        let held = Held {
            repository: repository.to_owned(),
            started: now,
            bytes: Vec::new(),
        };
        self.all().insert(id.to_owned(), held);
        Ok(())
    }

    fn find(&self, id: &str) -> io::Result<Option<Upload>> {
        Ok(self.all().get(id).map(|held| Upload {
            repository: held.repository.clone(),
            size: held.bytes.len() as u64,
            started: held.started,
        }))
    }

    fn append(&self, id: &str, body: &mut dyn Read) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            // Nobody else waits while the body does.
            match body.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => self.with(id, |held| held.bytes.extend_from_slice(&piece[..count]))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn truncate(&self, id: &str, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.with(id, |held| held.bytes.truncate(size))
    }

    fn remove(&self, id: &str) -> io::Result<bool> {
        Ok(self.all().remove(id).is_some())
    }

    fn expire(&self, time: Time) -> io::Result<()> {
        self.all().retain(|_, held| held.started >= time);
        Ok(())
    }

    fn digest(&self, id: &str, like: &AnyDigest) -> io::Result<AnyDigest> {
        self.with(id, |held| like.again(&held.bytes))
    }

    fn keep(&self, id: &str, blobs: &mut dyn BlobStore) -> Result<Digest, StoreError> {
        let digest = self
            .with(id, |held| blobs.put(&held.bytes))
            .map_err(StoreError::Source)??;
        self.all().remove(id);
        Ok(digest)
    }
}
