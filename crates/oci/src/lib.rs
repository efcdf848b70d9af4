//! The OCI documents: digests, descriptors, manifests, image configs, platforms and references.
//!
//! Values of the image specification with their canonical JSON, as BuildKit writes it. Knows nothing of files or networks.
//!
//! ```
//! use oci::{DiffId, ImageConfig, Platform};
//!
//! let mut config = ImageConfig { platform: Platform::linux_amd64(), ..ImageConfig::default() };
//! config.diff_ids.push(DiffId::of(&[0; 1024]));
//! let again = ImageConfig::parse(&config.to_json()).unwrap();
//! assert_eq!(again.id(), config.id());
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// What names bytes.
mod any_digest;
mod chain;
mod digest;
// The documents.
mod config;
mod json;
mod manifest;
pub mod media_type;
// What stands in them.
mod platform;
mod reference;
mod time;

pub use any_digest::{AnyDigest, AnyDigestError, AnyDigester};
pub use chain::{ChainId, DiffId, chain_ids};
pub use config::{ContainerConfig, Healthcheck, History, ImageConfig, RootFs};
pub use digest::{Digest, DigestError, Digester};
pub use json::{DocumentError, MAX_DOCUMENT_BYTES, go_json};
pub use manifest::{Descriptor, Index, Manifest};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
pub use time::{Time, TimeError, Timestamp};
