//! The images of a build's steps, as Docker's classic builder leaves them.

use super::super::{Daemon, Refusal};
use super::StoredImage;
use super::add::stored;
use builder::Built;
use oci::{DiffId, Digest};
use store::{BlobStore, Image};

impl Daemon {
    /// Takes in an image for each step of a build but the last, each the parent of the next. Returns the parent of the image
    /// that was built: the one of the step before, or the base image.
    pub(super) fn add_steps(&mut self, built: &Built, blobs: &mut dyn BlobStore) -> Result<Option<Digest>, Refusal> {
        let image = &built.image;
        let n_own = built.configs.len();
        let n_before = image.config.history.len().saturating_sub(n_own);
        let mut parent = self.base_of(image, n_before, built.n_base);
        let mut made: Vec<StoredImage> = Vec::new();
        for (number, config) in built.configs.iter().enumerate().take(n_own.saturating_sub(1)) {
            // The plan keeps those of the first hundred or so.
            let Some(config) = config else { break };
            let mut step = image.config.clone();
            step.history.truncate(n_before + number + 1);
            step.config = (**config).clone();
            step.created = step.history.last().and_then(|last| last.created);
            let n_layers = step.history[n_before..].iter().filter(|past| !past.empty_layer).count();
            let Some(layers) = image.layers.get(..built.n_base + n_layers) else {
                break;
            };
            let mut step = stored(Image::new(step, layers.to_vec()), built.fidelity, blobs)?;
            step.parent = parent;
            parent = Some(step.id);
            made.push(step);
        }
        for step in made {
            self.put_image(step);
        }
        Ok(parent)
    }

    /// The image whose layers and history an image begins with.
    fn base_of(&self, image: &Image, n_history: usize, n_layers: usize) -> Option<Digest> {
        let history = &image.config.history[..n_history];
        let diff_ids: Vec<DiffId> = image.layers[..n_layers].iter().map(|layer| layer.diff_id).collect();
        let is_base =
            |other: &&StoredImage| other.image.config.diff_ids == diff_ids && other.image.config.history == history;
        let found = self.images().find(is_base);
        found.filter(|_| n_history > 0).map(|base| base.id)
    }
}
