//! Blobs between this machine and a bucket.

use super::bucket::{Bucket, BucketError};
use oci::Digest;
use std::io;
use store::{BlobStore, StoreError, Verified};

/// Makes sure that the bucket has a blob, verified on its way out.
///
/// # Errors
///
/// [`StoreError`] if it is not here, is not what its name says, or cannot be sent.
pub fn share(bucket: &Bucket, digest: &Digest, blobs: &dyn BlobStore) -> Result<(), StoreError> {
    let failed = |error: BucketError| StoreError::Write {
        digest: *digest,
        source: error.into(),
    };
    let key = key(digest);
    let size = blobs.size(digest).ok_or(StoreError::Missing { digest: *digest })?;
    if bucket.size(&key).map_err(failed)? == Some(size) {
        return Ok(());
    }
    // Bytes that are wrong fail at their end, before the object has its name.
    let mut bytes = blobs.open(digest)?;
    bucket.upload(&key, &mut bytes).map_err(|error| match error {
        BucketError::Source(source) => StoreError::Read {
            digest: *digest,
            source,
        },
        error => failed(error),
    })
}

/// Brings a blob here. What is not what its name says is not kept.
///
/// # Errors
///
/// [`StoreError::Missing`] if the bucket does not have it, [`StoreError::Corrupt`] if other bytes came.
pub fn fetch(bucket: &Bucket, digest: &Digest, blobs: &mut dyn BlobStore) -> Result<(), StoreError> {
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
    let there = bucket.open(&key(digest)).map_err(|error| failed(error.into()))?;
    let bytes = there.ok_or(StoreError::Missing { digest: *digest })?;
    match blobs.put_from(&mut Verified::new(bytes, *digest)) {
        Ok(_) => Ok(()),
        Err(StoreError::Source(error)) => Err(failed(error)),
        Err(error) => Err(error),
    }
}

/// Where a blob lies, as in an OCI layout.
pub(super) fn key(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
