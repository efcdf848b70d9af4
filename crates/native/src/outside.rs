//! What lies outside a real build: what `--build-context` names, images kept here, and what a network has.

use crate::git::Git;
use crate::world::{Machine, Named};
use builder::{BaseImage, Download, Fidelity};
use engine::{Daemon, LocalImages, Outside, World, WorldError};
use planner::{ImageName, Url};
use std::sync::Arc;
use store::{BlobStore, Image, Tree};

/// The world of a real build. Nothing in it is simulated: the catalogue is not asked.
pub struct RealWorld<'a> {
    /// What `--build-context` names.
    pub machine: &'a Machine<'a>,
    /// Images that are kept on this machine.
    pub kept: &'a Daemon,
    /// Registries and servers.
    pub beyond: &'a mut dyn World,
    /// Fetches repositories.
    pub git: &'a mut Git,
    /// Whether registries are asked even for images that are kept here.
    pub pull: bool,
}

impl World for RealWorld<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        let name = match self.machine.named(name)? {
            Named::Directory(tree) => return Ok(Outside::Directory(tree)),
            Named::Layout(found) => return base(found.read(blobs).map_err(error)?),
            Named::Elsewhere(name) => name,
        };
        let found = if self.pull {
            self.beyond.image(&name, blobs)
        } else {
            let mut local = LocalImages {
                daemon: self.kept,
                beyond: self.beyond,
            };
            local.image(&name, blobs)
        };
        match found? {
            Outside::Image(base) if base.fidelity == Fidelity::Simulated || base.image.is_simulated() => {
                Err(WorldError {
                    message: format!(
                        "{}: expected a real image, found one that a preview has made",
                        name.name
                    ),
                    hints: vec![hint(&name.name)],
                })
            }
            found => Ok(found),
        }
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.beyond.download(url, blobs)
    }

    fn repository(&mut self, name: &str, _: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.git.fetch(name)
    }
}

/// A real image as a base.
pub(crate) fn base(image: Image) -> Result<Outside, WorldError> {
    let tree = image.tree().map_err(error)?;
    Ok(Outside::Image(BaseImage {
        image: Arc::new(image),
        tree,
        fidelity: Fidelity::Exact,
    }))
}

/// Where a real image can come from.
pub(crate) fn hint(name: &str) -> String {
    format!("give one with --build-context {name}=oci-layout://DIR, or load one with layerlab load")
}

fn error(message: impl ToString) -> WorldError {
    WorldError {
        message: message.to_string(),
        hints: Vec::new(),
    }
}
