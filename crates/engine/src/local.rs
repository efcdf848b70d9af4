//! The images of a daemon as what builds start from.

use crate::{Daemon, Outside, World, WorldError};
use builder::{BaseImage, Download};
use oci::{Platform, Reference};
use planner::{ImageName, Url};
use store::{BlobStore, Tree};

/// A [`World`] that has the images of a daemon, and for everything else asks another one.
///
/// So the Docker driver of BuildKit does: what is here is not looked for in a registry.
pub struct LocalImages<'a> {
    /// Whose images.
    pub daemon: &'a Daemon,
    /// Where everything else is.
    pub beyond: &'a mut dyn World,
}

impl LocalImages<'_> {
    fn find(&self, name: &ImageName) -> Option<BaseImage> {
        let found = self.daemon.image_named(&Reference::parse(&name.name).ok()?)?;
        let wanted = Platform::parse(&name.platform, &Platform::linux_amd64()).ok()?;
        let fits = found.image.config.platform.matches(&wanted);
        fits.then(|| BaseImage {
            image: found.image.clone(),
            tree: Tree::clone(&found.tree),
            fidelity: found.fidelity,
        })
    }
}

impl World for LocalImages<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        match self.find(name) {
            Some(base) => Ok(Outside::Image(base)),
            None => self.beyond.image(name, blobs),
        }
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.beyond.download(url, blobs)
    }

    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.beyond.repository(name, blobs)
    }
}
