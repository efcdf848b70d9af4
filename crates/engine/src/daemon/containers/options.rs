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
    /// `--privileged`. Only `inspect` shows it.
    pub privileged: bool,
    /// `--stop-signal`.
    pub stop_signal: Option<String>,
    /// `--stop-timeout` in seconds.
    pub stop_timeout: Option<u32>,
    /// `--health-*`: what is set replaces the image's; `Test` of `NONE` switches it off.
    pub health: Option<Healthcheck>,
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
    fn new(message: impl Into<String>) -> OptionError {
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

impl PortMapping {
    /// Reads `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`; a range of container ports is several mappings.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    ///
    /// Source: docker/go-connections, `nat.ParsePortSpec`.
    pub fn parse(text: &str) -> Result<Vec<PortMapping>, OptionError> {
        let (rest, protocol) = match text.rsplit_once('/') {
            Some((rest, protocol)) => (rest, protocol),
            None => (text, "tcp"),
        };
        let protocol: Protocol = protocol
            .parse()
            .map_err(|()| OptionError::new(format!("invalid proto: {protocol}")))?;
        let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (host_ip, host) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((ip, host)) => (ip, host.strip_prefix(':').unwrap_or(host)),
            None => rest.rsplit_once(':').unwrap_or(("", rest)),
        };
        if container.is_empty() {
            return Err(OptionError::new(format!("no port specified: {text}<empty>")));
        }
        let is_ip = host_ip.is_empty() || host_ip.parse::<std::net::IpAddr>().is_ok();
        if !is_ip {
            return Err(OptionError::new(format!("invalid IP address: {host_ip}")));
        }
        let wrong = |what: &str, range: &str| OptionError::new(format!("invalid {what}: {range}"));
        let inside = parse_range(container).ok_or_else(|| wrong("containerPort", container))?;
        let outside = match host {
            "" => None,
            host => Some(parse_range(host).ok_or_else(|| wrong("hostPort", host))?),
        };
        let n_inside = inside.1 - inside.0;
        if let Some((first, last)) = outside
            && n_inside > 0
            && last - first != n_inside
        {
            return Err(OptionError::new(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            )));
        }
        let mappings = (0..=n_inside).map(|offset| PortMapping {
            host_ip: host_ip.to_owned(),
            host: outside.map(|(first, last)| match n_inside {
                0 => (first, last),
                _ => (first + offset, first + offset),
            }),
            container: inside.0 + offset,
            protocol,
        });
        Ok(mappings.collect())
    }
}

/// `80` or `80-90`.
fn parse_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

impl MountSpec {
    /// Where it is mounted.
    pub fn target(&self) -> &str {
        match self {
            MountSpec::Bind { target, .. } | MountSpec::Volume { target, .. } | MountSpec::Tmpfs { target } => target,
        }
    }

    /// Reads `-v`: `TARGET`, `NAME:TARGET[:OPTIONS]` or `/HOST/PATH:TARGET[:OPTIONS]`.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    pub fn parse_volume(text: &str) -> Result<MountSpec, OptionError> {
        let wrong = || OptionError::new(format!("invalid volume specification: '{text}'"));
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => return Err(wrong()),
        };
        if target.is_empty() || source == Some("") {
            return Err(wrong());
        }
        let (mut read_only, mut no_copy) = (false, false);
        for option in options.split(',') {
            match option {
                "ro" => read_only = true,
                "nocopy" => no_copy = true,
                // What they ask for makes no difference here.
                "" | "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" | "rprivate" | "private" | "rslave"
                | "slave" | "rshared" | "shared" => {}
                other => return Err(OptionError::new(format!("invalid mode: {other}"))),
            }
        }
        check_target(target)?;
        Ok(match source {
            Some(source) if source.starts_with('/') => MountSpec::Bind {
                source: source.to_owned(),
                target: target.to_owned(),
                read_only,
                create: true,
            },
            Some(name) => {
                check_volume_name(name)?;
                MountSpec::Volume {
                    name: Some(name.to_owned()),
                    target: target.to_owned(),
                    read_only,
                    no_copy,
                }
            }
            None => MountSpec::Volume {
                name: None,
                target: target.to_owned(),
                read_only,
                no_copy,
            },
        })
    }

    /// Reads `--mount`: `type=bind,source=/HOST/PATH,target=TARGET[,readonly]` and the like.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    ///
    /// Source: docker/cli, `opts/mount.go`.
    pub fn parse_mount(text: &str) -> Result<MountSpec, OptionError> {
        let wrong =
            |message: String| OptionError::new(format!("invalid argument {text:?} for \"--mount\" flag: {message}"));
        let (mut kind, mut source, mut target) = ("volume", "", "");
        let (mut read_only, mut no_copy) = (false, false);
        for field in text.split(',') {
            let (key, value) = field.split_once('=').unwrap_or((field, "true"));
            let flag = || match value {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(wrong(format!("invalid value for {key}: {value}"))),
            };
            match key.to_lowercase().as_str() {
                "type" => kind = value,
                "source" | "src" => source = value,
                "target" | "dst" | "destination" => target = value,
                "readonly" | "ro" => read_only = flag()?,
                "volume-nocopy" => no_copy = flag()?,
                "bind-propagation" | "tmpfs-size" | "tmpfs-mode" | "consistency" | "volume-label" | "volume-driver"
                | "bind-recursive" => {}
                other if field.contains('=') => {
                    return Err(wrong(format!("unexpected key '{other}' in '{field}'")));
                }
                _ => return Err(wrong(format!("invalid field '{field}' must be a key=value pair"))),
            }
        }
        if target.is_empty() {
            return Err(wrong("target is required".to_owned()));
        }
        check_target(target)?;
        let (source, target) = (source.to_owned(), target.to_owned());
        match kind {
            "bind" if source.is_empty() => Err(wrong("source is required".to_owned())),
            "bind" => Ok(MountSpec::Bind {
                source,
                target,
                read_only,
                create: false,
            }),
            "volume" => {
                if !source.is_empty() {
                    check_volume_name(&source)?;
                }
                Ok(MountSpec::Volume {
                    name: (!source.is_empty()).then_some(source),
                    target,
                    read_only,
                    no_copy,
                })
            }
            "tmpfs" if !source.is_empty() => Err(wrong("cannot mix 'source' with mount type 'tmpfs'".to_owned())),
            "tmpfs" => Ok(MountSpec::Tmpfs { target }),
            other => Err(wrong(format!("mount type unknown: {other:?}"))),
        }
    }
}

fn check_target(target: &str) -> Result<(), OptionError> {
    if !target.starts_with('/') {
        return Err(OptionError::new(format!(
            "invalid mount path: '{target}' mount path must be absolute"
        )));
    }
    if target.split('/').all(|part| part.is_empty() || part == ".") {
        return Err(OptionError::new("invalid specification: destination can't be '/'"));
    }
    Ok(())
}

/// Letters, digits, `_`, `.` and `-`, two at least, a letter or digit first.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() >= 2
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

pub(crate) fn check_volume_name(name: &str) -> Result<(), OptionError> {
    if is_plain_name(name) {
        return Ok(());
    }
    if name.len() == 1 {
        return Err(OptionError::new(format!(
            "create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )));
    }
    Err(OptionError::new(format!(
        "create {name}: {name:?} includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are \
         allowed. If you intended to pass a host directory, use absolute path"
    )))
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
