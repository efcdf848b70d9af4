//! Reading what a command wrote: the upper folder of an overlay, and nothing else.

use super::error::SnapshotError;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fgetxattr, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use store::{BlobStore, CAPABILITY, Content, Meta, Node, Special, Time, Tree, TreePath};

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The filesystem afterwards.
    pub tree: Tree,
    /// The bytes of the files that it wrote.
    pub bytes: u64,
}

/// The filesystem that a command left, which ran over `base` and wrote to the folder `upper`.
///
/// The contents of new files are put into `blobs`. Sockets are left out, and of the extended attributes all but
/// `security.capability`. The root keeps its time, which no layer has.
///
/// # Errors
///
/// [`SnapshotError::Name`] for a name that is no text, [`SnapshotError::Read`] if the disk refuses, and what `blobs` returns.
///
/// Source: Linux, `Documentation/filesystems/overlayfs.rst`, "whiteouts and opaque directories".
pub fn read_upper(upper: &Path, base: &Tree, blobs: &mut dyn BlobStore) -> Result<Written, SnapshotError> {
    let root = TreePath::root();
    let top = openat(CWD, upper, DIRECTORY, Mode::empty()).map_err(|error| failed(&root, error))?;
    let stat = fstat(&top).map_err(|error| failed(&root, error))?;
    let mut reader = Reader {
        base,
        tree: base.clone(),
        first_names: BTreeMap::new(),
        bytes: 0,
        blobs,
    };
    let found = meta(&stat);
    reader.tree.update_meta(&root, |meta| {
        (meta.mode, meta.uid, meta.gid) = (found.mode, found.uid, found.gid);
    })?;
    reader.read_dir(&top, &root)?;
    Ok(Written {
        tree: reader.tree,
        bytes: reader.bytes,
    })
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What overlayfs says with an attribute, under both names it has for it.
const OPAQUE: [&str; 2] = ["trusted.overlay.opaque", "user.overlay.opaque"];
const REDIRECT: [&str; 2] = ["trusted.overlay.redirect", "user.overlay.redirect"];

struct Reader<'a> {
    base: &'a Tree,
    tree: Tree,
    /// The first name of each file that has several, by device and inode.
    first_names: BTreeMap<(u64, u64), TreePath>,
    bytes: u64,
    blobs: &'a mut dyn BlobStore,
}

impl Reader<'_> {
    fn read_dir(&mut self, dir: &OwnedFd, path: &TreePath) -> Result<(), SnapshotError> {
        let fail = |error| failed(path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            match entry.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(name) => names.push(name.to_owned()),
                Err(_) => {
                    return Err(SnapshotError::Name {
                        path: format!("{}/{}", path.absolute(), entry.file_name().to_string_lossy()),
                    });
                }
            }
        }
        // The order of a disk is no order: which name of a file comes first must not depend on it.
        names.sort_unstable();
        for name in names {
            let below = path.join(&name).map_err(store::TreeError::from)?;
            self.read_entry(dir, &name, &below)?;
        }
        Ok(())
    }

    fn read_entry(&mut self, dir: &OwnedFd, name: &str, path: &TreePath) -> Result<(), SnapshotError> {
        let fail = |error| failed(path, error);
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(fail)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let opened = openat(dir, name, DIRECTORY, Mode::empty()).map_err(fail)?;
                self.read_below(&opened, path, &stat)
            }
            FileType::RegularFile => self.read_file(dir, name, path, &stat),
            FileType::Symlink => {
                let target = readlinkat(dir, name, Vec::new()).map_err(fail)?;
                let target = target
                    .into_string()
                    .map_err(|_| SnapshotError::Name { path: path.absolute() })?;
                self.put(path, Node::symlink(meta(&stat), target))
            }
            FileType::CharacterDevice if stat.st_rdev == 0 => self.remove(path),
            FileType::CharacterDevice => self.put_special(path, &stat, Special::Char),
            FileType::BlockDevice => self.put_special(path, &stat, Special::Block),
            FileType::Fifo => self.put_special(path, &stat, |_, _| Special::Fifo),
            // A socket is no file that a layer could hold, but whatever stood there before is gone.
            _ => self.remove(path),
        }
    }

    fn read_below(&mut self, dir: &OwnedFd, path: &TreePath, stat: &Stat) -> Result<(), SnapshotError> {
        if let Some(attribute) = REDIRECT.into_iter().find(|name| has_attribute(dir, name)) {
            return Err(SnapshotError::Attribute {
                attribute,
                path: path.absolute(),
            });
        }
        let is_new =
            !self.tree.get(path).is_some_and(Node::is_dir) || OPAQUE.into_iter().any(|name| is_opaque(dir, name));
        let mut found = meta(stat);
        found.xattrs = capability(dir);
        if is_new {
            self.tree.insert(path, Node::dir(found))?;
        } else {
            let before = self.tree.get(path).map(Node::meta);
            if before.is_none_or(|before| !is_same_meta(before, &found)) {
                self.tree.update_meta(path, |meta| *meta = found)?;
            }
        }
        self.read_dir(dir, path)
    }

    fn read_file(&mut self, dir: &OwnedFd, name: &str, path: &TreePath, stat: &Stat) -> Result<(), SnapshotError> {
        let inode = (stat.st_dev, stat.st_ino);
        let has_names = stat.st_nlink > 1;
        if let Some(first) = self.first_names.get(&inode).filter(|_| has_names) {
            let first = first.clone();
            self.remove(path)?;
            return Ok(self.tree.link(&first, path)?);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(dir, name, flags, Mode::empty()).map_err(|error| failed(path, error))?;
        let mut found = meta(stat);
        found.xattrs = capability(&opened);
        let (digest, size) = self.blobs.put_from(&mut File::from(opened))?;
        self.bytes += size;
        self.put(path, Node::file(found, Content::Blob { digest, size }))?;
        if has_names {
            self.first_names.insert(inode, path.clone());
        }
        Ok(())
    }

    fn put_special(
        &mut self,
        path: &TreePath,
        stat: &Stat,
        kind: impl Fn(u32, u32) -> Special,
    ) -> Result<(), SnapshotError> {
        let kind = kind(rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
        let meta = meta(stat);
        self.put(path, Node::Special { meta, kind })
    }

    fn put(&mut self, path: &TreePath, node: Node) -> Result<(), SnapshotError> {
        // What is as before but for a time that a layer has cut is as before.
        if self.base.get(path).is_some_and(|before| is_same(before, &node)) {
            return Ok(());
        }
        Ok(self.tree.insert(path, node)?)
    }

    fn remove(&mut self, path: &TreePath) -> Result<(), SnapshotError> {
        if self.tree.get(path).is_some() {
            self.tree.remove(path)?;
        }
        Ok(())
    }
}

/// Whether `node` is `before`, but for what a layer has cut from its time.
fn is_same(before: &Node, node: &Node) -> bool {
    is_same_meta(before.meta(), node.meta())
        && match (before, node) {
            (Node::File(before), Node::File(node)) => before.link.is_none() && before.content == node.content,
            (Node::Symlink { target: before, .. }, Node::Symlink { target: node, .. }) => before == node,
            (Node::Special { kind: before, .. }, Node::Special { kind: node, .. }) => before == node,
            _ => false,
        }
}

/// Source: containerd, `fs.sameFile`: a time without nanoseconds may be one that lost them.
fn is_same_meta(before: &Meta, meta: &Meta) -> bool {
    (before.mode, before.uid, before.gid, before.mtime.secs) == (meta.mode, meta.uid, meta.gid, meta.mtime.secs)
        && (before.mtime.nanos == 0 || before.mtime.nanos == meta.mtime.nanos)
        && before.xattrs.get(CAPABILITY) == meta.xattrs.get(CAPABILITY)
}

fn meta(stat: &Stat) -> Meta {
    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    Meta {
        mode: if is_link { 0o777 } else { stat.st_mode & 0o7777 },
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: Time {
            secs: stat.st_mtime,
            nanos: stat.st_mtime_nsec as u32,
        },
        xattrs: BTreeMap::new(),
    }
}

/// The capability of a program, if it has one and the filesystem knows of such things.
fn capability(file: impl AsFd) -> BTreeMap<String, Vec<u8>> {
    let mut value = [0; 64];
    match fgetxattr(file, CAPABILITY, &mut value[..]) {
        Ok(length) => BTreeMap::from([(CAPABILITY.to_owned(), value[..length].to_vec())]),
        Err(_) => BTreeMap::new(),
    }
}

fn is_opaque(dir: &OwnedFd, name: &str) -> bool {
    let mut value = [0; 1];
    // `x` says only that whiteouts of another kind are below.
    fgetxattr(dir, name, &mut value[..]).is_ok_and(|length| value[..length] == *b"y")
}

fn has_attribute(dir: &OwnedFd, name: &str) -> bool {
    let mut value = [0; 1];
    !matches!(fgetxattr(dir, name, &mut value[..]), Err(Errno::NODATA | Errno::NOTSUP))
}

fn failed(path: &TreePath, error: Errno) -> SnapshotError {
    SnapshotError::Read {
        path: path.absolute(),
        source: error.into(),
    }
}
