//! A cache under a name in a registry.

use super::Place;
use crate::beyond::Beyond;
use oci::{Descriptor, DiffId, Digest, Platform, Reference};
use registry::client::{CacheHome, FoundCache, PushOptions};
use std::collections::BTreeMap;
use store::{BlobStore, Image, Layer, Limits};

/// The place.
pub(super) struct Named<'b, 'a> {
    pub(super) name: Reference,
    /// For which the cache in an image is wanted.
    pub(super) platform: Platform,
    pub(super) beyond: &'b mut Beyond<'a>,
    /// Where the cache was found.
    pub(super) home: Option<CacheHome>,
}

impl Place for Named<'_, '_> {
    fn find(&mut self, _blobs: &mut dyn BlobStore) -> Result<Vec<FoundCache>, String> {
        let (name, platform) = (&self.name, &self.platform);
        let found = self
            .beyond
            .with_client(|client| client.find_cache(name, platform))?
            .map_err(|error| error.to_string())?;
        let (found, home) =
            found.ok_or_else(|| format!("expected a build cache, found an image without one: {name}"))?;
        self.home = Some(home);
        Ok(vec![found])
    }

    fn fetch(
        &mut self,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String> {
        let Some(home) = self.home.as_mut() else {
            return Ok(BTreeMap::new());
        };
        self.beyond
            .with_client(|client| client.fetch_layers(home, layers, &Limits::default(), blobs))?
            .map_err(|error| error.to_string())
    }

    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String> {
        let name = &self.name;
        let options = PushOptions {
            sources: &|_| Vec::new(),
            chunk_bytes: None,
        };
        self.beyond
            .with_client(|client| client.push(image, name, &options, blobs))?
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}
