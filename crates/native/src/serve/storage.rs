//! Where a registry keeps what it has: in memory, or in a folder.

use super::disk::{Disk, DiskStore, DiskUploads};
use super::payload::Payload;
use crate::failure::Failure;
use hyper::body::Bytes;
use oci::Digest;
use registry::{MemoryRecords, MemoryUploads, Records, StorageConfig, Uploads};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use store::{BlobStore, MemoryBlobs, StoreError};

/// Where `registry:2` keeps its data if nobody says.
const ROOT: &str = "/var/lib/registry";

/// The blobs, for all requests at once: a handle, cheap to clone.
#[derive(Clone)]
pub(super) enum Blobs {
    /// In memory.
    Memory(Arc<RwLock<MemoryBlobs>>),
    /// In a folder.
    Disk(DiskStore),
}

/// All that a server needs to keep.
pub(super) struct Storage {
    pub(super) blobs: Blobs,
    pub(super) records: Box<dyn Records>,
    pub(super) uploads: Box<dyn Uploads>,
}

impl Storage {
    /// Opens what the configuration asks for.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no such storage here, or it cannot be used.
    pub(super) fn open(config: &StorageConfig) -> Result<Storage, Failure> {
        match config.driver.as_str() {
            "inmemory" => Ok(Storage {
                blobs: Blobs::Memory(Arc::default()),
                records: Box::new(MemoryRecords::default()),
                uploads: Box::new(MemoryUploads::default()),
            }),
            "filesystem" => {
                let disk = Arc::new(Disk::open(root(config)).map_err(Failure::new)?);
                let store = DiskStore(Arc::clone(&disk));
                Ok(Storage {
                    blobs: Blobs::Disk(store.clone()),
                    records: Box::new(store),
                    uploads: Box::new(DiskUploads::open(disk).map_err(Failure::new)?),
                })
            }
            other => Err(Failure::new(format!(
                "expected storage filesystem or inmemory, found {other:?}"
            ))),
        }
    }
}

/// `storage.filesystem.rootdirectory`.
pub(super) fn root(config: &StorageConfig) -> &Path {
    let given = config.parameters.get("rootdirectory").map(String::as_str);
    Path::new(given.filter(|path| !path.is_empty()).unwrap_or(ROOT))
}

impl Blobs {
    /// The folder, if it is one.
    pub(super) fn disk(&self) -> Option<&Arc<Disk>> {
        match self {
            Blobs::Memory(_) => None,
            Blobs::Disk(DiskStore(disk)) => Some(disk),
        }
    }

    /// A piece of a blob, as the body of an answer.
    ///
    /// # Errors
    ///
    /// If it is not there or cannot be read.
    pub(super) fn payload(&self, digest: &Digest, start: u64, length: u64) -> io::Result<Payload> {
        match self {
            Blobs::Disk(store) => Payload::of_file(store.file(digest)?, start, length),
            Blobs::Memory(_) => {
                let bytes = self.get(digest).map_err(io::Error::other)?;
                let outside = || io::Error::from(io::ErrorKind::UnexpectedEof);
                let start = usize::try_from(start).map_err(|_| outside())?;
                let end = usize::try_from(length)
                    .ok()
                    .and_then(|length| start.checked_add(length));
                let end = end.filter(|end| *end <= bytes.len()).ok_or_else(outside)?;
                Ok(Payload::from(Bytes::from_owner(bytes).slice(start..end)))
            }
        }
    }
}

impl BlobStore for Blobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        match self {
            Blobs::Memory(blobs) => blobs.write().unwrap_or_else(PoisonError::into_inner).put(bytes),
            Blobs::Disk(store) => store.put(bytes),
        }
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        match self {
            Blobs::Memory(blobs) => blobs.read().unwrap_or_else(PoisonError::into_inner).get(digest),
            Blobs::Disk(store) => store.get(digest),
        }
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        match self {
            Blobs::Memory(blobs) => blobs.read().unwrap_or_else(PoisonError::into_inner).size(digest),
            Blobs::Disk(store) => store.size(digest),
        }
    }
}
