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
    /// In a bucket.
    #[cfg(feature = "s3")]
    Bucket(crate::objects::BucketBlobs),
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
    pub(super) fn open(config: &StorageConfig, variables: &[(String, String)]) -> Result<Storage, Failure> {
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
            #[cfg(feature = "s3")]
            "s3" => bucket(config, variables),
            other => Err(Failure::new(format!(
                "expected storage filesystem, inmemory or s3, found {other:?}"
            ))),
        }
    }
}

/// `storage.s3` with the parameters of `registry:2`; what they do not say is in the usual `AWS_*` variables.
#[cfg(feature = "s3")]
fn bucket(config: &StorageConfig, variables: &[(String, String)]) -> Result<Storage, Failure> {
    use crate::objects::{Bucket, BucketBlobs, BucketRecords, Location, SpooledUploads};
    let given = |key: &str| config.parameters.get(key).filter(|value| !value.is_empty());
    let name = given("bucket").ok_or_else(|| Failure::new("expected storage.s3.bucket, found none"))?;
    let prefix = given("rootdirectory").map_or("", |prefix| prefix.trim_matches('/'));
    let location: Location = format!("s3://{name}/{prefix}").parse().map_err(Failure::new)?;
    let mut variables = variables.to_vec();
    let known = [
        ("region", "AWS_REGION"),
        ("regionendpoint", "AWS_ENDPOINT_URL"),
        ("accesskey", "AWS_ACCESS_KEY_ID"),
        ("secretkey", "AWS_SECRET_ACCESS_KEY"),
        ("sessiontoken", "AWS_SESSION_TOKEN"),
    ];
    for (parameter, variable) in known {
        if let Some(value) = given(parameter) {
            variables.retain(|(name, _)| name != variable);
            variables.push((variable.to_owned(), value.clone()));
        }
    }
    let bucket = Arc::new(Bucket::at(&location, &variables).map_err(Failure::new)?);
    let spool = std::env::temp_dir();
    Ok(Storage {
        blobs: Blobs::Bucket(BucketBlobs::new(Arc::clone(&bucket), spool.clone())),
        records: Box::new(BucketRecords::new(bucket)),
        uploads: Box::new(SpooledUploads::new(spool)),
    })
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
            Blobs::Disk(DiskStore(disk)) => Some(disk),
            _ => None,
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
            // Nobody is sent a byte before all of them were verified.
            #[cfg(feature = "s3")]
            Blobs::Bucket(blobs) => Payload::of_file(blobs.file(digest).map_err(io::Error::other)?, start, length),
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
            #[cfg(feature = "s3")]
            Blobs::Bucket(blobs) => blobs.put(bytes),
        }
    }

    fn put_from(&mut self, source: &mut dyn io::Read) -> Result<(Digest, u64), StoreError> {
        match self {
            Blobs::Memory(blobs) => blobs.write().unwrap_or_else(PoisonError::into_inner).put_from(source),
            Blobs::Disk(store) => store.put_from(source),
            #[cfg(feature = "s3")]
            Blobs::Bucket(blobs) => blobs.put_from(source),
        }
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        match self {
            Blobs::Memory(blobs) => blobs.read().unwrap_or_else(PoisonError::into_inner).get(digest),
            Blobs::Disk(store) => store.get(digest),
            #[cfg(feature = "s3")]
            Blobs::Bucket(blobs) => blobs.get(digest),
        }
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        match self {
            Blobs::Memory(blobs) => blobs.read().unwrap_or_else(PoisonError::into_inner).size(digest),
            Blobs::Disk(store) => store.size(digest),
            #[cfg(feature = "s3")]
            Blobs::Bucket(blobs) => blobs.size(digest),
        }
    }
}
