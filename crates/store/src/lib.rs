//! Blobs, filesystem trees, changes between them, layers and images.
//!
//! A build goes from [`Tree`] to [`Tree`]; [`diff`] finds what changed, [`Layer::make`] names it, [`Image::new`] ties layers
//! to a config. The other way, [`Layer::read`] and [`layout::load`] take in what others made, within [`Limits`] and
//! refusing what would leave the root. Knows no clock, no network and no disk: bytes live in a [`BlobStore`], or lie in a
//! [`Source`] from which they are read when they are wanted.
//!
//! ```
//! use oci::{ImageConfig, Platform};
//! use store::{BlobStore, Content, Image, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, diff, validate};
//!
//! let mut blobs = MemoryBlobs::default();
//! let digest = blobs.put(b"hello\n").unwrap();
//! let mut tree = Tree::new();
//! let file = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size: 6 });
//! tree.insert(&TreePath::parse("/hello.txt").unwrap(), file).unwrap();
//!
//! let layer = Layer::make(diff(&Tree::new(), &tree), None, &blobs).unwrap();
//! let config = ImageConfig { platform: Platform::linux_amd64(), ..ImageConfig::default() };
//! let image = Image::new(config, vec![layer]);
//! assert_eq!(image.tree().unwrap(), tree);
//! assert!(validate(&image, &blobs).is_empty());
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// Bytes by name.
mod blobs;
mod source;
pub mod testing;
// Filesystems.
mod node;
mod path;
mod tree;
// What changes from one to the next, as values and as archives.
mod changes;
mod compression;
mod layer_tar;
// What is made of them.
mod image;
mod layer;
pub mod layout;
// What can be said of it.
mod usage;
mod validate;

pub use blobs::{BlobStore, LentBlobs, MemoryBlobs, StoreError, Verified};
pub use changes::{Change, ChangeKind, Changes, Changeset, apply, diff};
pub use compression::{Compression, decompress};
pub use image::{Image, flatten};
pub use layer::{Layer, LayerSource};
pub use layer_tar::{
    EntryRule, LayerError, Limits, ReadLayer, TarPart, Whiteouts, Written, read_tar, tar_parts, write_tar,
};
pub use node::{CAPABILITY, Content, Dir, File, Meta, Node, Special};
pub use oci::Time;
pub use path::{PathError, TreePath};
pub use source::{ReadAt, Reading, Source};
pub use tree::{Follow, MAX_DEPTH, Tree, TreeError, Walk};
pub use usage::{Count, Fate, Hiding, LayerUsage, SharedLayer, ShippedFile, Usage, sharing};
pub use validate::{Finding, validate};
