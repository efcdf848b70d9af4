//! Mounts as descriptors: made detached, and attached to places that are held open, never to paths.

use super::overlay;
use super::tree::{Kind, Tree, open_inside};
use crate::error::{Doing as _, SandboxError};
use crate::spec::{Mount, Source};
use crate::system::{MountChange, change_mount};
use rustix::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Uid, openat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

/// Makes a filesystem, mounted nowhere yet. An option without a value is a flag.
pub(super) fn filesystem(
    name: &str,
    options: &[(&str, Option<&str>)],
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let context = fsopen(name, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        match value {
            Some(value) => fsconfig_set_string(&context, *key, *value)?,
            None => fsconfig_set_flag(&context, *key)?,
        }
    }
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Mounts what `mount` is on what `target` is.
pub(super) fn attach(mount: impl AsFd, target: impl AsFd) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags)
}

/// What `file` is once more, with all that is mounted below it, mounted nowhere yet.
pub(super) fn clone_of(file: impl AsFd) -> Result<OwnedFd, Errno> {
    // AT_EMPTY_PATH is a flag of open_tree that rustix does not name.
    let empty_path = OpenTreeFlags::from_bits_retain(libc::AT_EMPTY_PATH as u32);
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE | empty_path;
    open_tree(file, "", flags)
}

/// Puts something read only over itself.
pub(super) fn protect(file: impl AsFd) -> Result<(), Errno> {
    let copy = clone_of(&file)?;
    change_mount(&copy, MountChange::ReadOnly, true)?;
    attach(copy, file)
}

/// A filesystem in memory that holds what must lie somewhere before it can be mounted where it belongs.
#[derive(Default)]
pub(super) struct Staging {
    mount: Option<OwnedFd>,
    n_used: usize,
}

impl Staging {
    /// Mounts the filesystem, before anything covers the old root: what is mounted there later lies over what covers it, and `..` of
    /// the new root would lead to it.
    pub(super) fn prepare(&mut self) -> Result<(), Errno> {
        if self.mount.is_none() {
            let mount = filesystem("tmpfs", &[("mode", Some("0700"))], MountAttrFlags::MOUNT_ATTR_NOSUID)?;
            // Over the old root, under the new one: reached by descriptor only, and gone when the old root is.
            attach(
                &mount,
                rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?,
            )?;
            self.mount = Some(mount);
        }
        Ok(())
    }

    /// A name that is not in use yet, and the directory that it would lie in.
    fn place(&mut self) -> Result<(BorrowedFd<'_>, String), Errno> {
        self.prepare()?;
        let mount = self.mount.as_ref().ok_or(Errno::IO)?;
        self.n_used += 1;
        Ok((mount.as_fd(), self.n_used.to_string()))
    }

    /// An empty directory.
    pub(super) fn directory(&mut self) -> Result<OwnedFd, Errno> {
        let (place, name) = self.place()?;
        rustix::fs::mkdirat(place, &name, Mode::from_raw_mode(0o755))?;
        openat(
            place,
            &name,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
    }

    /// What was mounted on the directory that was made last.
    pub(super) fn mounted_last(&self) -> Result<OwnedFd, Errno> {
        let place = self.mount.as_ref().ok_or(Errno::NOENT)?;
        openat(
            place,
            self.n_used.to_string(),
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )
    }

    fn file(&mut self, bytes: &[u8], mode: u32, uid: u32, gid: u32) -> Result<OwnedFd, Errno> {
        let (place, name) = self.place()?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(place, &name, flags, Mode::from_raw_mode(0o600))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[rustix::io::write(&file, rest)?..];
        }
        rustix::fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        openat(place, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
    }
}

/// Mounts what was asked for.
pub(super) fn mount(tree: &mut Tree, mount: &Mount, staging: &mut Staging) -> Result<(), SandboxError> {
    let what = || format!("mount {:?}", mount.target);
    let made = make(mount, staging)?;
    let stat = rustix::fs::fstat(&made).doing_with(what)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Directory,
        _ => Kind::File,
    };
    if mount.read_only {
        change_mount(&made, MountChange::ReadOnly, true).doing_with(what)?;
    }
    let target = tree.target(&mount.target, kind)?;
    refuse_kernel_files(&target, tree.root(), &mount.target)?;
    attach(made, target).doing_with(what)
}

/// What is to be mounted, mounted nowhere yet.
fn make(mount: &Mount, staging: &mut Staging) -> Result<OwnedFd, SandboxError> {
    let what = || format!("mount {:?}", mount.target);
    let whole = match &mount.source {
        Source::Bind(path) => {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty()).doing_with(|| format!("open {}", path.display()))?
        }
        Source::Overlay(layers) => {
            let made = overlay::mount(layers, staging)?;
            if mount.subpath.is_none() {
                return Ok(made);
            }
            let place = staging.directory().doing_with(what)?;
            attach(&made, place).doing_with(what)?;
            made
        }
        Source::Tmpfs { size, mode } => {
            let mode = format!("{mode:o}");
            let size = size.map(|size| size.to_string());
            let mut options = vec![("mode", Some(mode.as_str()))];
            options.extend(size.iter().map(|size| ("size", Some(size.as_str()))));
            let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
            return filesystem("tmpfs", &options, attributes).doing_with(what);
        }
        Source::File { bytes, mode, uid, gid } => staging.file(bytes, *mode, *uid, *gid).doing_with(what)?,
    };
    let part = match &mount.subpath {
        Some(path) => open_inside(whole.as_fd(), path).doing_with(|| format!("open {path:?} in its source"))?,
        None => whole,
    };
    clone_of(&part).doing_with(what)
}

/// The kernel's own files are not covered: what is masked there would show again, or writes would go astray
/// (CVE-2025-52881).
fn refuse_kernel_files(target: &OwnedFd, root: BorrowedFd<'_>, path: &str) -> Result<(), SandboxError> {
    const PROC: u64 = 0x9fa0;
    let refused = |found: &str| SandboxError::Refused {
        path: path.to_owned(),
        expected: "a path of the sandbox's own to mount on".to_owned(),
        found: found.to_owned(),
    };
    let file_system = rustix::fs::fstatfs(target).doing_with(|| format!("open {path:?}"))?;
    if file_system.f_type as u64 == PROC {
        return Err(refused("a path in /proc"));
    }
    let is_root =
        |file: BorrowedFd<'_>| rustix::fs::readlink(format!("/proc/self/fd/{}", file.as_raw_fd()), Vec::new());
    if is_root(target.as_fd()) == is_root(root) {
        return Err(refused("/"));
    }
    Ok(())
}

/// Opens `/` of this process and mounts `root` over it.
pub(super) fn cover_root(root: impl AsFd) -> Result<(), Errno> {
    move_mount(root, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
