//! What a container was made with, as a file has it.

use engine::{
    CreateOptions, LimitOptions, LogLimits, MountSpec, NameOptions, Network, PortMapping, Restart, RightsOptions,
};
use oci::Healthcheck;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a container was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OptionsDoc {
    image: String,
    name: Option<String>,
    cmd: Vec<String>,
    entrypoint: Option<Vec<String>>,
    env: Vec<String>,
    labels: BTreeMap<String, String>,
    workdir: Option<String>,
    user: Option<String>,
    hostname: Option<String>,
    ports: Vec<PortDoc>,
    expose: Vec<String>,
    publish_all: bool,
    mounts: Vec<SpecDoc>,
    network: String,
    restart: String,
    auto_remove: bool,
    read_only: bool,
    tty: bool,
    interactive: bool,
    attached: bool,
    init: bool,
    privileged: bool,
    cap_add: Vec<String>,
    cap_drop: Vec<String>,
    seccomp_unconfined: bool,
    no_new_privileges: bool,
    groups: Vec<String>,
    memory: Option<u64>,
    cpu_millis: Option<u64>,
    pids: Option<u64>,
    ulimits: Vec<(String, u64, u64)>,
    shm: Option<u64>,
    cgroup_parent: Option<String>,
    hosts: Vec<(String, String)>,
    dns: Vec<String>,
    dns_search: Vec<String>,
    dns_options: Vec<String>,
    log_bytes: Option<u64>,
    log_files: u32,
    stop_signal: Option<String>,
    stop_timeout: Option<u32>,
    health: Option<Healthcheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PortDoc {
    host_ip: String,
    host: Option<(u16, u16)>,
    container: u16,
    protocol: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum SpecDoc {
    Bind {
        source: String,
        target: String,
        read_only: bool,
        create: bool,
    },
    Volume {
        name: Option<String>,
        target: String,
        read_only: bool,
        no_copy: bool,
    },
    Tmpfs {
        target: String,
        size: Option<u64>,
        mode: Option<u32>,
    },
}

/// `--restart` as it is written.
pub(super) fn restart_text(restart: Restart) -> String {
    match restart {
        Restart::OnFailure(most) => format!("on-failure:{most}"),
        other => other.name().to_owned(),
    }
}

/// The options as a file has them.
pub(super) fn options_doc(options: &CreateOptions) -> OptionsDoc {
    let CreateOptions {
        rights,
        limits,
        names,
        log,
        ..
    } = options.clone();
    OptionsDoc {
        image: options.image.clone(),
        name: options.name.clone(),
        cmd: options.cmd.clone(),
        entrypoint: options.entrypoint.clone(),
        env: options.env.clone(),
        labels: options.labels.clone(),
        workdir: options.workdir.clone(),
        user: options.user.clone(),
        hostname: options.hostname.clone(),
        ports: options.ports.iter().map(port_doc).collect(),
        expose: options.expose.clone(),
        publish_all: options.publish_all,
        mounts: options.mounts.iter().map(spec_doc).collect(),
        network: options.network.name().to_owned(),
        restart: restart_text(options.restart),
        auto_remove: options.auto_remove,
        read_only: options.read_only,
        tty: options.tty,
        interactive: options.interactive,
        attached: options.attached,
        init: options.init,
        privileged: options.privileged,
        cap_add: rights.cap_add,
        cap_drop: rights.cap_drop,
        seccomp_unconfined: rights.seccomp_unconfined,
        no_new_privileges: rights.no_new_privileges,
        groups: rights.groups,
        memory: limits.memory,
        cpu_millis: limits.cpu_millis,
        pids: limits.pids,
        ulimits: limits.ulimits,
        shm: limits.shm,
        cgroup_parent: limits.cgroup_parent,
        hosts: names.hosts,
        dns: names.servers,
        dns_search: names.search,
        dns_options: names.options,
        log_bytes: log.max_bytes,
        log_files: log.max_files,
        stop_signal: options.stop_signal.clone(),
        stop_timeout: options.stop_timeout,
        health: options.health.clone(),
    }
}

/// The options of a file; `None` if they make no sense.
pub(super) fn options_of(doc: OptionsDoc) -> Option<CreateOptions> {
    let ports: Option<Vec<PortMapping>> = doc.ports.into_iter().map(port_of).collect();
    let network: Network = doc.network.parse().ok()?;
    Some(CreateOptions {
        image: doc.image,
        name: doc.name,
        cmd: doc.cmd,
        entrypoint: doc.entrypoint,
        env: doc.env,
        labels: doc.labels,
        workdir: doc.workdir,
        user: doc.user,
        hostname: doc.hostname,
        ports: ports?,
        expose: doc.expose,
        publish_all: doc.publish_all,
        mounts: doc.mounts.into_iter().map(spec_of).collect(),
        network,
        restart: doc.restart.parse().ok()?,
        auto_remove: doc.auto_remove,
        read_only: doc.read_only,
        tty: doc.tty,
        interactive: doc.interactive,
        attached: doc.attached,
        init: doc.init,
        privileged: doc.privileged,
        rights: RightsOptions {
            cap_add: doc.cap_add,
            cap_drop: doc.cap_drop,
            seccomp_unconfined: doc.seccomp_unconfined,
            no_new_privileges: doc.no_new_privileges,
            groups: doc.groups,
        },
        limits: LimitOptions {
            memory: doc.memory,
            cpu_millis: doc.cpu_millis,
            pids: doc.pids,
            ulimits: doc.ulimits,
            shm: doc.shm,
            cgroup_parent: doc.cgroup_parent,
        },
        names: NameOptions {
            hosts: doc.hosts,
            servers: doc.dns,
            search: doc.dns_search,
            options: doc.dns_options,
        },
        log: LogLimits {
            max_bytes: doc.log_bytes,
            max_files: doc.log_files,
        },
        stop_signal: doc.stop_signal,
        stop_timeout: doc.stop_timeout,
        health: doc.health,
    })
}

fn port_doc(port: &PortMapping) -> PortDoc {
    PortDoc {
        host_ip: port.host_ip.clone(),
        host: port.host,
        container: port.container,
        protocol: port.protocol.to_string(),
    }
}

fn port_of(doc: PortDoc) -> Option<PortMapping> {
    Some(PortMapping {
        host_ip: doc.host_ip,
        host: doc.host,
        container: doc.container,
        protocol: doc.protocol.parse().ok()?,
    })
}

fn spec_doc(spec: &MountSpec) -> SpecDoc {
    match spec.clone() {
        MountSpec::Bind {
            source,
            target,
            read_only,
            create,
        } => SpecDoc::Bind {
            source,
            target,
            read_only,
            create,
        },
        MountSpec::Volume {
            name,
            target,
            read_only,
            no_copy,
        } => SpecDoc::Volume {
            name,
            target,
            read_only,
            no_copy,
        },
        MountSpec::Tmpfs { target, size, mode } => SpecDoc::Tmpfs { target, size, mode },
    }
}

fn spec_of(doc: SpecDoc) -> MountSpec {
    match doc {
        SpecDoc::Bind {
            source,
            target,
            read_only,
            create,
        } => MountSpec::Bind {
            source,
            target,
            read_only,
            create,
        },
        SpecDoc::Volume {
            name,
            target,
            read_only,
            no_copy,
        } => MountSpec::Volume {
            name,
            target,
            read_only,
            no_copy,
        },
        SpecDoc::Tmpfs { target, size, mode } => MountSpec::Tmpfs { target, size, mode },
    }
}
