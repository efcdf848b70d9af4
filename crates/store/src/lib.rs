//! Blobs, filesystem trees, changes between them, layers and images.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod blobs;
mod node;
mod path;
mod tree;

pub use blobs::*;
pub use node::*;
pub use path::{PathError, TreePath};
pub use tree::{Follow, Tree, TreeError, Walk};
