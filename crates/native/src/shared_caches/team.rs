//! A store in a bucket, which has images too.

use super::Place;
use crate::objects::{TeamError, TeamStore};
use oci::{Descriptor, DiffId, Digest, Reference};
use registry::client::FoundCache;
use std::collections::BTreeMap;
use store::{BlobStore, Image, Layer, LayerError};

/// The place.
pub(super) struct Bucket<'b>(pub(super) &'b TeamStore);

impl Place for Bucket<'_> {
    fn find(&mut self, blobs: &mut dyn BlobStore) -> Result<Vec<FoundCache>, String> {
        self.0.caches(blobs).map_err(said)
    }

    fn fetch(
        &mut self,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String> {
        self.0.layers(layers, blobs).map_err(said)
    }

    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String> {
        self.0.leave(image, blobs).map_err(said)
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
