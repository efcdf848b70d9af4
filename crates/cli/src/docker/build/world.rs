//! What a build takes from outside: images of the daemon, else of registries.

use super::options::Named;
use builder::{BaseImage, Download, Fidelity};
use engine::{Daemon, StandIn, StoredImage, World, WorldError};
use oci::{Digest, Platform, Reference};
use planner::{ImageName, Url};
use registry::Transport;
use registry::client::{Client, Credentials, Host, PullOptions, RegistryConfig, RegistryError};
use std::collections::BTreeMap;
use store::{BlobStore, Limits, Time, Tree};

/// The daemon and the network as a build sees them. Downloads are a stand-in's.
pub(super) struct Outside<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) transport: &'a mut dyn Transport,
    pub(super) wire: &'a mut dyn Host,
    pub(super) registries: &'a RegistryConfig,
    pub(super) credentials: &'a dyn Credentials,
    pub(super) contexts: &'a BTreeMap<String, Named>,
    /// `--pull`: what the daemon has may be old.
    pub(super) pull: bool,
    pub(super) stand_in: StandIn,
    pub(super) now: Time,
}

impl World for Outside<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<engine::Outside, WorldError> {
        let written = match self.contexts.get(&name.name) {
            Some(Named::Directory(tree)) => return Ok(engine::Outside::Directory(tree.clone())),
            Some(Named::Image(other)) => other.clone(),
            None => name.name.clone(),
        };
        let reference = Reference::parse(&written)
            .map_err(|error| {
                wrong(format!(
                    "failed to parse stage name {}: {error}",
                    dockerfile::quote(&written)
                ))
            })?
            .or_latest();
        let platform =
            Platform::parse(&name.platform, &Platform::linux_amd64()).map_err(|error| wrong(error.to_string()))?;
        if let Some(stored) = self.here(&reference, &platform) {
            return Ok(engine::Outside::Image(BaseImage {
                image: stored.image.clone(),
                tree: Tree::clone(&stored.tree),
                fidelity: stored.fidelity,
            }));
        }
        self.fetch(&written, &reference, &platform, blobs)
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.stand_in.download(url, blobs)
    }

    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.stand_in.repository(name, blobs)
    }
}

impl Outside<'_> {
    /// The image that the daemon has, unless it may be old or is for another machine.
    fn here(&self, reference: &Reference, platform: &Platform) -> Option<&'_ StoredImage> {
        let found = self.daemon.image_named(reference)?;
        (!self.pull && found.image.config.platform.matches(platform)).then_some(found)
    }

    /// Pulls an image for this build only, as BuildKit does: it is not in the daemon's list afterwards.
    fn fetch(
        &mut self,
        written: &str,
        reference: &Reference,
        platform: &Platform,
        blobs: &mut dyn BlobStore,
    ) -> Result<engine::Outside, WorldError> {
        let daemon = self.daemon;
        let known = |digest: &Digest| {
            let mut layers = daemon.images().flat_map(|image| &image.image.layers);
            layers.find(|layer| layer.descriptor.digest == *digest).cloned()
        };
        let options = PullOptions {
            platform,
            limits: &Limits::default(),
            known: &known,
        };
        let mut client = Client {
            transport: self.transport,
            host: self.wire,
            credentials: self.credentials,
            config: self.registries,
        };
        let pulled = client
            .pull(reference, &options, blobs)
            .map_err(|error| unresolved(written, reference, &error))?;
        // A daemon knows how to tell what is simulated.
        let mut shelf = Daemon::default();
        let taken = shelf
            .add_pulled(pulled.image, Fidelity::Exact, reference, pulled.digest, self.now, blobs)
            .map_err(|error| wrong(error.to_string()))?;
        match shelf.image_by_id(taken.id) {
            Some(stored) => Ok(engine::Outside::Image(BaseImage {
                image: stored.image.clone(),
                tree: Tree::clone(&stored.tree),
                fidelity: stored.fidelity,
            })),
            None => Err(wrong(format!("{reference}: not found"))),
        }
    }
}

fn wrong(message: String) -> WorldError {
    WorldError {
        message,
        hints: Vec::new(),
    }
}

/// What BuildKit says of an image that it cannot have.
fn unresolved(written: &str, reference: &Reference, error: &RegistryError) -> WorldError {
    let reason = match error.code() {
        Some("MANIFEST_UNKNOWN" | "NAME_UNKNOWN") => format!("{reference}: not found"),
        _ if error.status() == Some(404) => format!("{reference}: not found"),
        _ => error.to_string(),
    };
    wrong(format!(
        "{written}: failed to resolve source metadata for {reference}: {reason}"
    ))
}
