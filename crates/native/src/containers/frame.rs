//! What a keeper and its clients say to each other over a socket: short frames, a kind, a length and bytes.

use std::io::{self, Read, Write};

/// More than this is no frame of ours, in bytes.
const MAX_BYTES: u32 = 1 << 20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the keeper, the first frame of the one who starts it: the job as JSON.
    Job = 1,
    /// To the keeper: wants to know how the process ends; with a byte of 1 also what it writes from here on.
    Attach = 2,
    /// To the keeper: input of the process.
    Input = 3,
    /// To the keeper: the end of that input.
    InputEnd = 4,
    /// To the keeper: columns and rows of the terminal, two bytes each.
    Resize = 5,
    /// To the keeper: a signal for the process, one byte.
    Signal = 6,
    /// To the keeper: the process is to end: the signal in one byte, then the seconds until it is killed in four.
    Stop = 7,
    /// To the client: the process was started, with what is known of it as JSON.
    Started = 16,
    /// To the client: it could not be started, with why as JSON.
    Failed = 17,
    /// To the client: a piece of standard output.
    Output = 18,
    /// To the client: a piece of standard error.
    Error = 19,
    /// To the client: the process ended, its exit code in four bytes. Nothing follows.
    Ended = 20,
}

const KINDS: [Kind; 12] = [
    Kind::Job,
    Kind::Attach,
    Kind::Input,
    Kind::InputEnd,
    Kind::Resize,
    Kind::Signal,
    Kind::Stop,
    Kind::Started,
    Kind::Failed,
    Kind::Output,
    Kind::Error,
    Kind::Ended,
];

/// Writes a frame.
///
/// # Errors
///
/// If the other end is gone, or `bytes` are too many.
pub(super) fn write(sink: &mut dyn Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= MAX_BYTES);
    let length = length.ok_or_else(|| {
        wrong(format!(
            "expected at most {MAX_BYTES} bytes in a frame, found {}",
            bytes.len()
        ))
    })?;
    let mut frame = Vec::with_capacity(5 + bytes.len());
    frame.push(kind as u8);
    frame.extend(length.to_be_bytes());
    frame.extend(bytes);
    sink.write_all(&frame)
}

/// Reads a frame; `None` at the end.
///
/// # Errors
///
/// For what is no frame, or one that was cut off.
pub(super) fn read(source: &mut dyn Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    let mut n_read = 0;
    while n_read < head.len() {
        match source.read(&mut head[n_read..]) {
            Ok(0) if n_read == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => n_read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == head[0]);
    let kind = kind.ok_or_else(|| wrong(format!("expected the kind of a frame, found {}", head[0])))?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    if length > MAX_BYTES {
        return Err(wrong(format!(
            "expected at most {MAX_BYTES} bytes in a frame, found {length}"
        )));
    }
    let mut bytes = vec![0; length as usize];
    source.read_exact(&mut bytes)?;
    Ok(Some((kind, bytes)))
}

/// A size of a terminal as [`Kind::Resize`] has it.
pub(super) fn size_bytes((columns, rows): (u16, u16)) -> Vec<u8> {
    [columns.to_be_bytes(), rows.to_be_bytes()].concat()
}

/// The size in a [`Kind::Resize`].
pub(super) fn size_of(bytes: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *bytes else { return None };
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut pipe = Vec::new();
        write(&mut pipe, Kind::Output, b"hello").unwrap();
        write(&mut pipe, Kind::Resize, &size_bytes((80, 24))).unwrap();
        let mut source = pipe.as_slice();
        assert_eq!(read(&mut source).unwrap(), Some((Kind::Output, b"hello".to_vec())));
        let (kind, bytes) = read(&mut source).unwrap().unwrap();
        assert_eq!((kind, size_of(&bytes)), (Kind::Resize, Some((80, 24))));
        assert_eq!(read(&mut source).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bad in [
            &[99, 0, 0, 0, 0][..],
            &[18, 255, 255, 255, 255],
            &[18, 0, 0],
            &[18, 0, 0, 0, 2, 1],
        ] {
            let mut source = bad;
            assert!(read(&mut source).is_err(), "{bad:?}");
        }
        assert!(write(&mut Vec::new(), Kind::Output, &vec![0; MAX_BYTES as usize + 1]).is_err());
    }
}
