//! The root filesystem, from the first mount to the moment when nothing else is left.

use super::devices::{self, Devices};
use super::masks;
use super::mounts::{self, Staging, attach, clone_of, filesystem};
use super::overlay;
use super::tree::Tree;
use crate::error::{Doing as _, SandboxError};
use crate::spec::{Network, Root, Spec};
use crate::system::{MountChange, change_mount};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountPropagationFlags, UnmountFlags, mount_change, unmount};

/// A root filesystem that is complete.
pub(super) struct Built {
    /// With what was made in it.
    pub(super) tree: Tree,
    /// Its devices.
    pub(super) devices: Devices,
    /// Its working directory.
    pub(super) cwd: OwnedFd,
}

/// Builds it over the `/` of this process, in a mount namespace of its own.
pub(super) fn build(spec: &Spec) -> Result<Built, SandboxError> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).doing("make mounts private")?;
    rustix::process::umask(Mode::empty());
    let mut staging = Staging::default();
    let root = match &spec.root {
        Root::Overlay(layers) => overlay::mount(layers, &mut staging)?,
        Root::Directory(path) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty())
                .and_then(clone_of)
                .doing_with(|| format!("open {}", path.display()))?
        }
    };
    staging.prepare().doing("make a place for files")?;
    mounts::cover_root(&root).doing("mount the root")?;
    let mut tree = Tree::new(root)?;
    let devices = kernel_files(&mut tree, spec)?;
    for mount in &spec.mounts {
        mounts::mount(&mut tree, mount, &mut staging)?;
    }
    let cwd = tree.lasting_directory(&spec.cwd)?;
    if spec.read_only {
        change_mount(tree.root(), MountChange::ReadOnly, false).doing("make the root read only")?;
    }
    Ok(Built { tree, devices, cwd })
}

/// Mounts `/proc`, `/dev` and `/sys`.
fn kernel_files(tree: &mut Tree, spec: &Spec) -> Result<Devices, SandboxError> {
    let restricted =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let target = tree.plain_directory("proc")?;
    let proc = filesystem("proc", &[], restricted).doing("make /proc")?;
    attach(&proc, target).doing("mount /proc")?;
    let devices = devices::mount(tree.plain_directory("dev")?, spec.limits.shm)?;
    let target = tree.plain_directory("sys")?;
    let sys = sys(spec, restricted).doing("make /sys")?;
    if let Some(sys) = &sys {
        attach(sys, target).doing("mount /sys")?;
    }
    if !spec.rights.privileged {
        masks::apply(&proc, sys.as_ref(), devices.null.as_fd())?;
    }
    Ok(devices)
}

/// The kernel's view of devices: of the sandbox's own network, or of the machine's if that is what it sees.
fn sys(spec: &Spec, restricted: MountAttrFlags) -> Result<Option<OwnedFd>, Errno> {
    let attributes = if spec.rights.privileged {
        restricted
    } else {
        restricted | MountAttrFlags::MOUNT_ATTR_RDONLY
    };
    match filesystem("sysfs", &[], attributes) {
        // Not with a network that belongs to another user namespace: the machine's own then, if it may be shown.
        Err(Errno::PERM) if spec.network != Network::None => {
            let theirs = rustix::fs::open("/sys", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            let copy = clone_of(theirs)?;
            change_mount(&copy, MountChange::ReadOnly, true)?;
            Ok(Some(copy))
        }
        made => made.map(Some),
    }
}

/// Makes the tree `/`, and leaves nothing else mounted.
pub(super) fn enter(tree: &Tree) -> Result<(), SandboxError> {
    let old = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let old = old.doing("open the old root")?;
    rustix::process::fchdir(tree.root()).doing("enter the root")?;
    rustix::process::pivot_root(".", ".").doing("change the root")?;
    rustix::process::fchdir(&old).doing("enter the old root")?;
    leave_old_root().doing("leave the old root")?;
    rustix::process::chdir("/").doing("enter the root")?;
    // `..` of `/` goes to whatever is mounted over it: nothing may be.
    let (root, above) = (mount_id("/"), mount_id("/.."));
    match (root.doing("look at the root")?, above.doing("look at the root")?) {
        (root, above) if root == above => Ok(()),
        _ => Err(Errno::BUSY).doing("leave the old root"),
    }
}

/// Unmounts the working directory, and what is mounted over it first: the kernel takes the uppermost away each time.
fn leave_old_root() -> Result<(), Errno> {
    unmount(".", UnmountFlags::DETACH)?;
    for _ in 0..MAX_OVER_ROOT {
        match unmount(".", UnmountFlags::DETACH) {
            Ok(()) => {}
            // It belongs to no namespace any more.
            Err(Errno::INVAL) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::BUSY)
}

/// No more is ever mounted over the old root: the files that wait there for their places.
const MAX_OVER_ROOT: usize = 4;

fn mount_id(path: &str) -> Result<u64, Errno> {
    let found = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::MNT_ID)?;
    Ok(found.stx_mnt_id)
}
