//! RUN.

use super::message::Message;
use super::{Inputs, NONE};
use planner::{Input, Mount, MountKind, Network, Run, Sharing};

const HOST: i64 = 1;
const NO_NETWORK: i64 = 2;
const INSECURE: i64 = 1;
// Types of mounts; a bind is 0.
const SECRET: i64 = 1;
const SSH: i64 = 2;
const CACHE: i64 = 3;
const TMPFS: i64 = 4;

pub(super) fn of_run(run: &Run, base: Input, inputs: &Inputs<'_>) -> Message {
    let agents = agents(run);
    let meta = Message::default()
        .texts("args", run.argv.iter().map(String::as_str))
        .texts("env", variables(run, &agents).iter().map(String::as_str))
        .text("cwd", &run.cwd)
        .text("user", &run.user)
        .flag("removeMountStubsRecursive", true);
    let network = match run.network {
        Network::Default => 0,
        Network::Host => HOST,
        Network::None => NO_NETWORK,
    };
    let exec = Message::default()
        .message("meta", meta)
        .messages("mounts", mounts(run, base, inputs, &agents))
        .number("network", network)
        .number("security", if run.insecure { INSECURE } else { 0 })
        .messages("secretenv", secret_variables(run));
    Message::default()
        .text("Type", "buildkit.exec.v0")
        .message("Exec", exec)
        .text("OS", &run.platform.os)
        .text("Arch", &run.platform.architecture)
        .text("Variant", &run.platform.variant)
        .text("OSVersion", &run.platform.os_version)
}

/// The sockets of agents, where they are in the end.
fn agents(run: &Run) -> Vec<(String, &Mount)> {
    let agents = run
        .mounts
        .iter()
        .filter(|mount| matches!(mount.kind, MountKind::Ssh { .. }));
    let placed = agents.enumerate().map(|(place, mount)| {
        let target = match mount.target.as_str() {
            "" => format!("/run/buildkit/ssh_agent.{place}"),
            target => target.to_owned(),
        };
        (target, mount)
    });
    placed.collect()
}

fn variables(run: &Run, agents: &[(String, &Mount)]) -> Vec<String> {
    const SOCKET: &str = "SSH_AUTH_SOCK";
    let mut variables: Vec<String> = run.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if let Some((target, _)) = agents.first()
        && !run.env.iter().any(|(name, _)| name == SOCKET)
    {
        variables.push(format!("{SOCKET}={target}"));
    }
    variables
}

/// What of its input is mounted counts by itself, and is left out.
fn mounts(run: &Run, base: Input, inputs: &Inputs<'_>, agents: &[(String, &Mount)]) -> Vec<Message> {
    let root = mount(inputs.place(base), "/");
    let mut mounts = vec![root];
    for each in run.sorted_mounts() {
        let begun = |input| {
            mount(input, &each.name)
                .number("output", NONE)
                .flag("readonly", each.read_only)
        };
        mounts.push(match &each.kind {
            MountKind::Bind { from, .. } => begun(inputs.place(*from)),
            MountKind::Cache { id, sharing, from, .. } => {
                let counts = is_default(id, &each.name, *sharing);
                let option = Message::default().text("ID", if counts { id } else { "" });
                begun(inputs.place(*from))
                    .number("mountType", CACHE)
                    .message("cacheOpt", option)
            }
            MountKind::Tmpfs { size } => {
                let size = i64::try_from(*size).unwrap_or(i64::MAX);
                begun(NONE)
                    .number("mountType", TMPFS)
                    .message("TmpfsOpt", Message::default().number("size", size))
            }
            MountKind::Secret { .. } | MountKind::Ssh { .. } => continue,
        });
    }
    let secrets = run
        .mounts
        .iter()
        .filter(|mount| matches!(mount.kind, MountKind::Secret { .. }) && !mount.target.is_empty());
    mounts.extend(secrets.map(|each| {
        mount(NONE, &each.target)
            .number("mountType", SECRET)
            .option("secretOpt", file_option(&each.kind))
    }));
    mounts.extend(agents.iter().map(|(target, each)| {
        mount(NONE, target)
            .number("mountType", SSH)
            .option("SSHOpt", file_option(&each.kind))
    }));
    // As BuildKit has it since a time when mounts did not count.
    if mounts.len() == 1 {
        mounts.clear();
    }
    mounts
}

fn mount(input: i64, dest: &str) -> Message {
    Message::default().number("input", input).text("dest", dest)
}

/// Whether a cache is the one that its target stands for, in whatever namespace: only then does its identity count.
fn is_default(id: &str, target: &str, sharing: Sharing) -> bool {
    let in_namespace = id.split_once('/').map(|(_, rest)| rest);
    sharing == Sharing::Shared && (id == target || in_namespace == Some(target))
}

/// What is said of a secret's file, or of an agent's socket.
fn file_option(kind: &MountKind) -> Option<Message> {
    let (MountKind::Secret {
        id,
        required,
        mode,
        uid,
        gid,
        ..
    }
    | MountKind::Ssh {
        id,
        required,
        mode,
        uid,
        gid,
    }) = kind
    else {
        return None;
    };
    let option = Message::default()
        .text("ID", id)
        .number("uid", (*uid).into())
        .number("gid", (*gid).into())
        .number("mode", (*mode).into())
        .flag("optional", !required);
    Some(option)
}

fn secret_variables(run: &Run) -> Vec<Message> {
    let variables = run.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Secret {
            id,
            env: Some(name),
            required,
            ..
        } => Some(
            Message::default()
                .text("ID", id)
                .text("name", name)
                .flag("optional", !required),
        ),
        _ => None,
    });
    variables.collect()
}
