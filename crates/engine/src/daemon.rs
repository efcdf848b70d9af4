//! One machine's Docker: its images, containers and volumes as a value, and every operation on them.
//!
//! A [`Daemon`] holds metadata and trees; the bytes of files are in a [`store::BlobStore`]. It reads no clock, opens no file
//! and starts no process: an operation that needs such a thing takes a [`Host`]. What Docker would refuse is a [`Refusal`] in
//! Docker's words, and then nothing has changed.

mod refusal;
mod time;

// What is in it.
mod containers;
mod images;
mod volumes;
// What several operations need.
mod changes;
mod json;
mod mark;
mod places;

pub use containers::*;
pub use images::*;
pub use json::Json;
pub use places::{Places, Storage};
pub use refusal::Refusal;
pub use time::{human_duration, later};
pub use volumes::*;

use builder::Executor;
use oci::Time;
use store::{BlobStore, Node};

/// The images, containers and volumes of one machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Daemon {
    pub(crate) images: Images,
    pub(crate) containers: Containers,
    pub(crate) volumes: Volumes,
    pub(crate) places: Places,
}

/// What a machine lends its daemon for one operation.
pub struct Host<'a> {
    /// When the operation begins.
    pub now: Time,
    /// Where bytes are.
    pub blobs: &'a mut dyn BlobStore,
    /// Runs processes.
    pub executor: &'a mut dyn Executor,
    /// The machine's own files, for bind mounts.
    pub files: &'a mut dyn HostFiles,
    /// What containers consist of.
    pub runtime: &'a mut dyn Runtime,
}

/// The same for a runtime itself.
pub struct Ground<'a> {
    /// When the operation begins.
    pub now: Time,
    /// Where bytes are.
    pub blobs: &'a mut dyn BlobStore,
    /// Runs processes.
    pub executor: &'a mut dyn Executor,
    /// The machine's own files, for bind mounts.
    pub files: &'a mut dyn HostFiles,
}

impl Host<'_> {
    /// The runtime, and the rest for it to work with.
    pub(crate) fn split(&mut self) -> (&mut dyn Runtime, Ground<'_>) {
        let ground = Ground {
            now: self.now,
            blobs: &mut *self.blobs,
            executor: &mut *self.executor,
            files: &mut *self.files,
        };
        (&mut *self.runtime, ground)
    }
}

/// The files of the machine that a daemon runs on. Their contents are in the blob store of the [`Host`].
pub trait HostFiles {
    /// What stands at an absolute path, symbolic links followed; `None` if nothing does.
    fn get(&mut self, path: &str) -> Option<Node>;

    /// Puts `node` at an absolute path, in place of what stood there; directories on the way are made.
    ///
    /// # Errors
    ///
    /// Why it cannot be put, in the words of the system: `permission denied`.
    fn put(&mut self, path: &str, node: Node) -> Result<(), String>;
}

/// A machine without files of its own: bind mounts find nothing, and what is written to them is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoFiles;

impl HostFiles for NoFiles {
    fn get(&mut self, _: &str) -> Option<Node> {
        None
    }

    fn put(&mut self, _: &str, _: Node) -> Result<(), String> {
        Ok(())
    }
}
