//! What the layers that travel stand for: a simulated one is small, and claims the bytes of the real one.

use oci::Digest;
use std::collections::BTreeMap;
use std::io::Cursor;
use store::{Limits, MemoryBlobs, Whiteouts, decompress, read_tar};

/// A larger blob holds bytes, so it claims none; one that claims something is a list of names.
const MAX_BYTES: usize = 4 << 20;

/// The bytes that simulated layers claim, by the digest of their blobs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    known: BTreeMap<Digest, Option<u64>>,
}

impl Claims {
    /// What the blob with these bytes claims; `None` if it is no layer, or a real one.
    pub(crate) fn of(&mut self, digest: Digest, bytes: &[u8]) -> Option<u64> {
        *self.known.entry(digest).or_insert_with(|| claimed(bytes))
    }

    /// What a blob that was seen before claims.
    pub(crate) fn get(&self, digest: &Digest) -> Option<u64> {
        self.known.get(digest).copied().flatten()
    }
}

fn claimed(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let mut tar = decompress(Box::new(Cursor::new(bytes))).ok()?;
    let mut blobs = MemoryBlobs::default();
    let changes = read_tar(&mut tar, &Limits::default(), Whiteouts::Delete, &mut blobs)
        .ok()?
        .changes;
    changes.is_simulated().then(|| changes.bytes())
}
