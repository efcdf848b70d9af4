//! `docker import`: a filesystem archive becomes an image of one layer.

use super::super::changes::apply_instructions;
use super::super::mark::take_mark;
use super::super::{Daemon, Refusal};
use oci::{ContainerConfig, Descriptor, Digest, History, ImageConfig, Platform, Reference, Time, media_type};
use std::io::BufRead;
use store::{BlobStore, Image, Layer, LayerError, LayerSource, Limits, decompress};

/// How an archive is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// `--change`: Dockerfile instructions.
    pub changes: Vec<String>,
    /// `--message`; Docker's own words if empty.
    pub message: String,
    /// `--platform`.
    pub platform: Option<Platform>,
    /// The name it is to have.
    pub name: Option<Reference>,
    /// Where the archive comes from, as `-` or a file's name or URL: stands in the default message.
    pub source: String,
}

impl Daemon {
    /// Takes in a tar, packed or not, as an image of one layer.
    ///
    /// The tar is streamed into the blob store; its digest is the layer's DiffID.
    ///
    /// # Errors
    ///
    /// [`Refusal::Layer`] for a bad archive, [`Refusal::Invalid`] for a bad change; nothing is taken in then.
    pub fn import(
        &mut self,
        source: Box<dyn BufRead + '_>,
        options: &ImportOptions,
        limits: &Limits,
        now: Time,
        blobs: &mut dyn BlobStore,
    ) -> Result<Digest, Refusal> {
        let config = apply_instructions(&ContainerConfig::default(), &options.changes)?;
        let mut tar = decompress(source)?;
        let (fidelity, mut tar) = take_mark(&mut tar)?;
        let (digest, size) = blobs.put_from(&mut Capped {
            inner: &mut tar,
            left: limits.tar_bytes,
        })?;
        let descriptor = Descriptor::new(media_type::OCI_LAYER, digest, size);
        let layer = Layer::read(descriptor, None, limits, blobs)?;
        let layer = rewritten(layer, blobs)?;
        let message = match (options.message.as_str(), options.source.as_str()) {
            ("", "") => "Imported from -".to_owned(),
            ("", source) => format!("Imported from {source}"),
            (message, _) => message.to_owned(),
        };
        let image = ImageConfig {
            platform: options.platform.clone().unwrap_or_else(Platform::linux_amd64),
            created: Some(now.into()),
            config,
            history: vec![History {
                created: Some(now.into()),
                comment: message,
                ..History::default()
            }],
            ..ImageConfig::default()
        };
        let id = self.add_image(Image::new(image, vec![layer]), fidelity, blobs)?;
        if let Some(name) = &options.name {
            self.name(id, name.clone(), now);
        }
        Ok(id)
    }
}

/// The layer without a copy of its own, if its tar comes out of its changes byte for byte.
fn rewritten(layer: Layer, blobs: &dyn BlobStore) -> Result<Layer, LayerError> {
    let again = store::write_tar(&layer.changes, blobs, &mut std::io::sink())?;
    Ok(if again.diff_id == layer.diff_id {
        Layer {
            source: LayerSource::Changes,
            ..layer
        }
    } else {
        layer
    })
}

/// A stream that fails once it has given as much as it may.
struct Capped<'a> {
    inner: &'a mut dyn std::io::Read,
    left: u64,
}

impl std::io::Read for Capped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| std::io::Error::other("the archive is larger than the limit"))?;
        Ok(count)
    }
}
