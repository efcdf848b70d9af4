//! The images of a machine: what they are, what they are called, what they are made of.

mod add;
mod archive;
mod disk;
mod files;
mod find;
mod history;
mod import;
mod inspect;
mod kept;
mod list;
mod names;
mod prune;
mod remove;
mod steps;

pub use add::{Pulled, StepImages};
pub use archive::LoadedImage;
pub use disk::{Counted, DiskUsage, ImageUsage};
pub use files::Files;
pub use history::HistoryRow;
pub use import::ImportOptions;
pub use list::{ImageFilters, ImageRow, Intermediates, Rows};
pub use prune::{PruneImages, Pruned};
pub use remove::{Force, Parents, Removed};

pub(crate) use list::has_label;

use builder::Fidelity;
use oci::{ChainId, Digest, Reference, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Image;

/// The images of a machine, and their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Images {
    pub(crate) by_id: BTreeMap<Digest, StoredImage>,
    /// Names with a tag, and names with a digest; each names one image.
    pub(crate) names: BTreeMap<Reference, Digest>,
}

/// An image that the machine has.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredImage {
    /// Its ID: the digest of its config.
    pub id: Digest,
    /// The image.
    pub image: Arc<Image>,
    /// Its filesystem.
    pub tree: Files,
    /// Whether anything in it is simulated.
    pub fidelity: Fidelity,
    /// The image it was built on, if both were made here.
    pub parent: Option<Digest>,
    /// When it was last given a name.
    pub tagged: Option<Time>,
}

impl StoredImage {
    /// The bytes of the files of all layers, as `docker image ls` shows them.
    pub fn size(&self) -> u64 {
        self.image.layers.iter().map(store::Layer::bytes).sum()
    }

    /// When it was made; the epoch if it does not say.
    pub fn created(&self) -> Time {
        self.image.config.created.map(|stamp| stamp.time).unwrap_or_default()
    }

    /// The ChainIDs of its layers, base first.
    pub fn chain_ids(&self) -> Vec<ChainId> {
        self.image.chain_ids()
    }
}

impl Images {
    /// The names of an image: those with a tag and those with a digest, in order.
    pub(crate) fn names_of(&self, id: Digest) -> impl Iterator<Item = &Reference> {
        self.names
            .iter()
            .filter(move |(_, named)| **named == id)
            .map(|(name, _)| name)
    }

    pub(crate) fn children(&self, id: Digest) -> impl Iterator<Item = &StoredImage> {
        self.by_id.values().filter(move |image| image.parent == Some(id))
    }

    pub(crate) fn has_name(&self, id: Digest) -> bool {
        self.names.values().any(|named| *named == id)
    }

    /// Neither a name nor a child.
    pub(crate) fn is_dangling(&self, id: Digest) -> bool {
        !self.has_name(id) && self.children(id).next().is_none()
    }

    /// The ChainIDs of all images.
    pub(crate) fn all_chains(&self) -> BTreeSet<ChainId> {
        self.by_id.values().flat_map(StoredImage::chain_ids).collect()
    }
}
