//! Reading images from files.

use super::{DOCKER_MANIFEST, INDEX, LayoutError, MARK, NAME, REF_NAME};
use crate::layer_tar::{Hashing, read_tar_in};
use crate::{
    BlobStore, Changeset, Compression, Content, Follow, Image, Layer, LayerError, Limits, Node, Source, Tree,
    Whiteouts, apply, decompress, read_tar,
};
use oci::{
    Descriptor, DiffId, Digest, DocumentError, ImageConfig, Index, MAX_DOCUMENT_BYTES, Manifest, Platform, Reference,
    media_type,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

/// Indexes in indexes are followed so deep.
const MAX_DEPTH: usize = 4;
/// So many manifests are looked at.
const MAX_MANIFESTS: usize = 1000;
/// Marks what is no image: signatures and provenance.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// An image that was loaded, with the names it had in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The image.
    pub image: Image,
    /// Its names, where they are good ones.
    pub names: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// Reads a tar with images, compressed or not: an OCI image layout or what `docker save` writes.
///
/// Every file of it goes into `blobs` as a whole. One that lies somewhere is better read by [`load_source`].
///
/// # Errors
///
/// [`LayoutError`]; as [`load`].
pub fn load_archive<'a>(
    source: Box<dyn BufRead + 'a>,
    platform: Option<&Platform>,
    limits: &Limits,
    blobs: &mut dyn BlobStore,
) -> Result<Vec<Loaded>, LayoutError> {
    let mut tar = decompress(source)?;
    let Changeset { changes } = read_tar(&mut tar, limits, Whiteouts::Keep, blobs)?.changes;
    drop(tar);
    load(&apply(&Tree::new(), &Changeset { changes })?, platform, limits, blobs)
}

/// As [`load_archive`], for a tar that lies in `archive`: a store that can keeps of it only where its files lie, so that it
/// may be larger than the memory.
///
/// The archive is read twice: once for its own files, once for what is in the layers. `progress` is told how much is done
/// and how much there is in all: twice the bytes of the archive. The last call says that all is done.
///
/// # Errors
///
/// [`LayoutError`]; as [`load`].
pub fn load_source(
    archive: &Source,
    platform: Option<&Platform>,
    limits: &Limits,
    blobs: &mut dyn BlobStore,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Loaded>, LayoutError> {
    let packed = archive.size();
    let all = packed.saturating_mul(2);
    let tar = archive.unpack()?.unwrap_or_else(|| archive.clone());
    let mut watch = |done: u64| progress(done.min(packed), all);
    let read = read_tar_in(&tar, Hashing::Files, limits, Whiteouts::Keep, blobs, &mut watch)?;
    let files = apply(&Tree::new(), &read.changes)?;
    // Blobs lie in the unpacked archive, what is told is in bytes of the archive.
    let share =
        |done: u64| (u128::from(packed) * u128::from(done.min(read.size)) / u128::from(read.size.max(1))) as u64;
    let mut watch = |done: u64| progress(packed + share(done), all);
    let loaded = load_watched(&files, platform, limits, blobs, &mut watch)?;
    progress(all, all);
    Ok(loaded)
}

/// Reads the images in `files`, whose contents are in `blobs`: an OCI image layout, or else what `docker save` writes.
///
/// With `platform`, only images for it. Everything is verified: blobs against their names, layers against their DiffIDs.
/// Layers that several images share are read once.
///
/// # Errors
///
/// [`LayoutError`], naming the file.
pub fn load(
    files: &Tree,
    platform: Option<&Platform>,
    limits: &Limits,
    blobs: &mut dyn BlobStore,
) -> Result<Vec<Loaded>, LayoutError> {
    load_watched(files, platform, limits, blobs, &mut |_| {})
}

fn load_watched(
    files: &Tree,
    platform: Option<&Platform>,
    limits: &Limits,
    blobs: &mut dyn BlobStore,
    watch: &mut dyn FnMut(u64),
) -> Result<Vec<Loaded>, LayoutError> {
    let mut loader = Loader {
        files,
        platform,
        limits,
        blobs,
        watch,
        done: 0,
        layers: BTreeMap::new(),
        images: Vec::new(),
        n_manifests: 0,
    };
    if loader.find(MARK).is_ok() && loader.find(INDEX).is_ok() {
        let bytes = loader.read(INDEX)?;
        let index = Index::parse(&bytes).map_err(|source| in_file(INDEX, source))?;
        loader.load_index(&index, MAX_DEPTH)?;
    } else if loader.find(DOCKER_MANIFEST).is_ok() {
        loader.load_docker()?;
    } else {
        return Err(LayoutError::NoImages);
    }
    Ok(loader.images)
}

struct Loader<'a> {
    files: &'a Tree,
    platform: Option<&'a Platform>,
    limits: &'a Limits,
    blobs: &'a mut dyn BlobStore,
    /// Is told how many bytes of layers' blobs were read.
    watch: &'a mut dyn FnMut(u64),
    /// Bytes of the blobs of all layers that were read.
    done: u64,
    /// Layers already read, by the digest of their blob.
    layers: BTreeMap<Digest, Layer>,
    images: Vec<Loaded>,
    n_manifests: usize,
}

impl Loader<'_> {
    fn load_index(&mut self, index: &Index, depth: usize) -> Result<(), LayoutError> {
        for descriptor in &index.manifests {
            self.n_manifests += 1;
            if self.n_manifests > MAX_MANIFESTS {
                return Err(LayoutError::Limit {
                    what: "manifests",
                    limit: MAX_MANIFESTS,
                });
            }
            if self.is_unwanted(descriptor) {
                continue;
            }
            let file = blob_name(&descriptor.digest);
            if media_type::is_index(&descriptor.media_type) {
                if depth == 0 {
                    return Err(LayoutError::Limit {
                        what: "levels",
                        limit: MAX_DEPTH,
                    });
                }
                let bytes = self.read_blob(descriptor)?;
                let inner = Index::parse(&bytes).map_err(|source| in_file(&file, source))?;
                self.load_index(&inner, depth - 1)?;
            } else {
                self.load_manifest(descriptor)?;
            }
        }
        Ok(())
    }

    fn is_unwanted(&self, descriptor: &Descriptor) -> bool {
        let is_attestation = descriptor.annotations.contains_key(ATTESTATION);
        let other = descriptor
            .platform
            .as_ref()
            .zip(self.platform)
            .is_some_and(|(image, host)| !image.matches(host));
        is_attestation || other
    }

    fn load_manifest(&mut self, descriptor: &Descriptor) -> Result<(), LayoutError> {
        let manifest_bytes = self.read_blob(descriptor)?;
        let file = blob_name(&descriptor.digest);
        let manifest = Manifest::parse(&manifest_bytes).map_err(|source| in_file(&file, source))?;
        if !media_type::is_config(&manifest.config.media_type) {
            // Some other artifact.
            return Ok(());
        }
        let config_bytes = self.read_blob(&manifest.config)?;
        let config_file = blob_name(&manifest.config.digest);
        let config = ImageConfig::parse(&config_bytes).map_err(|source| in_file(&config_file, source))?;
        if self.platform.is_some_and(|host| !config.platform.matches(host)) {
            return Ok(());
        }
        if config.diff_ids.len() != manifest.layers.len() {
            return Err(LayoutError::LayerCount {
                image: manifest.config.digest,
                config: config.diff_ids.len(),
                manifest: manifest.layers.len(),
            });
        }
        let mut layers = Vec::new();
        for (descriptor, diff_id) in manifest.layers.iter().zip(&config.diff_ids) {
            self.check_blob(descriptor)?;
            layers.push(self.read_layer(descriptor.clone(), *diff_id)?);
        }
        let image = Image {
            config,
            config_bytes: config_bytes.to_vec(),
            manifest,
            manifest_bytes: manifest_bytes.to_vec(),
            layers,
        };
        let names = name_of(descriptor).into_iter().collect();
        self.add(image, names);
        Ok(())
    }

    fn load_docker(&mut self) -> Result<(), LayoutError> {
        let bytes = self.read(DOCKER_MANIFEST)?;
        let listed: Vec<DockerImage> = serde_json::from_slice(&bytes).map_err(|error| {
            let reason = error.to_string();
            let what = "a list of images";
            in_file(DOCKER_MANIFEST, DocumentError::Json { what, reason })
        })?;
        for docker in listed {
            let config_bytes = self.read(&docker.config)?;
            let config = ImageConfig::parse(&config_bytes).map_err(|source| in_file(&docker.config, source))?;
            if self.platform.is_some_and(|host| !config.platform.matches(host)) {
                continue;
            }
            let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config_bytes);
            if config.diff_ids.len() != docker.layers.len() {
                return Err(LayoutError::LayerCount {
                    image: config_descriptor.digest,
                    config: config.diff_ids.len(),
                    manifest: docker.layers.len(),
                });
            }
            let mut layers = Vec::new();
            for (file, diff_id) in docker.layers.iter().zip(&config.diff_ids) {
                let descriptor = self.describe_layer(file)?;
                layers.push(self.read_layer(descriptor, *diff_id)?);
            }
            let descriptors = layers.iter().map(|layer| layer.descriptor.clone()).collect();
            let manifest = Manifest::new(config_descriptor, descriptors);
            let image = Image {
                config,
                config_bytes: config_bytes.to_vec(),
                manifest_bytes: manifest.to_json(),
                manifest,
                layers,
            };
            let names = docker.repo_tags.unwrap_or_default();
            self.add(image, names.iter().filter_map(|name| name.parse().ok()).collect());
        }
        Ok(())
    }

    /// The descriptor of a layer that is only named by its file, its packing seen from its bytes.
    fn describe_layer(&self, file: &str) -> Result<Descriptor, LayoutError> {
        let (digest, size) = self.find(file)?;
        let start = {
            let mut source = self.blobs.open(&digest).map_err(LayerError::Store)?;
            Compression::of(source.fill_buf().map_err(LayerError::Read)?)
        };
        let media_type = match start {
            Compression::None => media_type::OCI_LAYER,
            Compression::Gzip => media_type::OCI_LAYER_GZIP,
            Compression::Zstd => media_type::OCI_LAYER_ZSTD,
        };
        Ok(Descriptor::new(media_type, digest, size))
    }

    fn read_layer(&mut self, descriptor: Descriptor, diff_id: DiffId) -> Result<Layer, LayoutError> {
        if let Some(known) = self
            .layers
            .get(&descriptor.digest)
            .filter(|known| known.diff_id == diff_id)
        {
            return Ok(Layer {
                descriptor,
                ..known.clone()
            });
        }
        let (before, size) = (self.done, descriptor.size);
        let mut watch = |done| (self.watch)(before + done);
        let layer = Layer::read_watched(descriptor, Some(diff_id), self.limits, self.blobs, &mut watch)?;
        self.done += size;
        self.layers.insert(layer.descriptor.digest, layer.clone());
        Ok(layer)
    }

    /// An image that is listed under several names is one image.
    fn add(&mut self, image: Image, names: Vec<Reference>) {
        match self
            .images
            .iter_mut()
            .find(|known| known.image.manifest_bytes == image.manifest_bytes)
        {
            Some(known) => known.names.extend(names),
            None => self.images.push(Loaded { image, names }),
        }
    }

    /// The bytes of a document that `descriptor` names.
    fn read_blob(&self, descriptor: &Descriptor) -> Result<Arc<[u8]>, LayoutError> {
        self.check_blob(descriptor)?;
        self.read(&blob_name(&descriptor.digest))
    }

    /// That the file with the blob's name is the blob.
    fn check_blob(&self, descriptor: &Descriptor) -> Result<(), LayoutError> {
        let file = blob_name(&descriptor.digest);
        if self.find(&file)? != (descriptor.digest, descriptor.size) {
            let expected = descriptor.digest;
            return Err(LayoutError::Corrupt { file, expected });
        }
        Ok(())
    }

    fn read(&self, file: &str) -> Result<Arc<[u8]>, LayoutError> {
        let (digest, size) = self.find(file)?;
        if size > MAX_DOCUMENT_BYTES as u64 {
            let what = "a document";
            let size = size as usize;
            return Err(in_file(file, DocumentError::TooLarge { what, size }));
        }
        Ok(self.blobs.get(&digest).map_err(LayerError::Store)?)
    }

    /// Digest and size of a file, symbolic links followed: older archives link layers that are alike.
    fn find(&self, file: &str) -> Result<(Digest, u64), LayoutError> {
        let missing = || LayoutError::Missing {
            file: file.chars().take(200).collect(),
        };
        let path = self.files.resolve(file, Follow::Last).map_err(|_| missing())?;
        match self.files.get(&path) {
            Some(Node::File(found)) => match found.content {
                Content::Blob { digest, size } => Ok((digest, size)),
                Content::Absent { .. } => Err(missing()),
            },
            _ => Err(missing()),
        }
    }
}

fn in_file(file: &str, source: DocumentError) -> LayoutError {
    LayoutError::Document {
        file: file.chars().take(200).collect(),
        source,
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The name of an image in an index: the full one, or one that is full although it stands where tags do.
fn name_of(descriptor: &Descriptor) -> Option<Reference> {
    let text = descriptor.annotations.get(NAME).or_else(|| {
        let name = descriptor.annotations.get(REF_NAME)?;
        name.contains(['/', ':']).then_some(name)
    })?;
    text.parse().ok()
}
