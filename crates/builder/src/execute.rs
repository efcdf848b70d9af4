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
    /// What it is run for.
    pub purpose: Purpose,
    /// What is on its standard input.
    pub stdin: Vec<u8>,
    /// What the machine is called: [`BUILD_HOST`] in a build, a container's short ID or its `--hostname`.
    pub hostname: String,
}

/// The name of the machine that a build's commands see.
pub const BUILD_HOST: &str = "buildkitsandbox";

/// What a command is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A RUN of a build: it ends, however long it takes; time passes.
    Build,
    /// A process of a container, the first one or one that `exec` added: it may last. Its standard input ends after the
    /// request's bytes.
    Process,
    /// The same with a standard input that stays open after the request's bytes, as `-i` has it: `cat` and `sh` last.
    Interactive,
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
    /// Exit code. Zero if it lasts.
    pub exit: i32,
    /// The program that does not end by itself, with its arguments, if the command came to one: a server, a long `sleep`,
    /// `tail -f`, a shell that waits for its input. The outcome is what stood when it started. Always `None` in a build.
    pub lasting: Option<Vec<String>>,
    /// What it wrote, in order.
    pub output: Vec<Output>,
    /// How long it took, or would take.
    pub millis: u64,
    /// Whether this is what a real run would leave.
    pub fidelity: Fidelity,
}

/// How far a RUN has come by being begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It has ended.
    Ended(RunOutcome),
    /// It goes on.
    Runs,
}

impl RunOutcome {
    /// Standard output and standard error as one text, in order; what is no UTF-8 is replaced.
    pub fn log(&self) -> String {
        let bytes: Vec<u8> = self.output.iter().flat_map(|output| &output.bytes).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A piece of what a command wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub stream: Stream,
    /// What.
    pub bytes: Vec<u8>,
}

impl Output {
    /// A piece of standard output.
    pub fn out(bytes: impl Into<Vec<u8>>) -> Output {
        Output {
            stream: Stream::Out,
            bytes: bytes.into(),
        }
    }

    /// A piece of standard error.
    pub fn err(bytes: impl Into<Vec<u8>>) -> Output {
        Output {
            stream: Stream::Err,
            bytes: bytes.into(),
        }
    }
}

/// Where a command writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
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
    /// Something that it takes is wrong: its user, a mount, a right that nobody gave.
    #[error("{what}")]
    Refused {
        /// What is wrong.
        what: String,
    },
    /// The machine did not do what was asked of it.
    #[error("{doing}: {source}")]
    Machine {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A RUN of a Dockerfile, in the words of the plan: what an executor on a real machine must know beside the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// The RUN.
    pub run: &'a planner::Run,
    /// For each of its mounts the place in [`RunRequest::mounts`]; `None` for an agent's socket, a secret that is only a
    /// variable, and an optional secret that is not given.
    pub mounts: Vec<Option<usize>>,
}

/// Runs commands over filesystems.
pub trait Executor {
    /// Whether there is an SSH agent of this identity to be mounted.
    fn has_agent(&self, _id: &str) -> bool {
        false
    }

    /// As many commands of a build as it runs beside each other.
    fn lanes(&self) -> usize {
        1
    }

    /// Begins a RUN of a Dockerfile over `tree`. What is only told by `instruction` changes nothing in a simulation, which
    /// does as for any other command. One that goes on while other steps are done is heard of by [`wait`](Executor::wait),
    /// as `number`.
    ///
    /// # Errors
    ///
    /// As [`run`](Executor::run).
    fn begin(
        &mut self,
        _number: usize,
        _instruction: &Instruction<'_>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Begun, ExecuteError> {
        self.run(request, tree, blobs).map(Begun::Ended)
    }

    /// Waits until one of the commands that go on has ended; `None` if none does.
    fn wait(&mut self, _blobs: &mut dyn BlobStore) -> Option<(usize, Result<RunOutcome, ExecuteError>)> {
        None
    }

    /// Runs `request` over `tree`. A command that fails is an outcome with its exit code, not an error.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if it could not be run at all; then nothing has changed.
    fn run(&mut self, request: &RunRequest, tree: &Tree, blobs: &mut dyn BlobStore)
    -> Result<RunOutcome, ExecuteError>;
}
