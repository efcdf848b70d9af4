//! A machine: its files, its Docker daemon, and whether that runs.

use crate::lab::Tools;
use crate::names::{PLACES, Place};
use builder::{Cache, ExecuteError, Executor, RunOutcome, RunRequest};
use engine::{Daemon, Host, HostFiles, Simulated};
use oci::Time;
use registry::client::RegistryConfig;
use store::{BlobStore, Follow, Meta, Node, Tree};

/// One of the machines.
#[derive(Debug)]
pub struct Machine {
    /// Its names and address.
    pub place: Place,
    /// Its files.
    pub tree: Tree,
    /// Its images, containers and volumes.
    pub daemon: Daemon,
    /// What its builds made.
    pub cache: Cache,
    /// Whether its daemon runs: `systemctl stop docker` ends it.
    pub(crate) is_up: bool,
    /// What the daemon read in `/etc/docker/daemon.json` when it was started.
    pub(crate) registries: RegistryConfig,
    /// What the daemon said of itself, oldest first.
    pub(crate) journal: Vec<String>,
}

impl Machine {
    /// Machine number `index` of [`PLACES`], new.
    pub(crate) fn new(index: usize, tree: Tree) -> Machine {
        Machine {
            place: PLACES[index],
            tree,
            daemon: Daemon::default(),
            cache: Cache::default(),
            is_up: true,
            registries: RegistryConfig::default(),
            journal: Vec::new(),
        }
    }

    /// Does something with the daemon, lending it what it needs of the machine.
    pub(crate) fn with_daemon<T>(
        &mut self,
        tools: &mut Tools<'_>,
        act: impl FnOnce(&mut Daemon, &mut Host<'_>) -> T,
    ) -> T {
        let mut files = FilesOf {
            tree: &mut self.tree,
            now: tools.now,
        };
        let mut host = Host {
            now: tools.now,
            blobs: &mut *tools.blobs,
            executor: &mut *tools.shell,
            files: &mut files,
            runtime: &mut Simulated,
        };
        act(&mut self.daemon, &mut host)
    }

    /// The text of a file, if it is one.
    pub(crate) fn text(&self, path: &str, blobs: &dyn BlobStore) -> Option<String> {
        let place = self.tree.resolve(path, Follow::Last).ok()?;
        let file = self.tree.get(&place)?.as_file()?;
        let store::Content::Blob { digest, .. } = file.content else {
            return None;
        };
        let bytes = blobs.get(&digest).ok()?;
        String::from_utf8(bytes.to_vec()).ok()
    }
}

/// The files of a machine, for bind mounts and copies.
pub(crate) struct FilesOf<'a> {
    pub(crate) tree: &'a mut Tree,
    pub(crate) now: Time,
}

impl HostFiles for FilesOf<'_> {
    fn get(&mut self, path: &str) -> Option<Node> {
        let place = self.tree.resolve(path, Follow::Last).ok()?;
        if place.is_root() {
            return Some(Node::Dir(self.tree.root().clone().into()));
        }
        self.tree.get(&place).cloned()
    }

    fn put(&mut self, path: &str, node: Node) -> Result<(), String> {
        let place = self
            .tree
            .resolve_missing(path, Follow::Last)
            .map_err(|error| error.to_string())?;
        if let Some(parent) = place.parent() {
            let meta = Meta {
                mtime: self.now,
                ..Meta::of_mode(0o755)
            };
            self.tree.mkdir_all(&parent, &meta).map_err(|error| error.to_string())?;
        }
        self.tree.insert(&place, node).map_err(|error| error.to_string())
    }
}

/// For operations that run nothing.
#[derive(Debug)]
pub(crate) struct NoExecutor;

impl Executor for NoExecutor {
    fn run(&mut self, request: &RunRequest, _: &Tree, _: &mut dyn BlobStore) -> Result<RunOutcome, ExecuteError> {
        Err(ExecuteError::Unsupported {
            what: request.argv.join(" "),
        })
    }
}
