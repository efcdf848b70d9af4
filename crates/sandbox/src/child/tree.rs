//! The filesystem that becomes `/`: paths in it are opened so that no link leads out, and made where they are missing.

use crate::error::{Doing as _, SandboxError};
use crate::stubs::Stub;
use rustix::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, mkdirat, openat, openat2, statx};
use rustix::io::Errno;

/// What a path must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// The filesystem that becomes `/`.
pub(crate) struct Tree {
    root: OwnedFd,
    root_mount: u64,
    /// What was made, in order.
    pub(crate) stubs: Vec<Stub>,
}

impl Tree {
    /// `root` is mounted already, over the `/` of this process.
    pub(crate) fn new(root: OwnedFd) -> Result<Self, SandboxError> {
        let root_mount = mount_id(root.as_fd()).doing("look at the root")?;
        Ok(Self {
            root,
            root_mount,
            stubs: Vec::new(),
        })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a path for mounts on it; makes it, and notes that, if it is missing.
    pub(crate) fn target(&mut self, path: &str, kind: Kind) -> Result<OwnedFd, SandboxError> {
        match open_inside(self.root(), path) {
            Err(Errno::NOENT) => self.make(path, kind).doing_with(|| format!("make {path:?}")),
            opened => opened.doing_with(|| format!("open {path:?}")),
        }
    }

    /// Opens or makes one of the directories that the kernel's own filesystems are mounted on: `proc`, `dev`, `sys`.
    ///
    /// A link in its place is refused: what is mounted there would appear elsewhere, and rules for it would miss it
    /// (CVE-2019-19921, CVE-2023-27561, CVE-2026-41579).
    pub(crate) fn plain_directory(&mut self, name: &str) -> Result<OwnedFd, SandboxError> {
        match rustix::fs::statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => Err(SandboxError::Refused {
                path: format!("/{name}"),
                expected: "a directory".to_owned(),
                found: match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Symlink => "a symbolic link".to_owned(),
                    _ => "a file".to_owned(),
                },
            }),
            Ok(_) => open_beneath(self.root(), name).doing_with(|| format!("open {name:?}")),
            Err(Errno::NOENT) => self.target(name, Kind::Directory),
            Err(errno) => Err(errno).doing_with(|| format!("open {name:?}")),
        }
    }

    /// Opens a directory that stays, such as the working directory; makes it if it is missing.
    pub(crate) fn lasting_directory(&mut self, path: &str) -> Result<OwnedFd, SandboxError> {
        let n_stubs = self.stubs.len();
        let directory = self.target(path, Kind::Directory)?;
        self.stubs.truncate(n_stubs);
        let stat = rustix::fs::fstat(&directory).doing_with(|| format!("open {path:?}"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(directory),
            _ => Err(Errno::NOTDIR).doing_with(|| format!("open {path:?}")),
        }
    }

    /// Makes the missing end of a path, part by part, never through a link that leads nowhere.
    fn make(&mut self, path: &str, kind: Kind) -> Result<OwnedFd, Errno> {
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let mut reached = open_inside(self.root(), ".")?;
        for (part_idx, part) in parts.iter().enumerate() {
            let so_far = parts[..=part_idx].join("/");
            let kind = if part_idx + 1 == parts.len() {
                kind
            } else {
                Kind::Directory
            };
            reached = match open_inside(self.root(), &so_far) {
                Err(Errno::NOENT) => self.make_one(reached.as_fd(), part, kind)?,
                opened => opened?,
            };
        }
        Ok(reached)
    }

    fn make_one(&mut self, parent: BorrowedFd<'_>, name: &str, kind: Kind) -> Result<OwnedFd, Errno> {
        let before = rustix::fs::fstat(parent)?;
        match kind {
            Kind::Directory => mkdirat(parent, name, Mode::from_raw_mode(0o755))?,
            Kind::File => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                drop(openat(parent, name, flags, Mode::from_raw_mode(0o644))?);
            }
        }
        let made = open_beneath(parent, name)?;
        if mount_id(parent)? == self.root_mount {
            let path = rustix::fs::readlink(format!("/proc/self/fd/{}", made.as_raw_fd()), Vec::new())?;
            let path = path.into_string().map_err(|_| Errno::ILSEQ)?;
            let after = rustix::fs::fstat(parent)?;
            self.stubs
                .push(Stub::new(path, kind == Kind::Directory, &before, &after));
        }
        Ok(made)
    }
}

/// Opens a path as if `root` were `/`, whatever links say; magic links such as `/proc/self/fd/3` are refused.
pub(crate) fn open_inside(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    open_resolved(root, path, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// Opens what lies below a directory without following any link.
pub(super) fn open_beneath(directory: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    open_resolved(directory, path, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

fn open_resolved(root: BorrowedFd<'_>, path: &str, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    let path = if path.trim_matches('/').is_empty() { "." } else { path };
    // The kernel asks for another try when a directory was renamed while a `..` was resolved.
    for _ in 0..32 {
        match openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

fn mount_id(file: BorrowedFd<'_>) -> Result<u64, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    Ok(statx(file, "", flags, StatxFlags::MNT_ID)?.stx_mnt_id)
}
