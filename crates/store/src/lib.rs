//! Blobs, filesystem trees, changes between them, layers and images.

mod blobs;
mod tree;

pub use blobs::*;
pub use tree::*;
