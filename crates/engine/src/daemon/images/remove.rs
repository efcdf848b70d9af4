//! Removing images and names of images, by the rules of Docker's classic store.

use super::super::{Daemon, Refusal};
use super::find::is_prefix;
use oci::{Digest, Reference};
use std::fmt;

/// Whether what can be forced is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// `-f`.
    Yes,
    /// Ask first.
    No,
}

/// Something that was removed; its text is the line Docker prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name.
    Untagged(Reference),
    /// An image, by its ID, or a layer, by its ChainID.
    Deleted(Digest),
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Removed::Untagged(name) => write!(f, "Untagged: {}", name.familiar()),
            Removed::Deleted(digest) => write!(f, "Deleted: {digest}"),
        }
    }
}

/// What stands against the removal of an image.
struct Conflict {
    is_hard: bool,
    is_used: bool,
    message: String,
}

/// Which conflicts are looked for.
#[derive(Clone, Copy)]
struct Looked {
    stopped: bool,
    names: bool,
}

impl Daemon {
    /// Removes the name, or the image, that `name` means; with its parents if they have no name and `prune_parents`.
    ///
    /// A name is taken from the image; the image goes with its last name, unless a container or a child needs it. An ID
    /// takes the image with its name if it has one name only.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if containers or children use it; otherwise as [`image`](Daemon::image).
    ///
    /// Source: moby, `daemon/images/image_delete.go`.
    pub fn remove_image(&mut self, name: &str, force: Force, parents: Parents) -> Result<Vec<Removed>, Refusal> {
        let id = self.image(name)?.id;
        let mut removed = Vec::new();
        let names: Vec<Reference> = self.images.names_of(id).cloned().collect();
        if is_prefix(id, name) {
            if is_single(&names) {
                let looked = Looked {
                    stopped: force == Force::No,
                    names: false,
                };
                if let Some(conflict) = self.conflict(id, looked) {
                    return Err(refuse(id, &conflict));
                }
                self.untag(names, &mut removed);
            }
            self.delete(id, force, parents, Quiet::No, &mut removed)?;
            return Ok(removed);
        }
        if force == Force::No
            && is_single(&names)
            && let Some(container) = self.containers.using(id).next()
        {
            return Err(Refusal::conflict(format!(
                "conflict: unable to remove repository reference {name:?} (must force) - container {} is using its referenced \
                 image {}",
                container.short_id(),
                id.short()
            )));
        }
        let wanted = Reference::parse(name)?.or_latest();
        let wanted = names
            .iter()
            .find(|known| is_named(known, &wanted))
            .cloned()
            .unwrap_or(wanted);
        self.untag(vec![wanted.clone()], &mut removed);
        if wanted.digest().is_none() {
            let left: Vec<Reference> = self.images.names_of(id).cloned().collect();
            let of_same = |name: &&Reference| name.name() == wanted.name();
            if left.iter().filter(of_same).all(|name| name.digest().is_some()) {
                self.untag(left.iter().filter(of_same).cloned().collect(), &mut removed);
            }
        }
        if !self.images.has_name(id) {
            self.delete(id, force, parents, Quiet::Yes, &mut removed)?;
        }
        Ok(removed)
    }

    fn untag(&mut self, names: Vec<Reference>, removed: &mut Vec<Removed>) {
        for name in names {
            self.images.names.remove(&name);
            removed.push(Removed::Untagged(name));
        }
    }

    /// Removes an image with all its names. Nothing is changed if it is refused.
    pub(super) fn delete(
        &mut self,
        id: Digest,
        force: Force,
        parents: Parents,
        quiet: Quiet,
        removed: &mut Vec<Removed>,
    ) -> Result<(), Refusal> {
        let looked = Looked {
            stopped: force == Force::No,
            names: force == Force::No,
        };
        if let Some(conflict) = self.conflict(id, looked) {
            if quiet == Quiet::Yes && (!self.images.is_dangling(id) || conflict.is_used) {
                return Ok(());
            }
            return Err(refuse(id, &conflict));
        }
        let names: Vec<Reference> = self.images.names_of(id).cloned().collect();
        self.untag(names, removed);
        let Some(stored) = self.images.by_id.remove(&id) else {
            return Ok(());
        };
        removed.push(Removed::Deleted(id));
        let kept = self.images.all_chains();
        let gone = stored.chain_ids().into_iter().rev();
        let gone = gone.filter(|chain| !kept.contains(chain) && !self.containers.stand_on(*chain));
        removed.extend(gone.map(|chain| Removed::Deleted(chain.0)));
        match stored.parent {
            Some(parent) if parents == Parents::Prune && self.images.by_id.contains_key(&parent) => {
                self.delete(parent, Force::No, parents, Quiet::Yes, removed)
            }
            _ => Ok(()),
        }
    }

    fn conflict(&self, id: Digest, looked: Looked) -> Option<Conflict> {
        let conflict = |is_hard, is_used, message: String| {
            Some(Conflict {
                is_hard,
                is_used,
                message,
            })
        };
        if self.images.children(id).next().is_some() {
            return conflict(true, false, "image has dependent child images".to_owned());
        }
        let mut using = self.containers.using(id);
        if let Some(running) = self.containers.using(id).find(|container| container.is_running()) {
            let message = format!("image is being used by running container {}", running.short_id());
            return conflict(true, true, message);
        }
        if looked.names && self.images.names_of(id).count() > 1 {
            return conflict(false, false, "image is referenced in multiple repositories".to_owned());
        }
        match using.next() {
            Some(stopped) if looked.stopped => {
                let message = format!("image is being used by stopped container {}", stopped.short_id());
                conflict(false, true, message)
            }
            _ => None,
        }
    }
}

/// What becomes of the nameless images that a removed one was built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// They go too.
    Prune,
    /// They stay: `--no-prune`.
    Keep,
}

/// Whether a conflict is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    Yes,
    No,
}

fn refuse(id: Digest, conflict: &Conflict) -> Refusal {
    let force = if conflict.is_hard {
        "cannot be forced"
    } else {
        "must be forced"
    };
    Refusal::conflict(format!(
        "conflict: unable to delete {} ({force}) - {}",
        id.short(),
        conflict.message
    ))
}

/// At most one name with a tag, and digests of no other repository.
fn is_single(names: &[Reference]) -> bool {
    if names.len() <= 1 {
        return true;
    }
    let mut tagged = names.iter().filter(|name| name.digest().is_none());
    let (first, second) = (tagged.next(), tagged.next());
    if second.is_some() {
        return false;
    }
    let repository = first.unwrap_or(&names[0]).name();
    names.iter().all(|name| name.name() == repository)
}

/// Whether a person who says `wanted` means the name `known`.
fn is_named(known: &Reference, wanted: &Reference) -> bool {
    known == wanted || (wanted.digest().is_some() && known.digest() == wanted.digest() && known.name() == wanted.name())
}
