//! A filesystem as a value: cheap to clone, compared by content, changed by path.

mod links;
mod resolve;
mod walk;

pub use resolve::Follow;
pub use walk::Walk;

use crate::path::check_name;
use crate::{Dir, File, Meta, Node, PathError, TreePath};
use links::Links;
use std::sync::Arc;

/// A filesystem from its root down.
///
/// A clone costs two reference counts; a change copies the directories from the root to the path and nothing else.
/// Times of directories are the caller's: adding or removing a name does not touch its directory's time.
///
/// Two trees are equal if they hold the same nodes and the same files share their names; link numbers may differ.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Always a directory.
    root: Node,
    links: Arc<Links>,
}

/// The deepest that anything lies in a tree, in components. DIFFERENCE: BuildKit has no limit of its own; here trees are
/// walked and dropped by recursion, and the smallest stack to do so is that of a browser's worker.
pub const MAX_DEPTH: usize = 512;

/// Why a tree could not be read or changed there. Paths are given with a leading slash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Nothing stands there.
    #[error("no such file or directory: {path}")]
    Missing {
        /// Where.
        path: String,
    },
    /// Something that is no directory stands where one is needed.
    #[error("not a directory: {path}")]
    NotDirectory {
        /// Where.
        path: String,
    },
    /// A directory stands where a file is needed.
    #[error("is a directory: {path}")]
    IsDirectory {
        /// Where.
        path: String,
    },
    /// Something stands where nothing may.
    #[error("file exists: {path}")]
    Exists {
        /// Where.
        path: String,
    },
    /// A directory would become part of itself, or the root would go away.
    #[error("invalid argument: {path}")]
    Invalid {
        /// Where.
        path: String,
    },
    /// More than 40 symbolic links on the way.
    #[error("too many levels of symbolic links: {path}")]
    TooManyLinks {
        /// The path that was asked for.
        path: String,
    },
    /// A directory would lie deeper than [`MAX_DEPTH`].
    #[error("file name too long: {path}")]
    TooDeep {
        /// Where.
        path: String,
    },
    /// A name is no name.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl TreeError {
    fn missing(path: &TreePath) -> TreeError {
        TreeError::Missing { path: path.absolute() }
    }

    fn not_directory(path: &TreePath) -> TreeError {
        TreeError::NotDirectory { path: path.absolute() }
    }
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        walk::alike(&self.root, &other.root) && self.links.same_groups(&other.links)
    }
}

impl Eq for Tree {}

impl Tree {
    /// An empty filesystem: a root directory of mode 0755, owner 0:0.
    pub fn new() -> Tree {
        Tree {
            root: Node::dir(Meta::of_mode(0o755)),
            links: Arc::default(),
        }
    }

    /// A filesystem whose root is `dir`.
    ///
    /// # Errors
    ///
    /// [`PathError`] if a name in it is no single component.
    pub fn from_dir(dir: Arc<Dir>) -> Result<Tree, TreeError> {
        let mut tree = Tree::new();
        let mut root = Node::Dir(dir);
        check_node(&root, &TreePath::root(), 0)?;
        tree.adopt(&TreePath::root(), &mut root);
        tree.root = root;
        Ok(tree)
    }

    /// The root directory.
    pub fn root(&self) -> &Dir {
        self.root.as_dir().expect("the root is always a directory")
    }

    /// What stands at `path`; symbolic links are not followed, see [`resolve`](Tree::resolve).
    pub fn get(&self, path: &TreePath) -> Option<&Node> {
        path.components()
            .try_fold(&self.root, |node, name| node.as_dir()?.entries.get(name))
    }

    /// Puts `node` at `path`, in place of whatever stood there.
    ///
    /// The node comes as a stranger: link numbers in it count only within it, and a single file gets one name.
    /// To give a file one more name, use [`link`](Tree::link).
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] or [`TreeError::NotDirectory`] if the parent is no directory, [`TreeError::NotDirectory`]
    /// if the root is to be something else, [`TreeError::Path`] for a bad name inside a directory. Nothing changes then.
    pub fn insert(&mut self, path: &TreePath, node: Node) -> Result<(), TreeError> {
        let mut node = node;
        if path.is_root() {
            let Node::Dir(dir) = node else {
                return Err(TreeError::not_directory(path));
            };
            *self = Tree::from_dir(dir)?;
            return Ok(());
        }
        self.check_parent(path)?;
        check_node(&node, path, path.depth())?;
        self.forget(path);
        self.adopt(path, &mut node);
        self.put(path, node);
        Ok(())
    }

    /// Takes away what stands at `path` and returns it, link numbers as they were.
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] if nothing stands there, [`TreeError::Invalid`] for the root.
    pub fn remove(&mut self, path: &TreePath) -> Result<Node, TreeError> {
        if path.is_root() {
            return Err(TreeError::Invalid { path: path.absolute() });
        }
        let node = self.get(path).cloned().ok_or_else(|| TreeError::missing(path))?;
        self.forget(path);
        self.take(path);
        Ok(node)
    }

    /// Makes the directory `path` and all missing ones above it, each with `meta`; those that exist stay as they are.
    ///
    /// # Errors
    ///
    /// [`TreeError::NotDirectory`] if something else stands on the way (symbolic links are not followed),
    /// [`TreeError::TooDeep`].
    pub fn mkdir_all(&mut self, path: &TreePath, meta: &Meta) -> Result<(), TreeError> {
        if self.get(path).is_some_and(Node::is_dir) {
            return Ok(());
        }
        check_depth(path, path.depth())?;
        let mut at = TreePath::root();
        for name in path.components() {
            at.push(name);
            match self.get(&at) {
                Some(Node::Dir(_)) => {}
                Some(_) => return Err(TreeError::not_directory(&at)),
                None => self.put(&at, Node::dir(meta.clone())),
            }
        }
        Ok(())
    }

    /// Gives the file at `existing` the further name `new`. Symbolic links and devices are copied instead.
    /// See also [`seal_links`](Tree::seal_links).
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`], [`TreeError::IsDirectory`] for `existing`; [`TreeError::Exists`] if something stands at
    /// `new`; as [`insert`](Tree::insert) for the parent of `new`.
    pub fn link(&mut self, existing: &TreePath, new: &TreePath) -> Result<(), TreeError> {
        let node = self
            .get(existing)
            .cloned()
            .ok_or_else(|| TreeError::missing(existing))?;
        self.check_parent(new)?;
        if self.get(new).is_some() {
            return Err(TreeError::Exists { path: new.absolute() });
        }
        match node {
            Node::Dir(_) => Err(TreeError::IsDirectory {
                path: existing.absolute(),
            }),
            Node::File(file) => {
                self.detach(existing);
                let link = self.get(existing).and_then(Node::link);
                let links = Arc::make_mut(&mut self.links);
                let number = link.unwrap_or_else(|| links.start(existing));
                links.add(number, new.clone());
                let file = Arc::new(File {
                    link: Some(number),
                    ..(*file).clone()
                });
                self.put(existing, Node::File(file.clone()));
                // The other names already carry the number: only the first link changes the file that was there.
                self.put(new, Node::File(file));
                Ok(())
            }
            other => {
                self.put(new, other);
                Ok(())
            }
        }
    }

    /// Every name of the file at `path`, in layer order; only `path` if it has no other.
    pub fn names(&self, path: &TreePath) -> Vec<TreePath> {
        match self.get(path).and_then(Node::link) {
            Some(number) => self.links.names(number).cloned().collect(),
            None => vec![path.clone()],
        }
    }

    /// The names of every file that has more than one, each in layer order.
    pub fn link_groups(&self) -> impl Iterator<Item = &std::collections::BTreeSet<TreePath>> {
        self.links.all()
    }

    /// Moves what stands at `from` to `to`, in place of whatever stood there; files keep their other names.
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] for `from`, [`TreeError::Invalid`] if `to` is below `from` or either is the root; as
    /// [`insert`](Tree::insert) for the parent of `to`.
    pub fn rename(&mut self, from: &TreePath, to: &TreePath) -> Result<(), TreeError> {
        let node = self.get(from).cloned().ok_or_else(|| TreeError::missing(from))?;
        if from == to {
            return Ok(());
        }
        if from.is_root() || to.is_root() || to.is_within(from) || from.is_within(to) {
            return Err(TreeError::Invalid { path: to.absolute() });
        }
        self.check_parent(to)?;
        check_node(&node, to, to.depth())?;
        self.forget(to);
        // `forget` may have rewritten the file under `from` if both were names of it.
        let node = self.get(from).cloned().unwrap_or(node);
        self.take(from);
        if !self.links.is_empty() {
            Arc::make_mut(&mut self.links).rename(from, to);
        }
        self.put(to, node);
        Ok(())
    }

    /// Changes the file at `path` under all its names. The link number cannot be changed.
    /// See also [`seal_links`](Tree::seal_links).
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] or [`TreeError::IsDirectory`]; [`TreeError::Invalid`] for a link or a device.
    pub fn update_file(&mut self, path: &TreePath, change: impl FnOnce(&mut File)) -> Result<(), TreeError> {
        let mut file = match self.get(path) {
            None => return Err(TreeError::missing(path)),
            Some(Node::Dir(_)) => return Err(TreeError::IsDirectory { path: path.absolute() }),
            Some(Node::File(file)) => (**file).clone(),
            Some(_) => return Err(TreeError::Invalid { path: path.absolute() }),
        };
        self.detach(path);
        change(&mut file);
        file.link = self.get(path).and_then(Node::link);
        let file = Arc::new(file);
        for name in self.names(path) {
            self.put(&name, Node::File(file.clone()));
        }
        Ok(())
    }

    /// Changes mode, owner, time or attributes of what stands at `path`, under all its names. Works on the root.
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] if nothing stands there.
    pub fn update_meta(&mut self, path: &TreePath, change: impl FnOnce(&mut Meta)) -> Result<(), TreeError> {
        match self.get(path) {
            None => Err(TreeError::missing(path)),
            Some(Node::File(_)) => self.update_file(path, |file| change(&mut file.meta)),
            Some(_) => {
                let node = self.node_mut(path);
                change(node.meta_mut());
                if let Node::Symlink { meta, .. } = node {
                    meta.mode = 0o777;
                }
                Ok(())
            }
        }
    }

    fn check_parent(&self, path: &TreePath) -> Result<(), TreeError> {
        let parent = path
            .parent()
            .ok_or_else(|| TreeError::Exists { path: path.absolute() })?;
        check_depth(path, path.depth())?;
        match self.get(&parent) {
            Some(Node::Dir(_)) => Ok(()),
            Some(_) => Err(TreeError::not_directory(&parent)),
            None => Err(TreeError::missing(&parent)),
        }
    }

    /// The node at a path that is known to exist, its directories copied where they are shared.
    fn node_mut(&mut self, path: &TreePath) -> &mut Node {
        let mut node = &mut self.root;
        for name in path.components() {
            let Node::Dir(dir) = node else {
                unreachable!("callers check that the path exists")
            };
            node = Arc::make_mut(dir)
                .entries
                .get_mut(name)
                .expect("callers check that the path exists");
        }
        node
    }

    fn entries_of_parent(&mut self, path: &TreePath) -> &mut std::collections::BTreeMap<String, Node> {
        let parent = path.parent().expect("callers exclude the root");
        match self.node_mut(&parent) {
            Node::Dir(dir) => &mut Arc::make_mut(dir).entries,
            _ => unreachable!("callers check that the parent is a directory"),
        }
    }

    fn put(&mut self, path: &TreePath, node: Node) {
        let name = path.name().expect("callers exclude the root").to_owned();
        self.entries_of_parent(path).insert(name, node);
    }

    fn take(&mut self, path: &TreePath) {
        let name = path.name().expect("callers exclude the root");
        self.entries_of_parent(path).remove(name);
    }
}

/// Refuses bad names in a node that is to stand at `path`, and a depth that would be too much.
fn check_node(node: &Node, path: &TreePath, depth: usize) -> Result<(), TreeError> {
    check_depth(path, depth)?;
    if let Node::Dir(dir) = node {
        for (name, below) in &dir.entries {
            check_name(name)?;
            check_node(below, path, depth + 1)?;
        }
    }
    Ok(())
}

fn check_depth(path: &TreePath, depth: usize) -> Result<(), TreeError> {
    if depth > MAX_DEPTH {
        let path = path.absolute().chars().take(200).collect();
        return Err(TreeError::TooDeep { path });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
