//! What the layers of images and results list: one file a layer, under its DiffID, read when somebody looks.
//!
//! A layer that is a pack says so: its tar is a blob, and the contents of its files lie in there and nowhere else.
//!
//! A file begins with figures, so that lists of images are printed without what the layers list. It comes after the contents that it
//! names: where it stands, they do.

mod listed;

use crate::disk::DiskBlobs;
use crate::failure::Failure;
use oci::{Descriptor, DiffId, Digest};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use store::{Changes, Changeset, Content, Layer, LayerSource, StoreError, TarPart, tar_parts};

/// What a file begins with: who wrote it, and the version of what follows.
const MAGIC: &[u8; 8] = b"layers\0\x01";
/// The magic, the size of the tar, the bytes of all files, the flags, and the digest of the list.
const HEAD: usize = 8 + 8 + 8 + 1 + 32;
/// A file of the layer is simulated.
const SIMULATED: u8 = 1;
/// The layer's tar comes out of what it lists byte for byte.
const WRITABLE: u8 = 2;
/// The contents of its files, those that have any bytes, lie in the layer's tar, which is a blob.
const PACKED: u8 = 4;

/// Keeps what a layer lists, and the contents of the files in it. One that was kept stays as it is. All is durable with the next
/// [`DiskBlobs::sync`].
///
/// # Errors
///
/// As [`DiskBlobs::keep`].
pub fn keep(layer: &Layer, blobs: &mut DiskBlobs) -> Result<(), StoreError> {
    if layer.source == LayerSource::Blob {
        blobs.keep(&layer.descriptor.digest)?;
    }
    let place = place(blobs, layer.diff_id);
    // A list comes after the contents it names, and never changes.
    if place.exists() {
        return Ok(());
    }
    let is_packed = blobs.pack(layer)?;
    for (_, content) in layer.changes.files() {
        match content {
            Content::Blob { size: 1.., .. } if is_packed => {}
            Content::Blob { digest, .. } => blobs.keep(&digest)?,
            Content::Absent { .. } => {}
        }
    }
    let failed = |source| StoreError::Write {
        digest: layer.diff_id.0,
        source,
    };
    blobs.write_beside(&place, &to_bytes(layer, is_packed)).map_err(failed)
}

/// The layer that was kept under `diff_id`; `None` if there is none. What it lists is read when somebody looks.
///
/// Without `source`, it is written from what it lists if its blob is the plain tar and that can be done.
pub fn find(diff_id: DiffId, descriptor: Descriptor, source: Option<LayerSource>, blobs: &DiskBlobs) -> Option<Layer> {
    let place = place(blobs, diff_id);
    let head = read_head(&place).ok().flatten()?;
    let source = source.unwrap_or(if head.flags & WRITABLE != 0 && descriptor.digest == diff_id.0 {
        LayerSource::Changes
    } else {
        LayerSource::Blob
    });
    let changes = Changes::later(head.bytes, head.flags & SIMULATED != 0, move || match read(&place) {
        Ok(changes) => changes,
        Err(why) => damaged(diff_id, &place, &why),
    });
    Some(Layer {
        diff_id,
        tar_size: head.tar_size,
        descriptor,
        source,
        changes,
    })
}

/// Reads a whole file and checks it.
///
/// # Errors
///
/// What is wrong with it.
pub fn read(place: &Path) -> Result<Changeset, String> {
    let bytes = fs::read(place).map_err(|error| error.to_string())?;
    let head = bytes.get(..HEAD).and_then(Head::parse);
    let head = head.ok_or_else(|| "expected a list of a layer, found something else".to_owned())?;
    let list = &bytes[HEAD..];
    let found = Digest::of(list);
    if found != head.list {
        return Err(format!("expected a list with the digest {}, found {found}", head.list));
    }
    listed::of_bytes(list).ok_or_else(|| "expected a list of changes, found something else".to_owned())
}

/// The contents that lie in the layer's tar; none if it is no pack, or its list is damaged.
pub(crate) fn packed(place: &Path) -> Vec<TarPart> {
    if !is_pack(place) {
        return Vec::new();
    }
    read(place).map_or_else(|_| Vec::new(), |list| tar_parts(&list))
}

/// Whether the contents of a layer's files lie in its tar.
pub(crate) fn is_pack(place: &Path) -> bool {
    matches!(read_head(place), Ok(Some(head)) if head.flags & PACKED != 0)
}

/// Where what a layer lists is kept.
pub(crate) fn place(blobs: &DiskBlobs, diff_id: DiffId) -> PathBuf {
    blobs.layers().join(diff_id.0.hex())
}

/// Ends the command: nothing can be done with an image whose layers cannot be read, and nothing was written yet.
fn damaged(diff_id: DiffId, place: &Path, why: &str) -> ! {
    let mut failure = Failure::new(format!(
        "the list of layer {diff_id} in {} is damaged: {why}",
        place.display()
    ));
    failure.hints.push(
        "`layerlab system fsck --repair` removes what is broken, so that it is fetched or built again".to_owned(),
    );
    std::panic::resume_unwind(Box::new(failure))
}

struct Head {
    tar_size: u64,
    bytes: u64,
    flags: u8,
    list: Digest,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Head> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (tar_size, rest) = rest.split_first_chunk::<8>()?;
        let (files, rest) = rest.split_first_chunk::<8>()?;
        let (flags, rest) = rest.split_first()?;
        let (list, _) = rest.split_first_chunk::<32>()?;
        (magic == MAGIC).then(|| Head {
            tar_size: u64::from_le_bytes(*tar_size),
            bytes: u64::from_le_bytes(*files),
            flags: *flags,
            list: Digest::from_bytes(*list),
        })
    }
}

fn read_head(place: &Path) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD];
    File::open(place)?.read_exact(&mut bytes)?;
    Ok(Head::parse(&bytes))
}

fn to_bytes(layer: &Layer, is_packed: bool) -> Vec<u8> {
    let list = listed::to_bytes(&layer.changes);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(layer.tar_size.to_le_bytes());
    bytes.extend(layer.changes.bytes().to_le_bytes());
    let mut flags = 0;
    if layer.changes.is_simulated() {
        flags |= SIMULATED;
    }
    if layer.source == LayerSource::Changes {
        flags |= WRITABLE;
    }
    if is_packed {
        flags |= PACKED;
    }
    bytes.push(flags);
    bytes.extend(Digest::of(&list).as_bytes());
    bytes.extend(list);
    bytes
}
