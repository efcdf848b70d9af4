//! The same sandbox by an OCI runtime: its `config.json`, and running it with `runc` or another.
//!
//! For those who must have a runtime that somebody audited, and for tests, which hold our own against it.

mod runtime;
mod system_calls;

use crate::child::{MASKED_PROC, MASKED_SYS, READ_ONLY_PROC, capabilities};
use crate::error::SandboxError;
use crate::spec::{Mount, Network, Overlay, Root, Source, Spec};
use serde_json::{Value, json};
use std::path::Path;

pub use self::runtime::{RuntimeChild, spawn_with_runtime};

/// Size of `/dev/shm` in bytes if nothing else is said.
const DEFAULT_SHM: u64 = 64 << 20;

/// What an OCI runtime is to be told, for a bundle whose root filesystem is the directory `rootfs`.
///
/// Overlays have to be mounted, and files in memory written, before; [`spawn_with_runtime`] does so. Mounts of these are left out
/// here.
///
/// # Errors
///
/// [`SandboxError::Refused`] for the name of a capability that is none.
///
/// Source: OCI runtime-spec, `config.md` and `config-linux.md`.
pub fn config(spec: &Spec) -> Result<Value, SandboxError> {
    let kept = capabilities(&spec.rights)?;
    let names: Vec<String> = kept.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    let env: Vec<String> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let limits = spec.limits.ulimits.iter().map(|(name, soft, hard)| {
        json!({"type": format!("RLIMIT_{}", name.to_ascii_uppercase()), "soft": soft, "hard": hard})
    });
    let unprivileged = !spec.rights.privileged;
    let mut linux = json!({
        "namespaces": namespaces(spec.network),
        "resources": resources(spec),
        "maskedPaths": if unprivileged { masked() } else { Vec::new() },
        "readonlyPaths": if unprivileged { below("/proc", &READ_ONLY_PROC) } else { Vec::new() },
    });
    if unprivileged && !spec.rights.seccomp_unconfined {
        linux["seccomp"] = system_calls::rules(kept);
    }
    Ok(json!({
        "ociVersion": "1.0.2",
        "hostname": spec.hostname,
        "root": {"path": "rootfs", "readonly": spec.read_only},
        "process": {
            "terminal": spec.terminal.is_some(),
            "user": {"uid": spec.user.uid, "gid": spec.user.gid, "additionalGids": spec.user.groups, "umask": 0o022},
            "args": spec.argv,
            "env": env,
            "cwd": spec.cwd,
            "capabilities": {"bounding": names, "effective": names, "permitted": names},
            "rlimits": limits.collect::<Vec<_>>(),
            "noNewPrivileges": unprivileged && spec.rights.no_new_privileges,
        },
        "mounts": mounts(spec),
        "linux": linux,
    }))
}

fn below(top: &str, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{top}/{name}")).collect()
}

fn masked() -> Vec<String> {
    [below("/proc", &MASKED_PROC), below("/sys", &MASKED_SYS)].concat()
}

fn namespaces(network: Network) -> Vec<Value> {
    let mut all: Vec<Value> = ["pid", "ipc", "uts", "mount", "cgroup"]
        .iter()
        .map(|kind| json!({"type": kind}))
        .collect();
    match network {
        Network::None => all.push(json!({"type": "network"})),
        Network::Of(pid) => all.push(json!({"type": "network", "path": format!("/proc/{pid}/ns/net")})),
        Network::Host | Network::Default => {}
    }
    all
}

fn resources(spec: &Spec) -> Value {
    let mut resources = json!({"devices": [{"allow": spec.rights.privileged, "access": "rwm"}]});
    if let Some(bytes) = spec.limits.memory {
        resources["memory"] = json!({"limit": bytes});
    }
    if let Some(millis) = spec.limits.cpu_millis {
        resources["cpu"] = json!({"quota": millis * 100, "period": 100_000});
    }
    if let Some(processes) = spec.limits.pids {
        resources["pids"] = json!({"limit": processes});
    }
    resources
}

fn mounts(spec: &Spec) -> Vec<Value> {
    let shm = format!("size={}", spec.limits.shm.unwrap_or(DEFAULT_SHM));
    let sys = if spec.rights.privileged { "rw" } else { "ro" };
    let own = |target: &str, kind: &str, options: &[&str]| json!({"destination": target, "type": kind, "source": kind, "options": options});
    let mut all = vec![
        own("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        own("/dev", "tmpfs", &["nosuid", "mode=755", "size=65536k"]),
        own(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        own("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", &shm]),
        own("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        own("/sys", "sysfs", &["nosuid", "noexec", "nodev", sys]),
    ];
    all.extend(spec.mounts.iter().filter_map(mount));
    all
}

/// `None` for what must be made first.
fn mount(mount: &Mount) -> Option<Value> {
    let access = if mount.read_only { "ro" } else { "rw" };
    match &mount.source {
        Source::Bind(path) if mount.subpath.is_none() => Some(bind(path, &mount.target, access)),
        Source::Tmpfs { size, mode } => {
            let mut options = vec![
                access.to_owned(),
                "nosuid".to_owned(),
                "nodev".to_owned(),
                format!("mode={mode:o}"),
            ];
            options.extend(size.map(|size| format!("size={size}")));
            Some(json!({"destination": mount.target, "type": "tmpfs", "source": "tmpfs", "options": options}))
        }
        Source::Bind(_) | Source::Overlay(_) | Source::File { .. } => None,
    }
}

fn bind(path: &Path, target: &str, access: &str) -> Value {
    json!({"destination": target, "type": "bind", "source": path, "options": ["rbind", "rprivate", access]})
}

/// Whether all of it can be handed to a runtime.
fn refuse_what_cannot_be_handed_on(spec: &Spec) -> Result<(), SandboxError> {
    let refused = |what: &str, found: &str| SandboxError::Refused {
        path: what.to_owned(),
        expected: "what an OCI runtime can be told".to_owned(),
        found: found.to_owned(),
    };
    if spec.terminal.is_some() {
        return Err(refused("terminal", "a terminal"));
    }
    if spec.init {
        return Err(refused("init", "a first process of ours"));
    }
    // Such overlays are mounted by one text of options.
    let is_told = |overlay: &Overlay| {
        let mut paths = overlay.lower.iter().chain([&overlay.upper, &overlay.work]);
        !paths.any(|path| path.to_string_lossy().contains([':', ',', '\\']))
    };
    let of_mounts = spec.mounts.iter().filter_map(|mount| match &mount.source {
        Source::Overlay(overlay) => Some((mount.target.as_str(), overlay)),
        _ => None,
    });
    let of_root = match &spec.root {
        Root::Overlay(overlay) => Some(("root", overlay)),
        Root::Directory(_) => None,
    };
    match of_root
        .into_iter()
        .chain(of_mounts)
        .find(|(_, overlay)| !is_told(overlay))
    {
        Some((what, _)) => Err(refused(what, "a layer with one of \":,\\\" in its path")),
        None => Ok(()),
    }
}
