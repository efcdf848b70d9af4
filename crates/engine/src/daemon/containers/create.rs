//! Making a container.

use super::super::{Daemon, Ground, Host, Refusal};
use super::config::merged;
use super::mounts::{dir_meta, resolve};
use super::{Container, CreateOptions, MountSource, Network, Restart, State};
use oci::Time;
use store::{BlobStore, Content, Follow, Meta, Node, Tree, TreePath};

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its ID.
    pub id: String,
    /// What Docker warns of.
    pub warnings: Vec<String>,
}

/// What every container gets under its writable layer: folders to mount on, and files that Docker fills.
///
/// Source: moby, `daemon/initlayer/setup_unix.go`.
const EVERYWHERE: [(&str, Kind); 10] = [
    ("/.dockerenv", Kind::File),
    ("/dev/console", Kind::File),
    ("/dev/pts", Kind::Dir),
    ("/dev/shm", Kind::Dir),
    ("/etc/hostname", Kind::File),
    ("/etc/hosts", Kind::File),
    ("/etc/mtab", Kind::Link("/proc/mounts")),
    ("/etc/resolv.conf", Kind::File),
    ("/proc", Kind::Dir),
    ("/sys", Kind::Dir),
];

#[derive(Clone, Copy)]
enum Kind {
    Dir,
    File,
    Link(&'static str),
}

impl Daemon {
    /// Makes a container. Its process is not started.
    ///
    /// The working directory and the places of mounts are made in its writable layer if the image lacks them; empty volumes
    /// get what the image has at their place.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchImage`]; [`Refusal::Conflict`] if another container has its name; [`Refusal::Invalid`] for options
    /// that make no sense.
    pub fn create(&mut self, options: &CreateOptions, host: &mut Host<'_>) -> Result<Created, Refusal> {
        let image = self.image(&options.image)?.clone();
        if let Some(name) = &options.name {
            self.containers.check_name(name)?;
        }
        if options.auto_remove && options.restart != Restart::No {
            return Err(Refusal::invalid(
                "can't create 'AutoRemove' container with restart policy",
            ));
        }
        let config = merged(&image.image.config.config, options)?;
        let id = self.containers.next_id(host.now);
        let name = match &options.name {
            Some(name) => name.strip_prefix('/').unwrap_or(name).to_owned(),
            None => self.containers.new_name(&id),
        };
        let mounts = resolve(options, &config, &id, host.files)?;
        let mut volumes = self.mounted_volumes(&mounts, host.now);
        let mut warnings = Vec::new();
        if options.network == Network::Host && (!options.ports.is_empty() || options.publish_all) {
            warnings.push("Published ports are discarded when using host network mode".to_owned());
        }
        let mut container = Container {
            id: id.clone(),
            name,
            created: host.now,
            image: image.id,
            image_name: options.image.clone(),
            chain: image.chain_ids(),
            lower: Tree::new(),
            tree: Tree::new(),
            counted: None,
            config,
            options: options.clone(),
            mounts: mounts.into_iter().map(|(mount, _)| mount).collect(),
            state: State::default(),
            log: Vec::new(),
            fidelity: image.fidelity,
        };
        let (runtime, mut ground) = host.split();
        runtime.create(&mut container, &image, &mut volumes, &mut ground)?;
        // Nothing can fail from here on.
        for mounted in volumes {
            self.volumes.by_name.insert(mounted.volume.name.clone(), mounted.volume);
        }
        self.containers.counter += 1;
        self.containers.by_id.insert(id.clone(), container);
        Ok(Created { id, warnings })
    }
}

/// Makes the two filesystems of a container: what every container gets under its writable layer, and in that the working directory
/// and the places of mounts.
pub(super) fn make_layers(container: &mut Container, image: &Tree, ground: &mut Ground<'_>) -> Result<(), Refusal> {
    let now = ground.now;
    let lower = container_base(image, now, ground.blobs)?;
    let mut tree = lower.clone();
    tree.seal_links();
    make_dir(&mut tree, &container.config.working_dir, now)?;
    for mount in &container.mounts {
        let holds_file = match &mount.source {
            MountSource::Bind(path) => ground.files.get(path).is_some_and(|node| !node.is_dir()),
            _ => false,
        };
        if holds_file {
            make_file(&mut tree, &mount.target, now, ground.blobs)?;
        } else {
            make_dir(&mut tree, &mount.target, now)?;
        }
    }
    (container.lower, container.tree) = (lower, tree);
    Ok(())
}

/// The image's filesystem with what every container gets, made at `now`: what a writable layer lies on.
///
/// # Errors
///
/// If the store takes no bytes.
pub fn container_base(image: &Tree, now: Time, blobs: &mut dyn BlobStore) -> Result<Tree, Refusal> {
    let mut tree = image.clone();
    tree.seal_links();
    let empty = Content::Blob {
        digest: blobs.put(b"")?,
        size: 0,
    };
    for (path, kind) in EVERYWHERE {
        let path = TreePath::parse(path).expect("the paths above are good");
        // What stands in the way is replaced, unless it is a directory.
        for above in ancestors(&path) {
            if tree.get(&above).is_some_and(|node| !node.is_dir()) {
                tree.remove(&above)?;
            }
        }
        if tree.get(&path).is_some() {
            continue;
        }
        let parent = path.parent().expect("it is not the root");
        tree.mkdir_all(&parent, &dir_meta(0o755, now))?;
        let node = match kind {
            Kind::Dir => Node::dir(dir_meta(0o755, now)),
            Kind::File => Node::file(dir_meta(0o755, now), empty),
            Kind::Link(target) => Node::symlink(dir_meta(0o777, now), target),
        };
        tree.insert(&path, node)?;
    }
    Ok(tree)
}

/// The path and what is above it, outermost first, without the root.
fn ancestors(path: &TreePath) -> Vec<TreePath> {
    let mut above: Vec<TreePath> = std::iter::successors(Some(path.clone()), TreePath::parent).collect();
    above.pop();
    above.reverse();
    above
}

/// Makes a directory where nothing is, links followed.
fn make_dir(tree: &mut Tree, path: &str, now: Time) -> Result<(), Refusal> {
    let place = tree.resolve_missing(path, Follow::Last)?;
    if tree.get(&place).is_none() {
        tree.mkdir_all(&place, &dir_meta(0o755, now))?;
    }
    Ok(())
}

/// Makes an empty file where nothing is, for a file to be mounted on.
fn make_file(tree: &mut Tree, path: &str, now: Time, blobs: &mut dyn BlobStore) -> Result<(), Refusal> {
    let place = tree.resolve_missing(path, Follow::Last)?;
    let Some(parent) = place.parent().filter(|_| tree.get(&place).is_none()) else {
        return Ok(());
    };
    tree.mkdir_all(&parent, &dir_meta(0o755, now))?;
    let content = Content::Blob {
        digest: blobs.put(b"")?,
        size: 0,
    };
    let meta = Meta {
        mtime: now,
        ..Meta::of_mode(0o755)
    };
    Ok(tree.insert(&place, Node::file(meta, content))?)
}
