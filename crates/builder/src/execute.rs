//! The one thing the walk cannot compute: what a command does to a filesystem.

use store::{BlobStore, Node, StoreError, Time, Tree};

/// How far a result can be trusted to be what Docker would make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// Byte for byte.
    Exact,
    /// A model of it: plausible sizes, times and files.
    Simulated,
}

/// A command to run over a filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// Program and arguments, the shell included: `/bin/sh`, `-c`, `echo hi`.
    pub argv: Vec<String>,
    /// Environment, in order.
    pub env: Vec<(String, String)>,
    /// Absolute working directory; it exists.
    pub cwd: String,
    /// As USER has it: empty for root, a name or a number, a group after `:`.
    pub user: String,
    /// Mounts, in order.
    pub mounts: Vec<RunMount>,
    /// False for `--network=none`.
    pub network: bool,
    /// When the command starts. Files it writes get this time or a later one.
    pub now: Time,
}

/// A mount of a RUN, its source already found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMount {
    /// Absolute path in the filesystem.
    pub target: String,
    /// What is mounted.
    pub kind: MountKind,
}

/// What a RUN mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A file or directory of the context or a stage; writes are thrown away.
    Bind {
        /// What stands there.
        node: Node,
        /// True if writes fail.
        read_only: bool,
    },
    /// A directory kept from build to build.
    Cache {
        /// Its identity.
        id: String,
        /// Its content as it stands.
        node: Node,
        /// True if writes fail.
        read_only: bool,
    },
    /// An empty directory in memory.
    Tmpfs,
    /// A secret, as a file: mode, owner, group and the bytes.
    Secret {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// The secret.
        bytes: Vec<u8>,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// The filesystem afterwards, mounts taken away, mount points that were made for the run removed if still empty.
    pub tree: Tree,
    /// Content of the cache mounts afterwards, by their identity.
    pub caches: Vec<(String, Node)>,
    /// Exit code.
    pub exit: i32,
    /// What it wrote to standard output and standard error, in order.
    pub log: String,
    /// How long it took, or would take.
    pub millis: u64,
    /// Whether this is what a real run would leave.
    pub fidelity: Fidelity,
}

/// Why a command could not even be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The executor cannot do this.
    #[error("expected a command this simulation knows, found {what:?}")]
    Unsupported {
        /// What it cannot do.
        what: String,
    },
    /// Its content could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs commands over filesystems.
pub trait Executor {
    /// Runs `request` over `tree`. A command that fails is an outcome with its exit code, not an error.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if it could not be run at all; then nothing has changed.
    fn run(&mut self, request: &RunRequest, tree: &Tree, blobs: &mut dyn BlobStore)
    -> Result<RunOutcome, ExecuteError>;
}
