//! A tree as a folder on disk: written aside, then moved into place.

use crate::atomic::beside;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, makedev, mknodat, utimensat};
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use store::{BlobStore, Content, Dir, Meta, Node, Special, StoreError, Tree, TreePath};

/// What of a tree could not be put on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// Files whose bytes are simulated: they are there, with their size, full of zeros.
    pub simulated: usize,
    /// Device nodes, which only root may make.
    pub devices: usize,
}

/// Why a tree could not be put on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system refused.
    #[error("could not write {path}: {source}")]
    Write {
        /// What.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something else stands there.
    #[error("expected {path} to be free or of the same kind, found something else")]
    Occupied {
        /// Where.
        path: String,
    },
    /// A file's bytes could not be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes `tree` to the folder `dest`. If that exists, files join those that are there, and replace those of the same name.
///
/// Everything is written aside first, so that `dest` changes only once all bytes are on disk. Files belong to the caller.
///
/// # Errors
///
/// [`FolderError`]. Nothing has changed unless moving the finished files failed.
pub fn write_folder(tree: &Tree, blobs: &dyn BlobStore, dest: &Path) -> Result<Left, FolderError> {
    let aside = Aside::new(dest)?;
    let mut left = Left::default();
    write_dir(
        &mut Writer {
            tree,
            blobs,
            root: &aside.0,
            left: &mut left,
        },
        &TreePath::root(),
        tree.root(),
    )?;
    check_merge(&aside.0, dest)?;
    merge(&aside.0, dest)?;
    // Last: moving things into or out of a folder changes its time, and its mode may forbid it.
    settle(dest, tree.root())?;
    Ok(left)
}

/// A folder beside its place; removed when dropped.
struct Aside(PathBuf);

impl Aside {
    fn new(dest: &Path) -> Result<Aside, FolderError> {
        if let Some(parent) = dest.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        // The folder itself may be `.`, which has no sibling: then the files wait inside it.
        let path = if dest.file_name().is_some() {
            beside(dest)
        } else {
            beside(&dest.join("layerlab"))
        };
        fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Aside(path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // It may have been moved away, and there is nobody left to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Writer<'a> {
    tree: &'a Tree,
    blobs: &'a dyn BlobStore,
    root: &'a Path,
    left: &'a mut Left,
}

impl Writer<'_> {
    fn place(&self, path: &TreePath) -> PathBuf {
        if path.is_root() {
            self.root.to_owned()
        } else {
            self.root.join(path.as_str())
        }
    }
}

fn write_dir(writer: &mut Writer<'_>, path: &TreePath, dir: &Dir) -> Result<(), FolderError> {
    for (name, node) in &dir.entries {
        let below = path.join(name).expect("names in a tree are single components");
        write_node(writer, &below, node)?;
    }
    Ok(())
}

fn write_node(writer: &mut Writer<'_>, path: &TreePath, node: &Node) -> Result<(), FolderError> {
    let place = writer.place(path);
    match node {
        Node::Dir(dir) => {
            fs::create_dir(&place).map_err(failed(&place))?;
            write_dir(writer, path, dir)
        }
        Node::Symlink { meta, target } => symlink(target, &place)
            .and_then(|()| set_meta(&place, meta, Follow::No))
            .map_err(failed(&place)),
        Node::Special { meta, kind } => write_special(&place, meta, *kind)
            .map_err(failed(&place))
            .map(|made| writer.left.devices += usize::from(!made)),
        Node::File(file) => {
            // The first name in order carries the bytes.
            let names = writer.tree.names(path);
            if let Some(first) = names.first().filter(|first| *first != path) {
                return fs::hard_link(writer.place(first), &place).map_err(failed(&place));
            }
            write_content(writer, &place, &file.content)?;
            set_meta(&place, &file.meta, Follow::Yes).map_err(failed(&place))
        }
    }
}

fn write_content(writer: &mut Writer<'_>, place: &Path, content: &Content) -> Result<(), FolderError> {
    let file = File::create_new(place).map_err(failed(place))?;
    match content {
        Content::Blob { digest, .. } => {
            let mut bytes = writer.blobs.open(digest)?;
            io::copy(&mut bytes, &mut BufWriter::new(file)).map_err(failed(place))?;
        }
        Content::Absent { size } => {
            writer.left.simulated += 1;
            file.set_len(*size).map_err(failed(place))?;
        }
    }
    Ok(())
}

/// False if the node is a device and we may not make it.
fn write_special(place: &Path, meta: &Meta, kind: Special) -> io::Result<bool> {
    let (kind, device) = match kind {
        Special::Char(major, minor) => (FileType::CharacterDevice, makedev(major, minor)),
        Special::Block(major, minor) => (FileType::BlockDevice, makedev(major, minor)),
        Special::Fifo => (FileType::Fifo, 0),
    };
    match mknodat(CWD, place, kind, Mode::from_raw_mode(0o600), device) {
        Ok(()) => set_meta(place, meta, Follow::Yes).map(|()| true),
        Err(error) if error == rustix::io::Errno::PERM && kind != FileType::Fifo => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[derive(PartialEq)]
enum Follow {
    Yes,
    No,
}

fn set_meta(place: &Path, meta: &Meta, follow: Follow) -> io::Result<()> {
    if follow == Follow::Yes {
        fs::set_permissions(place, Permissions::from_mode(meta.mode))?;
    }
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        tv_nsec: i64::from(meta.mtime.nanos),
    };
    utimensat(
        CWD,
        place,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
        AtFlags::SYMLINK_NOFOLLOW,
    )?;
    Ok(())
}

/// Whether everything in `from` can be moved to `to`: a folder onto a folder, anything else onto what is no folder.
fn check_merge(from: &Path, to: &Path) -> Result<(), FolderError> {
    let Ok(there) = fs::symlink_metadata(to) else {
        return Ok(());
    };
    let there_is_dir = if there.is_symlink() {
        is_dir_behind(to)
    } else {
        there.is_dir()
    };
    let here_is_dir = fs::symlink_metadata(from).map_err(failed(from))?.is_dir();
    if here_is_dir != there_is_dir {
        return Err(FolderError::Occupied {
            path: to.display().to_string(),
        });
    }
    if here_is_dir {
        for name in names(from)? {
            let to = to.join(&name);
            // Below the folder that was asked for, links are not followed: a link to a folder is no folder.
            if fs::symlink_metadata(&to).is_ok_and(|there| there.is_symlink()) && from.join(&name).is_dir() {
                return Err(FolderError::Occupied {
                    path: to.display().to_string(),
                });
            }
            check_merge(&from.join(&name), &to)?;
        }
    }
    Ok(())
}

fn is_dir_behind(link: &Path) -> bool {
    fs::metadata(link).is_ok_and(|target| target.is_dir())
}

fn merge(from: &Path, to: &Path) -> Result<(), FolderError> {
    if from.is_dir() && !from.is_symlink() && to.is_dir() {
        for name in names(from)? {
            merge(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    fs::rename(from, to).map_err(failed(to))
}

/// Gives the folders below `place` their modes and times, innermost first.
fn settle(place: &Path, dir: &Dir) -> Result<(), FolderError> {
    for (name, node) in &dir.entries {
        if let Node::Dir(dir) = node {
            let place = place.join(name);
            settle(&place, dir)?;
            set_meta(&place, &dir.meta, Follow::Yes).map_err(failed(&place))?;
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<std::ffi::OsString>, FolderError> {
    let entries = fs::read_dir(dir).map_err(failed(dir))?;
    entries
        .map(|entry| entry.map(|entry| entry.file_name()).map_err(failed(dir)))
        .collect()
}

fn failed(path: &Path) -> impl Fn(io::Error) -> FolderError {
    move |source| FolderError::Write {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::MetadataExt;
    use store::{MemoryBlobs, Time};

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn sample(blobs: &mut MemoryBlobs) -> Tree {
        let mut tree = Tree::new();
        let meta = |mode| Meta {
            mtime: Time { secs: 1000, nanos: 0 },
            ..Meta::of_mode(mode)
        };
        let digest = blobs.put(b"hello").unwrap();
        tree.insert(&path("etc"), Node::dir(meta(0o555))).unwrap();
        tree.insert(
            &path("etc/a"),
            Node::file(meta(0o640), Content::Blob { digest, size: 5 }),
        )
        .unwrap();
        tree.link(&path("etc/a"), &path("etc/b")).unwrap();
        tree.insert(&path("etc/l"), Node::symlink(meta(0), "/etc/passwd"))
            .unwrap();
        tree.insert(&path("big"), Node::file(meta(0o644), Content::Absent { size: 1 << 30 }))
            .unwrap();
        tree
    }

    #[test]
    fn files_come_with_mode_time_and_links() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let tree = sample(&mut blobs);
        let dest = scratch.path("out/here");
        let left = write_folder(&tree, &blobs, &dest).unwrap();
        assert_eq!(
            left,
            Left {
                simulated: 1,
                devices: 0
            }
        );
        let a = fs::metadata(dest.join("etc/a")).unwrap();
        assert_eq!((a.mode() & 0o7777, a.mtime(), a.nlink()), (0o640, 1000, 2));
        assert_eq!(fs::metadata(dest.join("etc")).unwrap().mtime(), 1000);
        assert_eq!(fs::read(dest.join("etc/b")).unwrap(), b"hello");
        assert_eq!(fs::read_link(dest.join("etc/l")).unwrap(), Path::new("/etc/passwd"));
        assert_eq!(fs::metadata(dest.join("big")).unwrap().len(), 1 << 30);
        assert_eq!(fs::read_dir(scratch.path("out")).unwrap().count(), 1);
    }

    #[test]
    fn files_join_those_that_are_there() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let tree = sample(&mut blobs);
        scratch.write("out/etc/mine", "mine");
        scratch.write("out/etc/a", "old");
        write_folder(&tree, &blobs, &scratch.path("out")).unwrap();
        assert_eq!(fs::read(scratch.path("out/etc/mine")).unwrap(), b"mine");
        assert_eq!(fs::read(scratch.path("out/etc/a")).unwrap(), b"hello");
    }

    #[test]
    fn a_link_that_leads_out_is_not_followed() {
        let scratch = Scratch::new();
        let mut blobs = MemoryBlobs::default();
        let tree = sample(&mut blobs);
        scratch.write("elsewhere/mine", "mine");
        fs::create_dir(scratch.path("out")).unwrap();
        symlink("../elsewhere", scratch.path("out/etc")).unwrap();
        assert!(write_folder(&tree, &blobs, &scratch.path("out")).is_err());
        assert_eq!(fs::read_dir(scratch.path("elsewhere")).unwrap().count(), 1);
        assert!(!scratch.path("out/big").exists());
    }

    #[test]
    fn missing_bytes_leave_nothing_behind() {
        let scratch = Scratch::new();
        let tree = sample(&mut MemoryBlobs::default());
        let dest = scratch.path("out");
        assert!(write_folder(&tree, &MemoryBlobs::default(), &dest).is_err());
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 0);
    }
}
