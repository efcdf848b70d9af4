//! The part of `docker container inspect` that says what `docker run` asked for.

use super::super::super::json::{Json, map, object, texts, texts_or_null};
use super::super::{Container, CreateOptions, MountSource, Restart};
use std::collections::BTreeSet;

/// Size of `/dev/shm` in bytes if nothing else is asked for.
const DEFAULT_SHM: u64 = 64 << 20;

/// What containers cannot read, but for those with all rights.
///
/// Source: moby, `daemon/pkg/oci/defaults.go`.
const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// What containers cannot write, but for those with all rights.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What was asked for when the container was made, but for its configuration. Fields of flags that do nothing here say what Docker
/// says without the flag.
///
/// Source: moby, `api/types/container`, `HostConfig`; the order and the values of flags that were not given: Docker 28.2.
pub(super) fn host_config(container: &Container, runtime: &str) -> Json {
    let options = &container.options;
    let (rights, limits, names) = (&options.rights, &options.limits, &options.names);
    let hosts = names.hosts.iter().map(|(name, address)| format!("{name}:{address}"));
    let binds = container.mounts.iter().filter_map(|mount| {
        let source = match &mount.source {
            MountSource::Bind(path) => path,
            // Anonymous volumes were not asked for by name.
            MountSource::Volume(name) if name.len() < 64 => name,
            MountSource::Volume(_) | MountSource::Tmpfs => return None,
        };
        let mode = if mount.read_only { ":ro" } else { "" };
        Some(format!("{source}:{}{mode}", mount.target))
    });
    let asked = options.ports.iter().map(|mapping| {
        let host = match mapping.host {
            None => String::new(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first}-{last}"),
        };
        let binding = object([("HostIp", mapping.host_ip.as_str().into()), ("HostPort", host.into())]);
        (
            format!("{}/{}", mapping.container, mapping.protocol),
            Json::List(vec![binding]),
        )
    });
    let retries = match options.restart {
        Restart::OnFailure(count) => i64::from(count),
        _ => 0,
    };
    let log = object([("Type", "json-file".into()), ("Config", map([]))]);
    let guarded = |paths: &[&str]| {
        if options.privileged {
            Json::Null
        } else {
            texts(paths.iter().map(|path| (*path).to_owned()))
        }
    };
    let restart = object([
        ("Name", options.restart.name().into()),
        ("MaximumRetryCount", Json::Number(retries)),
    ]);
    object([
        ("Binds", texts_or_null(binds)),
        ("ContainerIDFile", "".into()),
        ("LogConfig", log),
        ("NetworkMode", options.network.name().into()),
        ("PortBindings", map(asked)),
        ("RestartPolicy", restart),
        ("AutoRemove", options.auto_remove.into()),
        ("VolumeDriver", "".into()),
        ("VolumesFrom", Json::Null),
        ("ConsoleSize", Json::List(vec![zero(), zero()])),
        ("CapAdd", texts_or_null(capabilities(&rights.cap_add))),
        ("CapDrop", texts_or_null(capabilities(&rights.cap_drop))),
        ("CgroupnsMode", "private".into()),
        ("Dns", texts(names.servers.iter().cloned())),
        ("DnsOptions", texts(names.options.iter().cloned())),
        ("DnsSearch", texts(names.search.iter().cloned())),
        ("ExtraHosts", texts_or_null(hosts)),
        ("GroupAdd", texts_or_null(rights.groups.iter().cloned())),
        ("IpcMode", "private".into()),
        ("Cgroup", "".into()),
        ("Links", Json::Null),
        ("OomScoreAdj", zero()),
        ("PidMode", "".into()),
        ("Privileged", options.privileged.into()),
        ("PublishAllPorts", options.publish_all.into()),
        ("ReadonlyRootfs", options.read_only.into()),
        ("SecurityOpt", texts_or_null(security(options))),
        ("UTSMode", "".into()),
        ("UsernsMode", "".into()),
        ("ShmSize", number(limits.shm.unwrap_or(DEFAULT_SHM))),
        ("Runtime", runtime.into()),
        ("Isolation", "".into()),
        ("CpuShares", zero()),
        ("Memory", number(limits.memory.unwrap_or(0))),
        (
            "NanoCpus",
            number(limits.cpu_millis.unwrap_or(0).saturating_mul(1_000_000)),
        ),
        (
            "CgroupParent",
            limits.cgroup_parent.as_deref().unwrap_or_default().into(),
        ),
        ("BlkioWeight", zero()),
        ("BlkioWeightDevice", nothing()),
        ("BlkioDeviceReadBps", nothing()),
        ("BlkioDeviceWriteBps", nothing()),
        ("BlkioDeviceReadIOps", nothing()),
        ("BlkioDeviceWriteIOps", nothing()),
        ("CpuPeriod", zero()),
        ("CpuQuota", zero()),
        ("CpuRealtimePeriod", zero()),
        ("CpuRealtimeRuntime", zero()),
        ("CpusetCpus", "".into()),
        ("CpusetMems", "".into()),
        ("Devices", nothing()),
        ("DeviceCgroupRules", Json::Null),
        ("DeviceRequests", Json::Null),
        ("MemoryReservation", zero()),
        // Swap is not limited.
        ("MemorySwap", Json::Number(if limits.memory.is_some() { -1 } else { 0 })),
        ("MemorySwappiness", Json::Null),
        ("OomKillDisable", Json::Null),
        ("PidsLimit", limits.pids.map_or(Json::Null, number)),
        ("Ulimits", Json::List(limits.ulimits.iter().map(ulimit).collect())),
        ("CpuCount", zero()),
        ("CpuPercent", zero()),
        ("IOMaximumIOps", zero()),
        ("IOMaximumBandwidth", zero()),
        ("MaskedPaths", guarded(&MASKED)),
        ("ReadonlyPaths", guarded(&READ_ONLY)),
        ("Init", if options.init { Json::Bool(true) } else { Json::Null }),
    ])
}

fn zero() -> Json {
    Json::Number(0)
}

fn nothing() -> Json {
    Json::List(Vec::new())
}

/// Docker's spelling of capabilities, in its order.
///
/// Source: Docker 28.2, `inspect` of containers that were made so.
fn capabilities(asked: &[String]) -> BTreeSet<String> {
    let spelt = |name: &String| match name.to_uppercase() {
        name if name == "ALL" || name.starts_with("CAP_") => name,
        name => format!("CAP_{name}"),
    };
    asked.iter().map(spelt).collect()
}

/// `--security-opt`, and what Docker adds for a container with all rights.
fn security(options: &CreateOptions) -> impl Iterator<Item = &'static str> {
    let all = [
        ("seccomp=unconfined", options.rights.seccomp_unconfined),
        ("no-new-privileges", options.rights.no_new_privileges),
        ("label=disable", options.privileged),
    ];
    all.into_iter().filter(|(_, is_there)| *is_there).map(|(text, _)| text)
}

fn ulimit((name, soft, hard): &(String, u64, u64)) -> Json {
    object([
        ("Name", name.as_str().into()),
        ("Hard", number(*hard)),
        ("Soft", number(*soft)),
    ])
}

/// What is more than Docker's own number holds is without a limit, -1.
fn number(number: u64) -> Json {
    Json::Number(i64::try_from(number).unwrap_or(-1))
}
