//! Which blob a layer became when it was compressed: a file for each DiffID, beside the blobs.

use crate::atomic;
use oci::{DiffId, Digest};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder. Another way to compress has another folder.
const FOLDER: &str = "gzip-1";
/// The largest such file, in bytes.
const MAX_BYTES: u64 = 200;

/// The blob that a layer became, and its size. Whether it is still there is another question.
pub(super) fn find(layout: &Path, diff_id: DiffId) -> Option<(Digest, u64)> {
    let path = path(layout, diff_id);
    if fs::metadata(&path).ok()?.len() > MAX_BYTES {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let (digest, size) = text.trim_end().split_once(' ')?;
    Some((digest.parse().ok()?, size.parse().ok()?))
}

/// Remembers it, durably.
pub(super) fn keep(layout: &Path, diff_id: DiffId, (digest, size): (Digest, u64)) -> io::Result<()> {
    fs::create_dir_all(layout.join(FOLDER))?;
    atomic::write_file(&path(layout, diff_id), format!("{digest} {size}\n").as_bytes())
}

fn path(layout: &Path, diff_id: DiffId) -> PathBuf {
    layout.join(FOLDER).join(diff_id.0.hex())
}
