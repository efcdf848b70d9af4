//! A store in a bucket, which has images too.

use super::{Found, Place, pack_by};
use crate::beyond::Beyond;
use crate::objects::{TeamError, TeamStore};
use oci::{Descriptor, DiffId, Digest, Reference};
use registry::client::CacheDocument;
use std::collections::BTreeMap;
use store::{BlobStore, Image, Layer, LayerError};

/// The place.
pub(super) struct Bucket<'b, 'a> {
    pub(super) team: &'b TeamStore,
    pub(super) beyond: &'b mut Beyond<'a>,
}

impl Place for Bucket<'_, '_> {
    fn name(&self) -> String {
        self.team.location().to_string()
    }

    fn find(&mut self, blobs: &mut dyn BlobStore) -> Result<Vec<Found>, String> {
        let caches = self.team.caches(blobs).map_err(said)?;
        let found = caches.into_iter().map(|(document, layers)| Found {
            document: CacheDocument::Whole(document),
            layers,
            at: None,
        });
        Ok(found.collect())
    }

    fn fetch(
        &mut self,
        _found: &mut Found,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String> {
        self.team.layers(layers, blobs).map_err(said)
    }

    fn pack(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<Image, String> {
        pack_by(self.beyond, image, blobs)
    }

    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String> {
        self.team.leave(image, blobs).map_err(said)
    }
}

fn said(error: TeamError) -> String {
    error.to_string()
}

/// Lets names stand for an image there; those of its layers that `packed` has are not compressed again.
pub(super) fn give(
    team: &TeamStore,
    image: &Image,
    packed: &[Layer],
    names: &[Reference],
    blobs: &mut dyn BlobStore,
) -> Result<(), String> {
    let known: BTreeMap<DiffId, &Layer> = packed.iter().map(|layer| (layer.diff_id, layer)).collect();
    let layers = image.layers.iter().map(|layer| match known.get(&layer.diff_id) {
        Some(known) => Ok(Layer {
            descriptor: Descriptor {
                annotations: layer.descriptor.annotations.clone(),
                ..known.descriptor.clone()
            },
            ..(*known).clone()
        }),
        None => layer.gzipped(blobs),
    });
    let layers: Result<Vec<Layer>, LayerError> = layers.collect();
    let image = image.with_layers(layers.map_err(|error| error.to_string())?);
    team.give(&image, names, blobs).map_err(said)
}
