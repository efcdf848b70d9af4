//! Names of images in a bucket: an object each, changed only by those who have seen what it was.

use super::bucket::{Bucket, BucketError};
use oci::{Digest, Reference};
use serde::{Deserialize, Serialize};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameDocument {
    /// The manifest.
    pub manifest: Digest,
    /// Its bytes.
    pub size: u64,
    /// How often the name was given.
    pub generation: u64,
    /// What it stood for before, newest first.
    #[serde(default)]
    pub earlier: Vec<Digest>,
}

/// So many earlier manifests are remembered.
const EARLIER: usize = 16;

/// Lets `name` stand for a manifest, which must be in the bucket by now. Whoever gives the same name at the same time is
/// either before or after: no giving is lost, as the earlier ones show.
///
/// # Errors
///
/// [`BucketError`].
pub fn give(bucket: &Bucket, name: &Reference, manifest: Digest, size: u64) -> Result<NameDocument, BucketError> {
    let key = key(name);
    loop {
        let seen = bucket.get(&key)?;
        // A document that cannot be read is replaced: the name is all it held.
        let before = seen
            .as_ref()
            .and_then(|(bytes, _)| serde_json::from_slice::<NameDocument>(bytes).ok());
        let document = next(before, manifest, size);
        let bytes = serde_json::to_vec(&document).expect("digests and numbers have a JSON form");
        let done = match seen {
            Some((_, version)) => bucket.replace(&key, bytes, version)?,
            None => bucket.create(&key, bytes)?,
        };
        // Each failure means that another writer succeeded.
        if done {
            return Ok(document);
        }
    }
}

fn next(before: Option<NameDocument>, manifest: Digest, size: u64) -> NameDocument {
    let (generation, earlier) = match before {
        None => (1, Vec::new()),
        Some(before) => {
            let mut earlier = vec![before.manifest];
            earlier.extend(before.earlier);
            earlier.truncate(EARLIER);
            (before.generation.saturating_add(1), earlier)
        }
    };
    NameDocument {
        manifest,
        size,
        generation,
        earlier,
    }
}

/// What `name` stands for.
///
/// # Errors
///
/// [`BucketError`].
pub fn find(bucket: &Bucket, name: &Reference) -> Result<Option<NameDocument>, BucketError> {
    let found = bucket.get(&key(name))?;
    Ok(found.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

/// Repositories are folders, tags the objects in them. A colon cannot be in either.
fn key(name: &Reference) -> String {
    format!("names/{}/:{}", name.name(), name.tag().unwrap_or("latest"))
}
