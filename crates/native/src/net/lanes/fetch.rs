//! A layer on its way in: the socket, the inflater and the reader of its tar each have a thread, and so has its blob.

use super::Lane;
use crate::disk::DiskBlobs;
use oci::{Descriptor, DiffId};
use registry::client::{Anonymous, Client, Event, Fetching, Host, LayerEvent, LayerState, RegistryError};
use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use store::{Layer, LayerError, LayerSource, Limits, ReadLayer, StoreError, Whiteouts, decompress, read_tar};

/// So much is handed from thread to thread at once, in bytes.
const PIECE: usize = 1 << 18;
/// So many pieces wait for the next thread.
const N_WAITING: usize = 16;

/// Fetches a layer, its blob and its files kept by the time it is all there.
pub(super) fn fetch(
    (descriptor, diff_id): &(Descriptor, DiffId),
    work: &Fetching<'_>,
    lane: &mut Lane<'_>,
) -> Result<Layer, RegistryError> {
    let Lane {
        sockets,
        side,
        blobs,
        files,
    } = lane;
    let id = descriptor.digest.short();
    let (to_disk, for_disk) = sync_channel(N_WAITING);
    let (to_inflater, for_inflater) = sync_channel(N_WAITING);
    let (to_reader, for_reader) = sync_channel(N_WAITING);
    thread::scope(|scope| {
        let keeping = scope.spawn(|| keep(Pieces::new(for_disk), blobs));
        let inflating = scope.spawn(|| inflate(Pieces::new(for_inflater), to_reader));
        let reading = scope.spawn(|| read(Pieces::new(for_reader), work.limits, files));
        let mut session = work.session.clone();
        let mut client = Client {
            transport: sockets,
            host: side,
            credentials: &Anonymous,
            config: work.config,
        };
        let sinks = [to_disk, to_inflater];
        let mut is_given_up = false;
        let fetched = client.fetch_to(&mut session, work.repository, descriptor, &mut |reader| {
            let handed = hand_over(reader, &sinks);
            is_given_up = matches!(handed, Err(None));
            handed.map_err(|error| StoreError::Source(error.unwrap_or_else(|| ErrorKind::BrokenPipe.into())))
        });
        if fetched.is_ok() {
            for sink in &sinks {
                // One that is gone says why itself.
                let _ = sink.send(Piece::End);
            }
        }
        drop(sinks);
        let (kept, inflated, read) = (joined(keeping), joined(inflating), joined(reading));
        match fetched {
            // Unless it was the others who did not want any more.
            Err(error) if !is_given_up => return Err(error),
            _ => {}
        }
        // A reader whose bytes end in the midst says less than the inflater who ended them.
        let read = match (inflated, read) {
            (Err(error), _) => return Err(error.into()),
            (Ok(()), read) => read?,
        };
        kept?;
        let told = |state| Event::Layer(LayerEvent { id: id.clone(), state });
        let total = descriptor.size;
        for state in [
            LayerState::DownloadComplete,
            LayerState::Extracting { total },
            LayerState::PullComplete,
        ] {
            if side.event(told(state)).is_break() {
                return Err(RegistryError::Cancelled);
            }
        }
        finish(descriptor, *diff_id, read)
    })
}

fn finish(descriptor: &Descriptor, expected: DiffId, read: ReadLayer) -> Result<Layer, RegistryError> {
    if read.diff_id != expected {
        return Err(LayerError::DiffId {
            expected,
            found: read.diff_id,
        }
        .into());
    }
    Ok(Layer {
        diff_id: read.diff_id,
        tar_size: read.size,
        descriptor: descriptor.clone(),
        source: LayerSource::Blob,
        changes: read.changes.into(),
    })
}

/// What a thread came to. One that panicked makes this one panic too.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Hands what comes to all of `sinks`. `None` for an error if one of them does not take any more.
fn hand_over(reader: &mut dyn Read, sinks: &[SyncSender<Piece>]) -> Result<(), Option<io::Error>> {
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        reader.take(PIECE as u64).read_to_end(&mut piece).map_err(Some)?;
        if piece.is_empty() {
            return Ok(());
        }
        let shared: Arc<[u8]> = piece.as_slice().into();
        for sink in sinks {
            sink.send(Piece::Bytes(Arc::clone(&shared))).map_err(|_| None)?;
        }
    }
}

/// Keeps the blob.
fn keep(mut pieces: Pieces, blobs: &mut DiskBlobs) -> Result<(), StoreError> {
    use store::BlobStore;
    blobs.put_from(&mut pieces).map(|_| ())
}

/// Inflates what comes and hands it on.
fn inflate(pieces: Pieces, sink: SyncSender<Piece>) -> Result<(), LayerError> {
    let mut reader = decompress(Box::new(pieces))?;
    match hand_over(reader.as_mut(), std::slice::from_ref(&sink)) {
        Ok(()) => {
            let _ = sink.send(Piece::End);
            Ok(())
        }
        Err(Some(error)) => Err(LayerError::Read(error)),
        // The reader says why.
        Err(None) => Ok(()),
    }
}

/// Reads the tar and keeps the contents of its files.
fn read(mut pieces: Pieces, limits: &Limits, files: &mut DiskBlobs) -> Result<ReadLayer, LayerError> {
    read_tar(&mut pieces, limits, Whiteouts::Delete, files)
}

/// What goes from thread to thread.
enum Piece {
    Bytes(Arc<[u8]>),
    /// There are no more: without it, the one who sends has failed.
    End,
}

/// Pieces as bytes to be read.
struct Pieces {
    receiver: Receiver<Piece>,
    piece: Arc<[u8]>,
    used: usize,
    is_over: bool,
}

impl Pieces {
    fn new(receiver: Receiver<Piece>) -> Pieces {
        Pieces {
            receiver,
            piece: Arc::default(),
            used: 0,
            is_over: false,
        }
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.piece.len() && !self.is_over {
            match self.receiver.recv() {
                Ok(Piece::Bytes(piece)) => (self.piece, self.used) = (piece, 0),
                Ok(Piece::End) => self.is_over = true,
                Err(_) => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(&self.piece[self.used..])
    }

    fn consume(&mut self, count: usize) {
        self.used = self.piece.len().min(self.used + count);
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
