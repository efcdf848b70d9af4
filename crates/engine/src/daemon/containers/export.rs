//! `docker export`: the filesystem of a container as one archive.

use super::super::mark::write_mark;
use super::super::{Daemon, Refusal};
use std::io::Write;
use store::{BlobStore, Tree, diff, write_tar};

impl Daemon {
    /// Writes the filesystem of a container to `sink` as a tar, layers flattened, mounts left out.
    ///
    /// Contents are written in pieces.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`] before anything is written; [`Refusal::Layer`] if `sink` fails.
    pub fn export(&self, name: &str, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let everything = diff(&Tree::new(), &container.tree).as_written(None);
        write_mark(container.fidelity, sink)?;
        write_tar(&everything, blobs, sink)?;
        Ok(())
    }
}
