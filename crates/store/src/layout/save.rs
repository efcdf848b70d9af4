//! Writing images as files.

use super::{CREATED, DOCKER_MANIFEST, INDEX, LayoutError, MARK, NAME, REF_NAME};
use crate::layer_tar::plain_header;
use crate::{BlobStore, Image, Layer, LayerError};
use oci::{Descriptor, Digest, Index, Reference, Timestamp, media_type};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// How layers that we made go into the archive; layers that came as blobs go as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As plain tars.
    Plain,
    /// As gzip.
    Gzip,
}

/// An image and the names it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The image.
    pub image: Image,
    /// Its names; none is allowed.
    pub names: Vec<Reference>,
}

/// An image layout that is ready to be written: every file, sorted by name.
///
/// It holds `oci-layout` and `index.json` as BuildKit's OCI exporter writes them and Docker's `manifest.json`, so that
/// `docker load` takes it too.
#[derive(Debug, Clone)]
pub struct Layout {
    files: BTreeMap<String, Content>,
}

#[derive(Debug, Clone)]
enum Content {
    Bytes(Vec<u8>),
    Layer(Box<Layer>),
}

/// One file of a layout.
#[derive(Debug, Clone, Copy)]
pub struct LayoutFile<'a> {
    /// Its path: `blobs/sha256/…`, `index.json`, `manifest.json`, `oci-layout`.
    pub name: &'a str,
    content: &'a Content,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Layout {
    /// The layout of `images`. With [`Packing::Gzip`] the packed layers are put into `blobs`.
    ///
    /// # Errors
    ///
    /// As [`Image::gzipped`].
    pub fn new(images: &[Tagged], packing: Packing, blobs: &mut dyn BlobStore) -> Result<Layout, LayoutError> {
        let mut files = BTreeMap::new();
        let mut descriptors = Vec::new();
        let mut docker = Vec::new();
        for Tagged { image, names } in images {
            let image = match packing {
                Packing::Plain => image.clone(),
                Packing::Gzip => image.gzipped(blobs)?,
            };
            descriptors.extend(describe(&image, names));
            docker.push(DockerImage {
                config: blob_name(&image.manifest.config.digest),
                repo_tags: (!names.is_empty()).then(|| names.iter().map(Reference::familiar).collect()),
                layers: image
                    .layers
                    .iter()
                    .map(|layer| blob_name(&layer.descriptor.digest))
                    .collect(),
            });
            files.insert(blob_name(&image.id()), Content::Bytes(image.config_bytes));
            let manifest = Digest::of(&image.manifest_bytes);
            files.insert(blob_name(&manifest), Content::Bytes(image.manifest_bytes));
            for layer in image.layers {
                files.insert(blob_name(&layer.descriptor.digest), Content::Layer(Box::new(layer)));
            }
        }
        let docker = serde_json::to_vec(&docker).expect("texts and lists become JSON");
        files.insert(DOCKER_MANIFEST.to_owned(), Content::Bytes(docker));
        files.insert(INDEX.to_owned(), Content::Bytes(Index::new(descriptors).to_json()));
        let mark = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
        files.insert(MARK.to_owned(), Content::Bytes(mark));
        Ok(Layout { files })
    }

    /// Every file, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = LayoutFile<'_>> {
        self.files.iter().map(|(name, content)| LayoutFile { name, content })
    }

    /// Writes the layout as a tar, the same bytes every time.
    ///
    /// # Errors
    ///
    /// As [`LayoutFile::write`].
    pub fn write_tar(&self, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
        for folder in ["blobs/", "blobs/sha256/"] {
            sink.write_all(&plain_header(folder, 0o755, 0))
                .map_err(LayerError::Write)?;
        }
        for file in self.files() {
            let mode = if file.name == INDEX || file.name == DOCKER_MANIFEST {
                0o644
            } else {
                0o444
            };
            sink.write_all(&plain_header(file.name, mode, file.size()))
                .map_err(LayerError::Write)?;
            file.write(blobs, sink)?;
            let padding = (file.size().next_multiple_of(512) - file.size()) as usize;
            sink.write_all(&[0; 512][..padding]).map_err(LayerError::Write)?;
        }
        sink.write_all(&[0; 1024]).map_err(LayerError::Write)
    }
}

impl LayoutFile<'_> {
    /// Its bytes.
    pub fn size(&self) -> u64 {
        match self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Layer(layer) => layer.descriptor.size,
        }
    }

    /// Writes its content to `sink`.
    ///
    /// # Errors
    ///
    /// As [`Layer::write_blob`].
    pub fn write(&self, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
        match self.content {
            Content::Bytes(bytes) => sink.write_all(bytes).map_err(LayerError::Write),
            Content::Layer(layer) => layer.write_blob(blobs, sink),
        }
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// One descriptor for each name, one without a name if there is none.
fn describe(image: &Image, names: &[Reference]) -> Vec<Descriptor> {
    let media_type = match image.manifest.media_type.as_str() {
        "" => media_type::OCI_MANIFEST,
        own => own,
    };
    let mut plain = Descriptor::of(media_type, &image.manifest_bytes);
    plain.platform = Some(image.config.platform.clone());
    if let Some(created) = image.config.created {
        let seconds = oci::Time::of_secs(created.time.secs);
        plain
            .annotations
            .insert(CREATED.to_owned(), Timestamp::from(seconds).to_string());
    }
    let named = |name: &Reference| {
        let name = name.clone().or_latest();
        let mut descriptor = plain.clone();
        descriptor.annotations.insert(NAME.to_owned(), name.to_string());
        if let Some(tag) = name.tag() {
            descriptor.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
        }
        descriptor
    };
    if names.is_empty() {
        vec![plain]
    } else {
        names.iter().map(named).collect()
    }
}
