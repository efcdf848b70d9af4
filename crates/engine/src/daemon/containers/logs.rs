//! What the processes of containers wrote.

use super::super::{Daemon, Host, Refusal};
use super::Container;
use builder::{Output, Stream};
use oci::Time;

/// So many bytes of a container's log are kept; the oldest go first.
const MAX_LOG_BYTES: usize = 8 << 20;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub time: Time,
    /// Where to.
    pub stream: Stream,
    /// The bytes, with the line end if it has one.
    pub bytes: Vec<u8>,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Only those written at that time or later.
    pub since: Option<Time>,
    /// Only those written before.
    pub until: Option<Time>,
    /// Only so many of the last ones.
    pub tail: Option<usize>,
}

impl LogOptions {
    /// Whether a line of that time is wanted, if it is not too far from the end.
    pub fn wants(&self, time: Time) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

impl Daemon {
    /// Gives every wanted line of a container's log to `each`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn logs(
        &self,
        name: &str,
        options: LogOptions,
        host: &mut Host<'_>,
        each: &mut dyn FnMut(&LogLine),
    ) -> Result<(), Refusal> {
        host.runtime.logs(self.container(name)?, options, each)
    }

    /// Adds what a container's process wrote since: for processes that the caller plays, as a registry's server.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn append_log(&mut self, name: &str, output: &[Output], now: Time) -> Result<(), Refusal> {
        let id = self.container(name)?.id.clone();
        self.container_mut(&id).write_log(output, now);
        Ok(())
    }
}

impl Container {
    pub(super) fn write_log(&mut self, output: &[Output], now: Time) {
        for piece in output {
            for bytes in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
                match self.log.last_mut() {
                    // The rest of a line that was begun before.
                    Some(last) if last.stream == piece.stream && !last.bytes.ends_with(b"\n") => {
                        last.bytes.extend_from_slice(bytes);
                    }
                    _ => self.log.push(LogLine {
                        time: now,
                        stream: piece.stream,
                        bytes: bytes.to_vec(),
                    }),
                }
            }
        }
        let mut size: usize = self.log.iter().map(|line| line.bytes.len()).sum();
        let too_old = self.log.iter().take_while(|line| {
            let is_too_much = size > MAX_LOG_BYTES;
            size -= line.bytes.len().min(size);
            is_too_much
        });
        let n_old = too_old.count();
        self.log.drain(..n_old);
    }
}
