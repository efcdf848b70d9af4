//! Images: a config, a manifest and layers.

use crate::{BlobStore, Layer, StoreError, Tree, TreeError, apply};
use oci::{ChainId, Digest, History, ImageConfig, Manifest, chain_ids};

/// An image with everything that names it. What it claims can be recomputed: see [`crate::validate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The config.
    pub config: ImageConfig,
    /// Its bytes: those that were loaded, or those that BuildKit would write.
    pub config_bytes: Vec<u8>,
    /// The manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub manifest_bytes: Vec<u8>,
    /// The layers, base first.
    pub layers: Vec<Layer>,
}

impl Image {
    /// The image of `layers` that says `config` of itself; the DiffIDs in `config` become those of `layers`.
    pub fn new(mut config: ImageConfig, layers: Vec<Layer>) -> Image {
        config.diff_ids = layers.iter().map(|layer| layer.diff_id).collect();
        let manifest = Manifest::new(
            config.descriptor(),
            layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        );
        Image {
            config_bytes: config.to_json(),
            config,
            manifest_bytes: manifest.to_json(),
            manifest,
            layers,
        }
    }

    /// The image ID: the digest of its config.
    pub fn id(&self) -> Digest {
        Digest::of(&self.config_bytes)
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest_bytes)
    }

    /// The ChainID after each layer, base first.
    pub fn chain_ids(&self) -> Vec<ChainId> {
        let diff_ids: Vec<_> = self.layers.iter().map(|layer| layer.diff_id).collect();
        chain_ids(&diff_ids)
    }

    /// Its filesystem.
    ///
    /// # Errors
    ///
    /// As [`apply`].
    pub fn tree(&self) -> Result<Tree, TreeError> {
        flatten(&self.layers)
    }

    /// Whether a file in it is simulated.
    pub fn is_simulated(&self) -> bool {
        self.layers.iter().any(Layer::is_simulated)
    }

    /// The history, each step with its layer if it made one. Steps stay without layer if there are more of them than
    /// layers; layers that no step accounts for are not listed.
    pub fn steps(&self) -> impl Iterator<Item = (&History, Option<&Layer>)> {
        let mut layers = self.layers.iter();
        self.config.history.iter().map(move |step| {
            let layer = if step.empty_layer { None } else { layers.next() };
            (step, layer)
        })
    }

    /// The bytes of its blobs as a registry would hold them: manifest, config and layers.
    pub fn blob_bytes(&self) -> u64 {
        let layers: u64 = self.layers.iter().map(|layer| layer.descriptor.size).sum();
        layers + self.config_bytes.len() as u64 + self.manifest_bytes.len() as u64
    }

    /// This image with the blobs of its layers compressed as gzip; those that are blobs already stay as they are.
    ///
    /// The image ID stays the same, the manifest changes.
    ///
    /// # Errors
    ///
    /// As [`Layer::gzipped`].
    pub fn gzipped(&self, blobs: &mut dyn BlobStore) -> Result<Image, crate::LayerError> {
        let layers: Result<Vec<Layer>, _> = self.layers.iter().map(|layer| layer.gzipped(blobs)).collect();
        Ok(self.with_layers(layers?))
    }

    /// Puts its config and manifest into `blobs`.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::put`].
    pub fn keep(&self, blobs: &mut dyn BlobStore) -> Result<(), StoreError> {
        blobs.put(&self.config_bytes)?;
        blobs.put(&self.manifest_bytes)?;
        Ok(())
    }

    /// This image with the same layers under other blobs.
    #[must_use]
    pub fn with_layers(&self, layers: Vec<Layer>) -> Image {
        let mut manifest = self.manifest.clone();
        manifest.layers = layers.iter().map(|layer| layer.descriptor.clone()).collect();
        let manifest_bytes = if manifest == self.manifest {
            self.manifest_bytes.clone()
        } else {
            manifest.to_json()
        };
        Image {
            manifest,
            manifest_bytes,
            layers,
            ..self.clone()
        }
    }
}

/// The filesystem that `layers` make, base first.
///
/// # Errors
///
/// As [`apply`].
pub fn flatten(layers: &[Layer]) -> Result<Tree, TreeError> {
    layers
        .iter()
        .try_fold(Tree::new(), |tree, layer| apply(&tree, &layer.changes))
}
