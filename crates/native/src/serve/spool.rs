//! A request's body, put aside until it is whole: a slow client must not keep the others waiting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Seek, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// What fits into memory; the rest goes to a file.
const MEMORY_BYTES: usize = 1 << 20;

/// Bytes in memory or, if they are many, in a file that has no name any more.
#[derive(Debug)]
pub(super) enum Spool {
    Memory(Vec<u8>),
    Disk(File),
}

impl Spool {
    pub(super) fn new() -> Spool {
        Spool::Memory(Vec::new())
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Spool::Memory(held) if held.len() + bytes.len() <= MEMORY_BYTES => held.extend_from_slice(bytes),
            Spool::Memory(held) => {
                let mut file = nameless_file()?;
                file.write_all(held)?;
                file.write_all(bytes)?;
                *self = Spool::Disk(file);
            }
            Spool::Disk(file) => file.write_all(bytes)?,
        }
        Ok(())
    }

    /// The bytes, from the first.
    pub(super) fn into_reader(self) -> io::Result<Box<dyn Read>> {
        match self {
            Spool::Memory(held) => Ok(Box::new(Cursor::new(held))),
            Spool::Disk(mut file) => {
                file.rewind()?;
                Ok(Box::new(file))
            }
        }
    }
}

fn nameless_file() -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("layerlab-body-{}-{count}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_from_disk() {
        for n_pieces in [0, 1, 20] {
            let mut spool = Spool::new();
            let piece: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
            for _ in 0..n_pieces {
                spool.push(&piece).unwrap();
            }
            assert_eq!(matches!(spool, Spool::Disk(_)), n_pieces == 20);
            let mut bytes = Vec::new();
            spool.into_reader().unwrap().read_to_end(&mut bytes).unwrap();
            assert!(bytes == piece.repeat(n_pieces));
        }
    }
}
