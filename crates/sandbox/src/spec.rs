//! What is to be run: a value that crosses from one process to the next.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A process, its filesystem and its rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What it sees as `/`.
    pub root: Root,
    /// Whether writes to `/` fail; mounts are not meant.
    pub read_only: bool,
    /// What is mounted into it, in order. `/proc`, `/dev`, `/sys` come by themselves, before these.
    pub mounts: Vec<Mount>,
    /// Program and arguments; the program is looked for in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// Environment, in order.
    pub env: Vec<(String, String)>,
    /// Absolute working directory; it is made if it is missing.
    pub cwd: String,
    /// As whom.
    pub user: User,
    /// What the machine is called.
    pub hostname: String,
    /// What of the network it sees.
    pub network: Network,
    /// What it may do.
    pub rights: Rights,
    /// How much it may use.
    pub limits: Limits,
    /// Columns and rows of its terminal; `None` for pipes.
    pub terminal: Option<(u16, u16)>,
    /// Whether a small first process waits for orphans, as `docker run --init` has it.
    pub init: bool,
    /// Whether it goes on when the program that started it ends; otherwise it is killed then.
    pub outlives_caller: bool,
    /// Name of its control group, for [`crate::pause`] and for figures; unique on the machine, no `/` in it.
    /// `None` for one only if `limits` need it.
    pub cgroup: Option<String>,
}

/// What a process sees as `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Root {
    /// Directories over each other.
    Overlay(Overlay),
    /// A directory as it is.
    Directory(PathBuf),
}

/// Directories over each other: overlayfs, mounted in the namespace of the process, so that it goes away with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// Read only, the uppermost first. Never empty.
    pub lower: Vec<PathBuf>,
    /// Where writes go.
    pub upper: PathBuf,
    /// An empty directory on the same filesystem as `upper`.
    pub work: PathBuf,
    /// Whether nothing waits for the disk: much faster, and what a power cut leaves of `upper` is worth nothing.
    /// `work` cannot be used a second time then.
    pub volatile: bool,
}

/// Something that is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute path in the filesystem of the process, never outside of it whatever links say; made if it is missing.
    pub target: String,
    /// What.
    pub source: Source,
    /// Path in a [`Source::Bind`] or [`Source::Overlay`] that is mounted in its place; links in it cannot lead out of the source.
    /// `None` for the source itself.
    pub subpath: Option<String>,
    /// Whether writes fail.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A file or directory of the machine.
    Bind(PathBuf),
    /// Directories over each other.
    Overlay(Overlay),
    /// An empty directory in memory.
    Tmpfs {
        /// Its size in bytes, if it has a limit of its own.
        size: Option<u64>,
        /// Permission bits.
        mode: u32,
    },
    /// A file in memory.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

/// As whom a process runs, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// What a process sees of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A loopback of its own and nothing else.
    None,
    /// What the machine sees.
    Host,
    /// What a program of the machine (`slirp4netns`) lets through; as the machine's if there is none.
    Default,
    /// What the process with this number sees.
    Of(u32),
}

/// What a process may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Everything root may: all capabilities, no filter of system calls, nothing masked, devices.
    pub privileged: bool,
    /// Capabilities beside Docker's own, such as `NET_ADMIN`; `ALL` for every one.
    pub cap_add: Vec<String>,
    /// Those of Docker's own that it does not have; `ALL` for none.
    pub cap_drop: Vec<String>,
    /// Whether every system call is allowed.
    pub seccomp_unconfined: bool,
    /// Whether it may gain no rights by running a program.
    pub no_new_privileges: bool,
}

/// How much a process and its children may use. `None` for as much as the machine has.
///
/// Memory, processors and processes are limited by a control group; where none can be made they are not, which
/// [`crate::Isolation::limits`] says beforehand and an empty [`Running::cgroup`] afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Processors, in thousandths.
    pub cpu_millis: Option<u64>,
    /// Processes.
    pub pids: Option<u64>,
    /// `ulimit`s: name as `nofile`, soft and hard.
    pub ulimits: Vec<(String, u64, u64)>,
    /// Size of `/dev/shm` in bytes; 64 MiB if it does not say.
    pub shm: Option<u64>,
    /// The control group below which theirs lies: with `/` in front from the top of each hierarchy, else from where theirs would
    /// lie otherwise. It is made if it is not there, and stays.
    pub parent: Option<String>,
}

/// A sandbox that runs: enough to find its namespaces and group again, also from another process of the caller's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Number of its first process on the machine (in the caller's namespace).
    pub pid: u32,
    /// When that process started, in the kernel's ticks: tells it from a later one with the same number.
    pub started: u64,
    /// What its processes may do.
    pub rights: Rights,
    /// Directories of its control group, one per hierarchy; empty if it has none.
    pub cgroup: Vec<PathBuf>,
    /// What of the network it really sees.
    pub network: NetworkUsed,
}

/// What of the network a sandbox really sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkUsed {
    /// A loopback of its own and nothing else.
    Loopback,
    /// What the machine sees, because that was asked for.
    Host,
    /// What the machine sees, because nothing lets only a part through.
    HostForLackOfHelper {
        /// Why not.
        reason: String,
    },
    /// What this program lets through. With `slirp4netns`, 10.0.2.3 answers questions for names.
    Helper(PathBuf),
    /// What another process sees.
    Joined(u32),
}

/// Another process in a sandbox that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Program and arguments; the program is looked for in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// Environment, in order.
    pub env: Vec<(String, String)>,
    /// Absolute working directory, which must exist.
    pub cwd: String,
    /// As whom.
    pub user: User,
    /// What it may do; `None` for what the sandbox's first process may.
    pub rights: Option<Rights>,
    /// Columns and rows of its terminal; `None` for pipes.
    pub terminal: Option<(u16, u16)>,
    /// Whether it goes on when the program that started it ends.
    pub outlives_caller: bool,
}
