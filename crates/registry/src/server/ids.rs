//! Identifiers that nobody guesses: a secret seed and a counter, hashed.

use oci::Digester;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives out identifiers. The same seed gives the same ones.
pub(super) struct Ids {
    seed: [u8; 32],
    count: AtomicU64,
}

impl Ids {
    pub(super) fn new(seed: [u8; 32]) -> Ids {
        Ids {
            seed,
            count: AtomicU64::new(0),
        }
    }

    /// 32 bytes for another purpose than identifiers.
    pub(super) fn key(&self) -> [u8; 32] {
        self.hash(b"key", 0)
    }

    /// A UUID of version 4.
    ///
    /// Source: RFC 9562, section 5.4.
    pub(super) fn uuid(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = self.hash(b"uuid", count);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes[..16].iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn hash(&self, purpose: &[u8], count: u64) -> [u8; 32] {
        let mut digester = Digester::new();
        for part in [purpose, &self.seed, &count.to_be_bytes()] {
            digester.update(part);
        }
        *digester.finish().as_bytes()
    }
}
