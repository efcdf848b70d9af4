//! The OCI documents: digests, descriptors, manifests, image configs, platforms and references.
//!
//! Values of the image specification with their canonical JSON, as BuildKit writes it. Knows nothing of files or networks.

mod digest;

pub use digest::*;
