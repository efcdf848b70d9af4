//! The images of this machine: the index of its OCI layout, read and changed.
//!
//! An entry of the index is a name of an image, or the image itself if it has none. What other programs put there stays: an entry that
//! this program does not understand is no image, and is not touched.

use crate::disk::DiskBlobs;
use crate::layers;
use crate::outputs::OutputError;
use crate::state::{Changing, State};
use engine::{Daemon, Places, Storage, StoredImage};
use oci::{Descriptor, Digest, ImageConfig, Index, Manifest, Reference, Time, media_type};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use store::{BlobStore, Image, Layer, LayerSource, Limits};

/// The full name of an image.
const NAME: &str = "io.containerd.image.name";
/// The name as other programs ask for it: `skopeo copy oci:ROOT/store:site:1`.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The image it was built on.
const PARENT: &str = "layerlab.parent";
/// When it was last given a name.
const TAGGED: &str = "layerlab.tagged";

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The images and their names; no containers and volumes.
    pub daemon: Daemon,
    /// What is wrong with images that are in the index and not among them.
    pub warnings: Vec<String>,
}

/// Reads the images. What their layers list is not read: see [`layers::find`].
///
/// # Errors
///
/// If the index is there and cannot be read.
pub fn load(state: &State, blobs: &mut DiskBlobs) -> io::Result<Loaded> {
    let mut loaded = Loaded::default();
    loaded.daemon.keep_at(Places {
        root: state.root().display().to_string(),
        storage: Storage::Overlayfs,
        runtime: "layerlab",
    });
    let mut ids: BTreeMap<Digest, Option<Digest>> = BTreeMap::new();
    for entry in read_index(state)?.manifests {
        let id = *ids.entry(entry.digest).or_insert_with(|| {
            if !media_type::is_manifest(&entry.media_type) {
                return None;
            }
            match read_image(&entry, blobs) {
                Ok(image) => {
                    let stored = StoredImage::kept(image, parent_of(&entry), tagged_of(&entry));
                    let id = stored.id;
                    loaded.daemon.restore_image(stored);
                    Some(id)
                }
                Err(why) => {
                    let name = name_of(&entry).map_or_else(|| entry.digest.to_string(), |name| name.familiar());
                    loaded.warnings.push(format!("the image {name} cannot be used: {why}"));
                    None
                }
            }
        });
        if let (Some(id), Some(name)) = (id, name_of(&entry)) {
            loaded.daemon.restore_name(name, id);
        }
    }
    Ok(loaded)
}

fn read_image(entry: &Descriptor, blobs: &mut DiskBlobs) -> Result<Image, String> {
    let read = |digest: &Digest, blobs: &DiskBlobs| blobs.get(digest).map_err(|error| error.to_string());
    let manifest_bytes = read(&entry.digest, blobs)?;
    let manifest = Manifest::parse(&manifest_bytes).map_err(|error| error.to_string())?;
    if !media_type::is_config(&manifest.config.media_type) {
        return Err(format!("expected an image, found {}", manifest.config.media_type));
    }
    let config_bytes = read(&manifest.config.digest, blobs)?;
    let config = ImageConfig::parse(&config_bytes).map_err(|error| error.to_string())?;
    if manifest.layers.len() != config.diff_ids.len() {
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
        return Err(format!(
            "expected as many layers as DiffIDs, found {layers} and {diff_ids}"
        ));
    }
    let mut found = Vec::new();
    for (descriptor, diff_id) in manifest.layers.iter().zip(&config.diff_ids) {
        let layer = match layers::find(*diff_id, descriptor.clone(), None, blobs) {
            Some(layer) => layer,
            // Somebody else put the image here.
            None => Layer::read(descriptor.clone(), Some(*diff_id), &Limits::default(), blobs)
                .map_err(|error| error.to_string())?,
        };
        found.push(layer);
    }
    Ok(Image {
        config,
        config_bytes: config_bytes.to_vec(),
        manifest,
        manifest_bytes: manifest_bytes.to_vec(),
        layers: found,
    })
}

/// Keeps the blobs of images that are in `after` and not in `before`, so that [`change`] may name them: documents, layers, and what the
/// layers list. All of it is durable then.
///
/// # Errors
///
/// [`OutputError`] if the disk refuses.
pub fn keep(before: &Daemon, after: &Daemon, blobs: &mut DiskBlobs) -> Result<(), OutputError> {
    let mut is_new = false;
    for stored in after.images().filter(|image| before.image_by_id(image.id).is_none()) {
        is_new = true;
        stored.image.keep(blobs)?;
        for layer in &stored.image.layers {
            layers::keep(layer, blobs)?;
            if layer.source == LayerSource::Changes && !blobs.has(&layer.descriptor.digest) {
                blobs.put_written(|blobs, sink| layer.write_blob(blobs, sink))?;
            }
        }
    }
    if is_new {
        blobs.sync().map_err(|source| OutputError::Write {
            path: "the store".to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// Does to the index what made `after` out of `before`. What other processes changed meanwhile stays changed.
///
/// # Errors
///
/// [`OutputError`] if the disk refuses; then nothing has changed.
pub fn change(
    state: &State,
    _changing: &Changing,
    before: &Daemon,
    after: &Daemon,
    blobs: &DiskBlobs,
) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write {
        path: index_file(state).display().to_string(),
        source,
    };
    let mut index = read_index(state).map_err(failed)?;
    let old = index.manifests.clone();
    let mut ids = Ids::new(blobs);
    let was: BTreeMap<&Reference, Digest> = before.names().collect();
    let is: BTreeMap<&Reference, Digest> = after.names().collect();
    for (name, id) in &was {
        if !is.contains_key(name) {
            // One that means another image by now is somebody else's.
            let gone = |entry: &Descriptor, ids: &mut Ids<'_>| {
                name_of(entry).as_ref() == Some(*name) && ids.of(entry) == Some(*id)
            };
            take(&mut index, &mut ids, gone);
        }
    }
    for (name, id) in &is {
        if was.get(name) != Some(id)
            && let Some(stored) = after.image_by_id(*id)
        {
            take(&mut index, &mut ids, |entry, _| name_of(entry).as_ref() == Some(*name));
            index.manifests.push(entry_of(stored, Some(name)));
        }
    }
    for stored in before.images().filter(|image| after.image_by_id(image.id).is_none()) {
        // It stays if somebody named it meanwhile.
        index
            .manifests
            .retain(|entry| name_of(entry).is_some() || ids.of(entry) != Some(stored.id));
    }
    for stored in after.images().filter(|image| before.image_by_id(image.id).is_none()) {
        if !index.manifests.iter().any(|entry| ids.of(entry) == Some(stored.id)) {
            index.manifests.push(entry_of(stored, None));
        }
    }
    // An image has its own entry as long as it has no name.
    let named: Vec<Digest> = index
        .manifests
        .iter()
        .filter(|entry| name_of(entry).is_some())
        .filter_map(|entry| ids.of(entry))
        .collect();
    index
        .manifests
        .retain(|entry| name_of(entry).is_some() || ids.of(entry).is_none_or(|id| !named.contains(&id)));
    for entry in &mut index.manifests {
        if let Some(stored) = ids.of(entry).and_then(|id| after.image_by_id(id)) {
            remark(entry, stored);
        }
    }
    if index.manifests == old {
        return Ok(());
    }
    crate::atomic::write_file(&index_file(state), &index.to_json()).map_err(failed)
}

/// Takes names out. An image that has no other keeps its entry without one.
fn take(index: &mut Index, ids: &mut Ids<'_>, mut is_gone: impl FnMut(&Descriptor, &mut Ids<'_>) -> bool) {
    let (mut kept, mut nameless) = (Vec::new(), Vec::new());
    for mut entry in std::mem::take(&mut index.manifests) {
        if is_gone(&entry, ids) {
            entry.annotations.remove(NAME);
            entry.annotations.remove(REF_NAME);
            nameless.push(entry);
        } else {
            kept.push(entry);
        }
    }
    index.manifests = kept;
    for entry in nameless {
        let id = ids.of(&entry);
        if id.is_some() && !index.manifests.iter().any(|other| ids.of(other) == id) {
            index.manifests.push(entry);
        }
    }
}

/// The images that entries mean.
struct Ids<'a> {
    blobs: &'a DiskBlobs,
    known: BTreeMap<Digest, Option<Digest>>,
}

impl Ids<'_> {
    fn new(blobs: &DiskBlobs) -> Ids<'_> {
        Ids {
            blobs,
            known: BTreeMap::new(),
        }
    }

    /// The ID of the image; `None` if it is none.
    fn of(&mut self, entry: &Descriptor) -> Option<Digest> {
        let blobs = self.blobs;
        *self.known.entry(entry.digest).or_insert_with(|| {
            let bytes = blobs.get(&entry.digest).ok()?;
            let manifest = Manifest::parse(&bytes).ok()?;
            media_type::is_config(&manifest.config.media_type).then_some(manifest.config.digest)
        })
    }
}

fn entry_of(stored: &StoredImage, name: Option<&Reference>) -> Descriptor {
    let image = &stored.image;
    let media_type = match image.manifest.media_type.as_str() {
        "" => media_type::OCI_MANIFEST,
        own => own,
    };
    let mut entry = Descriptor::of(media_type, &image.manifest_bytes);
    entry.platform = Some(image.config.platform.clone());
    if let Some(name) = name {
        entry.annotations.insert(NAME.to_owned(), name.to_string());
        if name.digest().is_none() {
            entry.annotations.insert(REF_NAME.to_owned(), name.familiar());
        }
    }
    remark(&mut entry, stored);
    entry
}

/// Says of an entry what is known of its image beside what the image says itself.
fn remark(entry: &mut Descriptor, stored: &StoredImage) {
    let mut say = |key: &str, value: Option<String>| match value {
        Some(value) => {
            entry.annotations.insert(key.to_owned(), value);
        }
        None => {
            entry.annotations.remove(key);
        }
    };
    say(PARENT, stored.parent.map(|parent| parent.to_string()));
    say(
        TAGGED,
        stored.tagged.map(|time| format!("{}.{:09}", time.secs, time.nanos)),
    );
}

fn parent_of(entry: &Descriptor) -> Option<Digest> {
    entry.annotations.get(PARENT)?.parse().ok()
}

fn tagged_of(entry: &Descriptor) -> Option<Time> {
    let (secs, nanos) = entry.annotations.get(TAGGED)?.split_once('.')?;
    Some(Time {
        secs: secs.parse().ok()?,
        nanos: nanos.parse().ok().filter(|nanos| *nanos < 1_000_000_000)?,
    })
}

/// The name that an entry gives its image. Where the two that it can have disagree, somebody gave it the short one, copying the other.
pub(crate) fn name_of(entry: &Descriptor) -> Option<Reference> {
    let name = |key: &str| Some(Reference::parse(entry.annotations.get(key)?).ok()?.or_latest());
    let (Some(full), Some(short)) = (name(NAME), entry.annotations.get(REF_NAME)) else {
        return name(NAME).or_else(|| name(REF_NAME));
    };
    if *short == full.familiar() || Some(short.as_str()) == full.tag() {
        Some(full)
    } else {
        name(REF_NAME)
    }
}

pub(crate) fn index_file(state: &State) -> PathBuf {
    state.layout().join("index.json")
}

/// The index as it is; empty if there is none.
///
/// # Errors
///
/// If it cannot be read or understood: it is the list of all images, and nothing may take its place.
pub(crate) fn read_index(state: &State) -> io::Result<Index> {
    let bytes = match fs::read(index_file(state)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::new(Vec::new())),
        other => other?,
    };
    Index::parse(&bytes).map_err(|error| {
        let path = index_file(state);
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
    })
}
