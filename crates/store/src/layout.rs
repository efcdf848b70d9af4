//! Images as files: the OCI image layout, and the archives of `docker save`.

mod load;
mod save;

pub use load::{Loaded, load, load_archive, load_source};
pub use save::{Layout, LayoutFile, Packing, Tagged};

use crate::{LayerError, TreeError};
use oci::DocumentError;

const INDEX: &str = "index.json";
const MARK: &str = "oci-layout";
const DOCKER_MANIFEST: &str = "manifest.json";
/// The full name of an image, in an index.
const NAME: &str = "io.containerd.image.name";
/// Its tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// When it was made.
const CREATED: &str = "org.opencontainers.image.created";

/// Why an archive of images could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A layer, or the archive itself, which is read as one.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// An index, manifest or config.
    #[error("{file}: {source}")]
    Document {
        /// The file it stands in.
        file: String,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// A file is not in the archive.
    #[error("expected {file} in the archive")]
    Missing {
        /// Its name.
        file: String,
    },
    /// A file is not the blob that its name or descriptor says.
    #[error("corrupt archive: {file} is not the blob of {expected}")]
    Corrupt {
        /// Its name.
        file: String,
        /// The digest it should have.
        expected: oci::Digest,
    },
    /// There is neither an image layout nor a Docker archive.
    #[error("expected oci-layout with index.json, or manifest.json, in the archive")]
    NoImages,
    /// Config and manifest disagree on the number of layers.
    #[error("expected as many layers as the config of {image} names ({config}), found {manifest}")]
    LayerCount {
        /// The config's digest.
        image: oci::Digest,
        /// As many as the config names.
        config: usize,
        /// As many as the manifest lists.
        manifest: usize,
    },
    /// Indexes in indexes in indexes, or too many manifests.
    #[error("expected an index of at most {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// A file of the archive cannot be reached.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

#[cfg(test)]
mod tests;
