//! A file that is hashed while it is written.

use oci::{Digest, Digester};
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// A file that is hashed while it is written.
pub(crate) struct Hashed {
    file: BufWriter<File>,
    digester: Digester,
    size: u64,
}

impl Hashed {
    /// Nothing was written yet.
    pub(crate) fn new(file: BufWriter<File>) -> Hashed {
        Hashed {
            file,
            digester: Digester::new(),
            size: 0,
        }
    }

    /// What was written: its digest and its size. The file was flushed before.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (self.digester.finish(), self.size)
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digester.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
