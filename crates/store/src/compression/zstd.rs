//! A Zstandard stream: frames one after the other, some of which are to be passed over.

use super::Counted;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{BufRead, Chain, Cursor, Error, ErrorKind, Read, Result};

const FRAME: u32 = 0xfd2f_b528;
const SKIPPED_FRAMES: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;

/// The decoder takes the magic number too: it is put back before the source.
type Frame<'a> = StreamingDecoder<Chain<Cursor<[u8; 4]>, Counted<'a>>, FrameDecoder>;

/// What the frames of a stream hold, one after the other.
pub(super) struct Frames<'a> {
    state: State<'a>,
}

enum State<'a> {
    Between(Counted<'a>),
    In(Box<Frame<'a>>),
    End,
}

impl<'a> Frames<'a> {
    pub(super) fn new(source: Counted<'a>) -> Frames<'a> {
        Frames {
            state: State::Between(source),
        }
    }

    /// Bytes taken from the source.
    pub(super) fn taken(&self) -> u64 {
        match &self.state {
            State::Between(source) => source.taken,
            State::In(frame) => frame.get_ref().get_ref().1.taken,
            State::End => 0,
        }
    }

    /// Whether a frame has ended and the next has not begun: reading can begin here.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Between(_))
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            // After an error the stream is at its end.
            match std::mem::replace(&mut self.state, State::End) {
                State::End => return Ok(0),
                State::Between(source) => self.state = next_state(source)?,
                State::In(mut frame) => {
                    let count = frame.read(buffer)?;
                    // A frame ends with its last byte, so that who reads can see that none is begun.
                    let is_over = frame.decoder.is_finished() && frame.decoder.can_collect() == 0;
                    self.state = if count == 0 || is_over {
                        let (_, source) = frame.into_inner().into_inner();
                        State::Between(source)
                    } else {
                        State::In(frame)
                    };
                    if count > 0 {
                        return Ok(count);
                    }
                }
            }
        }
    }
}

fn next_state(mut source: Counted<'_>) -> Result<State<'_>> {
    if source.fill_buf()?.is_empty() {
        return Ok(State::End);
    }
    let mut magic = [0; 4];
    source.read_exact(&mut magic)?;
    let number = u32::from_le_bytes(magic);
    if SKIPPED_FRAMES.contains(&number) {
        let mut length = [0; 4];
        source.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let skipped = std::io::copy(&mut source.by_ref().take(length), &mut std::io::sink())?;
        if skipped < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        return Ok(State::Between(source));
    }
    if number != FRAME {
        return Err(Error::new(ErrorKind::InvalidData, "expected a Zstandard frame"));
    }
    let decoder = StreamingDecoder::new(Cursor::new(magic).chain(source));
    let decoder = decoder.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    Ok(State::In(Box::new(decoder)))
}
