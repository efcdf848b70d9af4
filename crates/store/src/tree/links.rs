//! Which files have several names.

use super::Tree;
use crate::{File, Node, TreePath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names of every file that has more than one.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    next: u64,
    /// Files with smaller numbers are changed one name at a time.
    sealed_below: u64,
    groups: BTreeMap<u64, BTreeSet<TreePath>>,
    /// The same the other way round.
    numbers: BTreeMap<TreePath, u64>,
}

impl Links {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// A new number for the file at `path`.
    pub(super) fn start(&mut self, path: &TreePath) -> u64 {
        let number = self.next;
        self.next += 1;
        self.add(number, path.clone());
        number
    }

    pub(super) fn add(&mut self, number: u64, path: TreePath) {
        self.numbers.insert(path.clone(), number);
        self.groups.entry(number).or_default().insert(path);
    }

    pub(super) fn names(&self, number: u64) -> impl Iterator<Item = &TreePath> {
        self.groups.get(&number).into_iter().flatten()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &BTreeSet<TreePath>> {
        self.groups.values()
    }

    pub(super) fn rename(&mut self, from: &TreePath, to: &TreePath) {
        for (name, number) in self.take_within(from) {
            let rest = name.below(from).expect("it was found within");
            self.add(number, to.concat(&rest));
        }
    }

    /// Whether a name at or below `path` is one of several.
    fn reaches(&self, path: &TreePath) -> bool {
        self.numbers
            .range(path..)
            .next()
            .is_some_and(|(name, _)| name.is_within(path))
    }

    /// Removes the names at and below `path`; groups may be left with one name or none.
    fn take_within(&mut self, path: &TreePath) -> Vec<(TreePath, u64)> {
        let within = self.numbers.range(path..).take_while(|(name, _)| name.is_within(path));
        let taken: Vec<(TreePath, u64)> = within.map(|(name, number)| (name.clone(), *number)).collect();
        for (name, number) in &taken {
            self.numbers.remove(name);
            if let Some(names) = self.groups.get_mut(number) {
                names.remove(name);
            }
        }
        taken
    }

    /// Whether the same names belong together, whatever their numbers.
    pub(super) fn same_groups(&self, other: &Links) -> bool {
        let groups = |links: &Links| links.groups.values().cloned().collect::<BTreeSet<_>>();
        self.groups.len() == other.groups.len() && groups(self) == groups(other)
    }
}

impl Tree {
    /// From now on a file that has several names is changed under one of them at a time: the name that is changed, or
    /// gets a further name, becomes a file of its own. Files linked after this are changed under all their names again.
    ///
    /// So overlayfs does with the files of lower layers, and so every step of a build finds the files of the steps
    /// before it.
    pub fn seal_links(&mut self) {
        if !self.links.is_empty() {
            let links = Arc::make_mut(&mut self.links);
            links.sealed_below = links.next;
        }
    }

    /// Makes the file at `path` one of its own if its names are sealed.
    pub(super) fn detach(&mut self, path: &TreePath) {
        let number = self.get(path).and_then(Node::link);
        if number.is_some_and(|number| number < self.links.sealed_below) {
            self.forget(path);
            self.set_link(path, None);
        }
    }

    /// Removes the names at and below `path` from the index; a file left with one name becomes an ordinary one.
    pub(super) fn forget(&mut self, path: &TreePath) {
        if !self.links.reaches(path) {
            return;
        }
        let links = Arc::make_mut(&mut self.links);
        let mut alone = Vec::new();
        for (_, number) in links.take_within(path) {
            if links.groups.get(&number).is_some_and(|names| names.len() <= 1) {
                let left = links.groups.remove(&number).and_then(|mut names| names.pop_first());
                alone.extend(left);
            }
        }
        for name in alone {
            Arc::make_mut(&mut self.links).numbers.remove(&name);
            self.set_link(&name, None);
        }
    }

    /// Gives the linked files of a node that is to stand at `path` numbers of this tree.
    pub(super) fn adopt(&mut self, path: &TreePath, node: &mut Node) {
        let mut found = BTreeMap::new();
        find_links(path, node, &mut found);
        for names in found.into_values() {
            let number = if names.len() > 1 {
                let links = Arc::make_mut(&mut self.links);
                let number = links.start(&names[0]);
                for name in &names {
                    links.add(number, name.clone());
                }
                Some(number)
            } else {
                None
            };
            // All names of a stranger's file are to be alike: the first in layer order decides.
            let mut first: Option<Arc<File>> = None;
            for name in &names {
                let below = name.below(path).expect("it was found below");
                let slot = descend(node, &below);
                let Node::File(file) = slot else {
                    unreachable!("only files are linked")
                };
                let file = first.get_or_insert_with(|| {
                    Arc::new(File {
                        link: number,
                        ..(**file).clone()
                    })
                });
                *slot = Node::File(file.clone());
            }
        }
    }

    fn set_link(&mut self, path: &TreePath, link: Option<u64>) {
        if let Node::File(file) = self.node_mut(path) {
            Arc::make_mut(file).link = link;
        }
    }
}

fn find_links(at: &TreePath, node: &Node, found: &mut BTreeMap<u64, Vec<TreePath>>) {
    match node {
        Node::File(file) => {
            if let Some(number) = file.link {
                found.entry(number).or_default().push(at.clone());
            }
        }
        Node::Dir(dir) => {
            for (name, below) in &dir.entries {
                find_links(&at.child(name), below, found);
            }
        }
        Node::Symlink { .. } | Node::Special { .. } => {}
    }
}

fn descend<'a>(node: &'a mut Node, path: &TreePath) -> &'a mut Node {
    path.components().fold(node, |node, name| match node {
        Node::Dir(dir) => Arc::make_mut(dir).entries.get_mut(name).expect("it was found below"),
        _ => unreachable!("it was found below"),
    })
}
