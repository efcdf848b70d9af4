//! Blobs, filesystem trees, changes between them, layers and images.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod blobs;
mod changes;
mod compression;
mod image;
mod layer;
mod layer_tar;
pub mod layout;
mod node;
mod path;
pub mod testing;
mod tree;
mod usage;
mod validate;

pub use blobs::*;
pub use changes::{Change, ChangeKind, Changeset, apply, diff};
pub use compression::{Compression, decompress};
pub use image::{Image, flatten};
pub use layer::{Layer, LayerSource};
pub use layer_tar::{EntryRule, LayerError, Limits, ReadLayer, Whiteouts, Written, read_tar, write_tar};
pub use node::*;
pub use oci::Time;
pub use path::{PathError, TreePath};
pub use tree::{Follow, Tree, TreeError, Walk};
pub use usage::{Count, Fate, Hiding, LayerUsage, SharedLayer, ShippedFile, Usage, sharing};
pub use validate::{Finding, validate};
