//! What the store's blobs and lists of layers are needed for: the images of the index, the records of the build cache, and roots.
//!
//! A root is a file in the folder `roots` under `--root` with a digest a line: whoever keeps something beside images and cache that
//! needs blobs, or layers by their DiffIDs, writes one before it relies on them.

use crate::cache_file;
use crate::disk::DiskBlobs;
use crate::images;
use crate::state::State;
use oci::{Descriptor, DiffId, Digest, ImageConfig, Index, Manifest, media_type};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use store::BlobStore;

/// Everything that needs something.
#[derive(Debug, Default)]
pub struct References {
    /// The entries of the index, in order.
    pub entries: Vec<Entry>,
    /// The layers of the build cache: their DiffIDs, and their blobs if they are written from them.
    pub cached: Vec<(DiffId, Option<Descriptor>)>,
    /// Digests of blobs and of layers that roots name.
    pub roots: BTreeSet<Digest>,
}

/// An entry of the index.
#[derive(Debug)]
pub struct Entry {
    /// What it is called: its name, or its digest.
    pub name: String,
    /// The manifest or index.
    pub digest: Digest,
    /// What it consists of, or why that is not known.
    pub parts: Result<Parts, String>,
}

/// What an image consists of.
#[derive(Debug, Default)]
pub struct Parts {
    /// Indexes, manifests and configs.
    pub documents: Vec<Digest>,
    /// The layers, base first: of all platforms, if there are several. What is no image has blobs without a DiffID.
    pub layers: Vec<(Option<DiffId>, Descriptor)>,
}

/// Indexes in indexes are followed so deep.
const MAX_DEPTH: usize = 4;

/// Reads all references. Whoever acts on them sees to it that they do not change meanwhile.
///
/// # Errors
///
/// If the index, the cache or a root is there and cannot be read.
pub fn read(state: &State, blobs: &DiskBlobs) -> io::Result<References> {
    let mut entries = Vec::new();
    for entry in images::read_index(state)?.manifests {
        let mut parts = Parts::default();
        let found = descend(&entry, blobs, &mut parts, MAX_DEPTH);
        entries.push(Entry {
            name: images::name_of(&entry).map_or_else(|| entry.digest.to_string(), |name| name.familiar()),
            digest: entry.digest,
            parts: found.map(|()| parts),
        });
    }
    let cached = match cache_file::read_doc(&state.cache_file()) {
        Ok(doc) => doc.iter().flat_map(crate::records::CacheDoc::layers).collect(),
        // A cache that cannot be read is lost already.
        Err(_) => Vec::new(),
    };
    Ok(References {
        entries,
        cached,
        roots: read_roots(state)?,
    })
}

fn descend(at: &Descriptor, blobs: &DiskBlobs, parts: &mut Parts, depth: usize) -> Result<(), String> {
    let get = |digest: &Digest| blobs.get(digest).map_err(|error| error.to_string());
    let bytes = get(&at.digest)?;
    parts.documents.push(at.digest);
    if media_type::is_index(&at.media_type) {
        let index = Index::parse(&bytes).map_err(|error| error.to_string())?;
        if depth == 0 {
            return Err(format!(
                "expected at most {MAX_DEPTH} indexes in each other, found more"
            ));
        }
        // Of an image for several platforms, not all need be here.
        let here = index.manifests.iter().filter(|inner| blobs.has(&inner.digest));
        return here
            .into_iter()
            .try_for_each(|inner| descend(inner, blobs, parts, depth - 1));
    }
    let manifest = Manifest::parse(&bytes).map_err(|error| error.to_string())?;
    parts.documents.push(manifest.config.digest);
    let mut diff_ids = Vec::new();
    if media_type::is_config(&manifest.config.media_type) {
        let config = ImageConfig::parse(&get(&manifest.config.digest)?).map_err(|error| error.to_string())?;
        diff_ids = config.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            let (layers, diff_ids) = (manifest.layers.len(), diff_ids.len());
            return Err(format!(
                "expected as many layers as DiffIDs, found {layers} and {diff_ids}"
            ));
        }
    }
    let diff_ids = diff_ids.into_iter().map(Some).chain(std::iter::repeat(None));
    parts.layers.extend(diff_ids.zip(manifest.layers));
    Ok(())
}

fn read_roots(state: &State) -> io::Result<BTreeSet<Digest>> {
    let mut found = BTreeSet::new();
    let folder = match fs::read_dir(state.roots()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in folder {
        let path = entry?.path();
        for line in fs::read_to_string(&path)?.lines() {
            found.insert(line.parse().map_err(|error| {
                let why = format!("{}: {error}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, why)
            })?);
        }
    }
    Ok(found)
}
