//! RUN.

use super::{Inputs, hash, is_zero};
use oci::Digest;
use planner::{Input, Mount, MountKind, Network, Run, Sharing};
use serde::Serialize;

/// No place.
const NONE: i64 = -1;
const HOST: u8 = 1;
const NO_NETWORK: u8 = 2;
const INSECURE: u8 = 1;
// Types of mounts; a bind is 0.
const SECRET: u8 = 1;
const SSH: u8 = 2;
const CACHE: u8 = 3;
const TMPFS: u8 = 4;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Operation<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    exec: Exec<'a>,
    #[serde(rename = "OS")]
    os: &'a str,
    arch: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    variant: &'a str,
    #[serde(rename = "OSVersion", skip_serializing_if = "is_zero")]
    os_version: &'a str,
}

#[derive(Serialize)]
struct Exec<'a> {
    meta: Meta<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mounts: Vec<MountOption<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    network: u8,
    #[serde(skip_serializing_if = "is_zero")]
    security: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secretenv: Vec<SecretVariable<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(skip_serializing_if = "is_none")]
    args: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    cwd: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    user: &'a str,
    remove_mount_stubs_recursive: bool,
}

fn is_none(args: &&[String]) -> bool {
    args.is_empty()
}

#[derive(Serialize)]
struct SecretVariable<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    optional: bool,
}

/// What is in the place of an input counts by itself, and is left out.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct MountOption<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    input: i64,
    dest: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    output: i64,
    #[serde(skip_serializing_if = "is_zero")]
    readonly: bool,
    #[serde(skip_serializing_if = "is_zero")]
    mount_type: u8,
    #[serde(rename = "TmpfsOpt", skip_serializing_if = "Option::is_none")]
    tmpfs: Option<TmpfsOption>,
    #[serde(rename = "cacheOpt", skip_serializing_if = "Option::is_none")]
    cache: Option<CacheOption<'a>>,
    #[serde(rename = "secretOpt", skip_serializing_if = "Option::is_none")]
    secret: Option<FileOption<'a>>,
    #[serde(rename = "SSHOpt", skip_serializing_if = "Option::is_none")]
    ssh: Option<FileOption<'a>>,
}

#[derive(Serialize)]
struct TmpfsOption {
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
}

#[derive(Serialize)]
struct CacheOption<'a> {
    #[serde(rename = "ID", skip_serializing_if = "is_zero")]
    id: &'a str,
}

/// A secret's file or an agent's socket.
#[derive(Serialize)]
struct FileOption<'a> {
    #[serde(rename = "ID", skip_serializing_if = "is_zero")]
    id: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    uid: u32,
    #[serde(skip_serializing_if = "is_zero")]
    gid: u32,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u32,
    #[serde(skip_serializing_if = "is_zero")]
    optional: bool,
}

pub(super) fn of_run(run: &Run, base: Input, inputs: &Inputs<'_>) -> Digest {
    let agents = agents(run);
    let platform = &run.platform;
    hash(&Operation {
        kind: "buildkit.exec.v0",
        exec: Exec {
            meta: Meta {
                args: &run.argv,
                env: variables(run, &agents),
                cwd: &run.cwd,
                user: &run.user,
                remove_mount_stubs_recursive: true,
            },
            mounts: mounts(run, base, inputs, &agents),
            network: match run.network {
                Network::Default => 0,
                Network::Host => HOST,
                Network::None => NO_NETWORK,
            },
            security: if run.insecure { INSECURE } else { 0 },
            secretenv: secret_variables(run),
        },
        os: &platform.os,
        arch: &platform.architecture,
        variant: &platform.variant,
        os_version: &platform.os_version,
    })
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

fn mounts<'a>(
    run: &'a Run,
    base: Input,
    inputs: &Inputs<'_>,
    agents: &'a [(String, &'a Mount)],
) -> Vec<MountOption<'a>> {
    let root = MountOption {
        input: inputs.place(base),
        dest: "/",
        ..MountOption::default()
    };
    let mut mounts = vec![root];
    for mount in run.sorted_mounts() {
        let plain = MountOption {
            dest: &mount.name,
            output: NONE,
            readonly: mount.read_only,
            ..MountOption::default()
        };
        mounts.push(match &mount.kind {
            MountKind::Bind { from, .. } => MountOption {
                input: inputs.place(*from),
                ..plain
            },
            MountKind::Cache { id, sharing, from, .. } => MountOption {
                input: inputs.place(*from),
                mount_type: CACHE,
                cache: Some(CacheOption {
                    id: if is_default(id, &mount.name, *sharing) { id } else { "" },
                }),
                ..plain
            },
            MountKind::Tmpfs { size } => MountOption {
                input: NONE,
                mount_type: TMPFS,
                tmpfs: Some(TmpfsOption { size: *size }),
                ..plain
            },
            MountKind::Secret { .. } | MountKind::Ssh { .. } => continue,
        });
    }
    mounts.extend(secrets(run));
    mounts.extend(agents.iter().map(|(target, mount)| socket(target, mount)));
    // As BuildKit has it since a time when mounts did not count.
    if mounts.len() == 1 {
        mounts.clear();
    }
    mounts
}

/// Whether a cache is the one that its target stands for, in whatever namespace: only then does its identity count.
fn is_default(id: &str, target: &str, sharing: Sharing) -> bool {
    let in_namespace = id.split_once('/').map(|(_, rest)| rest);
    sharing == Sharing::Shared && (id == target || in_namespace == Some(target))
}

fn secrets(run: &Run) -> impl Iterator<Item = MountOption<'_>> {
    run.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Secret {
            id,
            required,
            mode,
            uid,
            gid,
            ..
        } if !mount.target.is_empty() => Some(MountOption {
            input: NONE,
            dest: &mount.target,
            mount_type: SECRET,
            secret: Some(FileOption {
                id,
                uid: *uid,
                gid: *gid,
                mode: *mode,
                optional: !required,
            }),
            ..MountOption::default()
        }),
        _ => None,
    })
}

fn socket<'a>(target: &'a str, mount: &'a Mount) -> MountOption<'a> {
    let MountKind::Ssh {
        id,
        required,
        mode,
        uid,
        gid,
    } = &mount.kind
    else {
        unreachable!("callers pass agents");
    };
    MountOption {
        input: NONE,
        dest: target,
        mount_type: SSH,
        ssh: Some(FileOption {
            id,
            uid: *uid,
            gid: *gid,
            mode: *mode,
            optional: !required,
        }),
        ..MountOption::default()
    }
}

fn secret_variables(run: &Run) -> Vec<SecretVariable<'_>> {
    let variables = run.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Secret {
            id,
            env: Some(name),
            required,
            ..
        } => Some(SecretVariable {
            id,
            name,
            optional: !required,
        }),
        _ => None,
    });
    variables.collect()
}
