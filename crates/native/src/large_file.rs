//! Large files, written past the page cache by a thread of their own while the next bytes come.
//!
//! What is only to be kept need not be copied into the machine's memory first, and a sync at the end finds little left to do.
//! Where the filesystem does not take that, and at both ends of a file, it is written as any other.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// So much is written at once, in bytes.
const PIECE: usize = 1 << 20;
/// Addresses, offsets and lengths must be multiples of this, whatever the disk.
const ALIGN: usize = 4096;
/// So many pieces wait for the disk.
const N_WAITING: usize = 2;
/// Through the page cache, the disk is told to begin after so many bytes.
const FLUSHED: u64 = 32 << 20;

/// A file that grows. What was written is in the file once [`finish`](LargeFile::finish) said so; to survive a power cut it must be
/// synced besides.
#[derive(Debug)]
pub(crate) struct LargeFile {
    file: Arc<File>,
    path: PathBuf,
    /// Where `piece` begins in the file.
    at: u64,
    piece: Piece,
    /// Started by the first piece that is full.
    writer: Option<Writer>,
    written: Arc<AtomicU64>,
}

/// The thread that writes.
#[derive(Debug)]
struct Writer {
    full: SyncSender<(Piece, u64)>,
    empty: Receiver<Piece>,
    thread: JoinHandle<io::Result<()>>,
}

impl LargeFile {
    /// Opens a file, made if it is missing, whose first `size` bytes stay.
    ///
    /// # Errors
    ///
    /// Those of the filesystem.
    pub(crate) fn append(path: &Path, size: u64) -> io::Result<LargeFile> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        Ok(LargeFile {
            file: Arc::new(file),
            path: path.to_owned(),
            at: size,
            piece: Piece::new(),
            writer: None,
            written: Arc::new(AtomicU64::new(size)),
        })
    }

    /// So many bytes of the file are written: all before them are, too.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Whether all that was given is written.
    pub(crate) fn is_finished(&self) -> bool {
        self.written() == self.at + self.piece.len as u64
    }

    /// Writes what is left, and waits until all is written.
    ///
    /// # Errors
    ///
    /// The first one that the disk told.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.join()?;
        self.file.write_all_at(self.piece.bytes(), self.at)?;
        self.at += self.piece.len as u64;
        self.piece.len = 0;
        self.written.store(self.at, Ordering::Release);
        Ok(())
    }

    /// Hands the piece on, which is full.
    fn hand_on(&mut self) -> io::Result<()> {
        if self.writer.is_none() {
            self.writer = Some(Writer::start(&self.file, &self.path, &self.written)?);
        }
        let Some(writer) = &self.writer else { return Ok(()) };
        let next = writer.empty.try_recv().unwrap_or_else(|_| Piece::new());
        let (piece, at) = (std::mem::replace(&mut self.piece, next), self.at);
        self.at += piece.len as u64;
        match writer.full.send((piece, at)) {
            Ok(()) => Ok(()),
            // It says why itself.
            Err(_) => self.join(),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(Writer { full, thread, .. }) = self.writer.take() else {
            return Ok(());
        };
        drop(full);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Write for LargeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room() - self.piece.len;
        let count = bytes.len().min(room);
        self.piece.push(&bytes[..count]);
        if count == room {
            self.hand_on()?;
        }
        Ok(count)
    }

    /// Does nothing: see [`finish`](LargeFile::finish).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LargeFile {
    /// How large the piece may become: the next one begins where a disk's block does.
    fn room(&self) -> usize {
        PIECE - (self.at % ALIGN as u64) as usize
    }
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        // Whoever did not finish does not want the file.
        let _ = self.join();
    }
}

impl Writer {
    fn start(file: &Arc<File>, path: &Path, written: &Arc<AtomicU64>) -> io::Result<Writer> {
        let (full, pieces) = sync_channel(N_WAITING);
        let (back, empty) = channel();
        let disk = Disk {
            // A filesystem that does not know it refuses here or with the first piece.
            direct: OpenOptions::new()
                .write(true)
                .custom_flags(rustix::fs::OFlags::DIRECT.bits().cast_signed())
                .open(path)
                .ok(),
            file: Arc::clone(file),
            unflushed: 0,
        };
        let written = Arc::clone(written);
        let thread = std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || disk.write_all(&pieces, &back, &written))?;
        Ok(Writer { full, empty, thread })
    }
}

/// Where pieces go.
struct Disk {
    direct: Option<File>,
    file: Arc<File>,
    unflushed: u64,
}

impl Disk {
    fn write_all(
        mut self,
        pieces: &Receiver<(Piece, u64)>,
        back: &Sender<Piece>,
        written: &AtomicU64,
    ) -> io::Result<()> {
        for (mut piece, at) in pieces {
            self.write(piece.bytes(), at)?;
            written.store(at + piece.len as u64, Ordering::Release);
            piece.len = 0;
            // Nobody may want another one.
            let _ = back.send(piece);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let is_aligned = at.is_multiple_of(ALIGN as u64) && bytes.len().is_multiple_of(ALIGN);
        if let Some(direct) = self.direct.as_ref().filter(|_| is_aligned) {
            match direct.write_all_at(bytes, at) {
                Err(error) if error.kind() == ErrorKind::InvalidInput => self.direct = None,
                done => return done,
            }
        }
        self.file.write_all_at(bytes, at)?;
        self.unflushed += bytes.len() as u64;
        if self.unflushed >= FLUSHED {
            self.unflushed = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// Bytes at an address that a disk takes.
#[derive(Debug)]
struct Piece {
    memory: Box<[u8]>,
    start: usize,
    len: usize,
}

impl Piece {
    fn new() -> Piece {
        let memory = vec![0; PIECE + ALIGN].into_boxed_slice();
        Piece {
            start: memory.as_ptr().align_offset(ALIGN),
            memory,
            len: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = self.start + self.len;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::fs;

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn whatever_its_length_and_beginning_a_file_holds_what_was_written() {
        let scratch = Scratch::new();
        for begun in [0, 1, ALIGN, PIECE + 5] {
            for more in [0, 1, ALIGN - 1, PIECE - begun % ALIGN, 2 * PIECE, 3 * PIECE + 7] {
                let path = scratch.path(&format!("{begun}-{more}"));
                let all = bytes(begun + more);
                fs::write(&path, &all[..begun]).unwrap();
                let mut file = LargeFile::append(&path, begun as u64).unwrap();
                for piece in all[begun..].chunks(100_003) {
                    file.write_all(piece).unwrap();
                }
                file.finish().unwrap();
                assert_eq!(file.written(), all.len() as u64);
                assert!(fs::read(&path).unwrap() == all, "{begun} and {more}");
            }
        }
    }

    #[test]
    fn a_file_goes_on_after_it_was_finished() {
        let scratch = Scratch::new();
        let path = scratch.path("file");
        let all = bytes(5 * PIECE + 3);
        let mut file = LargeFile::append(&path, 0).unwrap();
        for half in all.chunks(all.len() / 2) {
            file.write_all(half).unwrap();
            file.finish().unwrap();
        }
        assert!(fs::read(&path).unwrap() == all);
    }

    #[test]
    fn an_error_of_the_disk_reaches_the_one_who_writes() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let mut file = LargeFile::append(full, 0).unwrap();
        let written = file.write_all(&bytes(9 * PIECE)).and_then(|()| file.finish());
        assert_eq!(written.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(file.written(), 0);
    }
}
