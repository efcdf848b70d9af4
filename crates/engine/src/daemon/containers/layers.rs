//! The writable layer of a container: what in it is its own, and what it shares with its image.

use super::super::{Daemon, Host, Refusal};
use super::Container;
use std::fmt;
use store::{ChangeKind, Changeset, Node, TreePath, diff};

/// What `docker diff` says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It was not there: `A`.
    Added,
    /// It, or something in it, is another one: `C`.
    Changed,
    /// It is gone: `D`.
    Deleted,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::Added => "A",
            Difference::Changed => "C",
            Difference::Deleted => "D",
        })
    }
}

/// Whose a path of a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The image's: the writable layer has nothing of it.
    Shared,
    /// It was the image's, and the writable layer has a copy because it, or something in it, was changed.
    CopiedUp,
    /// The writable layer's alone.
    New,
    /// The image has it, and a whiteout in the writable layer hides it.
    Whiteout,
}

/// Something in the writable layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnEntry {
    /// Where.
    pub path: TreePath,
    /// Whose it is; never [`Own::Shared`].
    pub own: Own,
    /// The bytes that it takes there.
    pub bytes: u64,
}

impl Container {
    /// What is in its writable layer.
    pub fn writable(&self) -> Changeset {
        diff(&self.lower, &self.tree)
    }

    /// The bytes of the files in its writable layer: what `docker ps -s` shows.
    pub fn writable_bytes(&self) -> u64 {
        self.counted.unwrap_or_else(|| self.writable().bytes())
    }

    /// What is in its writable layer, entry by entry, in the order of a layer.
    pub fn own_entries(&self) -> Vec<OwnEntry> {
        let entry = |change: store::Change| {
            let bytes = match &change.kind {
                ChangeKind::Put(Node::File(file)) => file.content.size(),
                _ => 0,
            };
            let own = match &change.kind {
                ChangeKind::Delete => Own::Whiteout,
                _ if self.lower.get(&change.path).is_some() => Own::CopiedUp,
                _ => Own::New,
            };
            OwnEntry {
                path: change.path,
                own,
                bytes,
            }
        };
        self.writable().changes.into_iter().map(entry).collect()
    }
}

impl Daemon {
    /// Brings the files of a container here, if its runtime keeps them elsewhere: before [`changes`](Daemon::changes),
    /// [`whose`](Daemon::whose), [`commit`](Daemon::commit) and [`export`](Daemon::export).
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`]; [`Refusal::NoSuchImage`] if its image is gone; [`Refusal::System`].
    pub fn fetch_files(&mut self, name: &str, host: &mut Host<'_>) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let (id, image) = (container.id.clone(), container.image);
        let image = self.image_by_id(image).ok_or_else(|| Refusal::NoSuchImage {
            name: image.to_string(),
        })?;
        let (runtime, mut ground) = host.split();
        if let Some(layers) = runtime.files(container, image, &mut ground)? {
            let container = self.container_mut(&id);
            (container.lower, container.tree) = (layers.lower, layers.tree);
        }
        Ok(())
    }

    /// Counts the bytes of all containers and volumes, if their runtime keeps them elsewhere: before sizes are told.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    pub fn count_bytes(&mut self, host: &mut Host<'_>) -> Result<(), Refusal> {
        for container in self.containers.by_id.values_mut() {
            container.counted = host.runtime.container_bytes(container)?;
        }
        for volume in self.volumes.by_name.values_mut() {
            volume.counted = host.runtime.volume_bytes(volume)?;
        }
        Ok(())
    }

    /// What `docker diff` lists, sorted by path.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn changes(&self, name: &str) -> Result<Vec<(Difference, TreePath)>, Refusal> {
        let entries = self.container(name)?.own_entries();
        let mut listed: Vec<(Difference, TreePath)> = entries
            .into_iter()
            .map(|entry| {
                let difference = match entry.own {
                    Own::Whiteout => Difference::Deleted,
                    Own::New => Difference::Added,
                    Own::CopiedUp | Own::Shared => Difference::Changed,
                };
                (difference, entry.path)
            })
            .collect();
        listed.sort_by(|(_, a), (_, b)| a.as_str().cmp(b.as_str()));
        Ok(listed)
    }

    /// Whose a path of a container is.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`]; [`Refusal::NoSuchFile`] if it never was there.
    pub fn whose(&self, name: &str, path: &TreePath) -> Result<Own, Refusal> {
        let container = self.container(name)?;
        let entries = container.own_entries();
        if let Some(entry) = entries.iter().find(|entry| entry.path == *path) {
            return Ok(entry.own);
        }
        if container.tree.get(path).is_some() {
            return Ok(Own::Shared);
        }
        // What lies in a folder that is gone has no whiteout of its own.
        if container.lower.get(path).is_some() {
            return Ok(Own::Whiteout);
        }
        Err(Refusal::NoSuchFile {
            path: path.absolute(),
            container: name.to_owned(),
        })
    }
}
