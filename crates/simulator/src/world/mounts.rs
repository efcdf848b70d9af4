//! What stands in the tree for one run only: mounts, and the files every container has.

use super::{Errno, Result, World};
use builder::{MountKind, Purpose, RunMount};
use std::sync::Arc;
use store::{Dir, Follow, Meta, Node, Special, Tree, TreePath};

/// One thing that is taken away after the run.
#[derive(Debug, Clone)]
struct Mount {
    path: TreePath,
    /// What stood there before; `None` if nothing did.
    covered: Option<Node>,
    read_only: bool,
    /// The identity of a cache.
    cache: Option<String>,
    /// Part of every container: not shown as a mount in errors of ours, and never kept.
    is_system: bool,
}

/// The mounts of a run, in the order they were made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mounts {
    mounts: Vec<Mount>,
    /// Directories made to mount on, outermost first.
    made: Vec<TreePath>,
}

impl Mounts {
    /// Fails under a read-only mount. The innermost mount decides.
    pub(crate) fn check_writable(&self, path: &TreePath) -> Result<()> {
        let innermost = self
            .mounts
            .iter()
            .rev()
            .filter(|mount| path.is_within(&mount.path) && !(mount.is_system && *path == mount.path))
            .max_by_key(|mount| mount.path.depth());
        match innermost {
            Some(mount) if mount.read_only => Err(Errno::ReadOnly),
            _ => Ok(()),
        }
    }

    /// Whether a mount stands at `path` or below it.
    pub(crate) fn holds(&self, path: &TreePath) -> bool {
        self.mounts.iter().any(|mount| mount.path.is_within(path))
    }
}

impl World {
    /// Puts the devices and files there that a container runtime puts into every container.
    pub(crate) fn mount_system(&mut self) {
        let mut dev = Dir::new(Meta::of_mode(0o755));
        for (name, major, minor) in [
            ("null", 1, 3),
            ("zero", 1, 5),
            ("full", 1, 7),
            ("random", 1, 8),
            ("urandom", 1, 9),
            ("tty", 5, 0),
        ] {
            let kind = Special::Char(major, minor);
            let meta = Meta::of_mode(0o666);
            dev.entries.insert(name.to_owned(), Node::Special { meta, kind });
        }
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            dev.entries
                .insert(name.to_owned(), Node::symlink(Meta::default(), target));
        }
        dev.entries.insert("shm".to_owned(), Node::dir(Meta::of_mode(0o1777)));
        self.mount_one("/dev", Node::Dir(Arc::new(dev)), false, None, true);
        self.mount_one("/proc", Node::dir(Meta::of_mode(0o555)), false, None, true);
        self.mount_one("/sys", Node::dir(Meta::of_mode(0o555)), true, None, true);
        let resolver: &[u8] = b"nameserver 192.0.2.53\n";
        let hosts = format!(
            "127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n",
            self.hostname
        );
        for (path, bytes) in [("/etc/resolv.conf", resolver), ("/etc/hosts", hosts.as_bytes())] {
            // A machine has its own; in a build they are the builder's.
            let is_there = self
                .node(path, Follow::Last)
                .is_ok_and(|(_, node)| node.as_file().is_some_and(|file| file.content.size() > 0));
            if is_there && self.purpose != Purpose::Build {
                continue;
            }
            if let Ok(content) = self.keep(bytes) {
                self.mount_one(path, Node::file(Meta::of_mode(0o644), content), true, None, true);
            }
        }
    }

    /// Puts the mounts of a RUN into the tree. Caches start from what they hold.
    pub(crate) fn mount(&mut self, mounts: &[RunMount]) -> Result<()> {
        for mount in mounts {
            let target = &mount.target;
            match &mount.kind {
                MountKind::Bind { node, read_only } => self.mount_one(target, node.clone(), *read_only, None, false),
                MountKind::Cache { id, node, read_only } => {
                    self.mount_one(target, node.clone(), *read_only, Some(id.clone()), false);
                }
                MountKind::Tmpfs => self.mount_one(target, Node::dir(Meta::of_mode(0o1777)), false, None, false),
                MountKind::Secret { mode, uid, gid, bytes } => {
                    let meta = Meta {
                        mode: *mode,
                        uid: *uid,
                        gid: *gid,
                        ..Meta::default()
                    };
                    let content = self.keep(bytes)?;
                    self.mount_one(target, Node::file(meta, content), true, None, false);
                }
            }
        }
        Ok(())
    }

    fn mount_one(&mut self, target: &str, node: Node, read_only: bool, cache: Option<String>, is_system: bool) {
        let Ok(path) = self.tree.resolve_missing(target, Follow::Last) else {
            return;
        };
        if path.is_root() {
            return;
        }
        let mut missing: Vec<TreePath> = Vec::new();
        let mut above = path.parent();
        while let Some(dir) = above {
            if self.tree.get(&dir).is_some() {
                break;
            }
            above = dir.parent();
            missing.push(dir);
        }
        for dir in missing.into_iter().rev() {
            let meta = Meta {
                mtime: self.start,
                ..Meta::of_mode(0o755)
            };
            if self.tree.insert(&dir, Node::dir(meta)).is_err() {
                return;
            }
            self.mounts.made.push(dir);
        }
        let covered = self.tree.get(&path).cloned();
        if self.tree.insert(&path, node).is_ok() {
            self.mounts.mounts.push(Mount {
                path,
                covered,
                read_only,
                cache,
                is_system,
            });
        }
    }

    /// Puts another tree in place of this one, under what every machine has mounted. Other mounts are gone.
    pub(crate) fn replace_tree(&mut self, tree: Tree) {
        self.tree = tree;
        self.tree.seal_links();
        self.mounts = Mounts::default();
        self.mount_system();
    }

    /// The tree without the mounts, and what the caches hold now.
    pub(crate) fn unmounted(&self) -> (Tree, Vec<(String, Node)>) {
        let mut tree = self.tree.clone();
        let mut caches = Vec::new();
        for mount in self.mounts.mounts.iter().rev() {
            if let (Some(id), Some(node)) = (&mount.cache, tree.get(&mount.path)) {
                caches.push((id.clone(), node.clone()));
            }
            let _ = match &mount.covered {
                Some(node) => tree.insert(&mount.path, node.clone()),
                None => tree.remove(&mount.path).map(drop),
            };
        }
        for dir in self.mounts.made.iter().rev() {
            if tree
                .get(dir)
                .and_then(Node::as_dir)
                .is_some_and(|dir| dir.entries.is_empty())
            {
                let _ = tree.remove(dir);
            }
        }
        caches.reverse();
        (tree, caches)
    }
}
