//! A cache under a name in a registry.

use super::{Found, Place, pack_by};
use crate::beyond::Beyond;
use oci::{Descriptor, DiffId, Digest, Platform, Reference};
use registry::client::PushOptions;
use std::collections::BTreeMap;
use store::{BlobStore, Image, Layer, Limits};

/// The place.
pub(super) struct Named<'b, 'a> {
    pub(super) name: Reference,
    pub(super) beyond: &'b mut Beyond<'a>,
}

impl Place for Named<'_, '_> {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn find(&mut self, _blobs: &mut dyn BlobStore) -> Result<Vec<Found>, String> {
        let name = &self.name;
        let found = self
            .beyond
            .with_client(|client| client.find_cache(name, &Platform::linux_amd64()))?
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("expected a build cache, found an image without one: {name}"))?;
        Ok(vec![Found {
            document: found.document.clone(),
            layers: found.layers.clone(),
            at: Some(found),
        }])
    }

    fn fetch(
        &mut self,
        found: &mut Found,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String> {
        let Some(at) = found.at.as_mut() else {
            return Ok(BTreeMap::new());
        };
        self.beyond
            .with_client(|client| client.fetch_layers(at, layers, &Limits::default(), blobs))?
            .map_err(|error| error.to_string())
    }

    fn pack(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<Image, String> {
        pack_by(self.beyond, image, blobs)
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
