//! Writing a filesystem, or what differs of it, into a folder of overlayfs.

use super::difference::{Difference, Entry};
use super::error::SnapshotError;
use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown,
    fsetxattr, futimens, linkat, makedev, mkdirat, mknodat, openat, symlinkat, utimensat,
};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::Path;
use store::{BlobStore, CAPABILITY, Content, Meta, Node, Special, Tree, TreePath};

/// Writes `entries` of `tree` into the empty folder `root`, whose own mode, owner and time become those of the tree's root.
///
/// What is gone becomes a whiteout: a character device 0:0. Devices that this user may not make are left out, as containerd does.
///
/// # Errors
///
/// [`SnapshotError`]; the folder may be half written then.
///
/// Source: Linux, `Documentation/filesystems/overlayfs.rst`.
pub(super) fn write_entries(
    root: &Path,
    tree: &Tree,
    entries: &[Entry],
    blobs: &dyn BlobStore,
) -> Result<(), SnapshotError> {
    let top = openat(CWD, root, DIRECTORY, Mode::empty()).map_err(|error| failed(&TreePath::root(), error))?;
    let mut writer = Writer {
        tree,
        blobs,
        first_names: BTreeMap::new(),
        open: vec![(TreePath::root(), top, tree.root().meta.clone())],
    };
    for entry in entries {
        writer.leave(&entry.path)?;
        writer.write(entry)?;
    }
    writer.finish()
}

/// Writes all of `tree` into the empty folder `root`.
///
/// # Errors
///
/// [`SnapshotError`]; the folder may be half written then.
pub fn write_tree(root: &Path, tree: &Tree, blobs: &dyn BlobStore) -> Result<(), SnapshotError> {
    write_entries(root, tree, &Difference::from_nothing(tree).entries, blobs)
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

struct Writer<'a> {
    tree: &'a Tree,
    blobs: &'a dyn BlobStore,
    /// The name under which a file with several was written, by the first of them.
    first_names: BTreeMap<TreePath, TreePath>,
    /// The directories on the way, the root first. Their times are set when nothing more is put into them.
    open: Vec<(TreePath, OwnedFd, Meta)>,
}

impl Writer<'_> {
    /// Leaves the directories that `path` is not in.
    fn leave(&mut self, path: &TreePath) -> Result<(), SnapshotError> {
        while let Some((at, ..)) = self.open.last()
            && !path.is_within(at)
        {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), SnapshotError> {
        let Some((path, dir, meta)) = self.open.pop() else {
            return Ok(());
        };
        set_meta(&dir, &meta).map_err(|error| failed(&path, error))
    }

    fn finish(mut self) -> Result<(), SnapshotError> {
        while !self.open.is_empty() {
            self.close()?;
        }
        Ok(())
    }

    fn write(&mut self, entry: &Entry) -> Result<(), SnapshotError> {
        let path = &entry.path;
        let name = path.name().expect("the root is no entry");
        let (_, dir, _) = self.open.last().expect("the root is open until the end");
        let fail = |error| failed(path, error);
        match &entry.node {
            None => mknodat(dir, name, FileType::CharacterDevice, Mode::empty(), 0).map_err(fail),
            Some(Node::Dir(below)) => {
                mkdirat(dir, name, Mode::RWXU).map_err(fail)?;
                let opened = openat(dir, name, DIRECTORY, Mode::empty()).map_err(fail)?;
                self.open.push((path.clone(), opened, below.meta.clone()));
                Ok(())
            }
            Some(Node::Symlink { meta, target }) => {
                symlinkat(target, dir, name).map_err(fail)?;
                set_meta_at(dir, name, meta).map_err(fail)
            }
            Some(Node::Special { meta, kind }) => write_special(dir, name, meta, *kind).map_err(fail),
            Some(Node::File(file)) => {
                let first = file.link.map(|_| self.tree.names(path).swap_remove(0));
                if let Some(written) = first.as_ref().and_then(|first| self.first_names.get(first)) {
                    let (_, top, _) = &self.open[0];
                    return linkat(top, written.as_str(), dir, name, AtFlags::empty()).map_err(fail);
                }
                write_file(dir, name, path, file, self.blobs)?;
                self.first_names.extend(first.map(|first| (first, path.clone())));
                Ok(())
            }
        }
    }
}

fn write_file(
    dir: &OwnedFd,
    name: &str,
    path: &TreePath,
    file: &store::File,
    blobs: &dyn BlobStore,
) -> Result<(), SnapshotError> {
    let Content::Blob { digest, size } = &file.content else {
        return Err(SnapshotError::Absent { path: path.absolute() });
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(dir, name, flags, Mode::RUSR | Mode::WUSR).map_err(|error| failed(path, error))?;
    let mut out = File::from(opened);
    // An empty file has no bytes that could be missing or wrong.
    if *size > 0 {
        let mut bytes = blobs.open(digest)?;
        copy(&mut bytes, &mut out).map_err(|source| SnapshotError::Write {
            path: path.absolute(),
            source,
        })?;
    }
    set_meta(&out, &file.meta).map_err(|error| failed(path, error))
}

/// As `io::copy`, in the pieces that the reader has.
fn copy(from: &mut dyn BufRead, to: &mut File) -> io::Result<()> {
    loop {
        let bytes = from.fill_buf()?;
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        to.write_all(bytes)?;
        from.consume(count);
    }
}

fn write_special(dir: &OwnedFd, name: &str, meta: &Meta, kind: Special) -> rustix::io::Result<()> {
    let (file_type, device) = match kind {
        Special::Char(major, minor) => (FileType::CharacterDevice, makedev(major, minor)),
        Special::Block(major, minor) => (FileType::BlockDevice, makedev(major, minor)),
        Special::Fifo => (FileType::Fifo, 0),
    };
    match mknodat(dir, name, file_type, Mode::from_raw_mode(meta.mode), device) {
        Err(Errno::PERM) if file_type != FileType::Fifo => return Ok(()),
        other => other?,
    }
    set_meta_at(dir, name, meta)?;
    // The umask held back some of the mode.
    rustix::fs::chmodat(dir, name, Mode::from_raw_mode(meta.mode), AtFlags::empty())
}

/// Owner first: changing it takes away setuid bits and capabilities.
fn set_meta(file: impl rustix::fd::AsFd, meta: &Meta) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    fchown(&file, Some(uid), Some(gid))?;
    fchmod(&file, Mode::from_raw_mode(meta.mode))?;
    if let Some(value) = meta.xattrs.get(CAPABILITY) {
        fsetxattr(&file, CAPABILITY, value, XattrFlags::empty())?;
    }
    futimens(&file, &times(meta))
}

/// Owner and time of what cannot be opened.
fn set_meta_at(dir: &OwnedFd, name: &str, meta: &Meta) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
    chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    utimensat(dir, name, &times(meta), AtFlags::SYMLINK_NOFOLLOW)
}

fn times(meta: &Meta) -> Timestamps {
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        tv_nsec: i64::from(meta.mtime.nanos),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn failed(path: &TreePath, error: Errno) -> SnapshotError {
    SnapshotError::Write {
        path: path.absolute(),
        source: error.into(),
    }
}
