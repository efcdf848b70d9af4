//! What a command finds mounted.

use super::Settings;
use super::caches::{Caches, HeldCache};
use super::files::{hosts, resolver};
use crate::snapshots::{SnapshotError, Snapshots, Upper, write_tree};
use builder::{Instruction, MountKind, RunMount, RunRequest};
use planner::{Network, Sharing};
use sandbox::{Mount, Overlay, Source};
use store::{BlobStore, Meta, Node, Tree, TreePath};

/// Collects the mounts of one command, and what must stay while it runs.
pub struct Mounting<'a> {
    snapshots: &'a mut Snapshots,
    caches: &'a Caches,
    settings: &'a Settings,
    on_wait: &'a mut dyn FnMut(&str),
    mounts: Vec<Mount>,
    held: Held,
}

/// What must stay while a command runs: folders that take its writes, caches that nobody else may have.
#[derive(Debug, Default)]
pub struct Held {
    uppers: Vec<Upper>,
    caches: Vec<HeldCache>,
}

/// The name under which a single file lies in its snapshot.
const FILE: &str = "file";

impl Held {
    /// Whether a command that mounts `mount` has to wait for the one that holds this.
    pub fn bars(&self, mount: &planner::Mount) -> bool {
        let planner::MountKind::Cache { id, sharing, .. } = &mount.kind else {
            return false;
        };
        self.caches.iter().any(|held| held.id == *id && held.bars(*sharing))
    }
}

impl<'a> Mounting<'a> {
    /// No mounts yet. `on_wait` is told the identity of a cache that another process has.
    pub fn new(
        snapshots: &'a mut Snapshots,
        caches: &'a Caches,
        settings: &'a Settings,
        on_wait: &'a mut dyn FnMut(&str),
    ) -> Mounting<'a> {
        Mounting {
            snapshots,
            caches,
            settings,
            on_wait,
            mounts: Vec::new(),
            held: Held::default(),
        }
    }

    /// The mounts, in order; [`Held`] is dropped when the command has ended.
    pub fn finish(self) -> (Vec<Mount>, Held) {
        (self.mounts, self.held)
    }

    /// `/etc/hosts` and `/etc/resolv.conf`, which are no part of any layer.
    pub fn add_machine_files(&mut self, hostname: &str, network: Network) {
        // A machine without the file has no resolver to offer.
        let of_machine = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let files = [
            ("/etc/resolv.conf", resolver(&of_machine, network)),
            ("/etc/hosts", hosts(hostname, &self.settings.hosts)),
        ];
        for (target, text) in files {
            let source = Source::File {
                bytes: text.into_bytes(),
                mode: 0o644,
                uid: 0,
                gid: 0,
            };
            self.mount(target, source, None, true);
        }
    }

    /// What the command asks for.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if files cannot be put on disk.
    pub fn add_all(
        &mut self,
        instruction: Option<&Instruction<'_>>,
        request: &RunRequest,
        blobs: &dyn BlobStore,
    ) -> Result<(), SnapshotError> {
        for (place, mount) in request.mounts.iter().enumerate() {
            let planned = instruction.and_then(|instruction| {
                let index = instruction.mounts.iter().position(|found| *found == Some(place))?;
                instruction.run.mounts.get(index)
            });
            self.add(planned, mount, blobs)?;
        }
        for mount in instruction.iter().flat_map(|instruction| &instruction.run.mounts) {
            if let planner::MountKind::Ssh { id, .. } = &mount.kind
                && let Some(socket) = self.settings.agents.get(id)
            {
                self.mount(&mount.target, Source::Bind(socket.clone()), None, false);
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        planned: Option<&planner::Mount>,
        mount: &RunMount,
        blobs: &dyn BlobStore,
    ) -> Result<(), SnapshotError> {
        let target = &mount.target;
        match &mount.kind {
            MountKind::Bind { node, read_only } => self.add_bind(target, node, *read_only, blobs),
            MountKind::Cache { id, node, read_only } => {
                let sharing = match planned.map(|planned| &planned.kind) {
                    Some(planner::MountKind::Cache { sharing, .. }) => *sharing,
                    _ => Sharing::Shared,
                };
                self.add_cache(target, id, sharing, node, *read_only, blobs)
            }
            MountKind::Tmpfs => {
                let size = match planned.map(|planned| &planned.kind) {
                    Some(planner::MountKind::Tmpfs { size }) if *size > 0 => Some(*size),
                    _ => None,
                };
                let read_only = planned.is_some_and(|planned| planned.read_only);
                self.mount(target, Source::Tmpfs { size, mode: 0o1777 }, None, read_only);
                Ok(())
            }
            MountKind::Secret { mode, uid, gid, bytes } => {
                let source = Source::File {
                    bytes: bytes.clone(),
                    mode: *mode,
                    uid: *uid,
                    gid: *gid,
                };
                self.mount(target, source, None, true);
                Ok(())
            }
        }
    }

    /// Files of a filesystem under a folder that takes the writes, which are thrown away.
    fn add_bind(
        &mut self,
        target: &str,
        node: &Node,
        read_only: bool,
        blobs: &dyn BlobStore,
    ) -> Result<(), SnapshotError> {
        let tree = tree_of(node)?;
        let snapshot = self.snapshots.of(&tree, blobs)?;
        let upper = self.snapshots.upper(&tree.root().meta)?;
        let overlay = Overlay {
            lower: snapshot.lower,
            upper: upper.fs.clone(),
            work: upper.work.clone(),
            volatile: true,
        };
        self.held.uppers.push(upper);
        let subpath = (!node.is_dir()).then(|| FILE.to_owned());
        self.mount(target, Source::Overlay(overlay), subpath, read_only);
        Ok(())
    }

    fn add_cache(
        &mut self,
        target: &str,
        id: &str,
        sharing: Sharing,
        node: &Node,
        read_only: bool,
        blobs: &dyn BlobStore,
    ) -> Result<(), SnapshotError> {
        // A command that mounts a cache twice has it once: it would wait for itself.
        let place = self.held.caches.iter().position(|held| held.id == id);
        let place = if let Some(place) = place {
            place
        } else {
            let on_wait = &mut *self.on_wait;
            let held = self.caches.hold(id, sharing, &mut || on_wait(id));
            self.held.caches.push(held.map_err(|source| SnapshotError::Folder {
                path: format!("cache mount {id}"),
                source,
            })?);
            self.held.caches.len() - 1
        };
        let held = &self.held.caches[place];
        if held.is_new() {
            let tree = tree_of(node)?;
            held.fill(|folder| write_tree(folder, &tree, blobs))?;
        }
        let subpath = (!node.is_dir()).then(|| FILE.to_owned());
        let content = held.content.clone();
        self.mount(target, Source::Bind(content), subpath, read_only);
        Ok(())
    }

    fn mount(&mut self, target: &str, source: Source, subpath: Option<String>, read_only: bool) {
        self.mounts.push(Mount {
            target: target.to_owned(),
            source,
            subpath,
            read_only,
        });
    }
}

/// What is mounted as a filesystem: a directory is its root, anything else lies in it as [`FILE`].
fn tree_of(node: &Node) -> Result<Tree, SnapshotError> {
    if let Node::Dir(dir) = node {
        return Ok(Tree::from_dir(dir.clone())?);
    }
    let mut tree = Tree::new();
    tree.update_meta(&TreePath::root(), |meta| *meta = Meta::of_mode(0o755))?;
    let path = TreePath::parse(FILE).expect("it is a name");
    tree.insert(&path, node.clone())?;
    Ok(tree)
}
