//! What is mounted into a container: found when a process needs it, given back when it has changed.

use super::super::{Daemon, Ground, Host, HostFiles, Refusal, Volume};
use super::{Container, CreateOptions, MountPoint, MountSource, MountSpec, Mounted, Status};
use builder::Fidelity;
use oci::{ContainerConfig, Digest, Time};
use store::{Dir, Follow, Meta, Node, Tree, TreePath};

/// The files of a container as its processes see them: everything is mounted.
#[derive(Debug, Clone)]
pub struct ContainerFiles {
    /// The files.
    pub tree: Tree,
    /// For each mount, outermost first: its index, its place, what it holds, what stood there.
    places: Vec<(usize, TreePath, Node, Option<Node>)>,
}

/// The mounts that options and image ask for, with the volumes that must be made for them.
pub(super) fn resolve(
    options: &CreateOptions,
    config: &ContainerConfig,
    container: &str,
    files: &mut dyn HostFiles,
) -> Result<Vec<(MountPoint, NewVolume)>, Refusal> {
    let mut found: Vec<(MountPoint, NewVolume)> = Vec::new();
    for spec in &options.mounts {
        let target = clean(spec.target())?;
        if found.iter().any(|(mount, _)| mount.target == target) {
            return Err(Refusal::invalid(format!("Duplicate mount point: {target}")));
        }
        found.push(point(spec, target, container, found.len(), files)?);
    }
    for volume in &config.volumes {
        let target = clean(volume)?;
        if target != "/" && !found.iter().any(|(mount, _)| mount.target == target) {
            let spec = MountSpec::Volume {
                name: None,
                target: target.clone(),
                read_only: false,
                no_copy: false,
            };
            found.push(point(&spec, target, container, found.len(), files)?);
        }
    }
    found.sort_by_key(|(mount, _)| mount.target.matches('/').count());
    Ok(found)
}

/// Whether a mount's volume has to be there, and gets what the image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewVolume {
    /// It is no volume.
    No,
    /// Made if missing, filled if empty.
    Filled { anonymous: bool },
    /// Made if missing.
    Empty { anonymous: bool },
}

fn point(
    spec: &MountSpec,
    target: String,
    container: &str,
    number: usize,
    files: &mut dyn HostFiles,
) -> Result<(MountPoint, NewVolume), Refusal> {
    let (source, read_only, new) = match spec {
        MountSpec::Bind {
            source,
            read_only,
            create,
            ..
        } => {
            if !create && files.get(source).is_none() {
                return Err(Refusal::invalid(format!(
                    "invalid mount config for type \"bind\": bind source path does not exist: {source}"
                )));
            }
            (MountSource::Bind(source.clone()), *read_only, NewVolume::No)
        }
        MountSpec::Volume {
            name,
            read_only,
            no_copy,
            ..
        } => {
            let anonymous = name.is_none();
            let name = name
                .clone()
                .unwrap_or_else(|| Digest::of(format!("volume {number} of {container}").as_bytes()).hex());
            let new = if *no_copy {
                NewVolume::Empty { anonymous }
            } else {
                NewVolume::Filled { anonymous }
            };
            (MountSource::Volume(name), *read_only, new)
        }
        MountSpec::Tmpfs { .. } => (MountSource::Tmpfs, false, NewVolume::No),
    };
    let mount = MountPoint {
        source,
        target,
        read_only,
    };
    Ok((mount, new))
}

fn clean(path: &str) -> Result<String, Refusal> {
    let path = TreePath::clean(path).map_err(store::TreeError::from)?;
    Ok(path.absolute())
}

impl Daemon {
    /// The files of a container that runs, mounts included: what the lines of a shell in it are run over.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it does not run.
    pub fn open_files(&self, name: &str, host: &mut Host<'_>) -> Result<ContainerFiles, Refusal> {
        let container = self.container(name)?;
        if container.state.status != Status::Running {
            return Err(Refusal::conflict(format!("container {} is not running", container.id)));
        }
        self.view(container, &mut host.split().1)
    }

    /// Takes over what a shell made of `files`: its own into the container's writable layer, those in mounts to where they
    /// belong. What is mounted read-only stays as it was.
    ///
    /// # Errors
    ///
    /// [`Refusal::HostFile`] if a directory of the host cannot be written.
    pub fn keep_files(
        &mut self,
        name: &str,
        files: &ContainerFiles,
        tree: Tree,
        fidelity: Fidelity,
        host: &mut Host<'_>,
    ) -> Result<(), Refusal> {
        let id = self.container(name)?.id.clone();
        let after = ContainerFiles {
            tree,
            places: files.places.clone(),
        };
        self.take_back(&id, after, &mut host.split().1)?;
        let container = self.container_mut(&id);
        container.fidelity = container.fidelity.max(fidelity);
        Ok(())
    }

    /// The volumes of a container that is being made, those that are missing made up.
    pub(super) fn mounted_volumes(&self, mounts: &[(MountPoint, NewVolume)], now: Time) -> Vec<Mounted> {
        let mut found: Vec<Mounted> = Vec::new();
        for (mount, new) in mounts {
            let MountSource::Volume(name) = &mount.source else {
                continue;
            };
            let (fills, anonymous) = match new {
                NewVolume::No => continue,
                NewVolume::Filled { anonymous } => (true, *anonymous),
                NewVolume::Empty { anonymous } => (false, *anonymous),
            };
            let target = mount.target.clone();
            // A volume that is mounted twice is filled once.
            match found.iter_mut().find(|mounted| mounted.volume.name == *name) {
                Some(mounted) if fills && !mounted.fills => {
                    (mounted.fills, mounted.target) = (true, target);
                }
                Some(_) => {}
                None => found.push(Mounted {
                    volume: match self.volumes.by_name.get(name) {
                        Some(volume) => volume.clone(),
                        None => Volume::empty(name.clone(), anonymous, now),
                    },
                    target,
                    fills,
                    is_new: !self.volumes.by_name.contains_key(name),
                }),
            }
        }
        found
    }

    /// What a mount holds now. A host directory that may be made is made.
    fn held(&self, container: &Container, mount: &MountPoint, host: &mut Ground<'_>) -> Result<Node, Refusal> {
        match &mount.source {
            MountSource::Volume(name) => Ok(self.volume(name)?.node.clone()),
            MountSource::Tmpfs => Ok(container
                .state
                .tmpfs
                .get(&mount.target)
                .cloned()
                .unwrap_or_else(|| empty_dir(0o1777, host.now))),
            MountSource::Bind(path) => {
                if let Some(node) = host.files.get(path) {
                    return Ok(node);
                }
                let dir = empty_dir(0o755, host.now);
                put_on_host(host.files, path, dir.clone())?;
                Ok(dir)
            }
        }
    }

    /// The filesystem of a container as its processes see it.
    pub(super) fn view(&self, container: &Container, host: &mut Ground<'_>) -> Result<ContainerFiles, Refusal> {
        let mut view = ContainerFiles {
            tree: container.tree.clone(),
            places: Vec::new(),
        };
        view.tree.seal_links();
        for (number, mount) in container.mounts.iter().enumerate() {
            let node = self.held(container, mount, host)?;
            let place = view.tree.resolve_missing(&mount.target, Follow::Last)?;
            if let Some(parent) = place.parent() {
                view.tree.mkdir_all(&parent, &dir_meta(0o755, host.now))?;
            }
            let covered = view.tree.get(&place).cloned();
            view.tree.insert(&place, node.clone())?;
            view.places.push((number, place, node, covered));
        }
        Ok(view)
    }

    /// Takes over what was changed in a view: files of the container into its tree, those in mounts to where they belong.
    pub(super) fn take_back(&mut self, id: &str, view: ContainerFiles, host: &mut Ground<'_>) -> Result<(), Refusal> {
        let ContainerFiles { mut tree, places } = view;
        let container = self.container_mut(id);
        let mut changed = Vec::new();
        for (number, place, before, covered) in places.into_iter().rev() {
            // A place where something is mounted cannot be removed: only what is in it can.
            let after = tree.get(&place).cloned().unwrap_or_else(|| match &before {
                Node::Dir(dir) => Node::dir(dir.meta.clone()),
                other => other.clone(),
            });
            if after != before && !container.mounts[number].read_only {
                changed.push((number, after));
            }
            match covered {
                Some(node) => {
                    if let Some(parent) = place.parent() {
                        tree.mkdir_all(&parent, &dir_meta(0o755, host.now))?;
                    }
                    tree.insert(&place, node)?;
                }
                None if tree.get(&place).is_some() => drop(tree.remove(&place)?),
                None => {}
            }
        }
        if !container.options.read_only {
            container.tree = tree;
        }
        for (number, node) in changed {
            self.put_mount(id, number, node, host)?;
        }
        Ok(())
    }

    /// Puts into a mount what a process left there.
    pub(super) fn put_mount(
        &mut self,
        id: &str,
        number: usize,
        node: Node,
        host: &mut Ground<'_>,
    ) -> Result<(), Refusal> {
        let Some(mount) = self.container_mut(id).mounts.get(number).cloned() else {
            return Ok(());
        };
        match mount.source {
            MountSource::Bind(path) => put_on_host(host.files, &path, node)?,
            MountSource::Volume(name) => {
                if let Some(volume) = self.volumes.by_name.get_mut(&name) {
                    volume.node = node;
                }
            }
            MountSource::Tmpfs => {
                self.container_mut(id).state.tmpfs.insert(mount.target, node);
            }
        }
        Ok(())
    }
}

impl ContainerFiles {
    /// What each mount holds, by its index.
    pub(super) fn mounted(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.places.iter().map(|(number, _, node, _)| (*number, node))
    }

    /// The index of the mount in which a path lies, if it lies in one.
    pub(super) fn mount_of(&self, path: &TreePath) -> Option<usize> {
        let mut places = self.places.iter().rev();
        places
            .find(|(_, place, ..)| path.is_within(place))
            .map(|(number, ..)| *number)
    }
}

/// Gives an empty volume what the image has at its place.
pub(super) fn fill(mounted: &mut Mounted, image: &Tree) {
    let volume = &mut mounted.volume;
    let is_empty = volume.node.as_dir().is_some_and(|dir| dir.entries.is_empty());
    let place = image.resolve(&mounted.target, Follow::Last).ok();
    if let Some(node @ Node::Dir(_)) = place.and_then(|place| image.get(&place))
        && mounted.fills
        && is_empty
    {
        volume.node = node.clone();
    }
}

pub(super) fn put_on_host(files: &mut dyn HostFiles, path: &str, node: Node) -> Result<(), Refusal> {
    files.put(path, node).map_err(|reason| Refusal::HostFile {
        path: path.to_owned(),
        reason,
    })
}

pub(super) fn dir_meta(mode: u32, now: Time) -> Meta {
    Meta {
        mtime: now,
        ..Meta::of_mode(mode)
    }
}

pub(super) fn empty_dir(mode: u32, now: Time) -> Node {
    Node::Dir(Dir::new(dir_meta(mode, now)).into())
}
