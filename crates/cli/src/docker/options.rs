//! The flags of `docker run` and `docker create` as what the daemon makes of a container.

use super::fail::daemon;
use super::{Fail, Session, limits};
use crate::words::Call;
use engine::{CreateOptions, MountSource, MountSpec, Network, OptionError, PortMapping, Restart};
use oci::{Healthcheck, Platform};
use std::collections::BTreeMap;

/// Reads all flags.
///
/// # Errors
///
/// What Docker says of those that make no sense.
///
/// Source: docker/cli, `cli/command/container/opts.go`, `parse`.
pub(crate) fn read(call: &Call, session: &mut Session<'_, '_>) -> Result<CreateOptions, Fail> {
    let given = |flag: &str| call.text(flag).filter(|text| !text.is_empty()).map(str::to_owned);
    let restart: Restart = match given("restart") {
        Some(text) => text.parse().map_err(|error: OptionError| policy(&error))?,
        None => Restart::No,
    };
    if call.on("rm") && restart != Restart::No {
        return Err(Fail::new("conflicting options: cannot specify both --restart and --rm"));
    }
    let mut ports = Vec::new();
    for text in call.list("publish") {
        ports.extend(PortMapping::parse(text).map_err(of_option)?);
    }
    let image = call.arguments[0].clone();
    Ok(CreateOptions {
        image,
        name: given("name"),
        cmd: call.arguments[1..].to_vec(),
        entrypoint: call.text("entrypoint").map(|program| vec![program.to_owned()]),
        env: environment(call, session)?,
        labels: labels(call, session)?,
        workdir: given("workdir"),
        user: given("user"),
        hostname: given("hostname"),
        ports,
        expose: exposed(call)?,
        publish_all: call.on("publish-all"),
        mounts: mounts(call, session)?,
        network: network(call)?,
        restart,
        auto_remove: call.on("rm"),
        read_only: call.on("read-only"),
        tty: call.on("tty"),
        interactive: call.on("interactive"),
        attached: !call.on("detach"),
        init: call.on("init"),
        privileged: call.on("privileged"),
        rights: limits::rights(call)?,
        limits: limits::limits(call)?,
        names: limits::names(call),
        log: limits::log(call, session)?,
        stop_signal: given("stop-signal"),
        stop_timeout: call.number("stop-timeout").and_then(|secs| u32::try_from(secs).ok()),
        health: health(call)?,
    })
}

fn of_option(error: OptionError) -> Fail {
    Fail::new(error.message)
}

fn policy(error: &OptionError) -> Fail {
    let message = &error.message;
    Fail::new(if message.starts_with("maximum retry count must") {
        format!("invalid restart policy format: {message}")
    } else if message.contains("format") {
        message.clone()
    } else {
        daemon(message)
    })
}

/// `--platform`.
///
/// # Errors
///
/// What Docker says of one that is none.
pub(crate) fn platform(text: &str) -> Result<Platform, Fail> {
    Platform::parse(text, &Platform::linux_amd64())
        .map_err(|error| Fail::new(format!("error parsing specified platform: {error}")))
}

/// `--env-file` and `-e`. A name alone takes the value it has where the command is typed.
///
/// # Errors
///
/// If a file cannot be read, or a line of it is none.
pub(crate) fn environment(call: &Call, session: &mut Session<'_, '_>) -> Result<Vec<String>, Fail> {
    let mut env = Vec::new();
    for path in call.list("env-file") {
        for line in lines_of(path, session)? {
            let name = line.split_once('=').map_or(line.as_str(), |(name, _)| name);
            if name.is_empty() {
                return Err(bad_line(path, &format!("no variable name on line '{line}'")));
            }
            if name.contains(char::is_whitespace) {
                return Err(bad_line(path, &format!("variable '{name}' contains whitespaces")));
            }
            if line.contains('=') {
                env.push(line);
            } else {
                env.extend(session.host.variable(name).map(|value| format!("{name}={value}")));
            }
        }
    }
    for text in call.list("env") {
        match (text.contains('='), session.host.variable(text)) {
            (false, Some(value)) => env.push(format!("{text}={value}")),
            _ => env.push(text.clone()),
        }
    }
    Ok(env)
}

fn bad_line(path: &str, reason: &str) -> Fail {
    Fail::new(format!("invalid env file ({path}): {reason}"))
}

/// The lines of a file that say something.
fn lines_of(path: &str, session: &mut Session<'_, '_>) -> Result<Vec<String>, Fail> {
    let text = session.read_text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines = text.lines().map(|line| line.trim_start().to_owned());
    Ok(lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect())
}

fn labels(call: &Call, session: &mut Session<'_, '_>) -> Result<BTreeMap<String, String>, Fail> {
    let mut all = Vec::new();
    for path in call.list("label-file") {
        all.extend(lines_of(path, session)?);
    }
    all.extend(call.list("label").iter().cloned());
    let pairs = all.iter().map(|label| label.split_once('=').unwrap_or((label, "")));
    Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// `--expose`: ports and ranges of them.
fn exposed(call: &Call) -> Result<Vec<String>, Fail> {
    let mut ports = Vec::new();
    for text in call.list("expose") {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| {
            text.parse::<u16>().map_err(|_| {
                let quoted = dockerfile::quote(text);
                Fail::new(format!(
                    "invalid range format for --expose: {range}, error: strconv.ParseUint: parsing {quoted}: invalid syntax"
                ))
            })
        };
        let (first, last) = (number(first)?, number(last)?);
        ports.extend((first..=last).map(|port| format!("{port}/{}", protocol.to_lowercase())));
    }
    Ok(ports)
}

fn mounts(call: &Call, session: &mut Session<'_, '_>) -> Result<Vec<MountSpec>, Fail> {
    let mut mounts = Vec::new();
    for text in call.list("volume") {
        // The daemon knows no working directory.
        let text = if text.starts_with('.') || text.starts_with("~/") {
            let (source, rest) = text.split_once(':').unwrap_or((text, ""));
            format!("{}:{rest}", session.absolute(source))
        } else {
            text.clone()
        };
        mounts.push(MountSpec::parse_volume(&text).map_err(of_option)?);
    }
    for text in call.list("mount") {
        mounts.push(MountSpec::parse_mount(text).map_err(of_option)?);
    }
    for text in call.list("tmpfs") {
        mounts.push(MountSpec::parse_tmpfs(text).map_err(of_option)?);
    }
    for text in call.list("volumes-from") {
        let (name, mode) = text.split_once(':').unwrap_or((text, "rw"));
        let container = session.daemon.container(name)?;
        for mount in &container.mounts {
            let (target, read_only) = (mount.target.clone(), mount.read_only || mode == "ro");
            mounts.push(match &mount.source {
                MountSource::Bind(source) => MountSpec::Bind {
                    source: source.clone(),
                    target,
                    read_only,
                    create: false,
                },
                MountSource::Volume(name) => MountSpec::Volume {
                    name: Some(name.clone()),
                    target,
                    read_only,
                    no_copy: true,
                },
                MountSource::Tmpfs => MountSpec::Tmpfs {
                    target,
                    size: None,
                    mode: None,
                },
            });
        }
    }
    Ok(mounts)
}

fn network(call: &Call) -> Result<Network, Fail> {
    match call.list("network").last().map(String::as_str) {
        None | Some("" | "bridge" | "default") => Ok(Network::Bridge),
        Some("host") => Ok(Network::Host),
        Some("none") => Ok(Network::None),
        Some(other) => Err(Fail::new(daemon(&format!(
            "failed to set up container networking: network {other} not found"
        )))),
    }
}

fn health(call: &Call) -> Result<Option<Healthcheck>, Fail> {
    let nanos = |flag: &str| {
        call.text(flag)
            .and_then(|text| dockerfile::parse_duration(text).ok())
            .unwrap_or(0)
    };
    let check = Healthcheck {
        test: call
            .text("health-cmd")
            .filter(|command| !command.is_empty())
            .map(|command| vec!["CMD-SHELL".to_owned(), command.to_owned()])
            .unwrap_or_default(),
        interval: nanos("health-interval"),
        timeout: nanos("health-timeout"),
        start_period: nanos("health-start-period"),
        start_interval: nanos("health-start-interval"),
        retries: call.number("health-retries").unwrap_or(0),
    };
    let is_given = check != Healthcheck::default();
    if call.on("no-healthcheck") {
        if is_given {
            return Err(Fail::new("--no-healthcheck conflicts with --health-* options"));
        }
        return Ok(Some(Healthcheck {
            test: vec!["NONE".to_owned()],
            ..Healthcheck::default()
        }));
    }
    Ok(is_given.then_some(check))
}
