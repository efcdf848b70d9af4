//! Blobs of which large ones stay where they lie.

use super::{BlobStore, StoreError, Verified};
use crate::Source;
use oci::{Digest, Digester};
use std::collections::BTreeMap;
use std::io::{BufRead, Error, ErrorKind, Read};
use std::rc::Rc;
use std::sync::Arc;

/// Blobs up to this size are held if reading them where they lie means unpacking, in bytes.
const SMALL: u64 = 64 << 10;
/// As long as they are no more than this in all, in bytes.
const MAX_HELD: u64 = 64 << 20;
/// A larger blob is not given as one piece, in bytes.
const MAX_PIECE: u64 = 256 << 20;
/// So much of a blob is hashed at once, in bytes.
const BUFFER: u64 = 1 << 16;

/// A [`BlobStore`] of bytes in memory and of bytes that lie in a [`Source`]: those of an archive's images, say, which may
/// be larger than the memory.
///
/// What is [put](BlobStore::put) is held. Of what lies in a source only the place is kept, with one exception: small files
/// of packed layers, up to 64 MiB in all. The bytes are hashed once, when they are put; `get` and `open` hash them again,
/// since a source can change after all. Clones share everything until one of them is put something.
#[derive(Debug, Clone, Default)]
pub struct LentBlobs {
    blobs: Rc<BTreeMap<Digest, Blob>>,
    /// Bytes of small files that were held although they lie in a source.
    held: u64,
}

#[derive(Debug, Clone)]
enum Blob {
    Held(Arc<[u8]>),
    Lent(Source),
}

impl LentBlobs {
    /// The bytes that it holds in memory.
    pub fn held_bytes(&self) -> u64 {
        let held = |blob: &Blob| match blob {
            Blob::Held(bytes) => bytes.len() as u64,
            Blob::Lent(_) => 0,
        };
        self.blobs.values().map(held).sum()
    }

    fn find(&self, digest: &Digest) -> Result<&Blob, StoreError> {
        self.blobs.get(digest).ok_or(StoreError::Missing { digest: *digest })
    }

    fn is_held(&self, digest: &Digest) -> bool {
        matches!(self.blobs.get(digest), Some(Blob::Held(_)))
    }

    fn insert(&mut self, digest: Digest, blob: Blob) {
        Rc::make_mut(&mut self.blobs).insert(digest, blob);
    }
}

impl BlobStore for LentBlobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        // Bytes that are given to be held are held, even if they also lie somewhere: a source may go away.
        if !self.is_held(&digest) {
            self.insert(digest, Blob::Held(bytes.into()));
        }
        Ok(digest)
    }

    fn put_part(&mut self, source: &mut dyn Read, place: &Source) -> Result<(Digest, u64), StoreError> {
        let is_small = place.is_unpacked() && place.size() <= SMALL && self.held + place.size() <= MAX_HELD;
        if place.size() == 0 || is_small {
            let before = self.blobs.len();
            let (digest, size) = self.put_from(source)?;
            self.held += if self.blobs.len() > before { size } else { 0 };
            return Ok((digest, size));
        }
        let (digest, size) = hash(source, place.size())?;
        if size != place.size() {
            let what = format!("expected {} bytes in their place, found {size}", place.size());
            return Err(StoreError::Source(Error::new(ErrorKind::UnexpectedEof, what)));
        }
        // Of two places the newer one is the likelier to stay.
        if !self.is_held(&digest) {
            self.insert(digest, Blob::Lent(place.clone()));
        }
        Ok((digest, size))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        let place = match self.find(digest)? {
            Blob::Held(bytes) => return Ok(bytes.clone()),
            Blob::Lent(place) => place,
        };
        if place.size() > MAX_PIECE {
            return Err(StoreError::Large {
                digest: *digest,
                size: place.size(),
                limit: MAX_PIECE,
            });
        }
        let mut bytes = Vec::with_capacity(place.size() as usize);
        let read = place.read().read_to_end(&mut bytes);
        read.map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(StoreError::Corrupt {
                expected: *digest,
                found,
            });
        }
        Ok(bytes.into())
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|blob| match blob {
            Blob::Held(bytes) => bytes.len() as u64,
            Blob::Lent(place) => place.size(),
        })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn BufRead + '_>, StoreError> {
        match self.find(digest)? {
            Blob::Held(bytes) => Ok(Box::new(&bytes[..])),
            Blob::Lent(place) => Ok(Box::new(Verified::new(place.read(), *digest))),
        }
    }

    fn source(&self, digest: &Digest) -> Result<Source, StoreError> {
        match self.find(digest)? {
            Blob::Held(bytes) => Ok(Source::of(Rc::new(bytes.clone()))),
            Blob::Lent(place) => Ok(place.clone()),
        }
    }
}

/// Names what `source` holds, about `size` bytes, and counts it.
fn hash(source: &mut dyn Read, size: u64) -> Result<(Digest, u64), StoreError> {
    let mut buffer = vec![0; size.clamp(1, BUFFER) as usize];
    let (mut digester, mut size) = (Digester::new(), 0);
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok((digester.finish(), size)),
            Ok(count) => {
                digester.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::Source(error)),
        }
    }
}

#[cfg(test)]
mod tests;
