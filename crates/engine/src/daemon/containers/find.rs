//! Finding a container by its name, its ID, or the beginning of that.

use super::super::{Daemon, Refusal};
use super::{Container, Containers};
use oci::{ChainId, Digest};

impl Containers {
    /// Those made of an image.
    pub(crate) fn using(&self, image: Digest) -> impl Iterator<Item = &Container> {
        self.by_id.values().filter(move |container| container.image == image)
    }

    /// Whether a container stands on this stack of layers.
    pub(crate) fn stand_on(&self, chain: ChainId) -> bool {
        self.by_id.values().any(|container| container.chain.contains(&chain))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Container> {
        self.by_id.values().find(|container| container.name == name)
    }
}

impl Daemon {
    /// The container that goes by `name`: an ID, a name, or the beginning of an ID.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`], [`Refusal::AmbiguousPrefix`].
    ///
    /// Source: moby, `daemon/container.go`, `GetContainer`.
    pub fn container(&self, name: &str) -> Result<&Container, Refusal> {
        let missing = || Refusal::NoSuchContainer { name: name.to_owned() };
        if let Some(found) = self.containers.by_id.get(name) {
            return Ok(found);
        }
        if let Some(found) = self.containers.named(name.strip_prefix('/').unwrap_or(name)) {
            return Ok(found);
        }
        if name.is_empty() {
            return Err(missing());
        }
        let mut found = self.containers.by_id.values().filter(|c| c.id.starts_with(name));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Refusal::AmbiguousPrefix {
                prefix: name.to_owned(),
            }),
            (None, _) => Err(missing()),
        }
    }

    /// Every container, by ID.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.by_id.values()
    }

    /// The container with this ID, which is known to be there.
    pub(crate) fn container_mut(&mut self, id: &str) -> &mut Container {
        self.containers.by_id.get_mut(id).expect("the caller has just found it")
    }
}
