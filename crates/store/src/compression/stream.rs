//! A packed stream that is being read, and the places in it from which reading can begin again.

use super::Compression;
use super::gzip::{Gunzip, Inside};
#[cfg(feature = "zstd")]
use super::zstd::Frames;
use std::io::{BufRead, Read, Result};

/// A source that counts what was taken from it.
pub(super) struct Counted<'a> {
    source: Box<dyn BufRead + 'a>,
    pub(super) taken: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(source: Box<dyn BufRead + 'a>) -> Counted<'a> {
        Counted { source, taken: 0 }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let count = self.source.read(into)?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.source.consume(count);
        self.taken += count as u64;
    }
}

/// A place in a packed stream from which reading can begin.
#[derive(Clone)]
pub(crate) struct Place {
    /// Packed bytes before it.
    pub(crate) packed: u64,
    inside: Option<Inside>,
}

/// The unpacked bytes of a packed stream.
pub(crate) struct Stream<'a> {
    /// Packed bytes before the place where reading began.
    before: u64,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Gzip(Gunzip<'a>),
    #[cfg(feature = "zstd")]
    Zstd(Frames<'a>),
}

impl<'a> Stream<'a> {
    /// From the start. What is not packed at all is read as gzip, and so refused.
    pub(crate) fn new(packing: Compression, source: Box<dyn BufRead + 'a>) -> Stream<'a> {
        let start = Place {
            packed: 0,
            inside: None,
        };
        Stream::resume(packing, start, source)
    }

    /// From `place`, which is where `source` begins.
    pub(crate) fn resume(packing: Compression, place: Place, source: Box<dyn BufRead + 'a>) -> Stream<'a> {
        let source = Counted::new(source);
        let decoder = match (packing, place.inside) {
            #[cfg(feature = "zstd")]
            (Compression::Zstd, _) => Decoder::Zstd(Frames::new(source)),
            (_, None) => Decoder::Gzip(Gunzip::new(source)),
            (_, Some(state)) => Decoder::Gzip(Gunzip::resume(source, state)),
        };
        Stream {
            before: place.packed,
            decoder,
        }
    }

    /// Packed bytes that were taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.before
            + match &self.decoder {
                Decoder::Gzip(decoder) => decoder.taken(),
                #[cfg(feature = "zstd")]
                Decoder::Zstd(decoder) => decoder.taken(),
            }
    }

    /// Where it stands, if reading can begin there: anywhere in gzip, between the frames of zstd.
    pub(crate) fn place(&self) -> Option<Place> {
        let packed = self.taken();
        let inside = match &self.decoder {
            Decoder::Gzip(decoder) => decoder.inside(),
            #[cfg(feature = "zstd")]
            Decoder::Zstd(decoder) if decoder.is_between() => None,
            #[cfg(feature = "zstd")]
            Decoder::Zstd(_) => return None,
        };
        Some(Place { packed, inside })
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(into),
            #[cfg(feature = "zstd")]
            Decoder::Zstd(decoder) => decoder.read(into),
        }
    }
}
