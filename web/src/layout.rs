//! An OCI layout that was dropped as a folder, made one tar of without reading it: the browser strings the files together.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::File;

/// A tar's unit.
const BLOCK: u64 = 512;
/// The longest name that a plain tar header holds.
const MAX_NAME: usize = 100;

/// A tar of files with their paths in it; `None` if a path is too long for one, or the browser cannot make it.
pub(crate) fn tar(name: &str, files: &[(String, File)]) -> Option<File> {
    let parts = Array::new();
    for (path, file) in files {
        let size = file.size() as u64;
        parts.push(&Uint8Array::from(header(path, size)?.as_slice()));
        parts.push(file);
        parts.push(&zeros(size.next_multiple_of(BLOCK) - size));
    }
    parts.push(&zeros(2 * BLOCK));
    File::new_with_blob_sequence(&parts, &format!("{name}.tar")).ok()
}

fn zeros(n_bytes: u64) -> JsValue {
    Uint8Array::new_with_length(n_bytes as u32).into()
}

/// The header of a file that anyone may read.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format".
fn header(path: &str, size: u64) -> Option<[u8; BLOCK as usize]> {
    let mut header = [0; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    if path.len() > MAX_NAME {
        return None;
    }
    put(0, path.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The sum is made with blanks in its own place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_name_size_and_a_sum_that_is_right() {
        let header = header("blobs/sha256/ab", 700).expect("the name is short");
        assert_eq!(&header[..16], b"blobs/sha256/ab\0");
        assert_eq!(&header[124..136], b"00000001274\0");
        let stored = std::str::from_utf8(&header[148..154]).expect("digits");
        let others: u32 = header[..148]
            .iter()
            .chain(&header[156..])
            .map(|byte| u32::from(*byte))
            .sum();
        assert_eq!(u32::from_str_radix(stored, 8), Ok(others + 8 * u32::from(b' ')));
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        assert!(header(&"x".repeat(101), 0).is_none());
    }
}
