//! What the sandbox is to run, from what the daemon knows of a container.

use super::accounts::identity;
use crate::executor::files::{HostEntry, hosts, resolver};
use engine::{Container, Launch, LimitOptions, MountSource, MountSpec, NameOptions, Network, Refusal, RightsOptions};
use sandbox::{Exec, Limits, Mount, Overlay, Rights, Root, Source, Spec, User};
use std::path::{Path, PathBuf};
use store::{BlobStore, Tree};

/// Where the parts of a container's filesystem are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Its folder.
    pub folder: PathBuf,
    /// What its writable layer lies on, the uppermost first.
    pub lower: Vec<PathBuf>,
    /// The folder of all volumes.
    pub volumes: PathBuf,
}

impl Places {
    /// Where a container's writes go.
    pub(super) fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    /// Its filesystem, mounts not in it.
    pub(super) fn overlay(&self) -> Overlay {
        Overlay {
            lower: self.lower.clone(),
            upper: self.upper(),
            work: self.folder.join("work"),
            volatile: false,
        }
    }
}

/// The directory of a volume.
pub(super) fn volume_place(volumes: &Path, name: &str) -> PathBuf {
    volumes.join(name).join("_data")
}

/// What the first process of a container is run with. `size` is that of the terminal that it gets, if it gets one.
///
/// # Errors
///
/// [`Refusal::NoSuchUser`] and the like.
pub(super) fn spec(
    container: &Container,
    launch: &Launch<'_>,
    places: &Places,
    size: (u16, u16),
    lower: &Tree,
    blobs: &dyn BlobStore,
) -> Result<Spec, Refusal> {
    let options = &container.options;
    let who = identity(&launch.user, &options.rights.groups, &places.upper(), lower, blobs)?;
    let network = match options.network {
        Network::None => sandbox::Network::None,
        Network::Host => sandbox::Network::Host,
        Network::Bridge => sandbox::Network::Default,
    };
    Ok(Spec {
        root: Root::Overlay(places.overlay()),
        read_only: options.read_only,
        mounts: mounts(container, places),
        argv: launch.argv.clone(),
        env: with_home(launch, &who.home),
        cwd: launch.cwd.clone(),
        user: who.user,
        hostname: container.hostname().to_owned(),
        network,
        rights: rights(&options.rights, options.privileged),
        limits: limits(&options.limits),
        terminal: launch.tty.then_some(size),
        init: options.init,
        outlives_caller: false,
        cgroup: Some(format!("layerlab-{}", container.id)),
    })
}

/// What another process in a container is run with.
///
/// # Errors
///
/// As [`spec`].
pub(super) fn exec(
    container: &Container,
    launch: &Launch<'_>,
    places: &Places,
    size: (u16, u16),
    lower: &Tree,
    blobs: &dyn BlobStore,
) -> Result<Exec, Refusal> {
    let options = &container.options;
    let who = identity(&launch.user, &options.rights.groups, &places.upper(), lower, blobs)?;
    Ok(Exec {
        argv: launch.argv.clone(),
        env: with_home(launch, &who.home),
        cwd: launch.cwd.clone(),
        user: who.user,
        rights: launch.privileged.then(|| rights(&options.rights, true)),
        terminal: launch.tty.then_some(size),
        outlives_caller: false,
    })
}

/// A user in numbers, and where it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    /// The numbers.
    pub user: User,
    /// The home directory.
    pub home: String,
}

fn with_home(launch: &Launch<'_>, home: &str) -> Vec<(String, String)> {
    let mut env = launch.env.clone();
    if !env.iter().any(|(name, _)| name == "HOME") {
        env.push(("HOME".to_owned(), home.to_owned()));
    }
    env
}

fn rights(options: &RightsOptions, privileged: bool) -> Rights {
    let names = |names: &[String]| -> Vec<String> {
        let plain = |name: &String| name.to_uppercase().trim_start_matches("CAP_").to_owned();
        names.iter().map(plain).collect()
    };
    Rights {
        privileged,
        cap_add: names(&options.cap_add),
        cap_drop: names(&options.cap_drop),
        seccomp_unconfined: options.seccomp_unconfined,
        no_new_privileges: options.no_new_privileges,
    }
}

fn limits(options: &LimitOptions) -> Limits {
    Limits {
        memory: options.memory,
        cpu_millis: options.cpu_millis,
        pids: options.pids,
        ulimits: options.ulimits.clone(),
        shm: options.shm,
        parent: options.cgroup_parent.clone(),
    }
}

fn mounts(container: &Container, places: &Places) -> Vec<Mount> {
    let mut mounts = machine_files(container);
    for mount in &container.mounts {
        let source = match &mount.source {
            MountSource::Bind(path) => Source::Bind(path.into()),
            MountSource::Volume(name) => Source::Bind(volume_place(&places.volumes, name)),
            MountSource::Tmpfs => tmpfs(container, &mount.target),
        };
        mounts.retain(|known| known.target != mount.target);
        mounts.push(Mount {
            target: mount.target.clone(),
            source,
            subpath: None,
            read_only: mount.read_only,
        });
    }
    mounts
}

/// What was said of a directory in memory.
fn tmpfs(container: &Container, wanted: &str) -> Source {
    let said = container.options.mounts.iter().find_map(|mount| match mount {
        MountSpec::Tmpfs { target, size, mode } if target.trim_end_matches('/') == wanted => Some((*size, *mode)),
        _ => None,
    });
    let (size, mode) = said.unwrap_or_default();
    Source::Tmpfs {
        size,
        mode: mode.unwrap_or(0o1777),
    }
}

/// `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`, which are no part of any layer.
fn machine_files(container: &Container) -> Vec<Mount> {
    let hostname = container.hostname();
    let names = &container.options.names;
    let entry = |(name, address): &(String, String)| {
        // The machine itself, as far as a container can see it.
        let address = if address == "host-gateway" {
            "127.0.0.1"
        } else {
            address
        };
        let address = address.parse().ok()?;
        Some(HostEntry {
            name: name.clone(),
            address,
        })
    };
    let entries: Vec<HostEntry> = names.hosts.iter().filter_map(entry).collect();
    let files = [
        ("/etc/hostname", format!("{hostname}\n")),
        ("/etc/hosts", hosts(hostname, &entries)),
        ("/etc/resolv.conf", resolver_text(names, container.options.network)),
    ];
    let file = |(target, text): (&str, String)| Mount {
        target: target.to_owned(),
        source: Source::File {
            bytes: text.into_bytes(),
            mode: 0o644,
            uid: 0,
            gid: 0,
        },
        subpath: None,
        read_only: false,
    };
    files.map(file).into()
}

fn resolver_text(names: &NameOptions, network: Network) -> String {
    let seen = match network {
        Network::Bridge => planner::Network::Default,
        Network::Host => planner::Network::Host,
        Network::None => planner::Network::None,
    };
    // A machine without the file has no resolver to offer.
    let of_machine = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let found = resolver(&of_machine, seen);
    if names.servers.is_empty() && names.search.is_empty() && names.options.is_empty() {
        return found;
    }
    let kept = |key: &str, given: &[String]| -> Vec<String> {
        if given.is_empty() {
            found
                .lines()
                .filter(|line| line.starts_with(key))
                .map(str::to_owned)
                .collect()
        } else if key == "nameserver" {
            given.iter().map(|server| format!("{key} {server}")).collect()
        } else {
            vec![format!("{key} {}", given.join(" "))]
        }
    };
    let lines = [
        kept("nameserver", &names.servers),
        kept("search", &names.search),
        kept("options", &names.options),
    ];
    lines.concat().join("\n") + "\n"
}
