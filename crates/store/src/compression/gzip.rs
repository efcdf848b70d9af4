//! A gzip stream: members one after the other, as a decoder whose state can be kept and taken up again.
//!
//! `flate2` reads gzip too, but its state cannot be copied; without that, a file at the end of a large layer costs
//! unpacking all before it. Inflating is `miniz_oxide`'s, as it is in `flate2`.

use super::Counted;
use flate2::Crc;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Names and comments in a header are passed over up to this length.
const MAX_TEXT: u64 = 65_535;
/// Flags of a header.
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The state of a decoder inside a member: about 43 KB.
pub(super) type Inside = Box<InflateState>;

/// What the members of a stream hold, one after the other.
///
/// Source: RFC 1952.
pub(super) struct Gunzip<'a> {
    source: Counted<'a>,
    /// The member that is being read; none before a header and at the end.
    member: Option<Member>,
}

struct Member {
    state: Inside,
    /// The checksum so far; unknown if reading began in the middle.
    crc: Option<Crc>,
}

impl<'a> Gunzip<'a> {
    pub(super) fn new(source: Counted<'a>) -> Gunzip<'a> {
        Gunzip { source, member: None }
    }

    /// Goes on in the middle of a member. Its checksum is not verified.
    pub(super) fn resume(source: Counted<'a>, state: Inside) -> Gunzip<'a> {
        let member = Some(Member { state, crc: None });
        Gunzip { source, member }
    }

    /// Bytes taken from the source.
    pub(super) fn taken(&self) -> u64 {
        self.source.taken
    }

    /// What it takes to go on from here.
    pub(super) fn inside(&self) -> Option<Inside> {
        self.member.as_ref().map(|member| member.state.clone())
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(member) = &mut self.member else {
                if self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                read_header(&mut self.source)?;
                self.member = Some(Member {
                    state: InflateState::new_boxed(DataFormat::Raw),
                    crc: Some(Crc::new()),
                });
                continue;
            };
            let input = self.source.fill_buf()?;
            let is_end = input.is_empty();
            let done = inflate(&mut member.state, input, into, MZFlush::None);
            self.source.consume(done.bytes_consumed);
            let count = done.bytes_written;
            if let Some(crc) = &mut member.crc {
                crc.update(&into[..count]);
            }
            match done.status {
                Ok(MZStatus::StreamEnd) => {
                    let crc = member.crc.take();
                    self.member = None;
                    read_trailer(&mut self.source, crc.as_ref())?;
                }
                Ok(_) | Err(MZError::Buf) if count > 0 => {}
                Ok(_) | Err(MZError::Buf) if is_end => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if done.bytes_consumed > 0 => {}
                _ => return Err(Error::new(ErrorKind::InvalidData, "corrupt deflate stream")),
            }
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

fn read_header(source: &mut impl BufRead) -> Result<()> {
    let mut crc = Crc::new();
    let mut fixed = [0; 10];
    source.read_exact(&mut fixed)?;
    crc.update(&fixed);
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
        return Err(bad("expected a gzip header"));
    }
    if flags & EXTRA != 0 {
        let mut length = [0; 2];
        source.read_exact(&mut length)?;
        let mut extra = vec![0; u16::from_le_bytes(length).into()];
        source.read_exact(&mut extra)?;
        crc.update(&length);
        crc.update(&extra);
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let mut text = Vec::new();
            source.take(MAX_TEXT + 1).read_until(0, &mut text)?;
            if text.last() != Some(&0) {
                return Err(bad("expected the end of a text in a gzip header"));
            }
            crc.update(&text);
        }
    }
    if flags & HEADER_CRC != 0 {
        let mut stated = [0; 2];
        source.read_exact(&mut stated)?;
        if u32::from(u16::from_le_bytes(stated)) != crc.sum() & 0xffff {
            return Err(bad("expected the checksum of a gzip header"));
        }
    }
    Ok(())
}

fn read_trailer(source: &mut impl BufRead, crc: Option<&Crc>) -> Result<()> {
    let mut stated = [[0; 4]; 2];
    for number in &mut stated {
        source.read_exact(number)?;
    }
    let stated = stated.map(u32::from_le_bytes);
    match crc {
        Some(crc) if stated != [crc.sum(), crc.amount()] => Err(bad("corrupt gzip stream: its checksum is wrong")),
        _ => Ok(()),
    }
}

fn bad(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut found = Vec::new();
        Gunzip::new(Counted::new(Box::new(bytes))).read_to_end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn every_field_of_a_header_is_passed_over() {
        let mut encoder = flate2::GzBuilder::new()
            .filename("a name")
            .comment("a comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"hello").expect("memory takes it");
        let packed = encoder.finish().expect("memory takes it");
        assert_eq!(unpack(&packed).expect("gzip"), b"hello");
        for end in 0..packed.len() {
            assert_eq!(unpack(&packed[..end]).is_ok(), end == 0, "{end}");
        }
    }

    #[test]
    fn wrong_headers_and_sums_are_refused() {
        let packed = |flags: u8, rest: &[u8]| {
            let header = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
            // An empty stored block, its checksum and its size.
            [&header[..], rest, &[1, 0, 0, 0xff, 0xff], &[0; 8]].concat()
        };
        assert_eq!(unpack(&packed(0, b"")).expect("gzip"), b"");
        assert!(unpack(&packed(RESERVED, b"")).is_err());
        assert!(unpack(&packed(HEADER_CRC, b"\0\0")).is_err());
        assert!(unpack(&packed(NAME, &vec![b'a'; 70_000])).is_err());
        let mut wrong = packed(0, b"");
        *wrong.last_mut().expect("it has a size") = 1;
        assert!(unpack(&wrong).is_err());
        assert!(unpack(&[packed(0, b""), b"junk".to_vec()].concat()).is_err());
    }

    #[test]
    fn reading_goes_on_from_any_state() {
        let bytes: Vec<u8> = (0..200_000u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
        let mut encoder = super::super::gzip(Vec::new());
        encoder.write_all(&bytes).expect("memory takes it");
        let packed = encoder.finish().expect("memory takes it");
        let mut whole = Gunzip::new(Counted::new(Box::new(&packed[..])));
        let mut at = 0;
        let mut piece = vec![0; 70_001];
        loop {
            let count = whole.read(&mut piece).expect("gzip");
            at += count;
            let Some(state) = whole.inside() else {
                assert_eq!(at, bytes.len());
                break;
            };
            let rest = Counted::new(Box::new(&packed[whole.taken() as usize..]));
            let mut found = Vec::new();
            Gunzip::resume(rest, state).read_to_end(&mut found).expect("gzip");
            assert!(found == bytes[at..], "{at}");
        }
    }
}
