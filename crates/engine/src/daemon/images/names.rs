//! Giving names to images, and telling which they have.

use super::super::{Daemon, Refusal};
use super::StoredImage;
use oci::{Digest, Reference, Time};

impl Daemon {
    /// The names of an image with their tags, as Docker shows them: `alpine:3.9.3`.
    pub fn repo_tags(&self, id: Digest) -> Vec<String> {
        let names = self.images.names_of(id).filter(|name| name.digest().is_none());
        names.map(Reference::familiar).collect()
    }

    /// The names of an image with the digests it has in registries: `alpine@sha256:…`.
    pub fn repo_digests(&self, id: Digest) -> Vec<String> {
        let names = self.images.names_of(id).filter(|name| name.digest().is_some());
        names.map(Reference::familiar).collect()
    }

    /// Gives the image that goes by `source` another name, which another image may lose by it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchImage`], or [`Refusal::Invalid`] for a target with a digest.
    pub fn tag(&mut self, source: &str, target: &Reference, now: Time) -> Result<(), Refusal> {
        let id = self.image(source)?.id;
        if target.digest().is_some() {
            return Err(Refusal::invalid("refusing to create a tag with a digest reference"));
        }
        self.name(id, target.clone(), now);
        Ok(())
    }

    /// Gives an image that is here a name with a tag.
    pub(crate) fn name(&mut self, id: Digest, name: Reference, now: Time) {
        self.images.names.insert(name.or_latest(), id);
        if let Some(image) = self.images.by_id.get_mut(&id) {
            image.tagged = Some(now);
        }
    }

    /// Every image, by ID.
    pub fn images(&self) -> impl Iterator<Item = &StoredImage> {
        self.images.by_id.values()
    }

    /// The images that were built on this one.
    pub fn children(&self, id: Digest) -> impl Iterator<Item = &StoredImage> {
        self.images.children(id)
    }

    /// What this image was built on, closest first, as far as it is here.
    pub fn parents(&self, id: Digest) -> Vec<&StoredImage> {
        let of = |id: Digest| self.images.by_id.get(&self.images.by_id.get(&id)?.parent?);
        std::iter::successors(of(id), |image| of(image.id)).collect()
    }

    /// Whether it has neither a name nor children: what `docker image prune` removes.
    pub fn is_dangling(&self, id: Digest) -> bool {
        self.images.is_dangling(id)
    }
}
