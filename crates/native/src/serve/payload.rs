//! Bodies: a request's on its way in, an answer's on its way out. Neither is in memory whole.

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How long a client may take for each piece of its body.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// After this time, a body that comes more slowly than [`SLOWEST`] is given up: it would hold its place for ever.
const GRACE: Duration = Duration::from_mins(1);

/// Bytes in a second.
const SLOWEST: u64 = 1024;

/// So much of a file is read at once, and as much ahead of it.
const PIECE_BYTES: u64 = 256 << 10;

/// A request's body, read from a thread that may wait for it.
pub(super) struct Arriving {
    runtime: Handle,
    body: Incoming,
    /// Came and was not read yet.
    rest: Bytes,
    /// When the first byte was asked for.
    begun: Option<Instant>,
    count: u64,
}

impl Arriving {
    pub(super) fn new(runtime: Handle, body: Incoming) -> Arriving {
        Arriving {
            runtime,
            body,
            rest: Bytes::new(),
            begun: None,
            count: 0,
        }
    }

    /// How many bytes were taken from it.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The next piece, empty at the end.
    fn next(&mut self) -> io::Result<Bytes> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        loop {
            let waited = begun.elapsed();
            if waited > GRACE && self.count / waited.as_secs().max(1) < SLOWEST {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let frame = self
                .runtime
                .block_on(async { tokio::time::timeout(PATIENCE, self.body.frame()).await });
            match frame {
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(None) => return Ok(Bytes::new()),
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Ok(Some(Ok(frame))) => {
                    // Trailers say nothing here.
                    if let Ok(bytes) = frame.into_data()
                        && !bytes.is_empty()
                    {
                        return Ok(bytes);
                    }
                }
            }
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && !into.is_empty() {
            self.rest = self.next()?;
        }
        let count = into.len().min(self.rest.len());
        into[..count].copy_from_slice(&self.rest.split_to(count));
        self.count += count as u64;
        Ok(count)
    }
}

/// An answer's body.
pub(super) enum Payload {
    /// In memory, empty when it was sent.
    Bytes(Bytes),
    /// In a file.
    File(Pieces),
}

/// A piece of a file, read ahead while what came before is sent.
pub(super) struct Pieces {
    file: Arc<File>,
    /// Not read yet.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload::Bytes(bytes)
    }
}

impl Payload {
    /// A piece of a file. A small one is read now.
    pub(super) fn of_file(mut file: File, start: u64, length: u64) -> io::Result<Payload> {
        file.seek(SeekFrom::Start(start))?;
        if length <= PIECE_BYTES {
            return read(&file, length).map(Payload::Bytes);
        }
        Ok(Payload::File(Pieces {
            file: Arc::new(file),
            left: length,
            reading: None,
        }))
    }
}

/// Reads exactly `length` bytes, from where the file stands.
fn read(mut file: &File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}

impl Pieces {
    /// Begins to read the next piece.
    fn go_on(&mut self) {
        let length = self.left.min(PIECE_BYTES);
        self.left -= length;
        self.reading = (length > 0).then(|| {
            let file = Arc::clone(&self.file);
            tokio::task::spawn_blocking(move || read(&file, length))
        });
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let pieces = match self.get_mut() {
            Payload::Bytes(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Payload::Bytes(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Payload::File(pieces) => pieces,
        };
        if pieces.reading.is_none() {
            pieces.go_on();
        }
        let Some(reading) = &mut pieces.reading else {
            return Poll::Ready(None);
        };
        let Poll::Ready(outcome) = Pin::new(reading).poll(context) else {
            return Poll::Pending;
        };
        let outcome = outcome.unwrap_or_else(|error| Err(io::Error::other(error)));
        if outcome.is_ok() {
            pieces.go_on();
        }
        Poll::Ready(Some(outcome.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Payload::Bytes(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::File(pieces) if pieces.reading.is_none() => SizeHint::with_exact(pieces.left),
            Payload::File(_) => SizeHint::default(),
        }
    }
}
