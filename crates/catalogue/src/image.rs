//! Images of the catalogue: finding them, and making them into images like any other.

use crate::layer::changes;
use crate::parse::{Data, DataError, ImageText, StepText, parse};
use oci::{ContainerConfig, History, ImageConfig, Platform, Reference, Time, Timestamp};
use std::sync::OnceLock;
use store::{BlobStore, Changeset, Image, Layer, LayerError, StoreError};

/// Why an image of the catalogue could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The data that is built in is wrong.
    #[error("in the catalogue's data: {message}")]
    Data {
        /// File, line and what was expected.
        message: String,
    },
    /// A text could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A layer could not be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

impl From<DataError> for CatalogueError {
    fn from(error: DataError) -> CatalogueError {
        CatalogueError::Data {
            message: error.to_string(),
        }
    }
}

/// The catalogue's files.
const FILES: &[(&str, &str)] = &[
    ("fragments.txt", include_str!("../images/fragments.txt")),
    ("systems.txt", include_str!("../images/systems.txt")),
    ("languages.txt", include_str!("../images/languages.txt")),
    ("servers.txt", include_str!("../images/servers.txt")),
];

/// What is built in, read once.
pub(crate) fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| parse(FILES).expect("the data that is built in is read by a test"))
}

/// An image that the catalogue knows. Simulated: its sizes are published, its bytes are not here.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueImage {
    text: &'static ImageText,
}

/// The image that `reference` names; one without a tag means `latest`. `None` for a digest: no bytes here have one.
pub fn find(reference: &Reference) -> Option<CatalogueImage> {
    if reference.registry() != "docker.io" || reference.digest().is_some() {
        return None;
    }
    let name = reference.repository().strip_prefix("library/")?;
    let tag = reference.tag().unwrap_or("latest");
    list().find(|image| image.name() == name && image.tags().any(|known| known == tag))
}

/// Every image of the catalogue, in the order in which it is written.
pub fn list() -> impl Iterator<Item = CatalogueImage> {
    data().images.iter().map(|text| CatalogueImage { text })
}

impl CatalogueImage {
    /// Its name without registry and tag: `alpine`.
    pub fn name(&self) -> &'static str {
        &self.text.name
    }

    /// Its tags, the one to call it by first.
    pub fn tags(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.text.tags.iter().map(String::as_str)
    }

    /// Where its figures come from, for a person to read.
    pub fn source(&self) -> &'static str {
        &self.text.source
    }

    /// The day on which the modelled image was published: `2019-04-09`.
    pub fn published(&self) -> &'static str {
        &self.text.published
    }

    /// The bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.layer_names().map(|name| data().layers[name].size).sum()
    }

    fn layer_names(&self) -> impl Iterator<Item = &'static str> {
        self.text.steps.iter().filter_map(|step| match step {
            StepText::Layer(name) => Some(name.as_str()),
            StepText::Empty(_) => None,
        })
    }

    /// Its config, without the DiffIDs.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::Data`] if the data is wrong.
    pub fn config(&self) -> Result<ImageConfig, CatalogueError> {
        let created = Some(timestamp(self.text)?);
        let history = self
            .text
            .steps
            .iter()
            .map(|step| {
                let (created_by, empty_layer) = match step {
                    StepText::Layer(name) => (data().layers[name].by.to_owned(), false),
                    StepText::Empty(text) => (text.clone(), true),
                };
                History {
                    created,
                    created_by,
                    empty_layer,
                    ..History::default()
                }
            })
            .collect();
        Ok(ImageConfig {
            platform: Platform {
                architecture: "amd64".to_owned(),
                os: "linux".to_owned(),
                ..Platform::default()
            },
            config: container_config(self.text)?,
            created,
            history,
            ..ImageConfig::default()
        })
    }

    /// What each layer holds, base first; texts are put into `blobs`.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub fn layers(&self, blobs: &mut dyn BlobStore) -> Result<Vec<Changeset>, CatalogueError> {
        self.layer_names()
            .map(|name| changes(data(), &data().layers[name], layer_time(name)?, blobs))
            .collect()
    }

    /// The image, as one that was loaded from a layout. Layers that images share are the same.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub fn load(&self, blobs: &mut dyn BlobStore) -> Result<Image, CatalogueError> {
        let mut layers = Vec::new();
        for changes in self.layers(blobs)? {
            layers.push(Layer::make(changes, None, blobs)?);
        }
        let image = Image::new(self.config()?, layers);
        image.keep(blobs)?;
        Ok(image)
    }
}

/// Files of a layer are as old as the first image that has it, so that the layer is one wherever it is used.
fn layer_time(name: &str) -> Result<Time, CatalogueError> {
    let first = data().images.iter().find(|image| {
        image
            .steps
            .iter()
            .any(|step| matches!(step, StepText::Layer(layer) if layer == name))
    });
    match first {
        Some(image) => Ok(timestamp(image)?.time),
        None => Ok(Time::default()),
    }
}

fn timestamp(image: &ImageText) -> Result<Timestamp, CatalogueError> {
    format!("{}T00:00:00Z", image.published)
        .parse()
        .map_err(|_| CatalogueError::Data {
            message: format!(
                "{}: expected a day such as 2019-04-09, found {:?}",
                image.name, image.published
            ),
        })
}

fn container_config(image: &ImageText) -> Result<ContainerConfig, CatalogueError> {
    let mut config = ContainerConfig::default();
    for (word, value, line) in &image.config {
        let list = || -> Result<Vec<String>, DataError> {
            serde_json::from_str(value).map_err(|error| line.error(format!("expected a list in JSON: {error}")))
        };
        match word.as_str() {
            "env" => config.env.push(value.clone()),
            "cmd" => config.cmd = list()?,
            "entrypoint" => config.entrypoint = list()?,
            "expose" => drop(config.exposed_ports.insert(value.clone())),
            "volume" => drop(config.volumes.insert(value.clone())),
            "workdir" => config.working_dir.clone_from(value),
            "stopsignal" => config.stop_signal.clone_from(value),
            "user" => config.user.clone_from(value),
            _ => {
                let (key, value) = value.split_once('=').ok_or_else(|| line.error("expected KEY=VALUE"))?;
                config.labels.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests;
