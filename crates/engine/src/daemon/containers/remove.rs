//! Removing containers.

use super::super::{Daemon, Force, Refusal};
use super::{Container, MountSource, Status};
use oci::Time;

/// What of a container's volumes goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItsVolumes {
    /// `-v`: the anonymous ones that no other container mounts.
    Remove,
    /// None.
    Keep,
}

/// Containers that were pruned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunedContainers {
    /// Their IDs.
    pub ids: Vec<String>,
    /// The bytes of their writable layers.
    pub reclaimed: u64,
}

impl Daemon {
    /// Removes a container; returns its ID.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it runs and `force` is not given.
    pub fn remove_container(&mut self, name: &str, force: Force, volumes: ItsVolumes) -> Result<String, Refusal> {
        let container = self.container(name)?;
        if force == Force::No {
            let why = match container.state.status {
                Status::Paused => Some("container is paused and must be unpaused first"),
                Status::Running => Some("container is running: stop the container before removing or force remove"),
                Status::Restarting => {
                    Some("container is restarting: stop the container before removing or force remove")
                }
                Status::Created | Status::Exited => None,
            };
            if let Some(why) = why {
                return Err(Refusal::conflict(format!(
                    "cannot remove container \"/{}\": {why}",
                    container.name
                )));
            }
        }
        let id = container.id.clone();
        self.discard(&id, volumes == ItsVolumes::Remove);
        Ok(id)
    }

    /// Removes every container that does not run, with `until` only those made before.
    pub fn prune_containers(&mut self, until: Option<Time>, labels: &[(String, Option<String>)]) -> PrunedContainers {
        let is_pruned = |container: &&Container| {
            !container.is_running()
                && until.is_none_or(|until| container.created < until)
                && labels
                    .iter()
                    .all(|label| super::super::has_label(&container.config.labels, label))
        };
        let pruned = PrunedContainers {
            ids: self.containers().filter(is_pruned).map(|c| c.id.clone()).collect(),
            reclaimed: self.containers().filter(is_pruned).map(Container::writable_bytes).sum(),
        };
        for id in &pruned.ids {
            self.discard(id, false);
        }
        pruned
    }

    /// Removes a container, with its anonymous volumes if wanted.
    pub(super) fn discard(&mut self, id: &str, with_volumes: bool) {
        let Some(container) = self.containers.by_id.remove(id) else {
            return;
        };
        if !with_volumes {
            return;
        }
        for mount in container.mounts {
            let MountSource::Volume(name) = mount.source else {
                continue;
            };
            let is_anonymous = self.volumes.by_name.get(&name).is_some_and(|volume| volume.anonymous);
            if is_anonymous && self.volume_users(&name) == 0 {
                self.volumes.by_name.remove(&name);
            }
        }
    }
}
