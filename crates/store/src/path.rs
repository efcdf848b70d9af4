//! Paths inside a tree: always relative to its root, never able to leave it.

use std::cmp::Ordering;
use std::fmt;

/// A path inside a tree: components joined by `/`, no leading slash, never `.` or `..`; empty for the root.
///
/// Ordered component by component, parents first: `a`, `a/x`, `a.txt`. That is the order of a filesystem walk and of
/// the entries of a layer.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct TreePath(String);

/// Why a text is no path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// It would leave the place it starts from.
    #[error("expected a path without \"..\", found {path:?}")]
    Parent {
        /// What was given, shortened.
        path: String,
    },
    /// It holds a NUL byte.
    #[error("expected a path without NUL bytes, found {path:?}")]
    Nul {
        /// What was given, shortened.
        path: String,
    },
    /// A component is empty, `.`, `..` or holds a slash where a single name is wanted.
    #[error("expected a single file name, found {name:?}")]
    Name {
        /// What was given, shortened.
        name: String,
    },
}

fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}

impl TreePath {
    /// The root.
    pub const fn root() -> TreePath {
        TreePath(String::new())
    }

    /// The path `text` names when read from the root. Leading, trailing and doubled slashes and `.` mean nothing.
    ///
    /// # Errors
    ///
    /// [`PathError::Parent`] for `..`, [`PathError::Nul`] for a NUL byte.
    pub fn parse(text: &str) -> Result<TreePath, PathError> {
        if text.split('/').any(|component| component == "..") {
            return Err(PathError::Parent { path: shorten(text) });
        }
        TreePath::clean(text)
    }

    /// The path `text` names when read from the root, with `..` going up one component as written and stopping at the
    /// root: `/a/../../b` is `b`. Symbolic links are not looked at; see [`crate::Tree::resolve`].
    ///
    /// # Errors
    ///
    /// [`PathError::Nul`] for a NUL byte.
    pub fn clean(text: &str) -> Result<TreePath, PathError> {
        if text.contains('\0') {
            return Err(PathError::Nul { path: shorten(text) });
        }
        let mut path = TreePath::root();
        for component in text.split('/') {
            match component {
                "" | "." => {}
                ".." => path.pop(),
                name => path.push(name),
            }
        }
        Ok(path)
    }

    /// This path and one more component.
    ///
    /// # Errors
    ///
    /// [`PathError::Name`] if `name` is empty, `.`, `..` or holds `/` or NUL.
    pub fn join(&self, name: &str) -> Result<TreePath, PathError> {
        check_name(name)?;
        Ok(self.child(name))
    }

    /// This path followed by `below`.
    #[must_use]
    pub fn concat(&self, below: &TreePath) -> TreePath {
        match (self.is_root(), below.is_root()) {
            (true, _) => below.clone(),
            (_, true) => self.clone(),
            _ => TreePath(format!("{}/{}", self.0, below.0)),
        }
    }

    /// The components, outermost first; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// The directory this stands in; `None` for the root.
    pub fn parent(&self) -> Option<TreePath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(TreePath(self.0[..end].to_owned()))
    }

    /// The last component; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.components().next_back()
    }

    /// The number of components.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is `above` or below it.
    pub fn is_within(&self, above: &TreePath) -> bool {
        above.is_root()
            || self
                .0
                .strip_prefix(&above.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What remains of this path below `above`; `None` if it is not within.
    pub fn below(&self, above: &TreePath) -> Option<TreePath> {
        if !self.is_within(above) {
            return None;
        }
        let rest = &self.0[above.0.len()..];
        Some(TreePath(rest.strip_prefix('/').unwrap_or(rest).to_owned()))
    }

    /// The text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text with a leading slash: `/` for the root.
    pub fn absolute(&self) -> String {
        format!("/{}", self.0)
    }

    /// [`join`](TreePath::join) for a name that is known to be one component.
    pub(crate) fn child(&self, name: &str) -> TreePath {
        let mut path = TreePath(String::with_capacity(self.0.len() + name.len() + 1));
        path.0.push_str(&self.0);
        path.push(name);
        path
    }

    pub(crate) fn push(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push('/');
        }
        self.0.push_str(name);
    }

    pub(crate) fn pop(&mut self) {
        let end = self.0.rfind('/').unwrap_or(0);
        self.0.truncate(end);
    }
}

/// Refuses what is not a single component.
pub(crate) fn check_name(name: &str) -> Result<(), PathError> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(PathError::Name { name: shorten(name) });
    }
    Ok(())
}

impl Ord for TreePath {
    fn cmp(&self, other: &TreePath) -> Ordering {
        // A slash sorts before every other byte: that is component order, since no name holds NUL.
        let key = |byte: u8| if byte == b'/' { 0 } else { byte };
        let (one, two) = (self.0.as_bytes(), other.0.as_bytes());
        match one.iter().zip(two).find(|(a, b)| a != b) {
            Some((a, b)) => key(*a).cmp(&key(*b)),
            None => one.len().cmp(&two.len()),
        }
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &TreePath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.absolute())
    }
}

impl std::str::FromStr for TreePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<TreePath, PathError> {
        TreePath::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).expect("a good path")
    }

    #[test]
    fn slashes_and_dots_mean_nothing() {
        assert_eq!(path("/a//./b/").as_str(), "a/b");
        assert_eq!(path("/"), TreePath::root());
        assert_eq!(path("a/b").parent(), Some(path("a")));
        assert_eq!(path("a").parent(), Some(TreePath::root()));
        assert_eq!(TreePath::root().parent(), None);
        assert_eq!(path("a/b").name(), Some("b"));
    }

    #[test]
    fn no_path_leaves_the_root() {
        assert!(TreePath::parse("a/../b").is_err());
        assert_eq!(TreePath::clean("../../a/../b").expect("clean").as_str(), "b");
        assert!(TreePath::parse("a\0").is_err());
        assert!(path("a").join("..").is_err());
        assert!(path("a").join("b/c").is_err());
    }

    #[test]
    fn order_is_by_component_with_parents_first() {
        let mut paths = ["a.txt", "b", "a/x", "a", "a/x/y", "a-b"].map(path);
        paths.sort();
        assert_eq!(
            paths.map(|p| p.as_str().to_owned()),
            ["a", "a/x", "a/x/y", "a-b", "a.txt", "b"]
        );
    }

    #[test]
    fn within_counts_whole_components() {
        assert!(path("a/b").is_within(&path("a")));
        assert!(!path("ab").is_within(&path("a")));
        assert_eq!(path("a/b/c").below(&path("a")), Some(path("b/c")));
        assert_eq!(path("a").below(&path("a")), Some(TreePath::root()));
    }
}
