//! Visiting every node of a tree in layer order.

use super::Tree;
use crate::{File, Node, TreePath};
use std::collections::{BTreeSet, btree_map};

/// Every node below the root with its path; see [`Tree::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    at: TreePath,
    stack: Vec<btree_map::Iter<'a, String, Node>>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (TreePath, &'a Node);

    fn next(&mut self) -> Option<(TreePath, &'a Node)> {
        loop {
            if let Some((name, node)) = self.stack.last_mut()?.next() {
                let path = self.at.child(name);
                if let Some(dir) = node.as_dir() {
                    self.at.push(name);
                    self.stack.push(dir.entries.iter());
                }
                return Some((path, node));
            }
            self.stack.pop();
            self.at.pop();
        }
    }
}

impl Tree {
    /// Every node but the root, parents first, names in byte order: the order of a layer's entries.
    pub fn walk(&self) -> Walk<'_> {
        Walk {
            at: TreePath::root(),
            stack: vec![self.root().entries.iter()],
        }
    }

    /// The number of names in the tree, the root not counted.
    pub fn len(&self) -> usize {
        self.walk().count()
    }

    /// Whether the root holds nothing.
    pub fn is_empty(&self) -> bool {
        self.root().entries.is_empty()
    }

    /// The bytes of all files; a file with several names counts once.
    pub fn bytes(&self) -> u64 {
        let mut seen = BTreeSet::new();
        self.walk()
            .filter_map(|(_, node)| node.as_file())
            .filter(|file| file.link.is_none_or(|number| seen.insert(number)))
            .map(|file| file.content.size())
            .sum()
    }
}

/// Whether two nodes are equal but for link numbers.
pub(super) fn alike(a: &Node, b: &Node) -> bool {
    if a.is_shared_with(b) {
        return true;
    }
    match (a, b) {
        (Node::Dir(a), Node::Dir(b)) => {
            a.meta == b.meta
                && a.entries.len() == b.entries.len()
                && a.entries
                    .iter()
                    .zip(&b.entries)
                    .all(|((name_a, a), (name_b, b))| name_a == name_b && alike(a, b))
        }
        (Node::File(a), Node::File(b)) => {
            let File { meta, content, link: _ } = &**a;
            *meta == b.meta && *content == b.content
        }
        _ => a == b,
    }
}
