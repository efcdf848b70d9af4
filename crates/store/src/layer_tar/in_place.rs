//! Reading a tar that lies somewhere, so that its files can stay there.

use super::LayerError;
use super::entry::Reader;
use super::read::{Limits, TarContents, Whiteouts, read_entries};
use crate::{BlobStore, Reading, Source};
use std::io::Read;

/// What of a tar is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// Its files, and the tar as a whole.
    All,
    /// Only its files: its own name is known or of no use.
    Files,
}

/// As [`read_tar`](super::read_tar), for a tar that lies in `tar`, so that its files can stay there.
///
/// `watch` is told again and again how many bytes of what lies somewhere were read.
///
/// # Errors
///
/// As [`read_tar`](super::read_tar).
pub(crate) fn read_tar_in(
    tar: &Source,
    hashing: Hashing,
    limits: &Limits,
    whiteouts: Whiteouts,
    blobs: &mut dyn BlobStore,
    watch: &mut dyn FnMut(u64),
) -> Result<TarContents, LayerError> {
    let mut source = Watched {
        reading: tar.read(),
        watch,
    };
    let reader = Reader::new(&mut source, *limits);
    let reader = match hashing {
        Hashing::All => reader.hashing(),
        Hashing::Files => reader,
    };
    read_entries(reader, Some(tar), limits, whiteouts, blobs)
}

struct Watched<'a> {
    reading: Reading,
    watch: &'a mut dyn FnMut(u64),
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let before = self.reading.reached();
        let count = self.reading.read(into)?;
        if self.reading.reached() != before {
            (self.watch)(self.reading.reached());
        }
        Ok(count)
    }
}
