//! Applying changes to a filesystem.

use super::{Change, ChangeKind, Changeset};
use crate::{Dir, Follow, Meta, Node, Tree, TreeError, TreePath};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// The filesystem that `changes` make of `lower`.
///
/// Directories on the way that are missing are made with mode 0755. Symbolic links of `lower` on the way are followed,
/// inside the root. Deleting what is not there is no error.
///
/// # Errors
///
/// [`TreeError::NotDirectory`] if a path leads through something that is no directory, [`TreeError::TooManyLinks`],
/// [`TreeError::Missing`] or [`TreeError::IsDirectory`] for the target of a hard link.
///
/// Source: OCI image-spec, `layer.md`, "Applying Changesets".
pub fn apply(lower: &Tree, changes: &Changeset) -> Result<Tree, TreeError> {
    let mut tree = lower.clone();
    tree.seal_links();
    let mut before = Before::default();
    for change in &changes.changes {
        apply_change(&mut tree, change, &mut before)?;
    }
    Ok(tree)
}

/// What the layer has done before a change of it.
#[derive(Default)]
pub(crate) struct Before {
    /// What it has put, which its opaque whiteouts leave alone.
    put: BTreeSet<TreePath>,
    /// The directories it has emptied of what lower layers put there.
    emptied: BTreeSet<TreePath>,
}

/// Applies one change and returns the place it was applied to.
pub(crate) fn apply_change(tree: &mut Tree, change: &Change, before: &mut Before) -> Result<TreePath, TreeError> {
    let path = place_of(tree, &change.path)?;
    if let (ChangeKind::Put(_) | ChangeKind::Link { .. }, Some(parent)) = (&change.kind, path.parent()) {
        tree.mkdir_all(&parent, &Meta::of_mode(0o755))?;
    }
    match &change.kind {
        ChangeKind::Put(node) => place(tree, &path, node)?,
        ChangeKind::Link { to, meta } => link(tree, &path, to, meta)?,
        ChangeKind::Delete => {
            if tree.get(&path).is_some() {
                tree.remove(&path)?;
            }
            return Ok(path);
        }
        ChangeKind::Opaque => {
            if before.emptied.insert(path.clone()) {
                empty(tree, &path, &before.put)?;
            }
            return Ok(path);
        }
    }
    before.put.insert(path.clone());
    Ok(path)
}

/// Where `path` leads once symbolic links before its last component are followed.
pub(crate) fn place_of(tree: &Tree, path: &TreePath) -> Result<TreePath, TreeError> {
    match path.parent().map(|parent| tree.get(&parent)) {
        None | Some(Some(Node::Dir(_))) => Ok(path.clone()),
        _ => tree.resolve_missing(&path.absolute(), Follow::AllButLast),
    }
}

fn place(tree: &mut Tree, path: &TreePath, node: &Node) -> Result<(), TreeError> {
    if let (Node::Dir(new), Some(Node::Dir(_))) = (node, tree.get(path)) {
        let meta = new.meta.clone();
        return tree.update_meta(path, |old| *old = meta);
    }
    tree.insert(path, node.clone())
}

fn link(tree: &mut Tree, path: &TreePath, to: &TreePath, meta: &Meta) -> Result<(), TreeError> {
    let to = tree.resolve(&to.absolute(), Follow::AllButLast)?;
    if to == *path {
        return Err(TreeError::Invalid { path: path.absolute() });
    }
    if tree.get(path).is_some() {
        tree.remove(path)?;
    }
    tree.link(&to, path)?;
    // Nearly always the header repeats what the file has; to change the file costs all its names.
    if tree.get(path).is_some_and(|node| node.meta() != meta) {
        tree.update_meta(path, |old| old.clone_from(meta))?;
    }
    Ok(())
}

/// Takes everything out of the directory at `path` but what is in `keep`.
fn empty(tree: &mut Tree, path: &TreePath, keep: &BTreeSet<TreePath>) -> Result<(), TreeError> {
    let Some(Node::Dir(dir)) = tree.get(path) else {
        return Ok(());
    };
    let dir: Arc<Dir> = dir.clone();
    for (name, node) in &dir.entries {
        let child = path.child(name);
        let kept = keep.contains(&child);
        let holds_kept = keep
            .range((Bound::Excluded(&child), Bound::Unbounded))
            .next()
            .is_some_and(|next| next.is_within(&child));
        if !kept && !holds_kept {
            tree.remove(&child)?;
        } else if node.is_dir() {
            empty(tree, &child, keep)?;
        }
    }
    Ok(())
}
