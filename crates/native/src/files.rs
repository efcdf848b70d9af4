//! A folder on disk as a tree: metadata now, bytes only by digest.

use crate::both_sums::BothSums;
use crate::disk::Lender;
use crate::known_files::KnownFiles;
use builder::{Ignore, Trail};
use oci::Digest;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use store::{Content, Dir, Meta, Node, Special, Time, Tree, TreeError, TreePath};

/// How many entries a folder may have, all its folders together.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// The system refused.
    #[error("could not read {path}: {source}")]
    Read {
        /// Which file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A name is no text.
    #[error("expected file names in UTF-8, found {path:?}")]
    Name {
        /// The path, with what is not UTF-8 replaced.
        path: String,
    },
    /// There is too much.
    #[error("expected at most {MAX_ENTRIES} files and folders, found more in {path}")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// A path is no path of a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Reads the folder `root` as BuildKit's client sends it: what `ignore` leaves, owner 0:0, sockets left out.
///
/// Bytes are hashed and lent, not copied. Files that share an inode are one file with several names. An ignored folder
/// comes if something in it is kept, with its own mode and time.
///
/// # Errors
///
/// [`FilesError`].
pub fn read_folder(root: &Path, ignore: &Ignore, lender: &Lender, known: &KnownFiles) -> Result<Tree, FilesError> {
    let mut tree = Tree::new();
    // What is known of files goes by where they really are.
    let root = &root.canonicalize().map_err(|source| FilesError::Read {
        path: root.display().to_string(),
        source,
    })?;
    let mut first_names = BTreeMap::new();
    let mut wanted = Vec::new();
    let mut links = Vec::new();
    for entry in list(root, ignore)? {
        let inode = (entry.metadata.dev(), entry.metadata.ino());
        let shared = entry.metadata.is_file() && entry.metadata.nlink() > 1;
        if shared && let Some(first) = first_names.get(&inode) {
            links.push((TreePath::clone(first), entry.path));
            continue;
        }
        if shared {
            first_names.insert(inode, entry.path.clone());
        }
        wanted.push(entry);
    }
    for (entry, node) in wanted.iter().zip(read_nodes(root, &wanted, lender, known)) {
        add_folders(&mut tree, root, &entry.path)?;
        tree.insert(&entry.path, node?)?;
    }
    for (first, path) in links {
        add_folders(&mut tree, root, &path)?;
        tree.link(&first, &path)?;
    }
    Ok(tree)
}

/// Reads the nodes of `entries`, several at a time, in their order.
fn read_nodes(root: &Path, entries: &[Entry], lender: &Lender, known: &KnownFiles) -> Vec<Result<Node, FilesError>> {
    let read = |entry: &Entry| read_node(root, entry, lender, known);
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    if n_threads == 1 || entries.len() < 2 {
        return entries.iter().map(read).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        // One after the other, so that one large file does not keep the small ones waiting.
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = entries.get(index) else {
                return done;
            };
            done.push((index, read(entry)));
        }
    };
    let mut nodes = thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let done = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("reading files does not panic"));
        done.collect::<Vec<_>>()
    });
    nodes.sort_by_key(|(index, _)| *index);
    nodes.into_iter().map(|(_, node)| node).collect()
}

/// Hashing is as fast as a few processors can be fed.
const MAX_THREADS: usize = 8;

/// Something that is kept.
struct Entry {
    path: TreePath,
    metadata: Metadata,
}

/// Everything below `root` that is kept, parents before children.
fn list(root: &Path, ignore: &Ignore) -> Result<Vec<Entry>, FilesError> {
    let mut found = Vec::new();
    let mut seen = 0;
    let mut folders: Vec<(TreePath, Option<Trail>)> = vec![(TreePath::root(), None)];
    while let Some((folder, above)) = folders.pop() {
        let place = on_disk(root, &folder);
        let failed = |source| FilesError::Read {
            path: place.display().to_string(),
            source,
        };
        for item in fs::read_dir(&place).map_err(failed)? {
            let item = item.map_err(failed)?;
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(FilesError::TooMany {
                    path: root.display().to_string(),
                });
            }
            let name = item.file_name();
            let Some(name) = name.to_str() else {
                return Err(FilesError::Name {
                    path: item.path().display().to_string(),
                });
            };
            let path = folder.join(name).map_err(TreeError::from)?;
            let metadata = item.metadata().map_err(failed)?;
            if metadata.file_type().is_socket() {
                continue;
            }
            let trail = ignore.enter(path.as_str(), above.as_ref());
            let kept = !trail.is_ignored();
            if metadata.is_dir() && (kept || ignore.has_exceptions()) {
                folders.push((path.clone(), Some(trail)));
            }
            if kept {
                found.push(Entry { path, metadata });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Makes the folders above `path` that are missing, as they are on disk.
fn add_folders(tree: &mut Tree, root: &Path, path: &TreePath) -> Result<(), FilesError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if tree.get(&parent).is_some() {
        return Ok(());
    }
    add_folders(tree, root, &parent)?;
    let place = on_disk(root, &parent);
    let metadata = fs::symlink_metadata(&place).map_err(|source| FilesError::Read {
        path: place.display().to_string(),
        source,
    })?;
    Ok(tree.insert(&parent, Node::dir(meta(&place, &metadata)))?)
}

fn on_disk(root: &Path, path: &TreePath) -> PathBuf {
    if path.is_root() {
        root.to_owned()
    } else {
        root.join(path.as_str())
    }
}

fn read_node(root: &Path, entry: &Entry, lender: &Lender, known: &KnownFiles) -> Result<Node, FilesError> {
    let place = on_disk(root, &entry.path);
    let failed = |source| FilesError::Read {
        path: place.display().to_string(),
        source,
    };
    let kind = entry.metadata.file_type();
    let meta = meta(&place, &entry.metadata);
    if kind.is_dir() {
        return Ok(Node::Dir(Dir::new(meta).into()));
    }
    if kind.is_symlink() {
        let target = fs::read_link(&place).map_err(failed)?;
        let target = target.to_str().ok_or_else(|| FilesError::Name {
            path: target.display().to_string(),
        })?;
        return Ok(Node::symlink(meta, target));
    }
    if !kind.is_file() {
        return Ok(Node::Special {
            meta,
            kind: special(&entry.metadata),
        });
    }
    let (digest, size) = match known.find(&place, &entry.metadata) {
        Some(digest) => (digest, entry.metadata.len()),
        None => match BothSums::of(&place, &meta, entry.metadata.len()) {
            // Only a build that takes this file needs to read it: until then it goes by a name that no bytes have.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => (
                Digest::of(format!("unreadable {}", place.display()).as_bytes()),
                entry.metadata.len(),
            ),
            sums => {
                let sums = sums.map_err(failed)?;
                // One that grew meanwhile is not what its metadata says.
                if let Some(checksum) = sums.checksum {
                    known.add(&place, &entry.metadata, sums.digest);
                    if meta.xattrs.is_empty() {
                        known.add_sum((sums.digest, meta.mode, meta.uid, meta.gid), checksum);
                    }
                }
                (sums.digest, sums.size)
            }
        },
    };
    if size == entry.metadata.len() {
        lender.lend_read(digest, &entry.metadata, &place);
    } else {
        lender.lend(digest, size, &place);
    }
    Ok(Node::file(meta, Content::Blob { digest, size }))
}

fn special(metadata: &Metadata) -> Special {
    let device = metadata.rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let kind = metadata.file_type();
    if kind.is_char_device() {
        Special::Char(major, minor)
    } else if kind.is_block_device() {
        Special::Block(major, minor)
    } else {
        Special::Fifo
    }
}

fn meta(place: &Path, metadata: &Metadata) -> Meta {
    Meta {
        mode: if metadata.is_symlink() {
            0o777
        } else {
            metadata.mode() & 0o7777
        },
        uid: 0,
        gid: 0,
        mtime: Time {
            secs: metadata.mtime(),
            nanos: metadata.mtime_nsec() as u32,
        },
        xattrs: xattrs(place),
    }
}

/// The extended attributes; none where the filesystem has none or does not let us read them, as BuildKit's client does.
fn xattrs(place: &Path) -> BTreeMap<String, Vec<u8>> {
    // Most files have none, and asking for the length alone takes no room.
    if matches!(rustix::fs::llistxattr(place, &mut [0_u8; 0][..]), Ok(0) | Err(_)) {
        return BTreeMap::new();
    }
    let mut names = vec![0; 1 << 16];
    let Ok(length) = rustix::fs::llistxattr(place, &mut names[..]) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 1 << 16];
        if let Ok(length) = rustix::fs::lgetxattr(place, name, &mut value[..])
            && let Ok(name) = String::from_utf8(name.to_vec())
        {
            value.truncate(length);
            found.insert(name, value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskBlobs;
    use crate::testing::Scratch;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use store::BlobStore;

    fn read(scratch: &Scratch, ignore: &str) -> (Tree, DiskBlobs) {
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let ignore = Ignore::parse(ignore).unwrap();
        let tree = read_folder(
            &scratch.path("context"),
            &ignore,
            &blobs.lender(),
            &KnownFiles::default(),
        )
        .unwrap();
        (tree, blobs)
    }

    fn at<'a>(tree: &'a Tree, path: &str) -> &'a Node {
        tree.get(&TreePath::parse(path).unwrap()).unwrap()
    }

    #[test]
    fn modes_links_and_bytes_are_as_on_disk_and_the_owner_is_root() {
        let scratch = Scratch::new();
        let file = scratch.write("context/bin/run", "#!/bin/sh\n");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
        symlink("../nowhere", scratch.path("context/bin/link")).unwrap();
        let (tree, blobs) = read(&scratch, "");
        let run = at(&tree, "bin/run").as_file().unwrap();
        assert_eq!((run.meta.mode, run.meta.uid, run.meta.gid), (0o4751, 0, 0));
        let Content::Blob { digest, size: 10 } = run.content else {
            panic!("{:?}", run.content)
        };
        assert_eq!(&*blobs.get(&digest).unwrap(), b"#!/bin/sh\n");
        assert!(matches!(at(&tree, "bin/link"), Node::Symlink { target, .. } if target == "../nowhere"));
    }

    #[test]
    fn two_names_of_one_file_stay_one_file() {
        let scratch = Scratch::new();
        let file = scratch.write("context/a", "x");
        fs::hard_link(&file, scratch.path("context/b")).unwrap();
        scratch.write("context/c", "x");
        let (tree, _) = read(&scratch, "");
        let names = tree.names(&TreePath::parse("a").unwrap());
        assert_eq!(names.iter().map(TreePath::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn sockets_are_left_out() {
        let scratch = Scratch::new();
        scratch.write("context/a", "x");
        let _socket = UnixListener::bind(scratch.path("context/s")).unwrap();
        let (tree, _) = read(&scratch, "");
        assert_eq!(tree.root().entries.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_is_ignored_is_not_even_read() {
        let scratch = Scratch::new();
        scratch.write("context/keep/a", "x");
        scratch.write("context/deep/er/b", "x");
        scratch.write("context/deep/c", "x");
        fs::set_permissions(scratch.path("context/deep"), fs::Permissions::from_mode(0o711)).unwrap();
        // A name that is no text would be an error if anyone looked.
        fs::create_dir(scratch.path("context/skip")).unwrap();
        fs::write(
            scratch.path("context/skip").join(std::ffi::OsStr::from_bytes(b"\xff")),
            "x",
        )
        .unwrap();
        let (tree, _) = read(&scratch, "skip\n");
        assert_eq!(tree.root().entries.keys().collect::<Vec<_>>(), ["deep", "keep"]);
        fs::remove_dir_all(scratch.path("context/skip")).unwrap();
        let (tree, _) = read(&scratch, "*\n!deep/er\n");
        let paths: Vec<_> = tree.walk().map(|(path, _)| path.as_str().to_owned()).collect();
        assert_eq!(paths, ["deep", "deep/er", "deep/er/b"]);
        assert_eq!(at(&tree, "deep").meta().mode, 0o711);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let scratch = Scratch::new();
        let error = read_folder(
            &scratch.path("nope"),
            &Ignore::default(),
            &Lender::default(),
            &KnownFiles::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("nope: No such file"), "{error}");
    }
}
