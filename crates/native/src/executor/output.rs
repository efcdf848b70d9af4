//! What a command writes, while it writes it.

use builder::Output;
use std::io::{self, Read};

/// Hears what commands write, while they write it. Each is told from the others by its number.
pub trait Listener {
    /// A command starts.
    fn begin(&mut self, number: usize);

    /// It wrote this. A piece may end in the middle of a line or of a letter.
    fn hear(&mut self, number: usize, piece: &[u8]);

    /// It has ended.
    fn end(&mut self, number: usize);

    /// Time has passed, and nobody wrote anything.
    fn pause(&mut self) {}
}

/// So much of a command's output is kept for the build's record, in bytes, as BuildKit's `BUILDKIT_STEP_LOG_MAX_SIZE`.
pub const MAX_LOG: usize = 2 << 20;

/// Reads a pipe to its end. Every piece goes to `listener`, the first [`MAX_LOG`] bytes are returned.
///
/// # Errors
///
/// If the pipe cannot be read.
pub fn drain(mut pipe: impl Read, listener: &mut dyn FnMut(&[u8])) -> io::Result<Vec<Output>> {
    let mut kept = Vec::new();
    let mut clipped = false;
    let mut piece = vec![0; 1 << 16];
    loop {
        let count = match pipe.read(&mut piece) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let bytes = &piece[..count];
        let room = MAX_LOG - kept.len();
        kept.extend_from_slice(&bytes[..count.min(room)]);
        if count <= room {
            listener(bytes);
        } else if !std::mem::replace(&mut clipped, true) {
            listener(&bytes[..room]);
            let note = format!("\n[output clipped, log limit {}MiB reached]\n", MAX_LOG >> 20);
            listener(note.as_bytes());
        }
    }
    // One pipe takes both streams, so that lines stand in the order in which they were written.
    Ok(if kept.is_empty() {
        Vec::new()
    } else {
        vec![Output::out(kept)]
    })
}

/// Cuts a stream of pieces into whole lines.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

/// A line that does not end is cut after so many bytes.
const MAX_LINE: usize = 1 << 14;

impl Lines {
    /// Takes a piece; returns the lines that are whole now, what is no UTF-8 replaced.
    pub fn add(&mut self, piece: &[u8]) -> Option<String> {
        self.0.extend_from_slice(piece);
        let whole = match self.0.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.0.len() > MAX_LINE => self.0.len(),
            None => return None,
        };
        let rest = self.0.split_off(whole);
        let lines = std::mem::replace(&mut self.0, rest);
        Some(String::from_utf8_lossy(&lines).into_owned())
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_whatever_the_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"a\nb"), Some("a\n".to_owned()));
        assert_eq!(lines.add("ü".as_bytes().split_at(1).0), None);
        assert_eq!(
            lines.add(&["ü".as_bytes().split_at(1).1, b"\n"].concat()),
            Some("bü\n".to_owned())
        );
        assert_eq!(lines.add(b"end"), None);
        assert_eq!(lines.rest(), Some("end".to_owned()));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_flood_is_read_to_its_end_and_kept_in_part() {
        let flood = vec![b'x'; 3 * MAX_LOG];
        let mut heard = 0;
        let kept = drain(flood.as_slice(), &mut |piece| heard += piece.len()).unwrap();
        assert_eq!(kept[0].bytes.len(), MAX_LOG);
        assert!(heard > MAX_LOG && heard < MAX_LOG + 100);
    }
}
