//! What `docker container inspect` says of a container.

mod host_config;

use self::host_config::host_config;
use super::super::json::{Json, map, object, texts, texts_or_null};
use super::super::{Daemon, Places, Refusal};
use super::{Container, MountSource, Network, PortBinding, Status};
use oci::{ContainerConfig, Digest, Healthcheck, Time};

const NEVER: &str = "0001-01-01T00:00:00Z";

impl Daemon {
    /// The value that `docker container inspect` prints, in the order of Docker's fields.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    ///
    /// Source: moby, `api/types/container`, `InspectResponse`.
    pub fn inspect_container(&self, name: &str) -> Result<Json, Refusal> {
        let container = self.container(name)?;
        let place = |file: &str| Json::from(self.places.file(&container.id, file));
        let argv = container.command();
        let chain: Vec<Digest> = container.chain.iter().map(|chain| chain.0).collect();
        Ok(object([
            ("Id", container.id.as_str().into()),
            ("Created", container.created.to_string().into()),
            ("Path", argv.first().map_or("", String::as_str).into()),
            ("Args", texts(argv.iter().skip(1).cloned())),
            ("State", state(container)),
            ("Image", container.image.to_string().into()),
            ("ResolvConfPath", place("resolv.conf")),
            ("HostnamePath", place("hostname")),
            ("HostsPath", place("hosts")),
            ("LogPath", self.places.log(&container.id).into()),
            ("Name", format!("/{}", container.name).into()),
            ("RestartCount", Json::Number(container.state.restarts.into())),
            ("Driver", self.storage_driver().into()),
            ("Platform", "linux".into()),
            ("MountLabel", "".into()),
            ("ProcessLabel", "".into()),
            ("AppArmorProfile", "".into()),
            ("ExecIDs", Json::Null),
            ("HostConfig", host_config(container, self.runtime())),
            ("GraphDriver", self.places.graph_driver(Some(&container.id), &chain)),
            (
                "Mounts",
                Json::List(container.mounts.iter().map(|each| mount(each, &self.places)).collect()),
            ),
            ("Config", config_json(&container.config, Some(container))),
            ("NetworkSettings", network(container)),
        ]))
    }
}

fn mount(mount: &super::MountPoint, places: &Places) -> Json {
    let mut fields = Vec::new();
    match &mount.source {
        MountSource::Bind(path) => {
            fields.push(("Type", Json::from("bind")));
            fields.push(("Source", path.as_str().into()));
        }
        MountSource::Volume(name) => {
            fields.push(("Type", "volume".into()));
            fields.push(("Name", name.as_str().into()));
            fields.push(("Source", places.volume(name).into()));
        }
        MountSource::Tmpfs => {
            fields.push(("Type", "tmpfs".into()));
            fields.push(("Source", "".into()));
        }
    }
    fields.push(("Destination", mount.target.as_str().into()));
    if let MountSource::Volume(_) = mount.source {
        fields.push(("Driver", "local".into()));
    }
    let mode = if mount.read_only { "ro" } else { "" };
    fields.push(("Mode", mode.into()));
    fields.push(("RW", (!mount.read_only).into()));
    let propagation = if matches!(mount.source, MountSource::Bind(_)) {
        "rprivate"
    } else {
        ""
    };
    fields.push(("Propagation", propagation.into()));
    Json::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn time(time: Option<Time>) -> Json {
    time.map_or_else(|| NEVER.to_owned(), |time| time.to_string()).into()
}

fn state(container: &Container) -> Json {
    let state = &container.state;
    let is = |status: Status| Json::Bool(state.status == status);
    let mut fields = vec![
        ("Status", Json::from(state.status.as_str())),
        ("Running", Json::Bool(container.is_running())),
        ("Paused", is(Status::Paused)),
        ("Restarting", is(Status::Restarting)),
        ("OOMKilled", state.out_of_memory.into()),
        ("Dead", false.into()),
        ("Pid", Json::Number(state.pid.into())),
        ("ExitCode", Json::Number(state.exit.into())),
        ("Error", state.error.as_str().into()),
        ("StartedAt", time(state.started)),
        ("FinishedAt", time(state.finished)),
    ];
    if let Some(health) = &state.health {
        let probe = |probe: &super::Probe| {
            object([
                ("Start", probe.start.to_string().into()),
                ("End", probe.end.to_string().into()),
                ("ExitCode", Json::Number(probe.exit.into())),
                ("Output", probe.output.as_str().into()),
            ])
        };
        let health = object([
            ("Status", health.status.as_str().into()),
            ("FailingStreak", Json::Number(health.failing.into())),
            ("Log", Json::List(health.log.iter().map(probe).collect())),
        ]);
        fields.push(("Health", health));
    }
    Json::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The ports of a container: those that lead to it, and `null` for those that are only exposed.
fn ports(container: &Container) -> Json {
    let binding = |port: &PortBinding| {
        object([
            ("HostIp", port.host_ip.as_str().into()),
            ("HostPort", port.host.to_string().into()),
        ])
    };
    if !container.is_running() {
        return map([]);
    }
    map(container.config.exposed_ports.iter().map(|exposed| {
        let led = container.state.ports.iter();
        let led = led.filter(|port| format!("{}/{}", port.container, port.protocol) == *exposed);
        let led: Vec<Json> = led.map(binding).collect();
        (
            exposed.clone(),
            if led.is_empty() { Json::Null } else { Json::List(led) },
        )
    }))
}

fn network(container: &Container) -> Json {
    let address = container.state.address;
    let text = |[a, b, c, d]: [u8; 4]| format!("{a}.{b}.{c}.{d}");
    let ip: Json = address.map(text).unwrap_or_default().into();
    let mac = address.map_or_else(String::new, |[a, b, c, d]| {
        format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    });
    let is_up = container.is_running();
    let id = |what: &str| -> Json {
        if is_up {
            Digest::of(format!("{what} {}", container.id).as_bytes()).hex().into()
        } else {
            "".into()
        }
    };
    let on_bridge = address.is_some();
    let gateway = || Json::from(if on_bridge { "172.17.0.1" } else { "" });
    let prefix = || Json::Number(if on_bridge { 16 } else { 0 });
    let name = container.options.network.name();
    let network_id = Digest::of(format!("network {name}").as_bytes()).hex();
    let endpoint = object([
        ("IPAMConfig", Json::Null),
        ("Links", Json::Null),
        ("Aliases", Json::Null),
        ("MacAddress", mac.as_str().into()),
        ("NetworkID", network_id.into()),
        ("EndpointID", id("endpoint")),
        ("Gateway", gateway()),
        ("IPAddress", ip.clone()),
        ("IPPrefixLen", prefix()),
    ]);
    let bridge = if container.options.network == Network::Bridge {
        ""
    } else {
        name
    };
    object([
        ("Bridge", "".into()),
        ("SandboxID", id("sandbox")),
        ("SandboxKey", bridge.into()),
        ("Ports", ports(container)),
        ("EndpointID", id("endpoint")),
        ("Gateway", gateway()),
        ("IPAddress", ip),
        ("IPPrefixLen", prefix()),
        ("MacAddress", mac.into()),
        ("Networks", map([(name.to_owned(), endpoint)])),
    ])
}

/// A configuration as `inspect` prints it: of an image, or of a container.
///
/// Source: moby, `api/types/container`, `Config`.
pub(crate) fn config_json(config: &ContainerConfig, container: Option<&Container>) -> Json {
    let options = container.map(|container| &container.options);
    let set = |keys: &std::collections::BTreeSet<String>| map(keys.iter().map(|key| (key.clone(), map([]))));
    let is = |get: fn(&super::CreateOptions) -> bool| Json::Bool(options.is_some_and(get));
    let mut fields = vec![
        ("Hostname", Json::from(container.map_or("", Container::hostname))),
        ("Domainname", "".into()),
        ("User", config.user.as_str().into()),
        ("AttachStdin", is(|options| options.attached && options.interactive)),
        ("AttachStdout", is(|options| options.attached)),
        ("AttachStderr", is(|options| options.attached)),
    ];
    if !config.exposed_ports.is_empty() {
        fields.push(("ExposedPorts", set(&config.exposed_ports)));
    }
    fields.push(("Tty", is(|options| options.tty)));
    fields.push(("OpenStdin", is(|options| options.interactive)));
    fields.push(("StdinOnce", is(|options| options.interactive && options.attached)));
    fields.push(("Env", texts_or_null(config.env.iter().cloned())));
    fields.push(("Cmd", texts_or_null(config.cmd.iter().cloned())));
    if let Some(check) = &config.healthcheck {
        fields.push(("Healthcheck", healthcheck(check)));
    }
    if config.args_escaped {
        fields.push(("ArgsEscaped", true.into()));
    }
    fields.push((
        "Image",
        container.map_or("", |container| container.image_name.as_str()).into(),
    ));
    let volumes = if config.volumes.is_empty() {
        Json::Null
    } else {
        set(&config.volumes)
    };
    fields.push(("Volumes", volumes));
    fields.push(("WorkingDir", config.working_dir.as_str().into()));
    fields.push(("Entrypoint", texts_or_null(config.entrypoint.iter().cloned())));
    fields.push(("OnBuild", texts_or_null(config.on_build.iter().cloned())));
    let labels = config
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().into()));
    let labels = if config.labels.is_empty() && container.is_none() {
        Json::Null
    } else {
        map(labels)
    };
    fields.push(("Labels", labels));
    if !config.stop_signal.is_empty() {
        fields.push(("StopSignal", config.stop_signal.as_str().into()));
    }
    if let Some(timeout) = options.and_then(|options| options.stop_timeout) {
        fields.push(("StopTimeout", Json::Number(timeout.into())));
    }
    if !config.shell.is_empty() {
        fields.push(("Shell", texts(config.shell.iter().cloned())));
    }
    Json::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn healthcheck(check: &Healthcheck) -> Json {
    let mut fields = vec![("Test".to_owned(), texts(check.test.iter().cloned()))];
    for (key, value) in [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
        ("Retries", check.retries),
    ] {
        if value != 0 {
            fields.push((key.to_owned(), Json::Number(value)));
        }
    }
    Json::Object(fields)
}
