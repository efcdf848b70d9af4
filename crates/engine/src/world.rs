//! What lies outside a build's context: images, downloads, repositories.

use builder::{BaseImage, Download};
use planner::{ImageName, Url};
use store::{BlobStore, Tree};

/// What a name of the Dockerfile stands for.
#[derive(Debug, Clone)]
pub enum Outside {
    /// An image.
    Image(BaseImage),
    /// A directory given by `--build-context`, its ignored files left out.
    Directory(Tree),
}

/// Why something outside could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WorldError {
    /// What is wrong, in BuildKit's words where it has them.
    pub message: String,
    /// What to do about it, each a sentence.
    pub hints: Vec<String>,
}

/// Finds what lies outside.
pub trait World {
    /// The image, or the directory, that goes by this name.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if there is none.
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError>;

    /// The file behind a URL, its checksum not yet compared.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if it cannot be had.
    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError>;

    /// The files of a repository and the commit they are of.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if it cannot be had.
    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError>;
}
