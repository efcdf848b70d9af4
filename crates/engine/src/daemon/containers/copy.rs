//! `docker cp`: files between a host and a container.

use super::super::{Daemon, Ground, Host, Refusal};
use super::Place;
use super::mounts::{ContainerFiles, put_on_host};
use std::io::{Read, Write};
use store::{
    BlobStore, Dir, Follow, LayerError, Limits, Node, Tree, TreePath, Whiteouts, apply, decompress, diff, read_tar,
    write_tar,
};

/// How files are copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// `-L`: a symbolic link that is named is followed.
    pub follow: bool,
    /// `-a`: owners are kept; without, what goes into a container is root's.
    pub archive: bool,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The bytes of the archive in which it travelled: what Docker reports.
    pub bytes: u64,
}

impl Daemon {
    /// Copies a file or directory of a container to a path of the host.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchFile`]; [`Refusal::Invalid`] in Docker's words if it cannot stand there.
    ///
    pub fn copy_from(
        &mut self,
        name: &str,
        path: &str,
        target: &str,
        options: CopyOptions,
        host: &mut Host<'_>,
    ) -> Result<Copied, Refusal> {
        let id = self.container(name)?.id.clone();
        let (runtime, mut ground) = host.split();
        runtime.copy_from(&mut self.place(&id, name, path), target, options, &mut ground)
    }

    /// Copies a file or directory of the host into a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchFile`]; [`Refusal::Invalid`] in Docker's words if it cannot stand there.
    pub fn copy_to(
        &mut self,
        name: &str,
        source: &str,
        path: &str,
        options: CopyOptions,
        host: &mut Host<'_>,
    ) -> Result<Copied, Refusal> {
        let id = self.container(name)?.id.clone();
        let (runtime, mut ground) = host.split();
        runtime.copy_to(&mut self.place(&id, name, path), source, options, &mut ground)
    }

    /// Writes a file or directory of a container to `sink` as a tar: `docker cp NAME:PATH -`.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchFile`] before anything is written.
    pub fn archive_from(
        &mut self,
        name: &str,
        path: &str,
        options: CopyOptions,
        host: &mut Host<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal> {
        let id = self.container(name)?.id.clone();
        let (runtime, mut ground) = host.split();
        runtime.archive_from(&mut self.place(&id, name, path), options, &mut ground, sink)
    }

    /// Unpacks a tar into a directory of a container: `docker cp - NAME:PATH`.
    ///
    /// # Errors
    ///
    /// [`Refusal::Layer`] for a bad archive, [`Refusal::NoSuchFile`]; nothing is unpacked then.
    pub fn archive_to(
        &mut self,
        name: &str,
        path: &str,
        source: Box<dyn std::io::BufRead + '_>,
        limits: &Limits,
        host: &mut Host<'_>,
    ) -> Result<Copied, Refusal> {
        let id = self.container(name)?.id.clone();
        let (runtime, mut ground) = host.split();
        runtime.archive_to(&mut self.place(&id, name, path), source, limits, &mut ground)
    }

    fn place<'a>(&'a mut self, id: &'a str, name: &'a str, path: &'a str) -> Place<'a> {
        Place {
            daemon: self,
            id,
            name,
            path,
        }
    }
}

/// The same over trees.
impl Daemon {
    pub(super) fn copy_node_from(
        &self,
        name: &str,
        path: &str,
        target: &str,
        options: CopyOptions,
        host: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let (base, node) = self.copied(name, path, options, host)?;
        let bytes = archive_size(&base, &node, host.blobs)?;
        let there = host.files.get(target);
        let place = place(there.as_ref(), &node, &base, path, target)?;
        let (parent, _) = split(&place);
        if !host.files.get(&parent).is_some_and(|node| node.is_dir()) {
            return Err(Refusal::invalid(format!(
                "invalid output path: directory {parent:?} does not exist"
            )));
        }
        let merged = merge(host.files.get(&place).as_ref(), &node, &place)?;
        put_on_host(host.files, &place, merged)?;
        Ok(Copied { bytes })
    }

    pub(super) fn copy_node_to(
        &mut self,
        name: &str,
        source: &str,
        path: &str,
        options: CopyOptions,
        host: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let Some(mut node) = host.files.get(source) else {
            return Err(Refusal::HostFile {
                path: source.to_owned(),
                reason: "no such file or directory".to_owned(),
            });
        };
        if !options.archive {
            give_to_root(&mut node);
        }
        let (_, base) = split(source);
        let bytes = archive_size(&base, &node, host.blobs)?;
        let view = self.view(self.container(name)?, host)?;
        let there = super::simulated::at(&view.tree, path);
        let target = place(there, &node, &base, source, path)?;
        self.put_into(name, view, &target, &node, host)?;
        Ok(Copied { bytes })
    }

    pub(super) fn archive_node_from(
        &self,
        name: &str,
        path: &str,
        options: CopyOptions,
        host: &mut Ground<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal> {
        let (base, node) = self.copied(name, path, options, host)?;
        let bytes = write_archive(&base, &node, host.blobs, sink)?;
        Ok(Copied { bytes })
    }

    pub(super) fn archive_node_to(
        &mut self,
        name: &str,
        path: &str,
        source: Box<dyn std::io::BufRead + '_>,
        limits: &Limits,
        host: &mut Ground<'_>,
    ) -> Result<Copied, Refusal> {
        let view = self.view(self.container(name)?, host)?;
        let there = super::simulated::at(&view.tree, path).cloned();
        let old = match there {
            None => {
                return Err(Refusal::NoSuchFile {
                    path: path.to_owned(),
                    container: name.to_owned(),
                });
            }
            Some(Node::Dir(dir)) => dir,
            Some(_) => {
                return Err(Refusal::invalid("extraction point is not a directory"));
            }
        };
        let mut tar = decompress(source)?;
        let read = read_tar(&mut tar as &mut dyn Read, limits, Whiteouts::Keep, host.blobs)?;
        drop(tar);
        let new = apply(&Tree::from_dir(old)?, &read.changes)?;
        let node = Node::Dir(new.root().clone().into());
        self.put_into(name, view, path, &node, host)?;
        Ok(Copied { bytes: read.size })
    }

    /// What a path of a container names, and what it is called in an archive.
    fn copied(
        &self,
        name: &str,
        path: &str,
        options: CopyOptions,
        host: &mut Ground<'_>,
    ) -> Result<(String, Node), Refusal> {
        let view = self.view(self.container(name)?, host)?;
        let follow = if options.follow {
            Follow::Last
        } else {
            Follow::AllButLast
        };
        let missing = || Refusal::NoSuchFile {
            path: path.to_owned(),
            container: name.to_owned(),
        };
        let place = view.tree.resolve(path, follow).map_err(|_| missing())?;
        let node = if place.is_root() {
            Node::Dir(view.tree.root().clone().into())
        } else {
            view.tree.get(&place).cloned().ok_or_else(missing)?
        };
        let (_, base) = split(path);
        Ok((base, node))
    }

    /// Puts something into a container's filesystem, over what stands there.
    fn put_into(
        &mut self,
        name: &str,
        mut view: ContainerFiles,
        target: &str,
        node: &Node,
        host: &mut Ground<'_>,
    ) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        let place = view.tree.resolve_missing(target, Follow::AllButLast)?;
        match view.mount_of(&place) {
            Some(number) if container.mounts[number].read_only => {
                return Err(Refusal::invalid("mounted volume is marked read-only"));
            }
            None if container.options.read_only => {
                return Err(Refusal::invalid("container rootfs is marked read-only"));
            }
            _ => {}
        }
        let has_parent = place
            .parent()
            .is_none_or(|parent| parent.is_root() || view.tree.get(&parent).is_some_and(Node::is_dir));
        if !has_parent {
            return Err(Refusal::NoSuchFile {
                path: split(target).0,
                container: name.to_owned(),
            });
        }
        if place.is_root() {
            let merged = merge(Some(&Node::Dir(view.tree.root().clone().into())), node, target)?;
            view.tree.insert(&TreePath::root(), merged)?;
        } else {
            let merged = merge(view.tree.get(&place), node, target)?;
            view.tree.insert(&place, merged)?;
        }
        self.take_back(&id, view, host)
    }
}

/// What stands somewhere, as far as `cp` cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// A directory.
    Directory,
    /// Something else.
    Other,
}

impl Stands {
    fn of(node: &Node) -> Stands {
        if node.is_dir() {
            Stands::Directory
        } else {
            Stands::Other
        }
    }
}

/// Where a copy of `copied` goes, which is called `base`: into a directory that is there, else under the name that was said.
///
/// # Errors
///
/// [`Refusal::Invalid`] in Docker's words if it cannot stand there.
///
/// Source: docker/cli, "docker container cp", Description.
pub fn copy_place(
    there: Option<Stands>,
    copied: Stands,
    base: &str,
    source: &str,
    target: &str,
) -> Result<String, Refusal> {
    let takes_content = source == "." || source.ends_with("/.") || source == "/";
    let trimmed = target.trim_end_matches('/');
    let is_dir = copied == Stands::Directory;
    match there {
        Some(Stands::Directory) if !(takes_content && is_dir) => Ok(format!("{trimmed}/{base}")),
        Some(Stands::Directory) => Ok(if trimmed.is_empty() {
            "/".to_owned()
        } else {
            trimmed.to_owned()
        }),
        Some(Stands::Other) if is_dir => Err(Refusal::invalid("cannot copy directory")),
        Some(Stands::Other) if target.ends_with('/') => Err(Refusal::invalid("not a directory")),
        None if is_dir => Ok(trimmed.to_owned()),
        None if target.ends_with('/') => Err(Refusal::invalid("no such directory")),
        Some(Stands::Other) | None => Ok(target.to_owned()),
    }
}

fn place(there: Option<&Node>, node: &Node, base: &str, source: &str, target: &str) -> Result<String, Refusal> {
    copy_place(there.map(Stands::of), Stands::of(node), base, source, target)
}

/// Directory and last component of a path; `.` at its end means the directory itself.
fn split(path: &str) -> (String, String) {
    let clean = TreePath::clean(path).unwrap_or_default();
    let parent = clean.parent().unwrap_or_default().absolute();
    (parent, clean.name().unwrap_or("/").to_owned())
}

/// What stands somewhere once `new` was unpacked over `old`: directories are merged, everything else is replaced.
fn merge(old: Option<&Node>, new: &Node, path: &str) -> Result<Node, Refusal> {
    match (old, new) {
        (Some(Node::Dir(old)), Node::Dir(new)) => {
            let mut dir = Dir {
                meta: new.meta.clone(),
                entries: old.entries.clone(),
            };
            for (name, node) in &new.entries {
                let merged = merge(old.entries.get(name), node, &format!("{path}/{name}"))?;
                dir.entries.insert(name.clone(), merged);
            }
            Ok(Node::Dir(dir.into()))
        }
        (Some(Node::Dir(_)), _) => Err(Refusal::invalid(format!(
            "cannot overwrite directory {path:?} with non-directory {path:?}"
        ))),
        (Some(_), Node::Dir(_)) => Err(Refusal::invalid(format!(
            "cannot overwrite non-directory {path:?} with directory {path:?}"
        ))),
        _ => Ok(new.clone()),
    }
}

fn give_to_root(node: &mut Node) {
    let meta = node.meta_mut();
    (meta.uid, meta.gid) = (0, 0);
    if let Node::Dir(dir) = node {
        for below in std::sync::Arc::make_mut(dir).entries.values_mut() {
            give_to_root(below);
        }
    }
}

fn archive_size(base: &str, node: &Node, blobs: &dyn BlobStore) -> Result<u64, Refusal> {
    write_archive(base, node, blobs, &mut std::io::sink())
}

fn write_archive(base: &str, node: &Node, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<u64, Refusal> {
    let mut tree = Tree::new();
    let at = if base == "/" {
        TreePath::root()
    } else {
        TreePath::parse(base).map_err(store::TreeError::from)?
    };
    tree.insert(&at, node.clone())?;
    let changes = diff(&Tree::new(), &tree).as_written(None);
    let written = write_tar(&changes, blobs, sink).map_err(|error: LayerError| error)?;
    Ok(written.size)
}
