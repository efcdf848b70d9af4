//! Who may do what: permission bits, sticky directories, read-only mounts; and which files are programs.

use super::{Errno, Result, World};
use store::{Follow, Meta, Node, TreePath};

/// Permission bits of one class.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl World {
    /// Whether this process may use the `bits` of `meta`.
    pub(crate) fn may(&self, meta: &Meta, bits: u32) -> bool {
        if self.who.uid == 0 {
            return true;
        }
        let shift = if meta.uid == self.who.uid {
            6
        } else if self.who.is_in(meta.gid) {
            3
        } else {
            0
        };
        (meta.mode >> shift) & bits == bits
    }

    pub(super) fn check(&self, meta: &Meta, bits: u32) -> Result<()> {
        if self.may(meta, bits) {
            Ok(())
        } else {
            Err(Errno::Access)
        }
    }

    pub(super) fn check_search(&self, path: &TreePath) -> Result<()> {
        if self.who.uid == 0 {
            return Ok(());
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            if let Some(node) = self.tree.get(&dir) {
                self.check(node.meta(), SEARCH)?;
            }
            above = dir.parent();
        }
        Ok(())
    }

    /// Whether this process may add and remove names beside `path`.
    pub(super) fn check_parent(&self, path: &TreePath) -> Result<()> {
        self.mounts.check_writable(path)?;
        let parent = path.parent().ok_or(Errno::Busy)?;
        match self.tree.get(&parent) {
            Some(node @ Node::Dir(_)) => self.check(node.meta(), WRITE | SEARCH),
            Some(_) => Err(Errno::NotDirectory),
            None => Err(Errno::NoEntry),
        }
    }

    pub(super) fn check_removal(&self, path: &TreePath) -> Result<()> {
        self.check_parent(path)?;
        if self.mounts.holds(path) {
            return Err(Errno::Busy);
        }
        let (Some(parent), Some(node)) = (path.parent().and_then(|dir| self.tree.get(&dir)), self.tree.get(path))
        else {
            return Err(Errno::NoEntry);
        };
        let sticky = parent.meta().mode & 0o1000 != 0;
        if sticky && ![0, parent.meta().uid, node.meta().uid].contains(&self.who.uid) {
            return Err(Errno::NotPermitted);
        }
        Ok(())
    }

    pub(super) fn check_owner(&self, path: &TreePath, node: &Meta) -> Result<()> {
        self.mounts.check_writable(path)?;
        if self.who.uid == 0 || self.who.uid == node.uid {
            Ok(())
        } else {
            Err(Errno::NotPermitted)
        }
    }

    /// The first executable file called `name` in the directories of `path_list`.
    pub(crate) fn which(&self, name: &str, path_list: &str) -> Option<String> {
        if name.contains('/') {
            return self.is_executable(name).then(|| name.to_owned());
        }
        path_list
            .split(':')
            .map(|dir| {
                format!(
                    "{}/{name}",
                    if dir.is_empty() { "." } else { dir.trim_end_matches('/') }
                )
            })
            .find(|path| self.is_executable(path))
    }

    pub(crate) fn is_executable(&self, path: &str) -> bool {
        matches!(self.node(path, Follow::Last), Ok((_, Node::File(file))) if file.meta.mode & 0o111 != 0)
    }
}
