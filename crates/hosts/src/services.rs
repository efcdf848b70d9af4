//! What listens on the machines' ports: registries that run in containers, and programs whose answers are not simulated.

mod launch;
mod registry_service;

pub(crate) use registry_service::RegistryService;
pub use registry_service::Repository;

use crate::machine::Machine;
use builder::{Output, Stream};
use engine::{Container, Daemon, Status};
use oci::Time;
use registry::{LogStream, MemoryRecords, MemoryUploads, Records, Uploads};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, MemoryBlobs};

/// A container of a machine.
pub(crate) type ContainerKey = (usize, String);

/// What a registry keeps: it outlives the container that serves it, as the volume under it does.
pub(crate) struct Storage {
    pub(crate) records: Box<dyn Records>,
    pub(crate) uploads: Box<dyn Uploads>,
    pub(crate) blobs: MemoryBlobs,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            records: Box::new(MemoryRecords::default()),
            uploads: Box::new(MemoryUploads::default()),
            blobs: MemoryBlobs::default(),
        }
    }
}

/// Everything that listens.
#[derive(Default)]
pub(crate) struct Services {
    registries: BTreeMap<ContainerKey, RegistryService>,
    /// By the name of what lies under it; taken out while a registry uses it.
    storages: BTreeMap<String, Storage>,
    /// Which container answers at a port of a machine, and its own port.
    published: BTreeMap<(usize, u16), (String, u16)>,
    /// How many registries were started, for identifiers that differ.
    started: u64,
}

/// What answers at a port.
pub(crate) enum Listener<'a> {
    /// A registry.
    Registry(&'a mut RegistryService),
    /// Another program in a container.
    Program,
    /// Nothing.
    Nobody,
}

impl Services {
    /// What answers at `port` of a machine.
    pub(crate) fn listener(&mut self, machine: usize, port: u16) -> Listener<'_> {
        let Some((id, own)) = self.published.get(&(machine, port)).cloned() else {
            return Listener::Nobody;
        };
        match self.registries.get_mut(&(machine, id.clone())) {
            Some(service) if service.port == own => Listener::Registry(service),
            // Docker's proxy takes the connection; in the container nobody does.
            Some(_) => Listener::Nobody,
            None => Listener::Program,
        }
    }

    /// The registry that runs on a machine, if one does: what it keeps is shown.
    pub(crate) fn on_machine(&self, machine: usize) -> impl Iterator<Item = &RegistryService> {
        let from = (machine, String::new());
        let of_machine = self
            .registries
            .range(from..)
            .take_while(move |((at, _), _)| *at == machine);
        of_machine.map(|(_, service)| service)
    }

    /// Starts what containers of a machine serve since, and stops what they do not serve any more. A registry that cannot start
    /// ends its container, with the reason in its log.
    pub(crate) fn sync(&mut self, index: usize, machine: &mut Machine, now: Time, blobs: &mut dyn BlobStore) {
        let serving: BTreeMap<String, Time> = machine.daemon.containers().filter_map(serves).collect();
        let stale: Vec<ContainerKey> = self
            .registries
            .iter()
            .filter(|((at, id), service)| *at == index && serving.get(id) != Some(&service.started))
            .map(|(key, _)| key.clone())
            .collect();
        for key in stale {
            self.stop(&key);
        }
        for id in serving.keys() {
            let key = (index, id.clone());
            if !self.registries.contains_key(&key) {
                self.start(key, machine, now, blobs);
            }
        }
        self.drop_orphans(index, &machine.daemon);
        self.flush_logs(index, &mut machine.daemon, now);
        self.published.retain(|(at, _), _| *at != index);
        for container in machine.daemon.containers() {
            if container.state.status == Status::Running {
                for port in &container.state.ports {
                    let target = (container.id.clone(), port.container);
                    self.published.insert((index, port.host), target);
                }
            }
        }
    }

    fn start(&mut self, key: ContainerKey, machine: &mut Machine, now: Time, blobs: &mut dyn BlobStore) {
        self.started += 1;
        let made = launch::plan(&key, machine, now, blobs);
        match made {
            Ok(plan) => {
                let storage = self.storages.remove(&plan.storage).unwrap_or_default();
                let service = RegistryService::new(plan, storage, self.started);
                self.registries.insert(key, service);
            }
            Err(why) => {
                let output = [Output {
                    stream: Stream::Err,
                    bytes: format!("{why}\n").into_bytes(),
                }];
                // The container was listed a moment ago.
                let _ = machine.daemon.append_log(&key.1, &output, now);
                let _ = machine.daemon.finish(&key.1, 1, now);
            }
        }
    }

    fn stop(&mut self, key: &ContainerKey) {
        if let Some(service) = self.registries.remove(key) {
            let (name, storage) = service.into_storage();
            self.storages.insert(name, storage);
        }
    }

    /// Forgets what registries kept in volumes and containers that are gone.
    fn drop_orphans(&mut self, index: usize, daemon: &Daemon) {
        let volumes = daemon
            .volumes()
            .map(|volume| launch::volume_storage(index, &volume.name));
        let containers = daemon
            .containers()
            .map(|container| launch::container_storage(index, &container.id));
        let alive: BTreeSet<String> = volumes.chain(containers).collect();
        let prefix = launch::storage_prefix(index);
        self.storages
            .retain(|name, _| alive.contains(name) || !name.starts_with(&prefix) || launch::is_bind(name));
    }

    fn flush_logs(&mut self, index: usize, daemon: &mut Daemon, now: Time) {
        for ((_, id), service) in self.registries.iter_mut().filter(|((at, _), _)| *at == index) {
            let lines = service.server.take_log().into_iter().map(|line| Output {
                stream: match line.stream {
                    LogStream::Out => Stream::Out,
                    LogStream::Err => Stream::Err,
                },
                bytes: format!("{}\n", line.text).into_bytes(),
            });
            let lines: Vec<Output> = lines.collect();
            // The container runs: that is why its registry is here.
            let _ = daemon.append_log(id, &lines, now);
        }
    }
}

/// The container and the start of its process, if that is a registry that serves.
fn serves(container: &Container) -> Option<(String, Time)> {
    if container.state.status != Status::Running {
        return None;
    }
    let process = container.state.processes.first()?;
    let program = process.argv.first()?.rsplit('/').next()?;
    let is_registry = program == "registry" && process.argv.get(1).is_some_and(|word| word == "serve");
    is_registry.then(|| (container.id.clone(), process.started))
}
