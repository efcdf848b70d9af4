//! Following symbolic links as Linux does, never out of the root.

use super::{Tree, TreeError};
use crate::{Node, TreePath};

/// As many symbolic links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// What to do with a symbolic link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Go where it points, as `stat` and `open` do.
    Last,
    /// Stay at the link itself, as `lstat` and `unlink` do. A trailing slash still follows.
    AllButLast,
}

/// What to do where a path goes on below something that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Refuse,
    GoOn,
}

impl Tree {
    /// The place that `path` names, symbolic links followed, `..` going up from where a link led; `/` and links to
    /// absolute paths start at the tree's root.
    ///
    /// The last component need not exist: then this is where it would be made.
    ///
    /// # Errors
    ///
    /// [`TreeError::Missing`] or [`TreeError::NotDirectory`] if a component before the last is no directory,
    /// [`TreeError::TooManyLinks`] after 40 links, [`TreeError::Path`] for a NUL byte.
    ///
    /// Source: Linux, `path_resolution(7)`.
    pub fn resolve(&self, path: &str, follow: Follow) -> Result<TreePath, TreeError> {
        self.resolve_from(&TreePath::root(), path, follow)
    }

    /// As [`resolve`](Tree::resolve), with relative paths starting at the directory `cwd`.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Tree::resolve).
    pub fn resolve_from(&self, cwd: &TreePath, path: &str, follow: Follow) -> Result<TreePath, TreeError> {
        self.follow(cwd, path, follow, Absent::Refuse)
    }

    /// As [`resolve`](Tree::resolve), but what does not exist is taken as written, as a directory to be made: the
    /// place that `mkdir -p` would make. Something that is no directory in the middle is taken as written too.
    ///
    /// # Errors
    ///
    /// [`TreeError::TooManyLinks`] after 40 links, [`TreeError::Path`] for a NUL byte.
    pub fn resolve_missing(&self, path: &str, follow: Follow) -> Result<TreePath, TreeError> {
        self.follow(&TreePath::root(), path, follow, Absent::GoOn)
    }

    fn follow(&self, cwd: &TreePath, path: &str, follow: Follow, absent: Absent) -> Result<TreePath, TreeError> {
        TreePath::clean(path)?;
        let mut at = if path.starts_with('/') {
            TreePath::root()
        } else {
            cwd.clone()
        };
        // What is still to be walked, the next component at the end. A trailing slash asks for a directory: `.` stands for it.
        let mut left: Vec<String> = Vec::new();
        push_components(&mut left, path);
        let mut n_links = 0;
        while let Some(name) = left.pop() {
            if absent == Absent::Refuse {
                match self.get(&at) {
                    Some(Node::Dir(_)) => {}
                    Some(_) => return Err(TreeError::not_directory(&at)),
                    None => return Err(TreeError::missing(&at)),
                }
            }
            match name.as_str() {
                "." => continue,
                ".." => {
                    at.pop();
                    continue;
                }
                _ => at.push(&name),
            }
            let Some(Node::Symlink { target, .. }) = self.get(&at) else {
                continue;
            };
            if left.is_empty() && follow == Follow::AllButLast {
                continue;
            }
            n_links += 1;
            if n_links > MAX_LINKS {
                return Err(TreeError::TooManyLinks { path: path.to_owned() });
            }
            at.pop();
            if target.starts_with('/') {
                at = TreePath::root();
            }
            TreePath::clean(target)?;
            push_components(&mut left, target);
        }
        Ok(at)
    }
}

fn push_components(left: &mut Vec<String>, path: &str) {
    if path.ends_with('/') {
        left.push(".".to_owned());
    }
    left.extend(path.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned));
}
