//! Files and directories that were made only so that something could be mounted on them, and their removal.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::Path;

/// A file or directory that was made so that something could be mounted on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stub {
    /// Absolute path in the sandbox, no link in it.
    pub path: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// When the directory that it lies in was changed, before: seconds and nanoseconds.
    pub parent_before: (i64, i64),
    /// When that directory was changed, by this.
    pub parent_after: (i64, i64),
}

impl Stub {
    pub(crate) fn new(path: String, directory: bool, before: &Stat, after: &Stat) -> Self {
        Self {
            path,
            directory,
            parent_before: changed(before),
            parent_after: changed(after),
        }
    }
}

fn changed(stat: &Stat) -> (i64, i64) {
    (stat.st_mtime, stat.st_mtime_nsec as i64)
}

/// Removes from `upper`, the directory that took the sandbox's writes, those of `stubs` that are still empty.
///
/// Call it after the sandbox's end. No link is followed and no other filesystem entered, so that nothing outside of `upper` is
/// removed whatever the sandbox left there (CVE-2024-23652). The directory that a stub lay in gets its time back if nothing else
/// changed it.
///
/// # Errors
///
/// Those of the filesystem. What is no longer there, or is not empty, is none.
pub fn remove_stubs(upper: &Path, stubs: &[Stub]) -> io::Result<()> {
    let upper: OwnedFd = File::open(upper)?.into();
    // Last made, first removed: a stub may lie in another.
    for stub in stubs.iter().rev() {
        match remove(upper.as_fd(), stub) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn remove(upper: BorrowedFd<'_>, stub: &Stub) -> Result<(), Errno> {
    let path = stub.path.trim_start_matches('/');
    let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let parent = rustix::fs::openat2(upper, parent, flags, Mode::empty(), resolve)?;
    let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_untouched = if stub.directory {
        kind == FileType::Directory
    } else {
        kind == FileType::RegularFile && stat.st_size == 0
    };
    if !is_untouched {
        return Ok(());
    }
    let nothing_else = changed(&rustix::fs::fstat(&parent)?) == stub.parent_after;
    let flags = if stub.directory {
        AtFlags::REMOVEDIR
    } else {
        AtFlags::empty()
    };
    rustix::fs::unlinkat(&parent, name, flags)?;
    if nothing_else {
        let (tv_sec, tv_nsec) = stub.parent_before;
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            last_modification: Timespec { tv_sec, tv_nsec },
        };
        rustix::fs::futimens(&parent, &times)?;
    }
    Ok(())
}
