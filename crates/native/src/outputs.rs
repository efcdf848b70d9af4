//! Where an image goes: archives, folders, the store; nothing is in its place before all of it is written.

use crate::args::{Destination, OutputKind, OutputSpec};
use crate::atomic::Pending;
use crate::folder::{FolderError, Left, write_folder};
use oci::{Digest, Reference};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use store::layout::{Layout, LayoutError, Packing, Tagged};
use store::{BlobStore, Image, LayerError, StoreError, Tree, TreeError, diff, write_tar};

/// Why an image could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The system refused.
    #[error("could not write {path}: {source}")]
    Write {
        /// What.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The archive could not be made.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A layer could not be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The folder could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The layers make no filesystem.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Bytes could not be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An output that is written under a temporary name, or that can only be written at once.
pub enum Ready<'a> {
    /// A file that needs its name.
    File(Pending, String),
    /// A layout for standard output, or for a folder.
    Layout(Layout, &'a Destination),
    /// A filesystem for standard output, or for a folder.
    Tree(Tree, &'a Destination),
}

/// An image with its packed twin, whose manifest is the one that archives hold.
#[derive(Debug, Clone)]
pub struct Packed {
    /// With layers as gzip.
    pub image: Image,
    /// Its names.
    pub names: Vec<Reference>,
}

impl Packed {
    /// Packs the layers of `image` that are not blobs already.
    ///
    /// # Errors
    ///
    /// As [`Image::gzipped`].
    pub fn new(image: &Image, names: &[Reference], blobs: &mut dyn BlobStore) -> Result<Packed, OutputError> {
        Ok(Packed {
            image: image.gzipped(blobs)?,
            names: names.to_vec(),
        })
    }
}

/// Writes what can be written under a temporary name; [`Ready::put`] does the rest. `None` for the store, which has the image anyway.
///
/// # Errors
///
/// [`OutputError`]; nothing has changed then.
pub fn prepare<'a>(
    spec: &'a OutputSpec,
    packed: &Packed,
    blobs: &mut dyn BlobStore,
) -> Result<Option<Ready<'a>>, OutputError> {
    let Some(dest) = &spec.dest else { return Ok(None) };
    match spec.kind {
        OutputKind::Image => Ok(None),
        OutputKind::Oci | OutputKind::Docker | OutputKind::OciFolder => {
            let mut names = packed.names.clone();
            names.extend(
                spec.names
                    .iter()
                    .filter_map(|name| Reference::parse(name).ok())
                    .map(Reference::or_latest),
            );
            let tagged = Tagged {
                image: packed.image.clone(),
                names,
            };
            let layout = Layout::new(&[tagged], Packing::Gzip, blobs)?;
            match (spec.kind, dest) {
                (OutputKind::Oci | OutputKind::Docker, Destination::Path(path)) => {
                    pending(path, |sink| layout.write_tar(blobs, sink)).map(Some)
                }
                _ => Ok(Some(Ready::Layout(layout, dest))),
            }
        }
        OutputKind::Tar => {
            let tree = packed.image.tree()?;
            match dest {
                Destination::Path(path) => pending(path, |sink| write_tree(&tree, blobs, sink)).map(Some),
                Destination::Stdout => Ok(Some(Ready::Tree(tree, dest))),
            }
        }
        OutputKind::Local => Ok(Some(Ready::Tree(packed.image.tree()?, dest))),
    }
}

impl Ready<'_> {
    /// Puts the output in its place, and says what of it could not be written.
    ///
    /// # Errors
    ///
    /// [`OutputError`].
    pub fn put(self, blobs: &dyn BlobStore, stdout: &mut dyn Write) -> Result<Left, OutputError> {
        let on_stdout = |source| OutputError::Write {
            path: "standard output".to_owned(),
            source,
        };
        match self {
            Ready::File(pending, path) => {
                pending.finish().map_err(|source| OutputError::Write { path, source })?;
            }
            Ready::Layout(layout, Destination::Stdout) => {
                layout.write_tar(blobs, stdout)?;
                stdout.flush().map_err(on_stdout)?;
            }
            Ready::Layout(layout, Destination::Path(folder)) => write_layout(&layout, folder, blobs)?,
            Ready::Tree(tree, Destination::Stdout) => {
                write_tree(&tree, blobs, stdout)?;
                stdout.flush().map_err(on_stdout)?;
            }
            Ready::Tree(tree, Destination::Path(folder)) => return Ok(write_folder(&tree, blobs, folder)?),
        }
        Ok(Left::default())
    }
}

fn pending<'a>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), LayerError>,
) -> Result<Ready<'a>, OutputError> {
    let failed = |source| OutputError::Write {
        path: path.display().to_string(),
        source,
    };
    let mut file = BufWriter::with_capacity(1 << 16, Pending::create(path).map_err(failed)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok(Ready::File(file, path.display().to_string()))
}

fn write_tree(tree: &Tree, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
    write_tar(&diff(&Tree::new(), tree), blobs, sink).map(|_| ())
}

/// Blobs first and the index last: a reader never finds a name without its bytes.
fn write_layout(layout: &Layout, folder: &Path, blobs: &dyn BlobStore) -> Result<(), OutputError> {
    let (documents, contents): (Vec<_>, Vec<_>) = layout.files().partition(|file| !file.name.contains('/'));
    for file in contents.into_iter().chain(documents) {
        let place = folder.join(file.name);
        let failed = |source| OutputError::Write {
            path: place.display().to_string(),
            source,
        };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut pending = BufWriter::new(Pending::create(&place).map_err(failed)?);
        file.write(blobs, &mut pending)?;
        pending
            .into_inner()
            .map_err(|error| failed(error.into_error()))?
            .finish()
            .map_err(failed)?;
    }
    Ok(())
}

/// The facts of a build for `--metadata-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The image ID.
    pub config: Digest,
    /// The manifest.
    pub manifest: Digest,
    /// Names of the image.
    pub names: Vec<String>,
    /// Every step that was run or taken from the cache: stage, step, whether it was cached.
    pub steps: Vec<(String, String, bool)>,
}

impl Metadata {
    /// As JSON, indented; keys as buildx has them, and `layerlab.steps`.
    pub fn to_json(&self) -> Vec<u8> {
        let step = |(stage, step, cached): &(String, String, bool)| serde_json::json!({ "stage": stage, "step": step, "cached": cached });
        let steps: Vec<_> = self.steps.iter().map(step).collect();
        let mut document = serde_json::json!({
            "containerimage.config.digest": self.config,
            "containerimage.digest": self.manifest,
            "layerlab.steps": steps,
        });
        if !self.names.is_empty() {
            document["image.name"] = self.names.join(",").into();
        }
        serde_json::to_vec_pretty(&document).expect("texts have a JSON form")
    }
}
