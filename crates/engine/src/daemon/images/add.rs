//! Taking in images: built, pulled, or made some other way.

use super::super::{Daemon, Refusal};
use super::{Files, StoredImage};
use builder::{Built, Fidelity};
use oci::{Digest, Reference, Time};
use std::sync::Arc;
use store::{BlobStore, Image};

/// The annotation of a manifest that says that something in the image is simulated. It travels with the image through
/// archives and registries.
const MARK: &str = "layerlab.fidelity";
const SIMULATED: &str = "simulated";

/// What a pull changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// The image.
    pub id: Digest,
    /// False if the name meant this very image before: `Image is up to date`.
    pub is_new: bool,
}

/// Whether the images of a build's steps are kept too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepImages {
    /// Each step becomes an image without a name, the parent of the next, as with Docker's classic builder: `ls -a` lists
    /// them, and the history names them.
    Keep,
    /// Only the image itself, as with BuildKit.
    Drop,
}

impl Daemon {
    /// Takes in an image that a build made, and gives it `names`. An image that had one of them loses it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Tree`] if its layers make no filesystem, [`Refusal::Store`] if its documents cannot be kept.
    pub fn add_built(
        &mut self,
        built: &Built,
        names: &[Reference],
        steps: StepImages,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Digest, Refusal> {
        let parent = match steps {
            StepImages::Drop => None,
            StepImages::Keep => self.add_steps(built, blobs)?,
        };
        let id = self.add_image(built.image.clone(), built.fidelity, blobs)?;
        if let Some(image) = self.images.by_id.get_mut(&id)
            && parent != Some(id)
        {
            image.parent = image.parent.or(parent);
        }
        for name in names {
            self.name(id, name.clone(), now);
        }
        Ok(id)
    }

    /// Takes in an image without a name. One that is here already stays as it is.
    ///
    /// # Errors
    ///
    /// As [`add_built`](Daemon::add_built).
    pub fn add_image(
        &mut self,
        image: Image,
        fidelity: Fidelity,
        blobs: &mut dyn BlobStore,
    ) -> Result<Digest, Refusal> {
        let stored = stored(image, fidelity, blobs)?;
        Ok(self.put_image(stored))
    }

    /// Takes in an image that a registry gave under `name`, the digest there being `digest`.
    ///
    /// # Errors
    ///
    /// As [`add_built`](Daemon::add_built).
    pub fn add_pulled(
        &mut self,
        image: Image,
        fidelity: Fidelity,
        name: &Reference,
        digest: Digest,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Pulled, Refusal> {
        let before = self.images.names.get(name).copied();
        let id = self.add_image(image, fidelity, blobs)?;
        self.record_digest(id, name, digest);
        if name.digest().is_none() {
            self.name(id, name.clone(), now);
        }
        Ok(Pulled {
            id,
            is_new: before != Some(id),
        })
    }

    /// Notes that the image that goes by `name` has `digest` in that name's registry, where it was pushed.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchImage`].
    pub fn record_push(&mut self, name: &Reference, digest: Digest) -> Result<(), Refusal> {
        let id = self.image(&name.familiar())?.id;
        self.record_digest(id, name, digest);
        Ok(())
    }

    fn record_digest(&mut self, id: Digest, name: &Reference, digest: Digest) {
        // One digest of a repository names one image; an image may have several.
        if let Ok(bare) = Reference::parse(&name.name()) {
            self.images.names.insert(bare.with_digest(digest), id);
        }
    }

    pub(crate) fn put_image(&mut self, stored: StoredImage) -> Digest {
        let id = stored.id;
        self.images.by_id.entry(id).or_insert(stored);
        id
    }
}

/// An image ready to be taken in: its filesystem made, its documents kept, its mark set and read.
pub(crate) fn stored(image: Image, fidelity: Fidelity, blobs: &mut dyn BlobStore) -> Result<StoredImage, Refusal> {
    let is_marked = is_marked(&image);
    let fidelity = if is_marked || image.is_simulated() {
        Fidelity::Simulated
    } else {
        fidelity
    };
    // A file without bytes says it by itself, and the manifest stays as its registry has it.
    let image = if fidelity == Fidelity::Simulated && !is_marked && !image.is_simulated() {
        mark(image)
    } else {
        image
    };
    let image = Arc::new(image);
    let tree = Files::of(image.clone())?;
    image.keep(blobs)?;
    Ok(StoredImage {
        id: image.id(),
        image,
        tree,
        fidelity,
        parent: None,
        tagged: None,
    })
}

/// Whether the manifest says that something in the image is simulated.
pub(super) fn is_marked(image: &Image) -> bool {
    let mark = image.manifest.annotations.get(MARK);
    mark.is_some_and(|mark| mark == SIMULATED)
}

/// The image with a manifest that says that it is simulated. Its ID stays.
fn mark(mut image: Image) -> Image {
    image.manifest.annotations.insert(MARK.to_owned(), SIMULATED.to_owned());
    image.manifest_bytes = image.manifest.to_json();
    image
}
