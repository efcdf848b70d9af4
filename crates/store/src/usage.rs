//! What the bytes of an image are worth: seen, hidden by later layers, there twice, shared with other images.

use crate::changes::apply_change;
use crate::{Change, ChangeKind, Content, Image, Layer, Node, Tree, TreeError, TreePath};
use oci::{ChainId, Digest};
use std::collections::{BTreeMap, BTreeSet};

/// Where every byte that an image ships ends up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// One for each layer, base first.
    pub layers: Vec<LayerUsage>,
    /// Every file of every layer.
    pub files: Vec<ShippedFile>,
}

/// What one layer does. Bytes are those of files, uncompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerUsage {
    /// Names that were not there before.
    pub added: Count,
    /// Names that were, with their new bytes.
    pub changed: Count,
    /// Names that are gone, with the bytes of the files they named.
    pub removed: Count,
    /// Bytes of this layer that a later layer hides.
    pub hidden_bytes: u64,
}

/// Names and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many names.
    pub names: u64,
    /// How many bytes of files.
    pub bytes: u64,
}

/// A file as a layer ships it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedFile {
    /// Index of the layer.
    pub layer: usize,
    /// Its first name.
    pub path: TreePath,
    /// Its bytes.
    pub content: Content,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a shipped file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is in the image's filesystem.
    Visible,
    /// A later layer took it out of sight; its bytes are shipped all the same.
    Hidden {
        /// Index of the layer that did.
        by: usize,
        /// How.
        how: Hiding,
    },
}

/// How a file came out of sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hiding {
    /// The same content was shipped again, for the sake of its mode, owner or time.
    SameContent,
    /// Other content was written.
    Overwritten,
    /// It was deleted.
    Deleted,
    /// The directory at this path, in which it was, was deleted.
    ParentDeleted(TreePath),
    /// The directory at this path was made anew.
    Opaque(TreePath),
    /// Something that is no file, or no directory, stands at this path now.
    Replaced(TreePath),
}

impl Usage {
    /// The usage of `layers`, base first.
    ///
    /// # Errors
    ///
    /// As [`crate::apply`].
    pub fn of(layers: &[Layer]) -> Result<Usage, TreeError> {
        let mut walk = Walk::default();
        for (number, layer) in layers.iter().enumerate() {
            walk.usage.layers.push(LayerUsage::default());
            walk.put.clear();
            walk.tree.seal_links();
            for change in &layer.changes.changes {
                walk.step(number, change)?;
            }
        }
        Ok(walk.usage)
    }

    /// The bytes of all files of all layers.
    pub fn shipped_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.content.size()).sum()
    }

    /// Those that are out of sight.
    pub fn hidden_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.hidden_bytes).sum()
    }

    /// Those that are in the image's filesystem.
    pub fn visible_bytes(&self) -> u64 {
        self.shipped_bytes() - self.hidden_bytes()
    }

    /// Visible bytes that are there once more elsewhere: of each content all copies but one. Simulated files, whose
    /// content is not known, do not count.
    pub fn duplicate_bytes(&self) -> u64 {
        let mut seen = BTreeSet::new();
        self.files
            .iter()
            .filter(|file| file.fate == Fate::Visible)
            .filter_map(|file| match file.content {
                Content::Blob { digest, size } => (!seen.insert(digest)).then_some(size),
                Content::Absent { .. } => None,
            })
            .sum()
    }
}

#[derive(Default)]
struct Walk {
    usage: Usage,
    tree: Tree,
    /// Which file, by its index in the usage, a name stands for.
    names: BTreeMap<TreePath, usize>,
    /// How many names a file still has.
    n_names: BTreeMap<usize, usize>,
    put: BTreeSet<TreePath>,
}

impl Walk {
    fn step(&mut self, layer: usize, change: &Change) -> Result<(), TreeError> {
        let before = self.tree.clone();
        let path = apply_change(&mut self.tree, change, &mut self.put)?;
        let was = before.get(&path);
        match &change.kind {
            ChangeKind::Delete => {
                self.hide_tree(
                    layer,
                    &before,
                    &path,
                    Hiding::Deleted,
                    &Hiding::ParentDeleted(path.clone()),
                );
            }
            ChangeKind::Opaque => self.hide_opaque(layer, &before, &path),
            ChangeKind::Put(node) => {
                let is_dir_again = node.is_dir() && was.is_some_and(Node::is_dir);
                if !is_dir_again {
                    self.replace(layer, &before, &path, node);
                }
                let bytes = node.as_file().map_or(0, |file| file.content.size());
                self.count(layer, was.is_some(), bytes);
                if let Node::File(file) = node {
                    self.ship(layer, path, file.content);
                }
            }
            ChangeKind::Link { .. } => {
                self.count(layer, was.is_some(), 0);
                let names = self.tree.names(&path);
                let file = names
                    .iter()
                    .find_map(|name| self.names.get(name).filter(|_| *name != path).copied());
                if let Some(node) = self.tree.get(&path).cloned() {
                    self.replace(layer, &before, &path, &node);
                }
                if let Some(file) = file {
                    self.names.insert(path, file);
                    *self.n_names.entry(file).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, layer: usize, was_there: bool, bytes: u64) {
        let usage = &mut self.usage.layers[layer];
        let count = if was_there {
            &mut usage.changed
        } else {
            &mut usage.added
        };
        count.names += 1;
        count.bytes += bytes;
    }

    fn ship(&mut self, layer: usize, path: TreePath, content: Content) {
        let file = self.usage.files.len();
        self.names.insert(path.clone(), file);
        self.n_names.insert(file, 1);
        self.usage.files.push(ShippedFile {
            layer,
            path,
            content,
            fate: Fate::Visible,
        });
    }

    /// `node` stands at `path` now, in place of what was there in `before`.
    fn replace(&mut self, layer: usize, before: &Tree, path: &TreePath, node: &Node) {
        let how = match (before.get(path), node) {
            (Some(Node::File(old)), Node::File(new)) if old.content == new.content => Hiding::SameContent,
            (Some(Node::File(_)), Node::File(_)) => Hiding::Overwritten,
            _ => Hiding::Replaced(path.clone()),
        };
        for (name, file) in self.names_within(path) {
            let is_below = name != *path;
            self.unname(
                layer,
                &name,
                file,
                if is_below {
                    Hiding::Replaced(path.clone())
                } else {
                    how.clone()
                },
            );
        }
    }

    fn hide_tree(&mut self, layer: usize, before: &Tree, path: &TreePath, at: Hiding, below: &Hiding) {
        let gone = before.get(path).map_or(0, |node| 1 + node.as_dir().map_or(0, n_names));
        self.usage.layers[layer].removed.names += gone;
        for (name, file) in self.names_within(path) {
            let how = if name == *path { at.clone() } else { below.clone() };
            let bytes = self.unname(layer, &name, file, how);
            self.usage.layers[layer].removed.bytes += bytes;
        }
    }

    fn hide_opaque(&mut self, layer: usize, before: &Tree, path: &TreePath) {
        for (name, file) in self.names_within(path) {
            if self.tree.get(&name) != before.get(&name) {
                let bytes = self.unname(layer, &name, file, Hiding::Opaque(path.clone()));
                self.usage.layers[layer].removed.bytes += bytes;
            }
        }
        let names = |tree: &Tree| tree.get(path).and_then(Node::as_dir).map_or(0, n_names);
        self.usage.layers[layer].removed.names += names(before).saturating_sub(names(&self.tree));
    }

    fn names_within(&self, path: &TreePath) -> Vec<(TreePath, usize)> {
        let from = self.names.range(path.clone()..);
        let within = from.take_while(|(name, _)| name.is_within(path));
        within.map(|(name, file)| (name.clone(), *file)).collect()
    }

    /// Takes a name from a file; returns the bytes that are out of sight by it, which are none while other names remain.
    fn unname(&mut self, layer: usize, name: &TreePath, file: usize, how: Hiding) -> u64 {
        self.names.remove(name);
        let left = self.n_names.entry(file).or_default();
        *left = left.saturating_sub(1);
        if *left > 0 {
            return 0;
        }
        let shipped = &mut self.usage.files[file];
        shipped.fate = Fate::Hidden { by: layer, how };
        let bytes = shipped.content.size();
        self.usage.layers[shipped.layer].hidden_bytes += bytes;
        bytes
    }
}

fn n_names(dir: &crate::Dir) -> u64 {
    dir.entries
        .values()
        .map(|node| 1 + node.as_dir().map_or(0, n_names))
        .sum()
}

/// Layers that several images have in common, and what they save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLayer {
    /// The stack up to and with the layer.
    pub chain_id: ChainId,
    /// Its blob's digest in the first image that has it.
    pub digest: Digest,
    /// Bytes of its tar.
    pub tar_size: u64,
    /// Indexes of the images that have it.
    pub images: Vec<usize>,
}

/// Every layer of `images`, once, in the order of first use. Layers count as shared only with everything below them.
pub fn sharing(images: &[&Image]) -> Vec<SharedLayer> {
    let mut found: Vec<SharedLayer> = Vec::new();
    let mut places: BTreeMap<ChainId, usize> = BTreeMap::new();
    for (number, image) in images.iter().enumerate() {
        for (chain_id, layer) in image.chain_ids().into_iter().zip(&image.layers) {
            let place = *places.entry(chain_id).or_insert_with(|| {
                found.push(SharedLayer {
                    chain_id,
                    digest: layer.descriptor.digest,
                    tar_size: layer.tar_size,
                    images: Vec::new(),
                });
                found.len() - 1
            });
            found[place].images.push(number);
        }
    }
    found
}

#[cfg(test)]
mod tests;
