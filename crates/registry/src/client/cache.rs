//! Build caches that others left in a registry.
//!
//! Source: BuildKit, `cache/remotecache/v1/doc.go`, `cache/remotecache/import.go`.

use super::endpoint::Direction;
use super::error::RegistryError;
use super::pull::translate;
use super::session::{Client, Line, Session};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci::{Descriptor, DiffId, Digest, ImageConfig, Index, Manifest, Platform, Reference, media_type};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::{BlobStore, Image, Layer, Limits};

/// Where a descriptor says what its layer is uncompressed.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// Where a descriptor says when its layer was made.
pub const CREATED_AT: &str = "buildkit/createdat";

/// A build cache that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCache {
    /// What it knows, as JSON.
    pub document: CacheDocument,
    /// Layers that it names and whose DiffIDs it tells.
    pub layers: Vec<(Descriptor, DiffId)>,
}

/// Where in a registry a cache was found.
#[derive(Debug)]
pub struct CacheHome {
    session: Session,
    repository: String,
}

/// What a cache knows, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheDocument {
    /// A cache of its own.
    Whole(Vec<u8>),
    /// The records of an image that is its own cache: its layers are those of [`FoundCache::layers`], base first.
    Inline(Vec<u8>),
}

/// The image, as far as it is a cache.
#[derive(Deserialize)]
struct Inline {
    #[serde(rename = "moby.buildkit.cache.v0", default)]
    records: Option<String>,
}

impl Client<'_> {
    /// Finds the build cache under a name: one that was written as a cache, or an image that carries its own. `None` for an image that
    /// does not.
    ///
    /// # Errors
    ///
    /// [`RegistryError`], as of a pull.
    pub fn find_cache(
        &mut self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<(FoundCache, CacheHome)>, RegistryError> {
        let exact = reference.clone().exact();
        self.each_endpoint(&exact, Direction::Pull, |client, session| {
            let mut line = client.line(session);
            line.ping()?;
            let found = line.read_cache(&exact, platform)?;
            let home = || CacheHome {
                session: session.clone(),
                repository: exact.repository().to_owned(),
            };
            Ok(found.map(|found| (found, home())))
        })
        .map_err(|error| translate(error, reference))
    }

    /// Fetches and reads layers of a cache, several at once if the transport has [`Lanes`](super::Lanes); returns them by the digests of
    /// their blobs.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Client::fetch), and [`LayerError`](store::LayerError) for a layer that is broken, hostile or another one.
    pub fn fetch_layers(
        &mut self,
        home: &mut CacheHome,
        layers: &[(Descriptor, DiffId)],
        limits: &Limits,
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, RegistryError> {
        let CacheHome { session, repository } = home;
        if let Some(mut lanes) = self.transport.lanes() {
            return self.fetch_in(lanes.as_mut(), session, repository, layers, limits);
        }
        let mut read = BTreeMap::new();
        for (descriptor, diff_id) in layers {
            self.fetch(session, repository, descriptor, blobs)?;
            let layer = Layer::read(descriptor.clone(), Some(*diff_id), limits, blobs)?;
            read.insert(descriptor.digest, layer);
        }
        Ok(read)
    }
}

impl Line<'_, '_> {
    fn read_cache(&mut self, exact: &Reference, platform: &Platform) -> Result<Option<FoundCache>, RegistryError> {
        let repository = exact.repository();
        let (digest, known) = self.find(exact)?;
        let document = match known {
            Some(document) => document,
            None => self.get_manifest(repository, digest, None)?,
        };
        // Whichever form it has, an index or, of newer versions, a manifest: what it knows is one entry, layers are the others.
        let entries = if media_type::is_index(&document.media_type) {
            Index::parse(&document.bytes)?.manifests
        } else {
            Manifest::parse(&document.bytes)?.entries()
        };
        if let Some(config) = entries.iter().find(|entry| is_cache(entry)) {
            return Ok(Some(FoundCache {
                document: CacheDocument::Whole(self.fetch_config(repository, config)?),
                layers: told_layers(&entries),
            }));
        }
        let name = exact.tag().unwrap_or("latest");
        let (manifest, _) = self.find_manifest(repository, digest, Some(document), name, platform)?;
        let bytes = self.fetch_config(repository, &manifest.config)?;
        let config = ImageConfig::parse(&bytes)?;
        if config.diff_ids.len() != manifest.layers.len() {
            return Err(RegistryError::LayerCount);
        }
        let inline: Option<Inline> = serde_json::from_slice(&bytes).ok();
        let records = inline.and_then(|inline| STANDARD.decode(inline.records?).ok());
        Ok(records.map(|records| FoundCache {
            document: CacheDocument::Inline(records),
            layers: manifest.layers.into_iter().zip(config.diff_ids).collect(),
        }))
    }
}

/// Whether an entry is what a cache knows.
pub fn is_cache(descriptor: &Descriptor) -> bool {
    descriptor.media_type == media_type::BUILDKIT_CACHE
}

/// The layers that say what they are uncompressed.
pub fn told_layers(descriptors: &[Descriptor]) -> Vec<(Descriptor, DiffId)> {
    let told = |descriptor: &Descriptor| {
        let digest = descriptor.annotations.get(UNCOMPRESSED)?.parse().ok()?;
        Some((descriptor.clone(), DiffId(digest)))
    };
    descriptors.iter().filter_map(told).collect()
}

/// A cache as what is pushed: `document` in the place of an image's config, and layers, of which each descriptor says what it is
/// uncompressed.
pub fn cache_image(document: Vec<u8>, layers: Vec<Layer>) -> Image {
    let layers: Vec<Layer> = layers.into_iter().map(annotated).collect();
    let config = Descriptor::new(media_type::BUILDKIT_CACHE, Digest::of(&document), document.len() as u64);
    let descriptors = layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = Manifest::new(config, descriptors);
    Image {
        config: ImageConfig::default(),
        config_bytes: document,
        manifest_bytes: manifest.to_json(),
        manifest,
        layers,
    }
}

fn annotated(mut layer: Layer) -> Layer {
    let uncompressed = layer.diff_id.0.to_string();
    layer
        .descriptor
        .annotations
        .insert(UNCOMPRESSED.to_owned(), uncompressed);
    layer
}
