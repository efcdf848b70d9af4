//! Laying files over a tree: one source's files at their place, or a whole tree over another.

use super::select::Filter;
use super::{CopyError, Finish, Permissions};
use planner::chmod::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Dir, Meta, Node, Tree, TreePath};

/// Copies what stands at `path` in `source` to `target`, whose parent exists.
pub(super) fn copy(
    source: &Tree,
    path: &TreePath,
    target: &TreePath,
    filter: Filter<'_>,
    finish: &Finish,
    tree: &mut Tree,
) -> Result<(), CopyError> {
    let Some(node) = source.get(path) else { return Ok(()) };
    let mut links = BTreeMap::new();
    match node {
        Node::Dir(dir) => {
            check_is_dir(tree, target)?;
            let mut at = Walk {
                filter,
                finish,
                tree,
                links: &mut links,
            };
            at.children(dir, "", target, &mut Vec::new())
        }
        node => {
            let mut at = Walk {
                filter,
                finish,
                tree,
                links: &mut links,
            };
            at.leaf(node, target)
        }
    }
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
    links: &'a mut BTreeMap<u64, TreePath>,
}

impl<'a> Walk<'a> {
    /// Copies what is in `dir` to the directory `target`. `pending` are directories above that are made once something below is taken.
    fn children(
        &mut self,
        dir: &'a Dir,
        below: &str,
        target: &TreePath,
        pending: &mut Vec<(TreePath, &'a Dir)>,
    ) -> Result<(), CopyError> {
        for (name, node) in &dir.entries {
            let relative = if below.is_empty() {
                name.clone()
            } else {
                format!("{below}/{name}")
            };
            let place = target.join(name).map_err(store::TreeError::from)?;
            let taken = self.filter.takes(&relative);
            match node {
                Node::Dir(inner) => {
                    pending.push((place.clone(), inner));
                    let waiting = pending.len();
                    if taken {
                        self.make_pending(pending)?;
                    }
                    self.children(inner, &relative, &place, pending)?;
                    pending.truncate(waiting - 1);
                }
                leaf if taken => {
                    self.make_pending(pending)?;
                    self.leaf(leaf, &place)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn make_pending(&mut self, pending: &mut Vec<(TreePath, &'a Dir)>) -> Result<(), CopyError> {
        for (place, dir) in pending.drain(..) {
            check_is_dir(self.tree, &place)?;
            let meta = self.finished(&dir.meta, Kind::Directory);
            match self.tree.get(&place) {
                Some(_) => self.tree.update_meta(&place, |old| *old = meta)?,
                None => self.tree.insert(&place, Node::Dir(Arc::new(Dir::new(meta))))?,
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
        put(self.tree, copy, target, self.links)
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
