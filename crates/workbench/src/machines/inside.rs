//! What is in an image or a container of a machine, for the views that also show the last build.

use engine::StoredImage;
use hosts::Machine;
use messages::{ImageView, Subject};
use std::sync::Arc;
use store::{BlobStore, Image, Layer};

/// An image to look into: one of a machine's, or a container's layers with its writable layer on top.
pub(crate) struct Inside {
    /// Its name.
    pub(crate) name: String,
    /// Its layers and documents.
    pub(crate) image: Arc<Image>,
    /// How many layers are those of the image, where it is a container.
    pub(crate) n_image: Option<usize>,
    /// Whether anything in it is simulated.
    pub(crate) simulated: bool,
}

impl Inside {
    /// What `subject` names, if it is there.
    ///
    /// # Errors
    ///
    /// A sentence, if it is not there or cannot be read.
    pub(crate) fn of(subject: &Subject, machines: &[Machine], blobs: &dyn BlobStore) -> Result<Inside, String> {
        let (host, id) = match subject {
            Subject::Built => return Err("no image has been built yet".to_owned()),
            Subject::Image { host, id } | Subject::Container { host, id } => (*host, id),
        };
        let machine = machines.get(host).ok_or("there is no such machine")?;
        if let Subject::Image { .. } = subject {
            let stored = machine.daemon.image(id).map_err(|refusal| refusal.to_string())?;
            return Ok(Inside {
                name: machine
                    .daemon
                    .repo_tags(stored.id)
                    .into_iter()
                    .next()
                    .unwrap_or_default(),
                image: stored.image.clone(),
                n_image: None,
                simulated: is_simulated(stored),
            });
        }
        let container = machine.daemon.container(id).map_err(|refusal| refusal.to_string())?;
        let stored = machine
            .daemon
            .image_by_id(container.image)
            .ok_or("the image of this container is gone")?;
        let writable = Layer::make(container.writable(), None, blobs).map_err(|error| error.to_string())?;
        let mut layers = stored.image.layers.clone();
        let n_image = layers.len();
        layers.push(writable);
        Ok(Inside {
            name: container.name.clone(),
            image: Arc::new(Image::new(stored.image.config.clone(), layers)),
            n_image: Some(n_image),
            simulated: true,
        })
    }

    /// Everything the page shows of it.
    pub(crate) fn view(&self) -> ImageView {
        let title = |n: usize| (self.n_image == Some(n)).then_some("the container's writable layer");
        crate::image::view_of(&self.image, &self.name, self.simulated, title)
    }
}

fn is_simulated(stored: &StoredImage) -> bool {
    stored.fidelity == builder::Fidelity::Simulated || stored.image.is_simulated()
}
