//! Several layers at once, where there are threads for them.

use super::daemon::RegistryConfig;
use super::error::RegistryError;
use super::host::Host;
use super::session::Session;
use oci::{Descriptor, DiffId};
use store::{BlobStore, Image, Layer, LayerError, Limits};

/// Moves layers side by side: what a [`Transport`](crate::Transport) can do that works in several threads.
///
/// Each thread has a client and a transport of its own, and a clone of the session. What happens is told to one host, in one thread.
pub trait Lanes {
    /// Fetches layers, reads them, and keeps their blobs and the contents of their files where every handle of the store finds them.
    ///
    /// Bytes are hashed, unpacked and read while they come. The layers are returned in the order of `work`.
    ///
    /// # Errors
    ///
    /// As [`Client::pull`](super::Client::pull). Nothing refers to what was kept until then.
    fn fetch(&mut self, work: &Fetching<'_>, host: &mut dyn Host) -> Result<Vec<Layer>, RegistryError>;

    /// Pushes layers; returns how many bytes had to be sent.
    ///
    /// # Errors
    ///
    /// As [`Client::push`](super::Client::push).
    fn push(&mut self, work: &Pushing<'_>, host: &mut dyn Host) -> Result<u64, RegistryError>;

    /// The image with its layers compressed as gzip and their blobs kept; those that are blobs already stay as they are.
    ///
    /// A layer that was compressed before is not compressed again as long as its blob is there.
    ///
    /// # Errors
    ///
    /// As [`Image::gzipped`].
    fn gzip(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<Image, LayerError>;
}

/// Layers to fetch.
#[derive(Clone, Copy)]
pub struct Fetching<'f> {
    /// The registry, with the right to pull.
    pub session: &'f Session,
    /// The repository's path in the registry.
    pub repository: &'f str,
    /// The blobs, and what their tars must be.
    pub layers: &'f [(Descriptor, DiffId)],
    /// How much of a layer is read before it is refused.
    pub limits: &'f Limits,
    /// How registries are reached.
    pub config: &'f RegistryConfig,
}

/// Layers to push.
#[derive(Clone, Copy)]
pub struct Pushing<'p> {
    /// The registry, with the right to push.
    pub session: &'p Session,
    /// The repository's path in the registry.
    pub repository: &'p str,
    /// The layers, and for each of them the repositories of the same registry that may hold it, best first.
    pub layers: &'p [(Layer, Vec<String>)],
    /// The most bytes that go in one request; `None` sends a blob in one.
    pub chunk_bytes: Option<u64>,
    /// How registries are reached.
    pub config: &'p RegistryConfig,
}
