//! Collecting garbage: blobs and lists of layers that nobody needs any more.

use crate::disk::DiskBlobs;
use crate::layers;
use crate::references::{self, References};
use crate::state::State;
use oci::{DiffId, Digest};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use store::Content;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes what nobody needs, if nobody else uses the store: `None` if somebody does, as it may still want what has no name.
///
/// # Errors
///
/// If it is not known of everything what it needs; then nothing is removed.
pub fn collect(state: &State, blobs: &DiskBlobs) -> io::Result<Option<Collected>> {
    if !state.alone()? {
        return Ok(None);
    }
    let needed = needed(&references::read(state, blobs)?, blobs)?;
    let mut collected = Collected::default();
    remove_others(blobs.layers(), &needed.layers, &mut collected)?;
    remove_others(blobs.folder(), &needed.blobs, &mut collected)?;
    Ok(Some(collected))
}

/// What is needed.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    pub(crate) blobs: BTreeSet<Digest>,
    pub(crate) layers: BTreeSet<Digest>,
}

/// All blobs and lists of layers that `references` lead to.
///
/// # Errors
///
/// If something of it cannot be read.
pub(crate) fn needed(references: &References, blobs: &DiskBlobs) -> io::Result<Needed> {
    let unsure = |what: String| {
        let hint = "`layerlab system fsck` says more";
        io::Error::other(format!("it is not known what is needed: {what} ({hint})"))
    };
    let mut needed = Needed::default();
    for entry in &references.entries {
        let parts = entry.parts.as_ref();
        let parts = parts.map_err(|why| unsure(format!("image {}: {why}", entry.name)))?;
        needed.blobs.extend(&parts.documents);
        needed.blobs.extend(parts.layers.iter().map(|(_, blob)| blob.digest));
        needed
            .layers
            .extend(parts.layers.iter().filter_map(|(diff_id, _)| Some(diff_id.as_ref()?.0)));
    }
    for (diff_id, blob) in &references.cached {
        needed.layers.insert(diff_id.0);
        needed.blobs.extend(blob.as_ref().map(|blob| blob.digest));
    }
    needed.layers.extend(&references.roots);
    needed.blobs.extend(&references.roots);
    let mut waiting: Vec<Digest> = needed.layers.iter().copied().collect();
    while let Some(diff_id) = waiting.pop() {
        let place = layers::place(blobs, DiffId(diff_id));
        // What has no list is read again from its blob, or is a miss of the cache.
        if !place.exists() {
            continue;
        }
        let list = layers::read(&place).map_err(|why| unsure(format!("layer {diff_id}: {why}")))?;
        if layers::is_pack(&place) {
            needed.blobs.insert(diff_id);
        }
        for (_, content) in list.files() {
            let Content::Blob { digest, .. } = content else {
                continue;
            };
            needed.blobs.insert(digest);
            // What lies in the tar of a layer needs that tar, and the list that says where it lies.
            if let Some(pack) = blobs.pack_of(&digest) {
                needed.blobs.insert(pack);
                if needed.layers.insert(pack) {
                    waiting.push(pack);
                }
            }
        }
    }
    Ok(needed)
}

/// Removes the files of a folder whose names are digests that are not wanted.
fn remove_others(folder: &Path, wanted: &BTreeSet<Digest>, collected: &mut Collected) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(digest) = digest_of(&entry) else { continue };
        if wanted.contains(&digest) {
            continue;
        }
        let bytes = entry.metadata()?.len();
        fs::remove_file(entry.path())?;
        collected.files += 1;
        collected.bytes += bytes;
    }
    Ok(())
}

/// The digest that a file is named by, if it is.
pub(crate) fn digest_of(entry: &fs::DirEntry) -> Option<Digest> {
    format!("sha256:{}", entry.file_name().to_str()?).parse().ok()
}
