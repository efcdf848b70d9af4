//! What must be written over one filesystem to have another.

use std::sync::Arc;
use store::{CAPABILITY, Dir, File, Meta, Node, Tree, TreePath};

/// The difference of two filesystems as an overlay has it: exact in what a layer can tell, the times of all directories among it.
#[derive(Debug, Clone, Default)]
pub(super) struct Difference {
    /// In walk order, parents before what is in them.
    pub(super) entries: Vec<Entry>,
    /// About how many bytes are written for it.
    pub(super) weight: u64,
}

/// Something that stands otherwise.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where; never the root.
    pub(super) path: TreePath,
    /// What stands there; `None` if nothing does any more. What is in a directory has entries of its own.
    pub(super) node: Option<Node>,
}

/// An entry alone is worth so many bytes.
const ENTRY_WEIGHT: u64 = 4096;

impl Difference {
    /// All of `tree`.
    pub(super) fn from_nothing(tree: &Tree) -> Difference {
        Difference::within(u64::MAX, &Tree::new(), tree).expect("nothing weighs more")
    }

    /// What makes `upper` of `lower`; `None` if it weighs more than `limit`.
    pub(super) fn within(limit: u64, lower: &Tree, upper: &Tree) -> Option<Difference> {
        let mut differ = Differ {
            lower,
            upper,
            limit,
            found: Difference::default(),
        };
        differ.compare(&TreePath::root(), Some(lower.root()), upper.root());
        let found = differ.found;
        (found.weight <= limit).then_some(found)
    }
}

struct Differ<'a> {
    lower: &'a Tree,
    upper: &'a Tree,
    limit: u64,
    found: Difference,
}

impl Differ<'_> {
    fn compare(&mut self, at: &TreePath, lower: Option<&Dir>, upper: &Dir) {
        if self.found.weight > self.limit {
            return;
        }
        for name in lower.iter().flat_map(|dir| dir.entries.keys()) {
            if !upper.entries.contains_key(name) {
                self.list(child(at, name), None);
            }
        }
        for (name, node) in &upper.entries {
            let old = lower.and_then(|dir| dir.entries.get(name));
            self.compare_nodes(child(at, name), old, node);
        }
    }

    fn compare_nodes(&mut self, path: TreePath, old: Option<&Node>, node: &Node) {
        if old.is_some_and(|old| is_shared(old, node)) {
            return;
        }
        let Node::Dir(dir) = node else {
            if !old.is_some_and(|old| self.is_same(&path, old, node)) {
                self.list(path, Some(node.clone()));
            }
            return;
        };
        let old = old.and_then(Node::as_dir);
        let count = self.found.entries.len();
        self.list(path.clone(), Some(Node::dir(dir.meta.clone())));
        self.compare(&path, old, dir);
        // A directory that is as it was, and all in it, need not be there.
        let is_alone = self.found.entries.len() == count + 1;
        if is_alone && old.is_some_and(|old| is_same_meta(&old.meta, &dir.meta)) {
            self.found.entries.pop();
            self.found.weight -= ENTRY_WEIGHT;
        }
    }

    fn list(&mut self, path: TreePath, node: Option<Node>) {
        let bytes = node
            .as_ref()
            .and_then(Node::as_file)
            .map_or(0, |file| file.content.size());
        self.found.weight = self.found.weight.saturating_add(ENTRY_WEIGHT + bytes);
        self.found.entries.push(Entry { path, node });
    }

    /// Whether two nodes that are no directories are the same, and the same names go with them.
    fn is_same(&self, path: &TreePath, old: &Node, new: &Node) -> bool {
        is_same_meta(old.meta(), new.meta())
            && match (old, new) {
                (Node::File(old), Node::File(new)) => old.content == new.content && self.is_same_group(path, old, new),
                (Node::Symlink { target: old, .. }, Node::Symlink { target: new, .. }) => old == new,
                (Node::Special { kind: old, .. }, Node::Special { kind: new, .. }) => old == new,
                _ => false,
            }
    }

    fn is_same_group(&self, path: &TreePath, old: &File, new: &File) -> bool {
        (old.link.is_none() && new.link.is_none()) || self.lower.names(path) == self.upper.names(path)
    }
}

fn child(at: &TreePath, name: &str) -> TreePath {
    at.join(name).expect("names in a tree are single components")
}

fn is_shared(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::File(a), Node::File(b)) => Arc::ptr_eq(a, b),
        (Node::Dir(a), Node::Dir(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

fn is_same_meta(a: &Meta, b: &Meta) -> bool {
    (a.mode, a.uid, a.gid, a.mtime.secs) == (b.mode, b.uid, b.gid, b.mtime.secs)
        && a.xattrs.get(CAPABILITY) == b.xattrs.get(CAPABILITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Content, Time};

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn file(size: u64) -> Node {
        Node::file(Meta::of_mode(0o644), Content::Absent { size })
    }

    fn list(lower: &Tree, upper: &Tree) -> Vec<String> {
        let found = Difference::within(u64::MAX, lower, upper).unwrap();
        let line = |entry: &Entry| format!("{}{}", if entry.node.is_some() { "+" } else { "-" }, entry.path);
        found.entries.iter().map(line).collect()
    }

    #[test]
    fn only_what_differs_is_listed_and_the_directories_on_the_way() {
        let mut lower = Tree::new();
        lower.mkdir_all(&path("a/b"), &Meta::of_mode(0o755)).unwrap();
        lower.mkdir_all(&path("c"), &Meta::of_mode(0o755)).unwrap();
        for name in ["a/x", "a/b/y", "c/z"] {
            lower.insert(&path(name), file(1)).unwrap();
        }
        let mut upper = lower.clone();
        upper.insert(&path("a/b/y"), file(2)).unwrap();
        upper.remove(&path("a/x")).unwrap();
        assert_eq!(list(&lower, &upper), ["+a", "-a/x", "+a/b", "+a/b/y"]);
        let mut touched = lower.clone();
        touched
            .update_meta(&path("c"), |meta| meta.mtime = Time::of_secs(9))
            .unwrap();
        assert_eq!(list(&lower, &touched), ["+c"]);
        assert!(list(&lower, &lower.clone()).is_empty());
    }

    #[test]
    fn a_file_that_gets_another_name_is_written_under_both() {
        let mut lower = Tree::new();
        lower.insert(&path("a"), file(1)).unwrap();
        let mut upper = lower.clone();
        upper.link(&path("a"), &path("b")).unwrap();
        assert_eq!(list(&lower, &upper), ["+a", "+b"]);
    }

    #[test]
    fn what_weighs_too_much_is_given_up() {
        let mut upper = Tree::new();
        upper.insert(&path("a"), file(1 << 20)).unwrap();
        assert!(Difference::within(1 << 20, &Tree::new(), &upper).is_none());
        assert!(Difference::within(2 << 20, &Tree::new(), &upper).is_some());
    }
}
