//! `docker version` and `docker info`.

use super::{Done, Fail, SUCCESS, Session};
use crate::grammar::VERSION;
use crate::template::{Template, Value};
use crate::words::Call;
use engine::Status;
use std::fmt::Write as _;

/// The version of the daemon's interface that this command line follows.
const API: &str = "1.50";

pub(super) fn version(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let platform = session.host.platform();
    if let Some(format) = call.text("format").filter(|format| !format.is_empty()) {
        let value = Value::structure([
            (
                "Client",
                Value::structure([
                    ("Version", VERSION.into()),
                    ("ApiVersion", API.into()),
                    ("DefaultAPIVersion", API.into()),
                    ("GitCommit", "layerlab".into()),
                    ("Os", "linux".into()),
                    ("Arch", "amd64".into()),
                    ("Context", "default".into()),
                ]),
            ),
            (
                "Server",
                Value::structure([
                    ("Platform", Value::structure([("Name", platform.into())])),
                    ("Version", VERSION.into()),
                    ("ApiVersion", API.into()),
                    ("MinAPIVersion", "1.24".into()),
                    ("GitCommit", "layerlab".into()),
                    ("Os", "linux".into()),
                    ("Arch", "amd64".into()),
                ]),
            ),
        ]);
        return formatted(session, format, &value);
    }
    session.console.print(&format!(
        "Client:\n Version:           {VERSION}\n API version:       {API}\n Git commit:        layerlab\n \
         OS/Arch:           linux/amd64\n Context:           default\n\nServer: {platform}\n Engine:\n  Version:          \
         {VERSION}\n  API version:      {API} (minimum version 1.24)\n  Git commit:       layerlab\n  OS/Arch:          \
         linux/amd64\n  Experimental:     false\n"
    ));
    Ok(SUCCESS)
}

fn formatted(session: &mut Session<'_, '_>, format: &str, value: &Value) -> Done {
    let format = if format == "json" { "{{json .}}" } else { format };
    let template = Template::parse(format).map_err(|error| Fail::Error {
        message: format!("template parsing error: {error}"),
        code: 64,
    })?;
    let text = template
        .render(value)
        .map_err(|error| Fail::new(format!("\n{error}")))?;
    session.console.line(&text);
    Ok(SUCCESS)
}

/// What the daemon holds.
struct Counts {
    running: usize,
    paused: usize,
    stopped: usize,
    images: usize,
}

impl Counts {
    fn of(session: &Session<'_, '_>) -> Counts {
        let with = |wanted: &dyn Fn(Status) -> bool| {
            let containers = session.daemon.containers();
            containers.filter(|container| wanted(container.state.status)).count()
        };
        Counts {
            running: with(&|status| status == Status::Running),
            paused: with(&|status| status == Status::Paused),
            stopped: with(&|status| !matches!(status, Status::Running | Status::Paused)),
            images: session.daemon.images().count(),
        }
    }

    fn containers(&self) -> usize {
        self.running + self.paused + self.stopped
    }
}

pub(super) fn info(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let counts = Counts::of(session);
    let name = session
        .host
        .variable("HOSTNAME")
        .unwrap_or_else(|| "localhost".to_owned());
    let registries = session.registries;
    let platform = session.host.platform();
    let (data_root, driver) = (session.daemon.data_root(), session.daemon.storage_driver());
    let runtime = session.daemon.runtime();
    let number = |count: usize| Value::Int(count as i64);
    if let Some(format) = call.text("format").filter(|format| !format.is_empty()) {
        let mirrors: Vec<String> = registries.mirrors.clone();
        let insecure: Vec<String> = registries.insecure.iter().cloned().collect();
        let value = Value::structure([
            ("Containers", number(counts.containers())),
            ("ContainersRunning", number(counts.running)),
            ("ContainersPaused", number(counts.paused)),
            ("ContainersStopped", number(counts.stopped)),
            ("Images", number(counts.images)),
            ("Driver", driver.into()),
            ("LoggingDriver", "json-file".into()),
            ("OperatingSystem", platform.into()),
            ("OSType", "linux".into()),
            ("Architecture", "x86_64".into()),
            ("IndexServerAddress", "https://index.docker.io/v1/".into()),
            (
                "RegistryConfig",
                Value::structure([("InsecureRegistries", insecure.into()), ("Mirrors", mirrors.into())]),
            ),
            ("DockerRootDir", data_root.into()),
            ("Name", name.as_str().into()),
            ("ServerVersion", VERSION.into()),
            ("DefaultRuntime", runtime.into()),
        ]);
        return formatted(session, format, &value);
    }
    let mut text = format!(
        "Client:\n Version:    {VERSION}\n Context:    default\n Debug Mode: false\n\nServer:\n Containers: {}\n  Running: {}\n  \
         Paused: {}\n  Stopped: {}\n Images: {}\n Server Version: {VERSION}\n Storage Driver: {driver}\n Logging Driver: \
         json-file\n Plugins:\n  Volume: local\n  Network: bridge host null\n  Log: json-file\n Swarm: inactive\n Runtimes: {runtime}\n \
         Default Runtime: {runtime}\n Operating System: {platform}\n OSType: linux\n Architecture: x86_64\n Name: {name}\n Docker Root \
         Dir: {data_root}\n Debug Mode: false\n Experimental: false\n Insecure Registries:\n",
        counts.containers(),
        counts.running,
        counts.paused,
        counts.stopped,
        counts.images,
    );
    for registry in &registries.insecure {
        writeln!(text, "  {registry}").expect("a String takes all text");
    }
    text.push_str("  ::1/128\n  127.0.0.0/8\n");
    if !registries.mirrors.is_empty() {
        text.push_str(" Registry Mirrors:\n");
        for mirror in &registries.mirrors {
            writeln!(text, "  {mirror}").expect("a String takes all text");
        }
    }
    text.push_str(" Live Restore Enabled: false\n\n");
    session.console.print(&text);
    Ok(SUCCESS)
}
