//! Volumes: directories that outlive containers.

use super::containers::check_volume_name;
use super::json::{Json, map, object};
use super::{Container, Daemon, Force, Host, MountSource, Refusal};
use oci::Time;
use std::collections::BTreeMap;
use store::{Meta, Node};

/// The volumes of a machine, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Volumes {
    pub(crate) by_name: BTreeMap<String, Volume>,
}

/// A volume of the driver `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name; 64 hexadecimal digits if nobody gave it one.
    pub name: String,
    /// Whether nobody gave it a name.
    pub anonymous: bool,
    /// When it was made.
    pub created: Time,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its directory, unless the runtime keeps it elsewhere: an empty one then.
    pub node: Node,
    /// The bytes of its files as the runtime counted them last, if it keeps them elsewhere.
    pub counted: Option<u64>,
}

/// Volumes that were pruned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunedVolumes {
    /// Their names.
    pub names: Vec<String>,
    /// The bytes of their files.
    pub reclaimed: u64,
}

impl Volume {
    /// A volume with nothing in it.
    pub(crate) fn empty(name: String, anonymous: bool, created: Time) -> Volume {
        Volume {
            name,
            anonymous,
            created,
            labels: BTreeMap::new(),
            node: Node::dir(Meta {
                mtime: created,
                ..Meta::of_mode(0o755)
            }),
            counted: None,
        }
    }

    /// The bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.counted.unwrap_or_else(|| bytes(&self.node))
    }
}

fn bytes(node: &Node) -> u64 {
    match node {
        Node::File(file) => file.content.size(),
        Node::Dir(dir) => dir.entries.values().map(bytes).sum(),
        Node::Symlink { .. } | Node::Special { .. } => 0,
    }
}

impl Daemon {
    /// Every volume, by name.
    pub fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.volumes.by_name.values()
    }

    /// The volume with this name.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchVolume`].
    pub fn volume(&self, name: &str) -> Result<&Volume, Refusal> {
        self.volumes
            .by_name
            .get(name)
            .ok_or_else(|| Refusal::NoSuchVolume { name: name.to_owned() })
    }

    /// Puts other files into a volume: for processes that the caller plays.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchVolume`].
    pub fn fill_volume(&mut self, name: &str, node: Node) -> Result<(), Refusal> {
        self.volume(name)?;
        if let Some(volume) = self.volumes.by_name.get_mut(name) {
            volume.node = node;
        }
        Ok(())
    }

    /// Makes a volume, with a name made up if none is given; one that is there stays as it is. Returns its name.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`] for a name that is none.
    pub fn create_volume(
        &mut self,
        name: Option<&str>,
        labels: &BTreeMap<String, String>,
        host: &mut Host<'_>,
    ) -> Result<String, Refusal> {
        let anonymous = name.is_none();
        let name = if let Some(name) = name {
            check_volume_name(name).map_err(|error| Refusal::invalid(error.message))?;
            name.to_owned()
        } else {
            let id = self.containers.next_id(host.now);
            self.containers.counter += 1;
            id
        };
        if !self.volumes.by_name.contains_key(&name) {
            let volume = Volume {
                labels: labels.clone(),
                ..Volume::empty(name.clone(), anonymous, host.now)
            };
            host.runtime.create_volume(&volume)?;
            self.volumes.by_name.insert(name.clone(), volume);
        }
        Ok(name)
    }

    /// Removes a volume.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if a container mounts it; [`Refusal::NoSuchVolume`] unless `force` is given.
    pub fn remove_volume(&mut self, name: &str, force: Force) -> Result<(), Refusal> {
        if force == Force::No {
            self.volume(name)?;
        }
        let users: Vec<&str> = self.mounting(name).map(|container| container.id.as_str()).collect();
        if !users.is_empty() {
            return Err(Refusal::conflict(format!(
                "remove {name}: volume is in use - [{}]",
                users.join(", ")
            )));
        }
        self.volumes.by_name.remove(name);
        Ok(())
    }

    /// Removes the volumes that no container mounts: those without a name of their own, with `all` every one.
    pub fn prune_volumes(&mut self, all: bool) -> PrunedVolumes {
        let unused = self
            .volumes()
            .filter(|volume| (all || volume.anonymous) && self.volume_users(&volume.name) == 0);
        let (names, sizes): (Vec<String>, Vec<u64>) =
            unused.map(|volume| (volume.name.clone(), volume.bytes())).unzip();
        for name in &names {
            self.volumes.by_name.remove(name);
        }
        PrunedVolumes {
            names,
            reclaimed: sizes.iter().sum(),
        }
    }

    /// The value that `docker volume inspect` prints.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchVolume`].
    pub fn inspect_volume(&self, name: &str) -> Result<Json, Refusal> {
        let volume = self.volume(name)?;
        let labels = volume
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()));
        let labels = if volume.labels.is_empty() {
            Json::Null
        } else {
            map(labels)
        };
        Ok(object([
            ("CreatedAt", volume.created.to_string().into()),
            ("Driver", "local".into()),
            ("Labels", labels),
            ("Mountpoint", self.places.volume(name).into()),
            ("Name", name.into()),
            ("Options", Json::Null),
            ("Scope", "local".into()),
        ]))
    }

    /// How many containers mount a volume.
    pub fn volume_users(&self, name: &str) -> usize {
        self.mounting(name).count()
    }

    fn mounting(&self, name: &str) -> impl Iterator<Item = &Container> {
        let is_it = move |source: &MountSource| matches!(source, MountSource::Volume(known) if known == name);
        self.containers()
            .filter(move |container| container.mounts.iter().any(|mount| is_it(&mount.source)))
    }
}
