//! What the bytes of an image are worth: seen, hidden by later layers, there twice, shared with other images.

use crate::changes::{Before, apply_change, place_of};
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
            walk.before = Before::default();
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
    before: Before,
}

impl Walk {
    fn step(&mut self, layer: usize, change: &Change) -> Result<(), TreeError> {
        let place = place_of(&self.tree, &change.path)?;
        let was = Was::at(&self.tree, &place, &change.kind);
        let path = apply_change(&mut self.tree, change, &mut self.before)?;
        match &change.kind {
            ChangeKind::Delete => {
                self.usage.layers[layer].removed.names += was.names;
                let below = Hiding::ParentDeleted(path.clone());
                for (name, file) in self.names_within(&path) {
                    let how = if name == path { &Hiding::Deleted } else { &below };
                    let bytes = self.unname(layer, &name, file, how.clone());
                    self.usage.layers[layer].removed.bytes += bytes;
                }
            }
            ChangeKind::Opaque => self.hide_opaque(layer, &was, &path),
            ChangeKind::Put(node) => {
                if !(node.is_dir() && was.kind == Some(Kind::Dir)) {
                    self.replace(layer, &was, &path);
                }
                let content = node.as_file().map(|file| file.content);
                self.count(layer, &was, content.map_or(0, |content| content.size()));
                if let Some(content) = content {
                    self.ship(layer, path, content);
                }
            }
            ChangeKind::Link { .. } => {
                self.count(layer, &was, 0);
                self.replace(layer, &was, &path);
                let names = self.tree.names(&path);
                if let Some(file) = names.iter().find_map(|name| self.names.get(name).copied()) {
                    self.names.insert(path, file);
                    *self.n_names.entry(file).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, layer: usize, was: &Was, bytes: u64) {
        let usage = &mut self.usage.layers[layer];
        let count = if was.kind.is_some() {
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

    /// Something else stands at `path` now.
    fn replace(&mut self, layer: usize, was: &Was, path: &TreePath) {
        let now = self.tree.get(path).and_then(Node::as_file).map(|file| file.content);
        let how = match (was.kind, now) {
            (Some(Kind::File(old)), Some(new)) if old == new => Hiding::SameContent,
            (Some(Kind::File(_)), Some(_)) => Hiding::Overwritten,
            _ => Hiding::Replaced(path.clone()),
        };
        for (name, file) in self.names_within(path) {
            let how = if name == *path {
                how.clone()
            } else {
                Hiding::Replaced(path.clone())
            };
            self.unname(layer, &name, file, how);
        }
    }

    fn hide_opaque(&mut self, layer: usize, was: &Was, path: &TreePath) {
        for (name, file) in self.names_within(path) {
            if self.tree.get(&name).is_none() {
                let bytes = self.unname(layer, &name, file, Hiding::Opaque(path.clone()));
                self.usage.layers[layer].removed.bytes += bytes;
            }
        }
        let left = self.tree.get(path).map_or(0, n_names);
        self.usage.layers[layer].removed.names += was.names.saturating_sub(left);
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

/// What stood at a path before a change. It holds on to nothing of the tree, which could not be changed in place then.
struct Was {
    kind: Option<Kind>,
    /// The names that stood at and below it, if the change takes names away.
    names: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File(Content),
    Dir,
    Other,
}

impl Was {
    fn at(tree: &Tree, path: &TreePath, change: &ChangeKind) -> Was {
        let node = tree.get(path);
        let takes_away = matches!(change, ChangeKind::Delete | ChangeKind::Opaque);
        Was {
            kind: node.map(|node| match node {
                Node::File(file) => Kind::File(file.content),
                Node::Dir(_) => Kind::Dir,
                Node::Symlink { .. } | Node::Special { .. } => Kind::Other,
            }),
            names: node.filter(|_| takes_away).map_or(0, n_names),
        }
    }
}

/// The names of a node and of everything in it.
fn n_names(node: &Node) -> u64 {
    let below = node.as_dir().map_or(0, |dir| dir.entries.values().map(n_names).sum());
    1 + below
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
