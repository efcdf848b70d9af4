//! The files of the page that were compressed and put into the program when it was built.

use std::io::Read;

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A file as brotli compressed it.
pub(super) fn find(path: &str) -> Option<&'static [u8]> {
    let at = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    Some(FILES[at].1)
}

/// What was compressed; `None` if the bytes are damaged.
pub(super) fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut reader = brotli_decompressor::Decompressor::new(bytes, 64 << 10);
    reader.read_to_end(&mut unpacked).ok()?;
    Some(unpacked)
}
