//! Laying files over a tree: one source's files at their place, or a whole tree over another.

use super::select::{Choice, Filter, Trails};
use super::{CopyError, Finish, Permissions, touch};
use planner::chmod::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Dir, Meta, Node, Tree, TreePath};

/// Copies what stands at `path` in `source` to `target`: a directory's content goes into the directory that is there.
pub(super) fn copy(
    source: &Tree,
    path: &TreePath,
    target: &TreePath,
    filter: Filter<'_>,
    finish: &Finish,
    tree: &mut Tree,
) -> Result<(), CopyError> {
    let Some(node) = source.get(path) else { return Ok(()) };
    let mut walk = Walk {
        filter,
        finish,
        tree,
        links: BTreeMap::new(),
        waiting: Vec::new(),
    };
    let Node::Dir(dir) = node else {
        walk.leaf(node, target)?;
        let parent = target.parent().unwrap_or_default();
        return touch(tree, &parent, finish.now);
    };
    check_is_dir(walk.tree, target)?;
    walk.children(dir, "", target, &Trails::default())?;
    // Whether it was there or not, it gets the time of the original.
    tree.update_meta(target, |meta| meta.mtime = dir.meta.mtime)?;
    Ok(())
}

/// Lays `layer` over `base`: its directories and files replace those of the same path, nothing is removed but what they replace.
pub(super) fn overlay(base: &Tree, layer: &Tree) -> Result<Tree, CopyError> {
    let mut tree = base.clone();
    let mut links = BTreeMap::new();
    for (path, node) in layer.walk() {
        if path.is_root() {
            continue;
        }
        match (node, tree.get(&path)) {
            (Node::Dir(dir), Some(Node::Dir(_))) => tree.update_meta(&path, |meta| *meta = dir.meta.clone())?,
            (Node::Dir(dir), _) => tree.insert(&path, Node::Dir(Arc::new(Dir::new(dir.meta.clone()))))?,
            (node, _) => put(&mut tree, node.clone(), &path, &mut links)?,
        }
    }
    Ok(tree)
}

/// A copy under way.
struct Walk<'a> {
    filter: Filter<'a>,
    finish: &'a Finish,
    tree: &'a mut Tree,
    /// Where the first name of each hard-linked file of the source went.
    links: BTreeMap<u64, TreePath>,
    /// Directories on the way that are made once something in them is taken.
    waiting: Vec<(TreePath, &'a Dir)>,
}

impl<'a> Walk<'a> {
    /// Copies what is in `dir`, called `below`, to the directory `target`.
    fn children(&mut self, dir: &'a Dir, below: &str, target: &TreePath, above: &Trails) -> Result<(), CopyError> {
        for (name, node) in &dir.entries {
            let relative = if below.is_empty() {
                name.clone()
            } else {
                format!("{below}/{name}")
            };
            let place = target.join(name).map_err(store::TreeError::from)?;
            let (choice, trails) = self.filter.choose(&relative, above);
            match (node, choice) {
                (Node::Dir(inner), Choice::Taken) => {
                    self.make_waiting()?;
                    self.directory(&place, &inner.meta)?;
                    self.children(inner, &relative, &place, &trails)?;
                }
                (Node::Dir(inner), Choice::Left) => {
                    let waiting = self.waiting.len();
                    self.waiting.push((place.clone(), inner));
                    self.children(inner, &relative, &place, &trails)?;
                    self.waiting.truncate(waiting);
                }
                (leaf, Choice::Taken) => {
                    self.make_waiting()?;
                    self.leaf(leaf, &place)?;
                }
                (_, Choice::Dropped | Choice::Left) => {}
            }
        }
        Ok(())
    }

    /// Makes a directory that is taken itself, or gives the one that is there the original's owner, mode and time.
    fn directory(&mut self, place: &TreePath, meta: &Meta) -> Result<(), CopyError> {
        check_is_dir(self.tree, place)?;
        let meta = self.finished(meta, Kind::Directory);
        match self.tree.get(place) {
            Some(_) => self.tree.update_meta(place, |old| {
                let xattrs = std::mem::take(&mut old.xattrs);
                *old = meta;
                old.xattrs.extend(xattrs);
            })?,
            None => self.tree.insert(place, Node::Dir(Arc::new(Dir::new(meta))))?,
        }
        Ok(())
    }

    /// Makes the directories on the way. Their time is that of the entry they get now; of one that is there, only the mode
    /// becomes the original's.
    fn make_waiting(&mut self) -> Result<(), CopyError> {
        for (place, dir) in std::mem::take(&mut self.waiting) {
            check_is_dir(self.tree, &place)?;
            if self.tree.get(&place).is_some() {
                self.tree.update_meta(&place, |meta| {
                    meta.mode = dir.meta.mode;
                    meta.mtime = self.finish.now;
                })?;
            } else {
                let meta = Meta {
                    mtime: self.finish.now,
                    ..self.finished(&dir.meta, Kind::Directory)
                };
                self.tree.insert(&place, Node::Dir(Arc::new(Dir::new(meta))))?;
            }
        }
        Ok(())
    }

    fn leaf(&mut self, node: &Node, target: &TreePath) -> Result<(), CopyError> {
        if let Some(Node::Dir(_)) = self.tree.get(target) {
            return Err(CopyError::IsDirectory {
                path: target.absolute(),
            });
        }
        let mut copy = node.clone();
        match &mut copy {
            Node::File(file) => {
                let file = Arc::make_mut(file);
                file.meta = self.finished(&file.meta, Kind::Other);
            }
            Node::Symlink { meta, .. } => {
                if let Some((uid, gid)) = self.finish.owner {
                    (meta.uid, meta.gid) = (uid, gid);
                }
            }
            Node::Special { meta, .. } => *meta = self.finished(meta, Kind::Other),
            Node::Dir(_) => unreachable!("a directory is no leaf"),
        }
        put(self.tree, copy, target, &mut self.links)
    }

    fn finished(&self, meta: &Meta, kind: Kind) -> Meta {
        let mut meta = meta.clone();
        if let Some((uid, gid)) = self.finish.owner {
            (meta.uid, meta.gid) = (uid, gid);
        }
        match &self.finish.mode {
            None => {}
            Some(Permissions::Octal(mode)) => meta.mode = *mode,
            Some(Permissions::Symbolic(changes)) => meta.mode = changes.apply(meta.mode, kind),
        }
        meta
    }
}

/// Puts a leaf at `target`; names of one file in the source stay names of one file.
fn put(tree: &mut Tree, node: Node, target: &TreePath, links: &mut BTreeMap<u64, TreePath>) -> Result<(), CopyError> {
    let link = match &node {
        Node::File(file) => file.link,
        _ => None,
    };
    let first = link.and_then(|number| links.get(&number).cloned());
    match first {
        Some(first) if first != *target && tree.get(&first).is_some() => {
            if tree.get(target).is_some() {
                tree.remove(target)?;
            }
            tree.link(&first, target)?;
        }
        _ => {
            tree.insert(target, node)?;
            if let Some(number) = link {
                links.insert(number, target.clone());
            }
        }
    }
    Ok(())
}

fn check_is_dir(tree: &Tree, path: &TreePath) -> Result<(), CopyError> {
    match tree.get(path) {
        None | Some(Node::Dir(_)) => Ok(()),
        Some(_) => Err(CopyError::NotDirectory { path: path.absolute() }),
    }
}
