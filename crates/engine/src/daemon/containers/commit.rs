//! `docker commit`: the writable layer of a container becomes a layer of an image.

use super::super::changes::apply_instructions;
use super::super::{Daemon, Refusal};
use oci::{Digest, History, Reference, Time};
use store::{BlobStore, Image, Layer};

/// How a container is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitOptions {
    /// The name that the image is to have.
    pub name: Option<Reference>,
    /// `-c`: Dockerfile instructions.
    pub changes: Vec<String>,
    /// `-m`.
    pub message: String,
    /// `-a`.
    pub author: String,
}

impl Daemon {
    /// Makes an image of a container: its image's layers and its writable layer, configured as the container is. What is
    /// mounted is not part of it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`], [`Refusal::Invalid`] for a bad change; no image is made then.
    ///
    /// Source: moby, `daemon/commit.go`.
    pub fn commit(
        &mut self,
        name: &str,
        options: &CommitOptions,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Digest, Refusal> {
        let container = self.container(name)?;
        let parent = container.image;
        let base = self.image_by_id(parent).ok_or_else(|| Refusal::NoSuchImage {
            name: parent.to_string(),
        })?;
        let changes = container.writable();
        let is_empty = changes.is_empty();
        let mut config = base.image.config.clone();
        config.config = apply_instructions(&container.config, &options.changes)?;
        config.created = Some(now.into());
        config.author.clone_from(&options.author);
        config.history.push(History {
            created: Some(now.into()),
            created_by: container.config.cmd.join(" "),
            author: options.author.clone(),
            comment: options.message.clone(),
            empty_layer: is_empty,
        });
        let mut layers = base.image.layers.clone();
        if !is_empty {
            layers.push(Layer::make(changes, None, blobs)?);
        }
        let fidelity = container.fidelity;
        let id = self.add_image(Image::new(config, layers), fidelity, blobs)?;
        if let Some(image) = self.images.by_id.get_mut(&id)
            && id != parent
        {
            image.parent = Some(parent);
        }
        if let Some(name) = &options.name {
            self.name(id, name.clone(), now);
        }
        Ok(id)
    }
}
