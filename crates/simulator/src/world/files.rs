//! Reading and changing files with the checks that Linux makes.

use super::access::{READ, WRITE};
use super::{Errno, Result, World};
use std::sync::Arc;
use store::{Content, Follow, Meta, Node, Special, Time, TreePath};

impl World {
    /// The place that an absolute `path` names.
    pub(crate) fn resolve(&self, path: &str, follow: Follow) -> Result<TreePath> {
        let found = self.tree.resolve(path, follow)?;
        self.check_search(&found)?;
        Ok(found)
    }

    /// The place of a path whose last component need not exist; its directory must.
    pub(crate) fn resolve_new(&self, path: &str, follow: Follow) -> Result<TreePath> {
        let found = match follow {
            Follow::Last => self.tree.resolve_missing(path, Follow::Last)?,
            Follow::AllButLast => self
                .tree
                .resolve_missing(path.trim_end_matches('/'), Follow::AllButLast)?,
        };
        let parent = found.parent().ok_or(Errno::Exists)?;
        match self.tree.get(&parent) {
            Some(Node::Dir(_)) => self.check_search(&found).map(|()| found),
            Some(_) => Err(Errno::NotDirectory),
            None => Err(Errno::NoEntry),
        }
    }

    /// The node that an absolute `path` names.
    pub(crate) fn node(&self, path: &str, follow: Follow) -> Result<(TreePath, &Node)> {
        let path = self.resolve(path, follow)?;
        let node = self.tree.get(&path).ok_or(Errno::NoEntry)?;
        Ok((path, node))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.node(path, Follow::Last).is_ok()
    }

    /// What a new node under `path` carries. A setgid directory hands down its group.
    pub(crate) fn meta_for(&mut self, path: &TreePath, mode: u32) -> Meta {
        let above = path
            .parent()
            .and_then(|dir| self.tree.get(&dir))
            .map(|node| node.meta().clone());
        let inherited = above.filter(|meta| meta.mode & 0o2000 != 0).map(|meta| meta.gid);
        Meta {
            mode: mode & !self.umask,
            uid: self.who.uid,
            gid: inherited.unwrap_or(self.who.gid),
            mtime: self.tick(),
            ..Meta::default()
        }
    }

    fn touch_parent(&mut self, path: &TreePath) {
        let now = self.tick();
        if let Some(parent) = path.parent() {
            let _ = self.tree.update_meta(&parent, |meta| meta.mtime = now);
        }
    }

    /// Puts `node` at `path`, replacing what is no directory, and changes its directory's time.
    pub(crate) fn put(&mut self, path: &TreePath, node: Node) -> Result<()> {
        self.check_parent(path)?;
        self.count_node()?;
        if self.tree.get(path).is_some() {
            self.check_removal(path)?;
        }
        self.tree.insert(path, node)?;
        self.touch_parent(path);
        Ok(())
    }

    /// The bytes of the file at an absolute `path`.
    pub(crate) fn read(&self, path: &str) -> Result<Arc<[u8]>> {
        let (_, node) = self.node(path, Follow::Last)?;
        match node {
            Node::Dir(_) => Err(Errno::IsDirectory),
            Node::File(file) => {
                self.check(&file.meta, READ)?;
                self.bytes_of(&file.content)
            }
            Node::Symlink { .. } => Err(Errno::Loop),
            Node::Special { .. } => Ok(Arc::from(&[][..])),
        }
    }

    /// Writes the file at an absolute `path`: made with 0666 under the umask, or changed in place.
    pub(crate) fn write(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        if let Some(target) = self.writable(path)? {
            let content = self.keep(bytes)?;
            self.set_content(&target, content)?;
        }
        Ok(())
    }

    /// Adds `bytes` at the end of the file at `path`.
    pub(crate) fn append(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let Some(target) = self.writable(path)? else {
            return Ok(());
        };
        let content = match self.tree.get(&target) {
            Some(Node::File(file)) => match &file.content {
                Content::Absent { size } if *size > 0 => Content::Absent {
                    size: size + bytes.len() as u64,
                },
                content => {
                    let mut all = self.bytes_of(content)?.to_vec();
                    all.extend_from_slice(bytes);
                    self.keep(&all)?
                }
            },
            _ => self.keep(bytes)?,
        };
        self.set_content(&target, content)
    }

    /// Gives the file at `path` this content.
    pub(crate) fn write_content(&mut self, path: &str, content: Content) -> Result<()> {
        match self.writable(path)? {
            Some(target) => self.set_content(&target, content),
            None => Ok(()),
        }
    }

    /// Where a write to `path` goes, once it is allowed; nowhere if it is a device.
    fn writable(&mut self, path: &str) -> Result<Option<TreePath>> {
        let target = self.resolve_new(path, Follow::Last)?;
        match self.tree.get(&target) {
            Some(Node::Dir(_)) => return Err(Errno::IsDirectory),
            Some(Node::Special { kind, .. }) => {
                return match kind {
                    Special::Char(1, 7) => Err(Errno::Limit),
                    _ => Ok(None),
                };
            }
            Some(node) => {
                self.mounts.check_writable(&target)?;
                self.check(node.meta(), WRITE)?;
            }
            None if path.ends_with('/') => return Err(Errno::IsDirectory),
            None => self.check_parent(&target)?,
        }
        Ok(Some(target))
    }

    fn set_content(&mut self, target: &TreePath, content: Content) -> Result<()> {
        if self.tree.get(target).is_some() {
            let now = self.tick();
            let is_root = self.who.uid == 0;
            self.tree.update_file(target, |file| {
                file.content = content;
                file.meta.mtime = now;
                if !is_root {
                    file.meta.mode &= 0o1777;
                }
                file.meta.xattrs.remove("security.capability");
            })?;
            return Ok(());
        }
        self.count_node()?;
        let meta = self.meta_for(target, 0o666);
        self.tree.insert(target, Node::file(meta, content))?;
        self.touch_parent(target);
        Ok(())
    }

    /// Makes one directory with `mode` under the umask.
    pub(crate) fn mkdir(&mut self, path: &str, mode: u32) -> Result<TreePath> {
        let target = self.resolve_new(path, Follow::AllButLast)?;
        if self.tree.get(&target).is_some() {
            return Err(Errno::Exists);
        }
        let mut meta = self.meta_for(&target, mode);
        let above = target
            .parent()
            .and_then(|dir| self.tree.get(&dir))
            .map_or(0, |node| node.meta().mode);
        meta.mode |= above & 0o2000;
        self.put(&target, Node::dir(meta))?;
        Ok(target)
    }

    /// Makes every directory of `path` that is missing, with 0777 under the umask.
    pub(crate) fn mkdir_all(&mut self, path: &str) -> Result<()> {
        let mut at = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at.push('/');
            at.push_str(name);
            match self.node(&at, Follow::Last) {
                Ok((_, Node::Dir(_))) => {}
                Ok(_) => {
                    return Err(if at.len() < path.len() {
                        Errno::NotDirectory
                    } else {
                        Errno::Exists
                    });
                }
                Err(Errno::NoEntry) => {
                    self.mkdir(&at, 0o777)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what is no directory.
    pub(crate) fn unlink(&mut self, path: &str) -> Result<()> {
        let target = self.resolve(path, Follow::AllButLast)?;
        if self.tree.get(&target).ok_or(Errno::NoEntry)?.is_dir() {
            return Err(Errno::IsDirectory);
        }
        self.take(&target)
    }

    /// Removes an empty directory.
    pub(crate) fn rmdir(&mut self, path: &str) -> Result<()> {
        let target = self.resolve(path, Follow::AllButLast)?;
        match self.tree.get(&target) {
            Some(Node::Dir(dir)) if dir.entries.is_empty() => self.take(&target),
            Some(Node::Dir(_)) => Err(Errno::NotEmpty),
            Some(_) => Err(Errno::NotDirectory),
            None => Err(Errno::NoEntry),
        }
    }

    /// Takes the node at `target` away, with all below it; the caller has looked what it is.
    pub(crate) fn take(&mut self, target: &TreePath) -> Result<()> {
        self.check_removal(target)?;
        self.tree.remove(target)?;
        self.touch_parent(target);
        Ok(())
    }

    /// Moves a node. A file or an empty directory at the target is replaced.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let from = self.resolve(from, Follow::AllButLast)?;
        let to = self.resolve_new(to, Follow::AllButLast)?;
        let source = self.tree.get(&from).ok_or(Errno::NoEntry)?.is_dir();
        if from == to {
            return Ok(());
        }
        self.check_removal(&from)?;
        self.check_parent(&to)?;
        if to.is_within(&from) {
            return Err(Errno::Invalid);
        }
        match self.tree.get(&to) {
            None => {}
            Some(Node::Dir(_)) if !source => return Err(Errno::IsDirectory),
            Some(Node::Dir(dir)) if !dir.entries.is_empty() => return Err(Errno::NotEmpty),
            Some(Node::Dir(_)) => self.check_removal(&to)?,
            Some(_) if source => return Err(Errno::NotDirectory),
            Some(_) => self.check_removal(&to)?,
        }
        self.tree.rename(&from, &to)?;
        self.touch_parent(&from);
        self.touch_parent(&to);
        Ok(())
    }

    /// A second name for a file.
    pub(crate) fn link(&mut self, existing: &str, new: &str) -> Result<()> {
        let existing = self.resolve(existing, Follow::AllButLast)?;
        let new = self.resolve_new(new, Follow::AllButLast)?;
        self.check_parent(&new)?;
        if self.tree.get(&existing).is_some_and(Node::is_dir) {
            return Err(Errno::NotPermitted);
        }
        self.tree.link(&existing, &new)?;
        self.touch_parent(&new);
        Ok(())
    }

    pub(crate) fn symlink(&mut self, target: &str, new: &str) -> Result<()> {
        let path = self.resolve_new(new, Follow::AllButLast)?;
        if self.tree.get(&path).is_some() {
            return Err(Errno::Exists);
        }
        let meta = self.meta_for(&path, 0o777);
        self.put(&path, Node::symlink(meta, target))
    }

    pub(crate) fn chmod(&mut self, path: &TreePath, mode: u32) -> Result<()> {
        let meta = self.tree.get(path).ok_or(Errno::NoEntry)?.meta().clone();
        self.check_owner(path, &meta)?;
        Ok(self.tree.update_meta(path, |meta| meta.mode = mode & 0o7777)?)
    }

    /// Changes owner or group. Set-id bits of files go, as the kernel takes them away.
    pub(crate) fn chown(&mut self, path: &TreePath, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        let node = self.tree.get(path).ok_or(Errno::NoEntry)?;
        let (meta, is_file) = (node.meta().clone(), node.as_file().is_some());
        self.mounts.check_writable(path)?;
        let may_group = meta.uid == self.who.uid && gid.is_none_or(|gid| self.who.is_in(gid));
        if self.who.uid != 0 && (uid.is_some_and(|uid| uid != meta.uid) || !may_group) {
            return Err(Errno::NotPermitted);
        }
        Ok(self.tree.update_meta(path, |meta| {
            meta.uid = uid.unwrap_or(meta.uid);
            meta.gid = gid.unwrap_or(meta.gid);
            if is_file && meta.mode & 0o111 != 0 {
                meta.mode &= 0o1777;
            }
        })?)
    }

    pub(crate) fn set_time(&mut self, path: &TreePath, time: Time) -> Result<()> {
        let meta = self.tree.get(path).ok_or(Errno::NoEntry)?.meta().clone();
        if !self.may(&meta, WRITE) {
            self.check_owner(path, &meta)?;
        }
        self.mounts.check_writable(path)?;
        Ok(self.tree.update_meta(path, |meta| meta.mtime = time)?)
    }
}
