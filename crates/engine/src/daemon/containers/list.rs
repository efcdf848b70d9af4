//! Lists of containers, filtered as `docker ps` filters.

use super::super::{Daemon, Refusal, has_label, human_duration};
use super::{Container, HealthStatus, MountSource, PortBinding, Protocol, Status};
use builder::Fidelity;
use oci::{Digest, Time};

/// Which containers are listed before filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that run.
    Running,
    /// All: `-a`.
    All,
    /// The last ones that were made, whatever they do: `-n`, `-l`.
    Last(usize),
}

/// Which containers are listed. What is empty does not matter; of several values of one kind one must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFilters {
    /// Their IDs begin so.
    pub ids: Vec<String>,
    /// Their names contain this; `^` and `$` mean beginning and end.
    pub names: Vec<String>,
    /// They have all of these labels; a value of `None` is any.
    pub labels: Vec<(String, Option<String>)>,
    /// They ended with this code.
    pub exited: Vec<i32>,
    /// `running` and the like.
    pub statuses: Vec<String>,
    /// They are made of this image, or of one that was made on it.
    pub ancestors: Vec<String>,
    /// They were made before this one.
    pub before: Option<String>,
    /// They were made after this one.
    pub since: Option<String>,
    /// They mount this volume, or something at this place.
    pub volumes: Vec<String>,
    /// `healthy` and the like, or `none`.
    pub health: Vec<String>,
    /// Their network.
    pub networks: Vec<String>,
    /// They publish this port.
    pub publish: Vec<(u16, Protocol)>,
}

/// A row of `docker ps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRow {
    /// The whole ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its image as it was named; the short ID if that name means another image now, or none.
    pub image: String,
    /// The image.
    pub image_id: Digest,
    /// Program and arguments.
    pub command: Vec<String>,
    /// When it was made.
    pub created: Time,
    /// What it is doing.
    pub state: Status,
    /// The same in Docker's words: `Up 3 minutes (healthy)`.
    pub status: String,
    /// The host's ports that lead to it.
    pub ports: Vec<PortBinding>,
    /// Ports that it exposes, as `80/tcp`.
    pub exposed: Vec<String>,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// What is mounted: names of volumes and paths of the host.
    pub mounts: Vec<String>,
    /// Its network.
    pub network: String,
    /// Bytes of its writable layer.
    pub size: u64,
    /// The same with those of its image: its virtual size.
    pub root_size: u64,
    /// Whether anything in it is simulated.
    pub fidelity: Fidelity,
}

impl Daemon {
    /// The rows of `docker ps`, the newest container first.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`] for those that filters name; [`Refusal::Invalid`] for an unknown status.
    pub fn list_containers(
        &self,
        which: Which,
        filters: &ContainerFilters,
        now: Time,
    ) -> Result<Vec<ContainerRow>, Refusal> {
        const STATUSES: [&str; 7] = [
            "created",
            "running",
            "paused",
            "restarting",
            "removing",
            "exited",
            "dead",
        ];
        if let Some(bad) = filters.statuses.iter().find(|text| !STATUSES.contains(&text.as_str())) {
            return Err(Refusal::invalid(format!("invalid filter 'status={bad}'")));
        }
        let age = |name: &Option<String>| -> Result<Option<(Time, String)>, Refusal> {
            let found = name.as_deref().map(|name| self.container(name)).transpose()?;
            Ok(found.map(|container| (container.created, container.id.clone())))
        };
        let (before, since) = (age(&filters.before)?, age(&filters.since)?);
        let ancestors: Vec<Digest> = filters
            .ancestors
            .iter()
            .filter_map(|name| self.image(name).ok().map(|image| image.id))
            .collect();
        let mut found: Vec<&Container> = self.containers().collect();
        found.sort_by(|a, b| b.created.cmp(&a.created).then(a.id.cmp(&b.id)));
        // Whoever asks for what has ended wants to see it.
        let shows_all = !filters.statuses.is_empty() || !filters.exited.is_empty();
        let rows = found
            .into_iter()
            .filter(|container| match which {
                Which::Running => shows_all || container.is_running(),
                Which::All | Which::Last(_) => true,
            })
            .filter(|container| {
                before.as_ref().is_none_or(|(time, _)| container.created < *time)
                    && since.as_ref().is_none_or(|(time, _)| container.created > *time)
                    && (filters.ancestors.is_empty() || self.descends(container.image, &ancestors))
                    && fits(container, filters)
            })
            .map(|container| self.row(container, now));
        Ok(match which {
            Which::Last(count) => rows.take(count).collect(),
            Which::Running | Which::All => rows.collect(),
        })
    }

    fn descends(&self, image: Digest, ancestors: &[Digest]) -> bool {
        let top_of = |id: Digest| self.image_by_id(id).and_then(|image| image.chain_ids().last().copied());
        let chain = self
            .image_by_id(image)
            .map(super::super::StoredImage::chain_ids)
            .unwrap_or_default();
        ancestors
            .iter()
            .any(|ancestor| *ancestor == image || top_of(*ancestor).is_some_and(|top| chain.contains(&top)))
    }

    fn row(&self, container: &Container, now: Time) -> ContainerRow {
        let names_it = self
            .image(&container.image_name)
            .is_ok_and(|image| image.id == container.image);
        let image_size = self
            .image_by_id(container.image)
            .map_or(0, super::super::StoredImage::size);
        let size = container.writable_bytes();
        ContainerRow {
            id: container.id.clone(),
            name: container.name.clone(),
            image: if names_it {
                container.image_name.clone()
            } else {
                container.image.short()
            },
            image_id: container.image,
            command: container.command(),
            created: container.created,
            state: container.state.status,
            status: container.status_text(now),
            ports: container.state.ports.clone(),
            exposed: container.config.exposed_ports.iter().cloned().collect(),
            labels: container
                .config
                .labels
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            mounts: container
                .mounts
                .iter()
                .filter_map(|mount| source_of(&mount.source))
                .collect(),
            network: container.options.network.name().to_owned(),
            size,
            root_size: size + image_size,
            fidelity: container.fidelity,
        }
    }

    /// The processes of a container that runs, the first one first.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it does not run.
    pub fn top(&self, name: &str) -> Result<&[super::Process], Refusal> {
        let container = self.container(name)?;
        if container.state.processes.is_empty() {
            return Err(Refusal::conflict(format!("container {} is not running", container.id)));
        }
        Ok(&container.state.processes)
    }

    /// The host's ports that lead to a container, sorted by its ports.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn ports(&self, name: &str) -> Result<&[PortBinding], Refusal> {
        Ok(&self.container(name)?.state.ports)
    }
}

impl Container {
    /// What it is doing, in Docker's words: `Exited (0) 3 minutes ago`.
    ///
    /// Source: moby, `container/state.go`, `State.String`.
    pub fn status_text(&self, now: Time) -> String {
        let state = &self.state;
        let since = |time: Option<Time>| human_duration(time.map_or(0, |time| now.secs - time.secs));
        match state.status {
            Status::Created => "Created".to_owned(),
            Status::Exited => format!("Exited ({}) {} ago", state.exit, since(state.finished)),
            Status::Restarting => format!("Restarting ({}) {} ago", state.exit, since(state.finished)),
            Status::Paused => format!("Up {} (Paused)", since(state.started)),
            Status::Running => {
                let health = state.health.as_ref().map(|health| match health.status {
                    HealthStatus::Starting => " (health: starting)".to_owned(),
                    other => format!(" ({})", other.as_str()),
                });
                format!("Up {}{}", since(state.started), health.unwrap_or_default())
            }
        }
    }
}

fn source_of(source: &MountSource) -> Option<String> {
    match source {
        MountSource::Bind(path) => Some(path.clone()),
        MountSource::Volume(name) => Some(name.clone()),
        MountSource::Tmpfs => None,
    }
}

fn fits(container: &Container, filters: &ContainerFilters) -> bool {
    let health = container
        .state
        .health
        .as_ref()
        .map_or("none", |health| health.status.as_str());
    let of_all = filters
        .labels
        .iter()
        .all(|label| has_label(&container.config.labels, label));
    of_all
        && one(&filters.ids, |id| container.id.starts_with(id.as_str()))
        && one(&filters.names, |name| matches_name(name, &container.name))
        && one(&filters.exited, |code| {
            container.state.status == Status::Exited && container.state.exit == *code
        })
        && one(&filters.statuses, |status| container.state.status.as_str() == status)
        && one(&filters.volumes, |volume| {
            let mut mounts = container.mounts.iter();
            mounts.any(|mount| mount.target == *volume || source_of(&mount.source).as_ref() == Some(volume))
        })
        && one(&filters.health, |wanted| health == wanted)
        && one(&filters.networks, |network| container.options.network.name() == network)
        && one(&filters.publish, |(port, protocol)| {
            let mut ports = container.state.ports.iter();
            ports.any(|known| known.host == *port && known.protocol == *protocol)
        })
}

/// Whether there is nothing to fit, or one that fits.
fn one<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}

/// Docker compares with and without the slash before the name.
fn matches_name(pattern: &str, name: &str) -> bool {
    let (rest, from_start) = match pattern.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (text, to_end) = match rest.strip_suffix('$') {
        Some(text) => (text, true),
        None => (rest, false),
    };
    let with_slash = format!("/{name}");
    [name, with_slash.as_str()]
        .iter()
        .any(|name| match (from_start, to_end) {
            (true, true) => *name == text,
            (true, false) => name.starts_with(text),
            (false, true) => name.ends_with(text),
            (false, false) => name.contains(text),
        })
}
