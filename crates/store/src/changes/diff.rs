//! Finding the changes between two filesystems.

use super::{Change, ChangeKind, Changeset};
use crate::{CAPABILITY, Dir, File, Meta, Node, Tree, TreePath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The changes that make `upper` of `lower`, in the order and choice of BuildKit's layers.
///
/// Entries stand in walk order; a directory is listed if it is new, if its mode, owner or capability changed, or if
/// something listed is in it. Files are compared by mode, owner, capability, size, time and content. What the two trees
/// share is not looked at.
///
/// Applied to `lower` this gives `upper`, but for: the root's own metadata, times of directories that are not listed,
/// extended attributes other than `security.capability`, and that a new name of an unchanged file becomes a file of
/// its own, as it does with overlayfs.
///
/// Source: OCI image-spec, `layer.md`; BuildKit, `util/overlay`; containerd, `archive.ChangeWriter`.
pub fn diff(lower: &Tree, upper: &Tree) -> Changeset {
    let mut differ = Differ {
        changes: Vec::new(),
        parents: Vec::new(),
        first_names: BTreeMap::new(),
    };
    differ.compare(&TreePath::root(), Some(lower.root()), upper.root());
    Changeset {
        changes: differ.changes,
    }
}

struct Differ {
    changes: Vec<Change>,
    /// Directories on the way that are not listed yet.
    parents: Vec<(TreePath, Meta)>,
    /// The listed name of each file with several.
    first_names: BTreeMap<u64, TreePath>,
}

impl Differ {
    fn compare(&mut self, at: &TreePath, lower: Option<&Dir>, upper: &Dir) {
        let empty = BTreeMap::new();
        let mut below = lower.map_or(&empty, |dir| &dir.entries).iter().peekable();
        for (name, node) in &upper.entries {
            while let Some((gone, _)) = below.next_if(|(other, _)| *other < name) {
                self.list(at.child(gone), ChangeKind::Delete);
            }
            let old = below.next_if(|(other, _)| *other == name).map(|(_, old)| old);
            if old.is_none_or(|old| !old.is_shared_with(node)) {
                self.compare_nodes(at.child(name), old, node);
            }
        }
        for (gone, _) in below {
            self.list(at.child(gone), ChangeKind::Delete);
        }
    }

    fn compare_nodes(&mut self, path: TreePath, old: Option<&Node>, node: &Node) {
        let Node::Dir(dir) = node else {
            if !old.is_some_and(|old| is_same(old, node)) {
                self.put(path, node);
            }
            return;
        };
        let old = old.and_then(Node::as_dir);
        if old.is_some_and(|old| is_same_but_time(&old.meta, &dir.meta)) {
            self.parents.push((path.clone(), dir.meta.clone()));
            self.compare(&path, old, dir);
            // It is still there if nothing in it was listed.
            self.parents.pop_if(|(parent, _)| *parent == path);
        } else {
            self.list(path.clone(), ChangeKind::Put(Node::dir(dir.meta.clone())));
            self.compare(&path, old, dir);
        }
    }

    fn put(&mut self, path: TreePath, node: &Node) {
        let kind = match node {
            Node::File(file) => {
                if let Some(first) = file.link.and_then(|number| self.first_names.get(&number)) {
                    ChangeKind::Link {
                        to: first.clone(),
                        meta: file.meta.clone(),
                    }
                } else {
                    self.first_names.extend(file.link.map(|number| (number, path.clone())));
                    ChangeKind::Put(Node::File(one_name(file)))
                }
            }
            other => ChangeKind::Put(other.clone()),
        };
        self.list(path, kind);
    }

    fn list(&mut self, path: TreePath, kind: ChangeKind) {
        for (path, meta) in self.parents.drain(..) {
            let kind = ChangeKind::Put(Node::dir(meta));
            self.changes.push(Change { path, kind });
        }
        self.changes.push(Change { path, kind });
    }
}

fn one_name(file: &Arc<File>) -> Arc<File> {
    match file.link {
        None => file.clone(),
        Some(_) => Arc::new(File {
            link: None,
            ..(**file).clone()
        }),
    }
}

/// Whether two nodes that are no directories are the same as far as layers are concerned.
fn is_same(old: &Node, new: &Node) -> bool {
    let same_meta = is_same_but_time(old.meta(), new.meta()) && old.meta().mtime == new.meta().mtime;
    same_meta
        && match (old, new) {
            (Node::File(old), Node::File(new)) => old.content == new.content,
            (Node::Symlink { target: old, .. }, Node::Symlink { target: new, .. }) => old == new,
            (Node::Special { kind: old, .. }, Node::Special { kind: new, .. }) => old == new,
            _ => false,
        }
}

fn is_same_but_time(old: &Meta, new: &Meta) -> bool {
    (old.mode, old.uid, old.gid) == (new.mode, new.uid, new.gid)
        && old.xattrs.get(CAPABILITY) == new.xattrs.get(CAPABILITY)
}
