//! A blob that is read in pieces and verified when its end is reached.

use crate::StoreError;
use oci::{Digest, Digester};
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Bytes that must be those of a digest. If they are not, their end is an error: [`StoreError::Corrupt`].
#[derive(Debug)]
pub struct Verified<R> {
    bytes: R,
    digester: Digester,
    expected: Digest,
}

impl<R: BufRead> Verified<R> {
    /// `bytes`, which should be those of `expected`.
    pub fn new(bytes: R, expected: Digest) -> Verified<R> {
        Verified {
            bytes,
            digester: Digester::new(),
            expected,
        }
    }
}

impl<R: BufRead> BufRead for Verified<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        let bytes = self.bytes.fill_buf()?;
        if bytes.is_empty() {
            let found = self.digester.clone().finish();
            if found != self.expected {
                let corrupt = StoreError::Corrupt {
                    expected: self.expected,
                    found,
                };
                return Err(Error::new(ErrorKind::InvalidData, corrupt));
            }
        }
        Ok(bytes)
    }

    fn consume(&mut self, count: usize) {
        // What was shown is still there: the buffer is filled only when it is empty.
        if let Ok(bytes) = self.bytes.fill_buf() {
            self.digester.update(&bytes[..count]);
        }
        self.bytes.consume(count);
    }
}

impl<R: BufRead> Read for Verified<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
