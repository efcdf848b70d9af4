//! The build context: the files a COPY may take, ignored ones left out.

use crate::ignore::{Ignore, IgnoreError, Trail};
use oci::{Digest, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, Content, Dir, Meta, Node, PathError, StoreError, Tree, TreeError, TreePath};

/// Where the files of a context are: a memory, a folder, a case.
pub trait Context {
    /// Everything there is, in any order. Directories that hold something need not be listed.
    ///
    /// # Errors
    ///
    /// [`ContextError::Read`] if the list cannot be had.
    fn entries(&self) -> Result<Vec<Entry>, ContextError>;

    /// The bytes of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`ContextError::Read`] if they cannot be had.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, ContextError>;

    /// The ignore file that counts for a Dockerfile: its path and text, or `None` if there is none. See [`ignore_file`].
    ///
    /// # Errors
    ///
    /// Whatever [`Context::read`] returns.
    fn ignore_file(&self, dockerfile: &str) -> Result<Option<(String, String)>, ContextError> {
        ignore_file(self, dockerfile)
    }

    /// The files that `ignore` leaves, as a tree, their bytes in `blobs`. A context that knows more of its files than an
    /// [`Entry`] can say, such as further names, says it here. See [`load`].
    ///
    /// # Errors
    ///
    /// [`ContextError`].
    fn tree(&self, ignore: &Ignore, blobs: &mut dyn BlobStore) -> Result<Tree, ContextError> {
        load(self, ignore, blobs)
    }
}

/// Something in a context. Owners do not count: BuildKit takes every file as root's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative, `/` between components.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Last change.
    pub mtime: Time,
    /// What it is.
    pub kind: EntryKind,
}

/// What stands at a path of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Dir,
    /// A file of so many bytes. A digest, if the context knows it, saves reading what the blob store already holds.
    File {
        /// Its bytes.
        size: u64,
        /// Their digest.
        digest: Option<Digest>,
    },
    /// A symbolic link and its target.
    Symlink(String),
}

/// Why a context could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A file or the list of files could not be read.
    #[error("could not read {path:?} of the build context: {reason}")]
    Read {
        /// The file; empty for the list.
        path: String,
        /// Why.
        reason: String,
    },
    /// The ignore file cannot be used.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// A path is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A file and a directory claim the same path.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The bytes could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ignore file that counts for a Dockerfile: `NAME.dockerignore` beside it, else `.dockerignore`.
///
/// Returns its path and text, or `None` if there is neither.
///
/// # Errors
///
/// Whatever [`Context::read`] returns.
pub fn ignore_file<C: Context + ?Sized>(
    context: &C,
    dockerfile: &str,
) -> Result<Option<(String, String)>, ContextError> {
    let entries = context.entries()?;
    for path in ignore_names(dockerfile) {
        let is_file = |entry: &Entry| entry.path == path && matches!(entry.kind, EntryKind::File { .. });
        if entries.iter().any(is_file) {
            let bytes = context.read(&path)?;
            return Ok(Some((path, String::from_utf8_lossy(&bytes).into_owned())));
        }
    }
    Ok(None)
}

/// Where the ignore file may be; the first that is there counts.
fn ignore_names(dockerfile: &str) -> [String; 2] {
    [format!("{dockerfile}.dockerignore"), ".dockerignore".to_owned()]
}

/// The files that `ignore` leaves, as a tree, their bytes in `blobs`.
///
/// Everything belongs to 0:0. Directories on the way to a kept file come with it even if they match a pattern themselves.
///
/// # Errors
///
/// [`ContextError`].
pub fn load<C: Context + ?Sized>(
    context: &C,
    ignore: &Ignore,
    blobs: &mut dyn BlobStore,
) -> Result<Tree, ContextError> {
    let mut entries = Vec::new();
    for entry in context.entries()? {
        let path = TreePath::parse(&entry.path)?;
        if !path.is_root() {
            entries.push((path, entry));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    // Directories from the root to where we are.
    let mut open = vec![Open::new(TreePath::root(), None, Meta::of_mode(0o755))];
    for (path, entry) in entries {
        while open.last().is_some_and(|dir| !path.is_within(&dir.path)) {
            close(&mut open)?;
        }
        let meta = Meta {
            mode: entry.mode & 0o7777,
            mtime: entry.mtime,
            ..Meta::default()
        };
        open_missing(&path, &meta, ignore, &mut open);
        let above = open.last_mut().expect("the root is never closed here");
        let trail = ignore.enter(path.as_str(), above.trail.as_ref());
        let kept = !trail.is_ignored();
        let node = match entry.kind {
            EntryKind::Dir => {
                let mut dir = Open::new(path, Some(trail), meta);
                dir.kept = kept;
                open.push(dir);
                continue;
            }
            _ if !kept => continue,
            EntryKind::File { size, digest } => Node::file(meta, content(context, &entry.path, size, digest, blobs)?),
            EntryKind::Symlink(target) => Node::symlink(meta, target),
        };
        above.put(&path, node)?;
    }
    while open.len() > 1 {
        close(&mut open)?;
    }
    let root = open.pop().expect("the root is left").into_dir();
    Ok(Tree::from_dir(Arc::new(root))?)
}

/// A directory whose content is being read.
struct Open {
    path: TreePath,
    /// What the rules say of it; nothing of the root.
    trail: Option<Trail>,
    meta: Meta,
    /// Whether it is kept even if nothing in it is.
    kept: bool,
    entries: Vec<(String, Node)>,
}

impl Open {
    fn new(path: TreePath, trail: Option<Trail>, meta: Meta) -> Open {
        Open {
            path,
            trail,
            meta,
            kept: false,
            entries: Vec::new(),
        }
    }

    /// Adds what comes next in order.
    fn put(&mut self, path: &TreePath, node: Node) -> Result<(), TreeError> {
        let name = path.name().unwrap_or_default();
        if self.entries.last().is_some_and(|(last, _)| last == name) {
            return Err(TreeError::NotDirectory { path: path.absolute() });
        }
        self.entries.push((name.to_owned(), node));
        Ok(())
    }

    fn into_dir(self) -> Dir {
        Dir {
            meta: self.meta,
            entries: self.entries.into_iter().collect(),
        }
    }
}

/// Puts the innermost directory into the one above it, if it or anything in it is kept.
fn close(open: &mut Vec<Open>) -> Result<(), TreeError> {
    if let Some(dir) = open.pop()
        && (dir.kept || !dir.entries.is_empty())
        && let Some(above) = open.last_mut()
    {
        let path = dir.path.clone();
        above.put(&path, Node::Dir(Arc::new(dir.into_dir())))?;
    }
    Ok(())
}

/// Opens the directories above `path` that are not listed.
fn open_missing(path: &TreePath, meta: &Meta, ignore: &Ignore, open: &mut Vec<Open>) {
    let parent = path.parent().unwrap_or_default();
    let mut dir = open.last().map_or_else(TreePath::root, |dir| dir.path.clone());
    if dir == parent {
        return;
    }
    let missing = parent.below(&dir).unwrap_or_default();
    for name in missing.components() {
        dir = dir.join(name).expect("a component of a path is a name");
        let trail = ignore.enter(dir.as_str(), open.last().and_then(|dir| dir.trail.as_ref()));
        let meta = Meta {
            mode: 0o755,
            mtime: meta.mtime,
            ..Meta::default()
        };
        open.push(Open::new(dir.clone(), Some(trail), meta));
    }
}

fn content<C: Context + ?Sized>(
    context: &C,
    path: &str,
    size: u64,
    digest: Option<Digest>,
    blobs: &mut dyn BlobStore,
) -> Result<Content, ContextError> {
    if let Some(digest) = digest
        && blobs.size(&digest) == Some(size)
    {
        return Ok(Content::Blob { digest, size });
    }
    let bytes = context.read(path)?;
    Ok(Content::Blob {
        digest: blobs.put(&bytes)?,
        size: bytes.len() as u64,
    })
}

/// A context in memory. Digests are computed once, when a file is put.
#[derive(Debug, Clone, Default)]
pub struct MemoryContext {
    entries: BTreeMap<String, (Entry, Arc<[u8]>)>,
}

impl MemoryContext {
    /// Puts a file, in place of whatever stood there.
    pub fn put(&mut self, path: &str, mode: u32, mtime: Time, bytes: &[u8]) {
        let kind = EntryKind::File {
            size: bytes.len() as u64,
            digest: Some(Digest::of(bytes)),
        };
        self.add(path, mode, mtime, kind, bytes);
    }

    /// Puts a directory, so that it is there even if it is empty.
    pub fn put_dir(&mut self, path: &str, mode: u32, mtime: Time) {
        self.add(path, mode, mtime, EntryKind::Dir, &[]);
    }

    /// Puts a symbolic link.
    pub fn put_symlink(&mut self, path: &str, mtime: Time, target: &str) {
        self.add(path, 0o777, mtime, EntryKind::Symlink(target.to_owned()), &[]);
    }

    /// Removes what stands at `path` and below it.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.entries
            .retain(|known, _| known != path && !known.starts_with(&below));
    }

    /// What stands at `path`.
    pub fn get(&self, path: &str) -> Option<(&Entry, &[u8])> {
        self.entries.get(path).map(|(entry, bytes)| (entry, &**bytes))
    }

    fn add(&mut self, path: &str, mode: u32, mtime: Time, kind: EntryKind, bytes: &[u8]) {
        let entry = Entry {
            path: path.to_owned(),
            mode,
            mtime,
            kind,
        };
        self.entries.insert(path.to_owned(), (entry, bytes.into()));
    }
}

impl Context for MemoryContext {
    fn entries(&self) -> Result<Vec<Entry>, ContextError> {
        Ok(self.entries.values().map(|(entry, _)| entry.clone()).collect())
    }

    // By name: a list of all files only to find one of them would be the longest part of a preview.
    fn ignore_file(&self, dockerfile: &str) -> Result<Option<(String, String)>, ContextError> {
        let found = ignore_names(dockerfile).into_iter().find_map(|path| {
            let (entry, bytes) = self.entries.get(&path)?;
            matches!(entry.kind, EntryKind::File { .. }).then(|| (path, String::from_utf8_lossy(bytes).into_owned()))
        });
        Ok(found)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ContextError> {
        match self.entries.get(path) {
            Some((_, bytes)) => Ok(bytes.clone()),
            None => Err(ContextError::Read {
                path: path.to_owned(),
                reason: "no such file".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::MemoryBlobs;

    fn paths(files: &[&str], dirs: &[&str], ignore: &str) -> Vec<String> {
        let mut context = MemoryContext::default();
        for path in files {
            context.put(path, 0o644, Time::default(), path.as_bytes());
        }
        for path in dirs {
            context.put_dir(path, 0o755, Time::default());
        }
        let ignore = Ignore::parse(ignore).expect("good patterns");
        let tree = load(&context, &ignore, &mut MemoryBlobs::default()).expect("a good context");
        tree.walk().map(|(path, _)| path.as_str().to_owned()).collect()
    }

    #[test]
    fn folders_come_with_their_files() {
        assert_eq!(
            paths(&["a/b/c", "a.txt"], &["e"], ""),
            ["a", "a/b", "a/b/c", "a.txt", "e"]
        );
    }

    #[test]
    fn an_ignored_folder_comes_back_with_a_file_that_is_kept() {
        assert_eq!(
            paths(&["docs/a", "docs/api/b", "x/y"], &["docs"], "docs\n!docs/api\nx"),
            ["docs", "docs/api", "docs/api/b"]
        );
    }

    #[test]
    fn an_ignored_folder_without_kept_files_is_gone() {
        assert_eq!(paths(&["a/b"], &["a", "c"], "a\nc\n"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_also_a_folder_is_an_error() {
        let mut context = MemoryContext::default();
        context.put("a", 0o644, Time::default(), b"file");
        context.put("a/b", 0o644, Time::default(), b"file");
        let loaded = load(&context, &Ignore::default(), &mut MemoryBlobs::default());
        assert_eq!(loaded.expect_err("both cannot be").to_string(), "not a directory: /a");
    }

    #[test]
    fn the_ignore_file_of_the_dockerfile_wins() {
        let mut context = MemoryContext::default();
        context.put(".dockerignore", 0o644, Time::default(), b"general");
        let found = ignore_file(&context, "Dockerfile").expect("readable");
        assert_eq!(found.map(|(path, _)| path), Some(".dockerignore".to_owned()));
        context.put("Dockerfile.dockerignore", 0o644, Time::default(), b"special");
        let found = ignore_file(&context, "Dockerfile").expect("readable");
        assert_eq!(found.map(|(_, text)| text), Some("special".to_owned()));
    }
}
