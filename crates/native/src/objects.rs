//! A store that a team shares: blobs, image names and cache segments in a bucket that speaks S3.
//!
//! A blob lies under its digest and is verified whenever it comes in or goes out, so that nobody need trust the bucket.
//! What changes, a name, is written on condition that it is still what was read: of two writers neither loses its change.
//! Everything that a name or a cache segment names is there before the name is.

mod blobs;
mod bucket;
mod caches;
mod location;
mod names;
mod records;
mod shared;
mod team;
mod uploads;

pub use blobs::BucketBlobs;
pub use bucket::{Bucket, BucketError, Version};
pub use caches::{learn, publish};
pub use location::Location;
pub use names::{NameDocument, find, give};
pub use records::BucketRecords;
pub use shared::{fetch, share};
pub use team::{TeamError, TeamStore};
pub use uploads::SpooledUploads;

#[cfg(test)]
mod tests;
