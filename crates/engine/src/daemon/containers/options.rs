//! How a container is to be made, as `docker create` and `docker run` have it.

use super::Protocol;
use oci::Healthcheck;
use std::collections::BTreeMap;
use std::str::FromStr;

/// What a container is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// The image, as a person names it.
    pub image: String,
    /// `--name`; one is made up if there is none.
    pub name: Option<String>,
    /// Arguments after the image; empty takes the image's CMD.
    pub cmd: Vec<String>,
    /// `--entrypoint`, its words; `Some` of nothing or of one empty word clears the image's.
    pub entrypoint: Option<Vec<String>>,
    /// `-e`: `NAME=value` in order, or `NAME` to take the variable away.
    pub env: Vec<String>,
    /// `-l`.
    pub labels: BTreeMap<String, String>,
    /// `-w`.
    pub workdir: Option<String>,
    /// `-u`.
    pub user: Option<String>,
    /// `--hostname`.
    pub hostname: Option<String>,
    /// `-p`.
    pub ports: Vec<PortMapping>,
    /// `--expose`: `80/tcp`.
    pub expose: Vec<String>,
    /// `-P`.
    pub publish_all: bool,
    /// `-v`, `--mount`, `--tmpfs`.
    pub mounts: Vec<MountSpec>,
    /// `--network`.
    pub network: Network,
    /// `--restart`.
    pub restart: Restart,
    /// `--rm`.
    pub auto_remove: bool,
    /// `--read-only`.
    pub read_only: bool,
    /// `-t`.
    pub tty: bool,
    /// `-i`: standard input stays open.
    pub interactive: bool,
    /// `-d` leaves it away: whether a terminal is attached. Only `inspect` shows it.
    pub attached: bool,
    /// `--init`.
    pub init: bool,
    /// `--privileged`. A simulation makes nothing of it.
    pub privileged: bool,
    /// What its processes may do, where processes are real.
    pub rights: RightsOptions,
    /// How much they may use, where processes are real.
    pub limits: LimitOptions,
    /// How they find other machines, where processes are real.
    pub names: NameOptions,
    /// How much of their log is kept, where processes are real.
    pub log: LogLimits,
    /// `--stop-signal`.
    pub stop_signal: Option<String>,
    /// `--stop-timeout` in seconds.
    pub stop_timeout: Option<u32>,
    /// `--health-*`: what is set replaces the image's; `Test` of `NONE` switches it off.
    pub health: Option<Healthcheck>,
}

/// What the processes of a container may do beside or less than others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RightsOptions {
    /// `--cap-add`, as it is written.
    pub cap_add: Vec<String>,
    /// `--cap-drop`.
    pub cap_drop: Vec<String>,
    /// `--security-opt seccomp=unconfined`.
    pub seccomp_unconfined: bool,
    /// `--security-opt no-new-privileges`.
    pub no_new_privileges: bool,
    /// `--group-add`: names or numbers.
    pub groups: Vec<String>,
}

/// How much the processes of a container may use. `None` is as much as there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitOptions {
    /// `--memory` in bytes.
    pub memory: Option<u64>,
    /// `--cpus` in thousandths.
    pub cpu_millis: Option<u64>,
    /// `--pids-limit`.
    pub pids: Option<u64>,
    /// `--ulimit`: name, soft and hard.
    pub ulimits: Vec<(String, u64, u64)>,
    /// `--shm-size` in bytes.
    pub shm: Option<u64>,
    /// `--cgroup-parent`.
    pub cgroup_parent: Option<String>,
}

/// How the processes of a container find other machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameOptions {
    /// `--add-host`: name and address.
    pub hosts: Vec<(String, String)>,
    /// `--dns`.
    pub servers: Vec<String>,
    /// `--dns-search`.
    pub search: Vec<String>,
    /// `--dns-option`.
    pub options: Vec<String>,
}

/// How much of a container's log is kept: `--log-opt`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogLimits {
    /// `max-size`: bytes of one file; `None` is without end.
    pub max_bytes: Option<u64>,
    /// `max-file`: how many files; 0 is one.
    pub max_files: u32,
}

/// `-p`: ports of the host that lead to ports of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// The host's address; empty for all.
    pub host_ip: String,
    /// The host's port: one, or the first free one of a range; `None` for any.
    pub host: Option<(u16, u16)>,
    /// The container's port.
    pub container: u16,
    /// How.
    pub protocol: Protocol,
}

/// `-v`, `--mount` or `--tmpfs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSpec {
    /// A file or directory of the host.
    Bind {
        /// Absolute path on the host.
        source: String,
        /// Absolute path in the container.
        target: String,
        /// Whether writes fail.
        read_only: bool,
        /// Whether the host directory is made if it is missing, as `-v` does.
        create: bool,
    },
    /// A volume.
    Volume {
        /// Its name; `None` makes an anonymous one.
        name: Option<String>,
        /// Absolute path in the container.
        target: String,
        /// Whether writes fail.
        read_only: bool,
        /// Whether an empty volume stays empty instead of getting what the image has there.
        no_copy: bool,
    },
    /// A directory in memory.
    Tmpfs {
        /// Absolute path in the container.
        target: String,
        /// Bytes that it may hold, where memory is real.
        size: Option<u64>,
        /// Permission bits; 1777 if it does not say.
        mode: Option<u32>,
    },
}

/// `--network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// An address of its own.
    #[default]
    Bridge,
    /// The host's network.
    Host,
    /// None.
    None,
}

/// `--restart`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// However its process ends; also when the daemon starts, even if a person stopped it.
    Always,
    /// The same, unless a person stopped it.
    UnlessStopped,
    /// If it ends with another code than 0, so often at most; 0 is without end.
    OnFailure(u32),
}

/// Why the text of an option makes no sense, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionError {
    /// The whole message.
    pub message: String,
}

impl OptionError {
    pub(super) fn new(message: impl Into<String>) -> OptionError {
        OptionError {
            message: message.into(),
        }
    }
}

impl FromStr for Restart {
    type Err = OptionError;

    /// Source: docker/cli, `opts/parse.go`, `ParseRestartPolicy`; moby, `ValidateRestartPolicy`.
    fn from_str(text: &str) -> Result<Restart, OptionError> {
        let (name, count) = match text.split_once(':') {
            Some((name, count)) => (name, Some(count)),
            None => (text, None),
        };
        let count = match count {
            None => None,
            Some(count) if count.contains(':') || name.is_empty() => {
                return Err(OptionError::new("invalid restart policy format"));
            }
            Some(count) => match count.parse::<i64>() {
                Ok(count) => Some(count),
                Err(_) => return Err(OptionError::new("maximum retry count must be an integer")),
            },
        };
        let policy = match name {
            "" | "no" => Restart::No,
            "always" => Restart::Always,
            "unless-stopped" => Restart::UnlessStopped,
            "on-failure" => {
                let count = count.unwrap_or(0);
                return u32::try_from(count)
                    .map(Restart::OnFailure)
                    .map_err(|_| OptionError::new("invalid restart policy: maximum retry count cannot be negative"));
            }
            other => {
                return Err(OptionError::new(format!(
                    "invalid restart policy: unknown policy '{other}'; use one of 'no', 'always', 'on-failure', or \
                     'unless-stopped'"
                )));
            }
        };
        if count.is_some_and(|count| count != 0) {
            return Err(OptionError::new(
                "invalid restart policy: maximum retry count can only be used with 'on-failure'",
            ));
        }
        Ok(policy)
    }
}

impl Restart {
    /// As Docker names it.
    pub fn name(self) -> &'static str {
        match self {
            Restart::No => "no",
            Restart::Always => "always",
            Restart::UnlessStopped => "unless-stopped",
            Restart::OnFailure(_) => "on-failure",
        }
    }
}

impl FromStr for Network {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Network, OptionError> {
        match text {
            "" | "default" | "bridge" => Ok(Network::Bridge),
            "host" => Ok(Network::Host),
            "none" => Ok(Network::None),
            other => Err(OptionError::new(format!("network {other} not found"))),
        }
    }
}

impl Network {
    /// As Docker names it.
    pub fn name(self) -> &'static str {
        match self {
            Network::Bridge => "bridge",
            Network::Host => "host",
            Network::None => "none",
        }
    }
}
