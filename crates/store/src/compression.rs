//! Compressed layers: recognised by their first bytes, unpacked as a stream.

mod gzip;
mod stream;
#[cfg(feature = "zstd")]
mod zstd;

pub(crate) use stream::{Place, Stream};

use crate::LayerError;
use flate2::GzBuilder;
use std::io::{BufRead, Read, Write};
use stream::Counted;

/// How the bytes of a layer are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// What the first bytes of a blob say; four are enough.
    pub fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A frame, or one of the frames to be passed over.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

/// The bytes that `source` holds once unpacked. Nothing is read ahead but the first piece.
///
/// How much comes out is not limited here: [`read_tar`](crate::read_tar) does that.
///
/// # Errors
///
/// [`LayerError::Read`] if `source` fails, [`LayerError::Compression`] for what this build cannot unpack, as well as for
/// bzip2 and xz.
pub fn decompress<'a>(mut source: Box<dyn BufRead + 'a>) -> Result<Box<dyn Read + 'a>, LayerError> {
    let start = source.fill_buf().map_err(LayerError::Read)?;
    match readable(start)? {
        Compression::None => Ok(source),
        packing => Ok(Box::new(Stream::new(packing, source))),
    }
}

/// How bytes that begin so are packed, if this build can unpack them.
///
/// # Errors
///
/// [`LayerError::Compression`] if it cannot.
pub(crate) fn readable(start: &[u8]) -> Result<Compression, LayerError> {
    match Compression::of(start) {
        #[cfg(not(feature = "zstd"))]
        Compression::Zstd => Err(LayerError::Compression { found: "zstd" }),
        Compression::None if start.starts_with(b"BZh") => Err(LayerError::Compression { found: "bzip2" }),
        Compression::None if start.starts_with(b"\xfd7zXZ") => Err(LayerError::Compression { found: "xz" }),
        packing => Ok(packing),
    }
}

/// A writer that packs what it gets as gzip into `sink`, with the same bytes on every machine: no time, no name, level 6.
pub(crate) fn gzip<W: Write>(sink: W) -> flate2::write::GzEncoder<W> {
    GzBuilder::new()
        .operating_system(255)
        .write(sink, flate2::Compression::new(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = gzip(Vec::new());
        encoder.write_all(bytes).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    fn unpack(bytes: &[u8]) -> Result<Vec<u8>, LayerError> {
        let mut found = Vec::new();
        decompress(Box::new(bytes))?
            .read_to_end(&mut found)
            .map_err(LayerError::Read)?;
        Ok(found)
    }

    #[test]
    fn gzip_is_unpacked_and_plain_bytes_are_left_alone() {
        assert_eq!(unpack(&pack(b"hello")).expect("gzip"), b"hello");
        assert_eq!(unpack(b"hello").expect("plain"), b"hello");
        assert_eq!(unpack(b"").expect("nothing"), b"");
        let two = [pack(b"one"), pack(b"two")].concat();
        assert_eq!(unpack(&two).expect("two members"), b"onetwo");
    }

    #[test]
    fn gzip_headers_say_nothing_of_time_or_machine() {
        assert_eq!(pack(b"x")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    }

    #[test]
    fn broken_streams_are_errors() {
        let packed = pack(&vec![7; 100_000]);
        assert!(matches!(unpack(&packed[..packed.len() - 5]), Err(LayerError::Read(_))));
        let mut wrong = packed.clone();
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        assert!(matches!(unpack(&wrong), Err(LayerError::Read(_))));
    }

    #[test]
    fn other_packings_are_named() {
        let text = |bytes: &[u8]| unpack(bytes).expect_err("unknown").to_string();
        assert_eq!(text(b"BZh91AY"), "expected a layer as plain tar or gzip, found bzip2");
        assert_eq!(text(b"\xfd7zXZ\0"), "expected a layer as plain tar or gzip, found xz");
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_unpacked_frame_by_frame() {
        // A frame with the raw block "hello", a frame to be passed over, and the first one again.
        let frame = b"\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello";
        let skipped = b"\x53\x2a\x4d\x18\x03\0\0\0abc";
        let stream = [&frame[..], skipped, frame].concat();
        assert_eq!(unpack(&stream).expect("zstd"), b"hellohello");
        for end in [3, 8, 12, 18, 22, stream.len() - 1] {
            assert!(unpack(&stream[..end]).is_err() || end < 4, "{end}");
        }
        assert!(unpack(&[&frame[..], b"junk"].concat()).is_err());
    }
}
