//! Base images without a network: published sizes and layer counts, files that matter with their content, others as
//! entries without it.
//!
//! ```
//! let image = catalogue::find(&"alpine:3.9.3".parse().unwrap()).unwrap();
//! assert_eq!(image.bytes(), 5_530_000);
//! let loaded = image.load(&mut store::MemoryBlobs::default()).unwrap();
//! assert!(loaded.is_simulated());
//! ```
//!
//! Not here: real bytes. Nothing of this catalogue may be shown without the word *simulated*. The data lies in
//! `images/`, with the source of each figure.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod image;
mod layer;
mod parse;
mod suggest;

pub use image::{CatalogueError, CatalogueImage, find, list};
pub use suggest::{Suggestion, suggest};
