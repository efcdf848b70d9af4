//! The containers of a machine: an image's layers, one writable layer, and a process.

mod commit;
mod config;
mod copy;
mod create;
mod end;
mod export;
mod find;
mod health;
mod inspect;
mod layers;
mod lifecycle;
mod list;
mod logs;
mod mount_text;
mod mounts;
mod names;
mod network;
mod observe;
mod options;
mod port_text;
mod process;
mod remove;
mod restart;
mod runtime;
mod signals;
mod simulated;

pub use commit::CommitOptions;
pub use copy::{Copied, CopyOptions, Stands, copy_place};
pub use create::{Created, container_base};
pub use health::{Health, HealthStatus, Probe};
pub use layers::{Difference, Own, OwnEntry};
pub use lifecycle::{Ran, StopOptions, Stopped};
pub use list::{ContainerFilters, ContainerRow, Which};
pub use logs::{LogLine, LogOptions};
pub use mounts::ContainerFiles;
pub use network::{PortBinding, Protocol};
pub use options::{
    CreateOptions, LimitOptions, LogLimits, MountSpec, NameOptions, Network, OptionError, PortMapping, Restart,
    RightsOptions,
};
pub use process::{ExecOptions, Executed, Process, Stdin};
pub use remove::{ItsVolumes, PrunedContainers};
pub use restart::Event;
pub use runtime::{Begun, Ending, Launch, Layers, Mounted, Observed, Place, Runtime};
pub use signals::Signal;
pub use simulated::Simulated;

pub(crate) use inspect::config_json;
pub(crate) use mount_text::check_volume_name;

use builder::Fidelity;
use oci::{ChainId, ContainerConfig, Digest, Time};
use std::collections::BTreeMap;
use store::{Node, Tree};

/// The containers of a machine, by ID.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Containers {
    pub(crate) by_id: BTreeMap<String, Container>,
    /// How many IDs were given out.
    pub(crate) counter: u64,
    /// The last host port that was given out because nobody named one.
    pub(crate) last_port: u16,
    /// How many processes were started.
    pub(crate) n_processes: u32,
}

/// A container.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name, without the slash that Docker puts before it.
    pub name: String,
    /// When it was made.
    pub created: Time,
    /// The image it is made of.
    pub image: Digest,
    /// What that image was called when the container was made.
    pub image_name: String,
    /// The stack of layers it stands on, base first.
    pub chain: Vec<ChainId>,
    /// What its writable layer lies on: the image's filesystem with the files that every container gets.
    pub lower: Tree,
    /// Its filesystem, mounts not in it.
    ///
    /// Both are empty while a runtime keeps the files elsewhere; [`Daemon::fetch_files`](super::Daemon::fetch_files) brings them.
    pub tree: Tree,
    /// The bytes of its writable layer as the runtime counted them last, if it keeps them elsewhere.
    pub counted: Option<u64>,
    /// What it runs and how, image and options merged.
    pub config: ContainerConfig,
    /// The options it was made with.
    pub options: CreateOptions,
    /// What is mounted, in order.
    pub mounts: Vec<MountPoint>,
    /// What it is doing.
    pub state: State,
    /// What its process wrote, oldest first.
    pub log: Vec<LogLine>,
    /// Whether its filesystem is simulated, by its image or by what ran in it.
    pub fidelity: Fidelity,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// What.
    pub source: MountSource,
    /// Where, absolute.
    pub target: String,
    /// Whether writes fail.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A file or directory of the host, absolute.
    Bind(String),
    /// A volume, by name.
    Volume(String),
    /// An empty directory in memory.
    Tmpfs,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// In one word.
    pub status: Status,
    /// How its process ended last; 0 before.
    pub exit: i32,
    /// Why its process could not be started; empty if it could.
    pub error: String,
    /// The number of its process on the host; 0 if it does not run.
    pub pid: u32,
    /// When its process was last started.
    pub started: Option<Time>,
    /// When it last ended.
    pub finished: Option<Time>,
    /// The processes that run in it, the first one first.
    pub processes: Vec<Process>,
    /// How often its restart policy started it again.
    pub restarts: u32,
    /// How often it ended soon after its start, for the pause before it is started again.
    pub quick_ends: u32,
    /// When it is to be started again, while `status` is [`Status::Restarting`].
    pub restart_at: Option<Time>,
    /// Whether the kernel ended it because it used too much memory.
    pub out_of_memory: bool,
    /// Whether a person stopped it.
    pub stopped_by_hand: bool,
    /// Whether it ran until the daemon was stopped.
    pub ended_with_daemon: bool,
    /// What its health check says, if it has one.
    pub health: Option<Health>,
    /// The host's ports that lead to it while it runs.
    pub ports: Vec<PortBinding>,
    /// Its address on the bridge while it runs.
    pub address: Option<[u8; 4]>,
    /// What its directories in memory hold while it runs, by where they are mounted.
    pub tmpfs: BTreeMap<String, Node>,
}

/// What a container is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// It was made and never started.
    #[default]
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// Its process ended and will be started again.
    Restarting,
    /// Its process ended.
    Exited,
}

impl Status {
    /// As Docker spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Restarting => "restarting",
            Status::Exited => "exited",
        }
    }
}

impl Container {
    /// The first twelve digits of its ID.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    /// Whether it has a process, be it frozen or about to be started again.
    pub fn is_running(&self) -> bool {
        matches!(self.state.status, Status::Running | Status::Paused | Status::Restarting)
    }

    /// Program and arguments that it runs.
    pub fn command(&self) -> Vec<String> {
        self.config.entrypoint.iter().chain(&self.config.cmd).cloned().collect()
    }

    /// Its host name.
    pub fn hostname(&self) -> &str {
        self.options.hostname.as_deref().unwrap_or_else(|| self.short_id())
    }
}
