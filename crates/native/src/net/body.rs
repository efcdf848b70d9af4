//! Bodies on their way: out as pieces that a thread reads, in as a [`Read`] that waits for the socket.

use super::Shared;
use super::send::Connection;
use http_body_util::BodyExt;
use hyper::body::{Body, Buf, Bytes, Frame, Incoming, SizeHint};
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::Receiver;

/// A piece on its way out, or why there are no more.
pub(super) type Piece = Result<Bytes, io::Error>;

/// The body of a request: pieces as they are handed over.
pub(super) struct Outgoing {
    pieces: Option<Receiver<Piece>>,
    left: Option<u64>,
}

impl Outgoing {
    /// No body.
    pub(super) fn nothing() -> Outgoing {
        Outgoing {
            pieces: None,
            left: Some(0),
        }
    }

    /// What comes over `pieces`, `length` bytes if it is known.
    pub(super) fn of(pieces: Receiver<Piece>, length: Option<u64>) -> Outgoing {
        Outgoing {
            pieces: Some(pieces),
            left: length,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        pieces.poll_recv(context).map(|piece| {
            if let (Some(left), Some(Ok(piece))) = (&mut self.left, &piece) {
                *left = left.saturating_sub(piece.len() as u64);
            }
            piece.map(|piece| piece.map(Frame::data))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The body of an answer. At its end the connection is kept for the next request.
pub(super) struct Arriving {
    shared: Arc<Shared>,
    incoming: Incoming,
    piece: Bytes,
    /// Gone at the end, or if it cannot be used again.
    connection: Option<Connection>,
    is_over: bool,
}

impl Arriving {
    /// A body that comes over `connection`, which is kept afterwards if `is_reusable`.
    pub(super) fn new(shared: Arc<Shared>, incoming: Incoming, connection: Connection) -> Arriving {
        let mut arriving = Arriving {
            shared,
            piece: Bytes::new(),
            connection: Some(connection),
            is_over: false,
            incoming,
        };
        if arriving.incoming.is_end_stream() {
            arriving.end();
        }
        arriving
    }

    fn end(&mut self) {
        self.is_over = true;
        if let Some(connection) = self.connection.take().filter(Connection::is_done) {
            self.shared.keep(connection);
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.is_over && !into.is_empty() {
            let patience = self.shared.patience.piece;
            let next = async { tokio::time::timeout(patience, self.incoming.frame()).await };
            match self.shared.runtime.block_on(next) {
                Err(_) => return Err(ErrorKind::TimedOut.into()),
                Ok(Some(Ok(frame))) => self.piece = frame.into_data().unwrap_or_default(),
                Ok(Some(Err(error))) => return Err(broken(&error)),
                Ok(None) => self.end(),
            }
        }
        let count = self.piece.len().min(into.len());
        self.piece.copy_to_slice(&mut into[..count]);
        // The end is known with the last byte: whoever reads no further still leaves the connection to the next.
        if self.piece.is_empty() && !self.is_over && self.incoming.is_end_stream() {
            self.end();
        }
        Ok(count)
    }
}

/// A body that broke off.
fn broken(error: &hyper::Error) -> io::Error {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match source {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None => ErrorKind::UnexpectedEof.into(),
    }
}
