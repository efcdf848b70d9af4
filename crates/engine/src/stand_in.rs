//! A world without a network: base images of the catalogue, downloads as names without bytes.

use crate::{Outside, World, WorldError};
use builder::{BaseImage, Download, Fidelity};
use oci::Reference;
use planner::{ImageName, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, Content, Tree};

/// The catalogue as a [`World`]. Everything in it is simulated. It remembers what it made, so that an image is made once.
#[derive(Debug, Clone, Default)]
pub struct StandIn {
    images: BTreeMap<String, BaseImage>,
}

impl World for StandIn {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        let reference = Reference::parse(&name.name).map_err(|error| WorldError {
            message: format!("failed to parse stage name {:?}: {error}", name.name),
            hints: Vec::new(),
        })?;
        let full = reference.clone().or_latest().to_string();
        if let Some(known) = self.images.get(&full) {
            return Ok(Outside::Image(known.clone()));
        }
        let base = make(&reference, &name.name, &full, blobs)?;
        self.images.insert(full, base.clone());
        Ok(Outside::Image(base))
    }

    /// A file whose name is known and nothing else: nobody fetched it.
    fn download(&mut self, _: &Url, _: &mut dyn BlobStore) -> Result<Download, WorldError> {
        Ok(Download {
            content: Content::Absent { size: 0 },
            last_modified: None,
        })
    }

    fn repository(&mut self, name: &str, _: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        Err(WorldError {
            message: format!("failed to fetch {name}: repositories cannot be fetched in a simulation"),
            hints: vec!["put the files into the context and COPY them".to_owned()],
        })
    }
}

fn make(reference: &Reference, written: &str, full: &str, blobs: &mut dyn BlobStore) -> Result<BaseImage, WorldError> {
    let broken = |error: &dyn std::fmt::Display| WorldError {
        message: format!("{full}: {error}"),
        hints: Vec::new(),
    };
    let Some(found) = catalogue::find(reference) else {
        return Err(WorldError {
            message: format!("{written}: failed to resolve source metadata for {full}: {full}: not found"),
            hints: vec![format!(
                "the catalogue stands in for a registry here. {}",
                catalogue::suggest(reference)
            )],
        });
    };
    let image = found.load(blobs).map_err(|error| broken(&error))?;
    let tree = image.tree().map_err(|error| broken(&error))?;
    Ok(BaseImage {
        image: Arc::new(image),
        tree,
        fidelity: Fidelity::Simulated,
    })
}

#[cfg(test)]
mod tests {
    use super::StandIn;
    use crate::{Outside, World};
    use planner::ImageName;
    use store::MemoryBlobs;

    fn name(text: &str) -> ImageName {
        ImageName {
            name: text.to_owned(),
            platform: "linux/amd64".to_owned(),
        }
    }

    #[test]
    fn an_image_is_found_under_each_of_its_names_and_is_simulated() {
        let (mut world, mut blobs) = (StandIn::default(), MemoryBlobs::default());
        for text in ["alpine:3.9.3", "docker.io/library/alpine:3.9.3"] {
            let found = world.image(&name(text), &mut blobs).expect("it is in the catalogue");
            let Outside::Image(base) = found else {
                panic!("an image is no directory")
            };
            assert_eq!(base.fidelity, builder::Fidelity::Simulated);
            assert!(store::validate(&base.image, &blobs).is_empty());
        }
        assert_eq!(world.images.len(), 1);
    }

    #[test]
    fn an_unknown_image_fails_in_buildkits_words_and_says_what_there_is() {
        let error = StandIn::default()
            .image(&name("alpin"), &mut MemoryBlobs::default())
            .expect_err("no such image");
        let full = "docker.io/library/alpin:latest";
        assert_eq!(
            error.message,
            format!("alpin: failed to resolve source metadata for {full}: {full}: not found")
        );
        assert!(
            error.hints[0].contains("did you mean alpine:latest?"),
            "{}",
            error.hints[0]
        );
    }
}
