//! COPY, ADD and WORKDIR over trees: which files go where, with which owner, mode and time.
//!
//! Source: BuildKit, `solver/llbsolver/file/backend.go` and `tonistiigi/fsutil/copy`.

mod merge;
mod select;

use crate::ignore::{Ignore, IgnoreError};
use crate::owner::{self, Ids};
use crate::unpack;
use planner::chmod::Changes;
use planner::{CopyItem, CopyKind, Input, MakeDir, Mode};
use std::collections::BTreeMap;
use store::{BlobStore, Follow, Meta, Node, StoreError, Time, Tree, TreeError, TreePath};

/// Why files could not be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A source that is no wildcard and is not there. Worded as BuildKit words it when it computes the cache key.
    #[error("failed to compute cache key: failed to calculate checksum of ref: \"{path}\": not found")]
    NotFound {
        /// The absolute path in the source.
        path: String,
    },
    /// A directory would go where a file is.
    #[error("cannot copy to non-directory: {path}")]
    NotDirectory {
        /// The absolute path in the filesystem.
        path: String,
    },
    /// A file would go where a directory is.
    #[error("cannot replace to directory {path} with file")]
    IsDirectory {
        /// The absolute path in the filesystem.
        path: String,
    },
    /// A directory that is to be made stands below, or in the place of, something else.
    #[error("mkdir {path}: not a directory")]
    MakeDir {
        /// The absolute path in the filesystem.
        path: String,
    },
    /// The directory in which a wildcard is to be matched is not there.
    #[error("lstat {path}: no such file or directory")]
    NoDirectory {
        /// The absolute path in the source.
        path: String,
    },
    /// A name as owner where there is no `/etc/passwd` to look it up in.
    #[error("invalid user index: -1")]
    NoUsers,
    /// `--exclude` or `--parents` cannot be read.
    #[error(transparent)]
    Pattern(#[from] IgnoreError),
    /// A path leads nowhere.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An archive that cannot be unpacked.
    #[error("failed to unpack {path}: {reason}")]
    Archive {
        /// The absolute path in the source.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that cannot be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a copy takes place over.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The filesystem that is copied to.
    pub base: &'a Tree,
    /// Whether `base` came from anything: without, names of users mean nothing.
    pub from_scratch: bool,
    /// The filesystems that are copied from. The context is one of them, owner 0:0, ignored files left out.
    pub sources: &'a BTreeMap<Input, Tree>,
    /// The time of what is made new.
    pub now: Time,
}

/// How files change on the way.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) owner: Option<Ids>,
    pub(crate) mode: Option<Permissions>,
    pub(crate) now: Time,
}

#[derive(Debug, Clone)]
pub(crate) enum Permissions {
    Octal(u32),
    Symbolic(Changes),
}

/// The filesystem after a COPY or ADD.
///
/// # Errors
///
/// [`CopyError`]; the first source that cannot be copied ends it.
pub fn copy(action: &planner::Copy, scene: Scene<'_>, blobs: &mut dyn BlobStore) -> Result<Tree, CopyError> {
    let finish = Finish {
        owner: match &action.owner {
            Some(owner) => Some(owner::ids(owner, (!scene.from_scratch).then_some(scene.base), blobs)?),
            None => None,
        },
        mode: action.mode.as_ref().map(permissions),
        now: scene.now,
    };
    let exclude = Ignore::patterns(action.exclude.iter().map(String::as_str))?;
    let mut tree = scene.base.clone();
    for item in &action.items {
        let source = &scene.sources[&item.from];
        copy_item(item, source, &action.dest, &exclude, &finish, &mut tree, blobs)?;
    }
    Ok(tree)
}

/// The filesystem after a WORKDIR: the directory and those above it exist.
///
/// # Errors
///
/// [`CopyError`] if something else stands in the way, or the owner's name means nothing.
pub fn make_dir(action: &MakeDir, scene: Scene<'_>, blobs: &dyn BlobStore) -> Result<Tree, CopyError> {
    let owner = match &action.owner {
        Some(owner) => owner::ids(owner, (!scene.from_scratch).then_some(scene.base), blobs)?,
        None => (0, 0),
    };
    let created = action.created.map_or(scene.now, |secs| Time { secs, nanos: 0 });
    let mut tree = scene.base.clone();
    let path = tree.resolve_missing(&action.path, Follow::Last)?;
    if !matches!(tree.get(&path), Some(Node::Dir(_))) {
        make_missing(&mut tree, &path, &dir_meta(0o755, owner, scene.now), scene.now)?;
        // Making what is in them gives those above the time of now.
        tree.update_meta(&path, |meta| meta.mtime = created)?;
    }
    Ok(tree)
}

/// The filesystem with `layer`'s files laid over it, as `COPY --link` merges them.
///
/// # Errors
///
/// [`CopyError`] if the two cannot be laid over each other.
pub fn link(base: &Tree, layer: &Tree) -> Result<Tree, CopyError> {
    merge::overlay(base, layer)
}

fn copy_item(
    item: &CopyItem,
    source: &Tree,
    dest: &str,
    exclude: &Ignore,
    finish: &Finish,
    tree: &mut Tree,
    blobs: &mut dyn BlobStore,
) -> Result<(), CopyError> {
    if let Some(required) = &item.required {
        existing(source, required)?;
    }
    let include = match &item.include {
        Some(pattern) => Some(Ignore::patterns([pattern.as_str()])?),
        None => None,
    };
    let (paths, unpack) = match item.kind {
        CopyKind::Local { unpack } => (select::matches(source, &item.path)?, unpack),
        CopyKind::Remote { unpack } => (
            vec![(
                existing(source, &item.path)?,
                planner::path::base(&item.path).to_owned(),
            )],
            unpack,
        ),
    };
    for (path, name) in paths {
        if unpack && unpack::unpack(source, &path, dest, finish, tree, blobs)? {
            continue;
        }
        let target = prepare_target(source, &path, &name, dest, finish, tree)?;
        let filter = select::Filter {
            include: include.as_ref(),
            exclude,
        };
        merge::copy(source, &path, &target, filter, finish, tree)?;
    }
    Ok(())
}

/// Where the source at `path`, called `name`, goes; the directories on the way are made.
///
/// A destination that ends in `/`, or is a directory, takes a file under its own name. A directory's content goes into the destination itself.
fn prepare_target(
    source: &Tree,
    path: &TreePath,
    name: &str,
    dest: &str,
    finish: &Finish,
    tree: &mut Tree,
) -> Result<TreePath, CopyError> {
    let wants_dir = dest.ends_with('/') || dest.ends_with("/.");
    let ensured = if wants_dir {
        dest.to_owned()
    } else {
        dest.rsplit_once('/').map_or("/", |(above, _)| above).to_owned()
    };
    let above = tree.resolve_missing(&ensured, Follow::Last)?;
    make_dirs(tree, &above, finish)?;
    let target = tree.resolve_missing(dest, Follow::Last)?;
    let source_is_dir = matches!(source.get(path), Some(Node::Dir(_)));
    match tree.get(&target) {
        None if source_is_dir => {
            make_dirs(tree, &target, finish)?;
            Ok(target)
        }
        Some(Node::Dir(_)) if !source_is_dir => Ok(target.join(name).map_err(TreeError::from)?),
        _ => Ok(target),
    }
}

/// Makes `path` and what is missing above it, with the owner and the mode that a copy gives to directories it makes.
pub(crate) fn make_dirs(tree: &mut Tree, path: &TreePath, finish: &Finish) -> Result<(), CopyError> {
    let mode = match finish.mode {
        // The set-user-id, set-group-id and sticky bits do not survive Go's os.Mkdir.
        Some(Permissions::Octal(mode)) => mode & 0o777,
        _ => 0o755,
    };
    let meta = dir_meta(mode, finish.owner.unwrap_or((0, 0)), finish.now);
    make_missing(tree, path, &meta, finish.now)
}

/// Makes `path` and what is missing above it; the directory that was there before gets a new time if it gets a new entry.
fn make_missing(tree: &mut Tree, path: &TreePath, meta: &Meta, now: Time) -> Result<(), CopyError> {
    let mut above = path.clone();
    while tree.get(&above).is_none() {
        above = above.parent().unwrap_or_default();
    }
    if !matches!(tree.get(&above), Some(Node::Dir(_))) {
        return Err(CopyError::MakeDir { path: path.absolute() });
    }
    if above != *path {
        tree.mkdir_all(path, meta)?;
        touch(tree, &above, now)?;
    }
    Ok(())
}

/// Gives a directory the time of now, as adding, replacing or removing an entry does.
pub(crate) fn touch(tree: &mut Tree, dir: &TreePath, now: Time) -> Result<(), CopyError> {
    if tree.get(dir).is_some_and(|node| node.meta().mtime != now) {
        tree.update_meta(dir, |meta| meta.mtime = now)?;
    }
    Ok(())
}

fn dir_meta(mode: u32, (uid, gid): Ids, mtime: Time) -> Meta {
    Meta {
        mode,
        uid,
        gid,
        mtime,
        ..Meta::default()
    }
}

fn permissions(mode: &Mode) -> Permissions {
    match mode {
        Mode::Octal(bits) => Permissions::Octal(*bits),
        Mode::Symbolic(text) => {
            Permissions::Symbolic(Changes::parse(text).expect("the planner refuses what is no mode"))
        }
    }
}

/// The place of a source that must exist, links followed.
fn existing(source: &Tree, path: &str) -> Result<TreePath, CopyError> {
    let missing = || CopyError::NotFound { path: path.to_owned() };
    let place = source.resolve(path, Follow::Last).map_err(|_| missing())?;
    source.get(&place).ok_or_else(missing)?;
    Ok(place)
}

#[cfg(test)]
mod tests;
