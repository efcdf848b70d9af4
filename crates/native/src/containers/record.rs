//! A container as a file has it: everything the daemon knows of it but its files and its log.

use super::options_record::{OptionsDoc, options_doc, options_of};
use engine::{Container, MountPoint, MountSource, PortBinding, Process, Protocol, State, Status};
use oci::{ChainId, ContainerConfig, Digest, Time};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    id: String,
    name: String,
    created: (i64, u32),
    image: String,
    image_name: String,
    chain: Vec<String>,
    config: ContainerConfig,
    options: OptionsDoc,
    mounts: Vec<MountDoc>,
    state: StateDoc,
    simulated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MountDoc {
    bind: Option<String>,
    volume: Option<String>,
    target: String,
    read_only: bool,
}

/// What a container is doing, as far as its keeper does not write that down itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct StateDoc {
    status: String,
    exit: i32,
    error: String,
    pid: u32,
    started: Option<(i64, u32)>,
    finished: Option<(i64, u32)>,
    restarts: u32,
    stopped_by_hand: bool,
    ports: Vec<BindingDoc>,
    argv: Vec<String>,
    user: String,
    env: Vec<(String, String)>,
    cwd: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BindingDoc {
    container: u16,
    protocol: String,
    host_ip: String,
    host: u16,
}

fn pair(time: Time) -> (i64, u32) {
    (time.secs, time.nanos)
}

fn time((secs, nanos): (i64, u32)) -> Time {
    Time { secs, nanos }
}

impl Record {
    /// The record of a container.
    pub(super) fn of(container: &Container) -> Record {
        Record {
            id: container.id.clone(),
            name: container.name.clone(),
            created: pair(container.created),
            image: container.image.to_string(),
            image_name: container.image_name.clone(),
            chain: container.chain.iter().map(|chain| chain.0.to_string()).collect(),
            config: container.config.clone(),
            options: options_doc(&container.options),
            mounts: container.mounts.iter().map(mount_doc).collect(),
            state: state_doc(&container.state),
            simulated: container.fidelity == builder::Fidelity::Simulated,
        }
    }

    /// The container of a record that was found under the name `id`; `None` if it is another's or makes no sense.
    pub(super) fn into_container(self, id: &str) -> Option<Container> {
        let is_id = self.id.len() == 64 && self.id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id || self.id != id {
            return None;
        }
        let chain: Result<Vec<Digest>, _> = self.chain.iter().map(|chain| chain.parse()).collect();
        Some(Container {
            id: self.id,
            name: self.name,
            created: time(self.created),
            image: self.image.parse().ok()?,
            image_name: self.image_name,
            chain: chain.ok()?.into_iter().map(ChainId).collect(),
            lower: store::Tree::new(),
            tree: store::Tree::new(),
            counted: None,
            config: self.config,
            options: options_of(self.options)?,
            mounts: self.mounts.into_iter().map(mount_of).collect(),
            state: state_of(self.state)?,
            log: Vec::new(),
            fidelity: if self.simulated {
                builder::Fidelity::Simulated
            } else {
                builder::Fidelity::Exact
            },
        })
    }
}

fn mount_doc(mount: &MountPoint) -> MountDoc {
    let (bind, volume) = match &mount.source {
        MountSource::Bind(path) => (Some(path.clone()), None),
        MountSource::Volume(name) => (None, Some(name.clone())),
        MountSource::Tmpfs => (None, None),
    };
    MountDoc {
        bind,
        volume,
        target: mount.target.clone(),
        read_only: mount.read_only,
    }
}

fn mount_of(doc: MountDoc) -> MountPoint {
    MountPoint {
        source: match (doc.bind, doc.volume) {
            (Some(path), _) => MountSource::Bind(path),
            (None, Some(name)) => MountSource::Volume(name),
            (None, None) => MountSource::Tmpfs,
        },
        target: doc.target,
        read_only: doc.read_only,
    }
}

fn state_doc(state: &State) -> StateDoc {
    let first = state.processes.first();
    StateDoc {
        status: state.status.as_str().to_owned(),
        exit: state.exit,
        error: state.error.clone(),
        pid: state.pid,
        started: state.started.map(pair),
        finished: state.finished.map(pair),
        restarts: state.restarts,
        stopped_by_hand: state.stopped_by_hand,
        ports: state.ports.iter().map(binding_doc).collect(),
        argv: first.map(|process| process.argv.clone()).unwrap_or_default(),
        user: first.map(|process| process.user.clone()).unwrap_or_default(),
        env: first.map(|process| process.env.clone()).unwrap_or_default(),
        cwd: first.map(|process| process.cwd.clone()).unwrap_or_default(),
    }
}

fn binding_doc(binding: &PortBinding) -> BindingDoc {
    BindingDoc {
        container: binding.container,
        protocol: binding.protocol.to_string(),
        host_ip: binding.host_ip.clone(),
        host: binding.host,
    }
}

fn state_of(doc: StateDoc) -> Option<State> {
    const STATUSES: [Status; 5] = [
        Status::Created,
        Status::Running,
        Status::Paused,
        Status::Restarting,
        Status::Exited,
    ];
    let status = STATUSES.into_iter().find(|status| status.as_str() == doc.status)?;
    let binding = |doc: BindingDoc| {
        let protocol: Protocol = doc.protocol.parse().ok()?;
        Some(PortBinding {
            container: doc.container,
            protocol,
            host_ip: doc.host_ip,
            host: doc.host,
        })
    };
    let ports: Option<Vec<PortBinding>> = doc.ports.into_iter().map(binding).collect();
    let started = doc.started.map(time);
    let first = (doc.pid != 0).then(|| Process {
        pid: doc.pid,
        parent: None,
        argv: doc.argv,
        user: doc.user,
        env: doc.env,
        cwd: doc.cwd,
        started: started.unwrap_or_default(),
        used_secs: 0,
    });
    Some(State {
        status,
        exit: doc.exit,
        error: doc.error,
        pid: doc.pid,
        started,
        finished: doc.finished.map(time),
        restarts: doc.restarts,
        stopped_by_hand: doc.stopped_by_hand,
        ports: ports?,
        processes: first.into_iter().collect(),
        ..State::default()
    })
}
