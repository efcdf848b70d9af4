//! Blobs, filesystem trees, changes between them, layers and images.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod blobs;
mod changes;
mod layer_tar;
mod node;
mod path;
mod tree;

pub use blobs::*;
pub use changes::{Change, ChangeKind, Changeset, apply, diff};
pub use layer_tar::{EntryRule, LayerError, Limits, ReadLayer, Whiteouts, Written, read_tar, write_tar};
pub use node::*;
pub use oci::Time;
pub use path::{PathError, TreePath};
pub use tree::{Follow, Tree, TreeError, Walk};
