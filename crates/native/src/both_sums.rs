//! What a file of a context is hashed for, in one reading: the digest that names its bytes, and the checksum that cache keys go by.

use builder::Checksums;
use oci::{Digest, Digester};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use store::Meta;

/// So much is read at once, in bytes.
const PIECE: usize = 256 << 10;
/// The sums of a larger file are computed beside each other, in bytes.
const LARGE: u64 = 4 << 20;
/// So many pieces wait for the second sum.
const N_WAITING: usize = 2;

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BothSums {
    /// Of its bytes.
    pub(crate) digest: Digest,
    /// Of its bytes with its mode and owner, if it was as long as its metadata say.
    pub(crate) checksum: Option<Digest>,
    /// How many bytes it has.
    pub(crate) size: u64,
}

impl BothSums {
    /// Reads the file at `path`, whose metadata are `meta` and which should have `size` bytes, without holding it in memory.
    ///
    /// # Errors
    ///
    /// Those of the filesystem.
    pub(crate) fn of(path: &Path, meta: &Meta, size: u64) -> io::Result<BothSums> {
        let file = File::open(path)?;
        let begun = Checksums::begin_file(meta, size);
        let (digest, checksum, found) = if size < LARGE {
            one_after_the_other(file, begun, size)?
        } else {
            beside_each_other(file, begun)?
        };
        Ok(BothSums {
            digest,
            checksum: (found == size).then_some(checksum),
            size: found,
        })
    }
}

fn one_after_the_other(mut file: File, mut checksum: Digester, expected: u64) -> io::Result<(Digest, Digest, u64)> {
    let (mut digest, mut size) = (Digester::new(), 0);
    let mut piece = Vec::with_capacity(PIECE.min(expected as usize));
    while read_piece(&mut file, &mut piece)? {
        digest.update(&piece);
        checksum.update(&piece);
        size += piece.len() as u64;
    }
    Ok((digest.finish(), checksum.finish(), size))
}

fn beside_each_other(mut file: File, mut checksum: Digester) -> io::Result<(Digest, Digest, u64)> {
    thread::scope(|scope| {
        let (full, pieces) = sync_channel::<Arc<Vec<u8>>>(N_WAITING);
        let other = scope.spawn(move || {
            for piece in pieces {
                checksum.update(&piece);
            }
            checksum.finish()
        });
        let (mut digest, mut size) = (Digester::new(), 0);
        let mut used: VecDeque<Arc<Vec<u8>>> = VecDeque::new();
        loop {
            // When so many are under way, the first of them was let go of.
            let again = (used.len() > N_WAITING + 1).then(|| used.pop_front()).flatten();
            let mut piece = again.and_then(Arc::into_inner).unwrap_or_default();
            if !read_piece(&mut file, &mut piece)? {
                break;
            }
            let piece = Arc::new(piece);
            // Nobody stops listening before the end.
            let _ = full.send(Arc::clone(&piece));
            digest.update(&piece);
            size += piece.len() as u64;
            used.push_back(piece);
        }
        drop(full);
        let checksum = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((digest.finish(), checksum, size))
    })
}

/// Fills `piece` with what comes next; whether anything did.
fn read_piece(file: &mut File, piece: &mut Vec<u8>) -> io::Result<bool> {
    piece.clear();
    file.take(PIECE as u64).read_to_end(piece)?;
    Ok(!piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use store::{BlobStore as _, Content, MemoryBlobs, Node};

    #[test]
    fn whatever_its_size_a_file_has_the_sums_of_its_bytes() {
        let scratch = Scratch::new();
        for size in [
            0,
            1,
            PIECE,
            PIECE + 1,
            LARGE as usize - 1,
            LARGE as usize,
            9 * PIECE * 3 + 7,
        ] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let path = scratch.write(&format!("{size}"), &bytes);
            let meta = Meta::of_mode(0o751);
            let found = BothSums::of(&path, &meta, size as u64).unwrap();
            let mut blobs = MemoryBlobs::default();
            let digest = blobs.put(&bytes).unwrap();
            let size = size as u64;
            let node = Node::file(meta, Content::Blob { digest, size });
            let expected = BothSums {
                digest,
                checksum: Checksums::default().of(&node, &blobs).ok(),
                size,
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_file_of_another_size_than_its_metadata_say_has_no_checksum() {
        let scratch = Scratch::new();
        let path = scratch.write("a", "hello");
        let found = BothSums::of(&path, &Meta::of_mode(0o644), 6).unwrap();
        assert_eq!((found.size, found.checksum), (5, None));
        assert_eq!(found.digest, Digest::of(b"hello"));
    }
}
