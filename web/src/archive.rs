//! Image archives that come from outside are told from other files by how they begin.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use crate::words;

/// The most bytes of an archive. The worker reads it where it lies, so this is about patience rather than memory.
const MAX_BYTES: u64 = 16 << 30;
/// Bytes of a file's beginning that tell what it is.
const HEAD: usize = 64 << 10;
/// The most bytes that a compressed beginning is unpacked to.
const MAX_HEAD: usize = 1 << 20;
/// A tar's unit.
const BLOCK: usize = 512;

/// True if a file begins as `docker save`, `podman save` or an OCI layout in a tar does, compressed with gzip or not.
pub(crate) async fn is_image(file: &File) -> bool {
    let blob: &Blob = file.unchecked_ref();
    let Ok(head) = blob.slice_with_f64_and_f64(0.0, HEAD as f64) else {
        return false;
    };
    let buffer = JsFuture::from(head.array_buffer()).await;
    buffer.is_ok_and(|buffer| begins_as_image(&Uint8Array::new(&buffer).to_vec()))
}

/// Refuses an archive that is too big to be loaded.
///
/// # Errors
///
/// Why, as a sentence.
pub(crate) fn check_size(name: &str, bytes: u64) -> Result<(), String> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(format!(
        "{name} was not loaded: it has {}, and the page takes archives of up to {}.",
        words::bytes(bytes),
        words::bytes(MAX_BYTES)
    ))
}

fn begins_as_image(head: &[u8]) -> bool {
    if head.starts_with(&[0x1f, 0x8b]) {
        return gunzip(head).is_some_and(|head| is_image_tar(&head));
    }
    is_image_tar(head)
}

/// The beginning of what a gzip stream holds, of which only the beginning is there.
///
/// Source: RFC 1952, 2.3.
fn gunzip(head: &[u8]) -> Option<Vec<u8>> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEADER_CRC: u8 = 2;
    let flags = *head.get(3)?;
    let mut rest = head.get(10..)?;
    if flags & EXTRA != 0 {
        let n_bytes = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + n_bytes..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    match miniz_oxide::inflate::decompress_to_vec_with_limit(rest, MAX_HEAD) {
        Ok(bytes) => Some(bytes),
        // The stream goes on after the head.
        Err(error) => Some(error.output),
    }
}

/// True if an entry at the beginning of a tar is one that only image archives have.
fn is_image_tar(head: &[u8]) -> bool {
    let mut at = 0;
    while let Some(header) = head.get(at..at + BLOCK) {
        let Some((name, n_bytes)) = entry(header) else {
            return false;
        };
        if is_of_image(&name) {
            return true;
        }
        let n_blocks = n_bytes.div_ceil(BLOCK);
        let Some(next) = n_blocks.checked_mul(BLOCK).and_then(|n| n.checked_add(at + BLOCK)) else {
            return false;
        };
        at = next;
    }
    false
}

/// Name and size in a tar header; `None` if it is none.
fn entry(header: &[u8]) -> Option<(String, usize)> {
    let text = |from: usize, to: usize| {
        let field = &header[from..to];
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        std::str::from_utf8(&field[..end]).ok()
    };
    if &header[257..262] != b"ustar" {
        return None;
    }
    let size = text(124, 136)?.trim();
    let size = if size.is_empty() {
        0
    } else {
        usize::from_str_radix(size, 8).ok()?
    };
    Some((text(0, 100)?.to_owned(), size))
}

fn is_of_image(name: &str) -> bool {
    let name = name.strip_prefix("./").unwrap_or(name);
    let first = name.split('/').next().unwrap_or(name);
    let stem = first
        .strip_suffix(".tar")
        .or_else(|| first.strip_suffix(".json"))
        .unwrap_or(first);
    let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest || name == "oci-layout" || name.starts_with("blobs/sha256")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar of entries with their sizes; contents are zeros, and the last one may be cut.
    fn tar(entries: &[(&str, usize)]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, size) in entries {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
            header[257..262].copy_from_slice(b"ustar");
            tar.extend(header);
            tar.resize(tar.len() + size.div_ceil(BLOCK) * BLOCK, 0);
        }
        tar
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        // With a name in its header, as gzip(1) writes it.
        let mut gzip = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
        gzip.extend(b"image.tar\0");
        gzip.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
        gzip
    }

    #[test]
    fn an_archive_that_is_too_big_is_refused_in_words() {
        assert_eq!(check_size("a.tar", MAX_BYTES), Ok(()));
        let why = check_size("a.tar", 20 << 30).expect_err("it is too big");
        assert_eq!(
            why,
            "a.tar was not loaded: it has 21.5 GB, and the page takes archives of up to 17.2 GB."
        );
    }

    #[test]
    fn image_archives_are_told_by_their_first_entries() {
        let digest = "ab".repeat(32);
        for name in [
            "blobs/sha256/".to_owned(),
            "./oci-layout".to_owned(),
            format!("{digest}.json"),
            format!("{digest}.tar"),
            format!("{digest}/layer.tar"),
        ] {
            let archive = tar(&[("blobs/", 0), (&name, 700), ("manifest.json", 10)]);
            assert!(begins_as_image(&archive), "{name}");
            assert!(begins_as_image(&gzip(&archive)), "{name}, compressed");
        }
    }

    #[test]
    fn other_files_are_left_for_the_context() {
        for entries in [
            vec![("index.html", 5), ("manifest.json", 2)],
            vec![("package/package.json", 900)],
            vec![],
        ] {
            assert!(!begins_as_image(&tar(&entries)), "{entries:?}");
        }
        assert!(!begins_as_image(b"FROM scratch\n"));
        assert!(!begins_as_image(&[0x1f, 0x8b]));
        assert!(!begins_as_image(&[0x1f, 0x8b, 8, 0xff, 0, 0, 0, 0, 0, 0, 0xff]));
    }

    #[test]
    fn a_cut_stream_is_read_as_far_as_it_goes() {
        let archive = gzip(&tar(&[("oci-layout", 30), ("x", 300_000)]));
        assert!(begins_as_image(&archive[..archive.len() - 40]));
    }

    #[test]
    fn a_size_that_lies_ends_the_search() {
        let mut archive = tar(&[("a", 0)]);
        archive[124..136].copy_from_slice(b"777777777777");
        assert!(!begins_as_image(&archive));
    }
}
