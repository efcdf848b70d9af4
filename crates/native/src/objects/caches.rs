//! What builds have learned, shared: segments that are only ever added, so that no two writers can be in each other's way.

use super::bucket::{Bucket, BucketError};
use oci::Digest;
use std::collections::BTreeSet;

/// No segment is larger, in bytes.
const MAX_SEGMENT: u64 = 256 << 20;

/// So many segments are looked at.
const MAX_SEGMENTS: usize = 100_000;

const FOLDER: &str = "caches";

/// Adds what a build has learned: any bytes, under their digest. What they name must be in the bucket by now.
///
/// # Errors
///
/// [`BucketError`].
pub fn publish(bucket: &Bucket, segment: &[u8]) -> Result<Digest, BucketError> {
    let digest = Digest::of(segment);
    // One that is there already has the same bytes.
    bucket.create(&format!("{FOLDER}/{}", digest.hex()), segment.to_vec())?;
    Ok(digest)
}

/// The segments that are not in `known`, which has them afterwards. One that is not what its name says is left out, and so
/// is one that is too large: a cache may be lost, and must not lie.
///
/// # Errors
///
/// [`BucketError`].
pub fn learn(bucket: &Bucket, known: &mut BTreeSet<Digest>) -> Result<Vec<Vec<u8>>, BucketError> {
    let mut segments = Vec::new();
    for name in bucket.list(FOLDER, "", MAX_SEGMENTS)? {
        let Ok(digest) = format!("sha256:{name}").parse::<Digest>() else {
            continue;
        };
        let key = format!("{FOLDER}/{name}");
        if known.contains(&digest) || bucket.size(&key)?.is_none_or(|size| size > MAX_SEGMENT) {
            continue;
        }
        let Some((bytes, _)) = bucket.get(&key)? else { continue };
        if Digest::of(&bytes) == digest {
            known.insert(digest);
            segments.push(bytes.to_vec());
        }
    }
    Ok(segments)
}
