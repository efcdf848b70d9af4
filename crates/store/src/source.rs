//! Bytes that lie somewhere and are read where they lie: a file of any size, a part of it, what a part of it unpacks to.

mod unpacked;

use crate::LayerError;
use crate::compression::{Compression, readable};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::sync::Arc;
use unpacked::{Desk, Unpacked};

/// So much is read at once, in bytes.
const PIECE: u64 = 1 << 20;

/// Bytes that can be read from any place and do not change: a file, a value in memory.
pub trait ReadAt {
    /// How many there are.
    fn size(&self) -> u64;

    /// Reads the bytes from `at` on into `into`: at least one and at most as many as fit; none at the end.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for Arc<[u8]> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        (&self[from..]).read(into)
    }
}

/// A run of bytes in something that can be read from any place. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    bytes: Bytes,
    start: u64,
    size: u64,
    /// Shared by all parts of the same bytes.
    desk: Rc<Desk>,
}

#[derive(Clone)]
enum Bytes {
    Plain(Rc<dyn ReadAt>),
    Unpacked(Rc<Unpacked>),
}

impl Source {
    /// All of `bytes`.
    pub fn of(bytes: Rc<dyn ReadAt>) -> Source {
        Source {
            size: bytes.size(),
            bytes: Bytes::Plain(bytes),
            start: 0,
            desk: Rc::default(),
        }
    }

    /// The number of bytes; at most that many where they are unpacked and the end was not seen.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The `size` bytes from `start` on, or as many of them as there are.
    #[must_use]
    pub fn part(&self, start: u64, size: u64) -> Source {
        let start = start.min(self.size);
        Source {
            start: self.start + start,
            size: size.min(self.size - start),
            ..self.clone()
        }
    }

    /// Whether reading these bytes means unpacking others.
    pub fn is_unpacked(&self) -> bool {
        matches!(self.bytes, Bytes::Unpacked(_))
    }

    /// Reads the bytes from `at` on into `into`: at least one and at most as many as fit; none at the end.
    ///
    /// # Errors
    ///
    /// If they cannot be read or unpacked.
    pub fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let room = self.size.saturating_sub(at).min(into.len() as u64) as usize;
        if room == 0 {
            return Ok(0);
        }
        let (at, into) = (self.start + at, &mut into[..room]);
        match &self.bytes {
            Bytes::Plain(bytes) => bytes.read_at(at, into),
            Bytes::Unpacked(bytes) => bytes.read_at(at, into),
        }
    }

    /// The bytes from the first to the last, read in pieces.
    pub fn read(&self) -> Reading {
        Reading {
            source: self.clone(),
            at: 0,
            buffer: Vec::new(),
            filled: 0,
            used: 0,
        }
    }

    /// What these bytes unpack to; `None` if they are not packed.
    ///
    /// Reading that from any place unpacks again what lies before it, from the nearest place whose state was kept: in
    /// gzip one every few MiB, in zstd the starts of frames. Reading on where one stopped costs nothing of the kind.
    ///
    /// # Errors
    ///
    /// [`LayerError::Read`] if their start cannot be read, [`LayerError::Compression`] for what cannot be unpacked.
    pub fn unpack(&self) -> Result<Option<Source>, LayerError> {
        let mut reading = self.part(0, 16).read();
        match readable(reading.fill_buf().map_err(LayerError::Read)?)? {
            Compression::None => Ok(None),
            packing => Ok(Some(Source {
                bytes: Bytes::Unpacked(Rc::new(Unpacked::new(self.clone(), packing))),
                start: 0,
                size: u64::MAX,
                desk: Rc::default(),
            })),
        }
    }

    /// How far the bytes that lie somewhere were read when `at` of these were: others than `at` for what is unpacked.
    fn reached(&self, at: u64) -> u64 {
        match &self.bytes {
            Bytes::Plain(_) => at,
            Bytes::Unpacked(bytes) => bytes.reached(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("start", &self.start)
            .field("size", &self.size)
            .field("is_unpacked", &self.is_unpacked())
            .finish_non_exhaustive()
    }
}

/// A [`Source`] that is being read, a piece of it in memory.
#[derive(Debug)]
pub struct Reading {
    source: Source,
    /// Of the source, after what is in the buffer.
    at: u64,
    buffer: Vec<u8>,
    filled: usize,
    used: usize,
}

impl Reading {
    /// How many bytes of what lies somewhere were read: packed ones, if these are unpacked.
    pub(crate) fn reached(&self) -> u64 {
        self.source.reached(self.at)
    }
}

impl BufRead for Reading {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.filled {
            if self.buffer.is_empty() {
                self.buffer = vec![0; self.source.size.min(PIECE) as usize];
            }
            (self.used, self.filled) = (0, 0);
            self.filled = self.source.read_at(self.at, &mut self.buffer)?;
            self.at += self.filled as u64;
        }
        Ok(&self.buffer[self.used..self.filled])
    }

    fn consume(&mut self, count: usize) {
        self.used = self.filled.min(self.used + count);
    }
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
