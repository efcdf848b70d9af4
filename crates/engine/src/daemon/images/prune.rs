//! `docker image prune`: removing what nobody needs.

use super::super::{Daemon, Refusal};
use super::remove::{Force, Parents, Quiet, Removed};
use super::{StoredImage, has_label};
use oci::{Digest, Time};

/// Which images go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneImages {
    /// `-a`: also those with a name, unless a container uses them.
    pub all: bool,
    /// Only those made before.
    pub until: Option<Time>,
    /// Only those with these labels; a value of `None` is any.
    pub labels: Vec<(String, Option<String>)>,
}

/// What is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The lines that Docker prints.
    pub removed: Vec<Removed>,
    /// The bytes of the layers that no image has any more.
    pub reclaimed: u64,
}

impl Daemon {
    /// Removes images without names, with `all` every image that no container uses.
    ///
    /// # Errors
    ///
    /// None today; a conflict leaves its image where it is.
    pub fn prune_images(&mut self, which: &PruneImages) -> Result<Pruned, Refusal> {
        let before = self.layer_bytes();
        let mut pruned = Pruned::default();
        let wanted: Vec<Digest> = self
            .images()
            .filter(|image| self.is_pruned(image, which))
            .map(|image| image.id)
            .collect();
        for id in wanted {
            if !self.images.by_id.contains_key(&id) {
                continue;
            }
            // With `-a` an image goes with all its names.
            let force = if which.all { Force::Yes } else { Force::No };
            self.delete(id, force, Parents::Prune, Quiet::Yes, &mut pruned.removed)?;
        }
        pruned.reclaimed = before.saturating_sub(self.layer_bytes());
        Ok(pruned)
    }

    fn is_pruned(&self, image: &StoredImage, which: &PruneImages) -> bool {
        let is_wanted = if which.all {
            self.images.children(image.id).next().is_none()
        } else {
            self.images.is_dangling(image.id)
        };
        is_wanted
            && self.containers.using(image.id).next().is_none()
            && which.until.is_none_or(|until| image.created() < until)
            && which
                .labels
                .iter()
                .all(|label| has_label(&image.image.config.config.labels, label))
    }

    /// The bytes of all layers, each counted once.
    pub(crate) fn layer_bytes(&self) -> u64 {
        let layers = self
            .images()
            .flat_map(|image| image.chain_ids().into_iter().zip(&image.image.layers));
        let sizes: std::collections::BTreeMap<_, u64> = layers.map(|(chain, layer)| (chain, layer.bytes())).collect();
        sizes.values().sum()
    }
}
