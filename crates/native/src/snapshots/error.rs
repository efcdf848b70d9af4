//! Why a filesystem could not be put on disk, or read from there.

use store::{StoreError, TreeError};

/// Why a filesystem could not be put on disk, or read from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The system refused a file of the filesystem.
    #[error("could not write {path}: {source}")]
    Write {
        /// Where in the filesystem.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused to read what a command left.
    #[error("could not read {path}: {source}")]
    Read {
        /// Where in the filesystem.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of the snapshots could not be used.
    #[error("could not use {path}: {source}")]
    Folder {
        /// Which folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is simulated.
    #[error("expected the bytes of {path}, found a simulated file: its image is one of the catalogue")]
    Absent {
        /// Which file.
        path: String,
    },
    /// A command left a name that no layer of ours can hold.
    #[error("expected file names in UTF-8, found {path:?}")]
    Name {
        /// The path, with what is not UTF-8 replaced.
        path: String,
    },
    /// A command left something that overlayfs was told not to make.
    #[error("expected a plain overlay, found {attribute} at {path}")]
    Attribute {
        /// Which attribute.
        attribute: &'static str,
        /// Where.
        path: String,
    },
    /// A file's bytes could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What a command left makes no filesystem.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
