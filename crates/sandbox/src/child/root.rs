//! The root filesystem, from the first mount to the moment when nothing else is left.

use super::devices::{self, Devices};
use super::masks;
use super::mounts::{self, Staging, UseOfDevices, attach, clone_of, filesystem};
use super::overlay;
use super::tree::{Tree, open_beneath};
use crate::error::{Doing as _, SandboxError};
use crate::spec::{Limits, Network, Root, Spec};
use crate::system::{MountChange, change_mount};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags};
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
    let mut staging = Staging::new().doing("make a place for what is to be mounted")?;
    let root = match &spec.root {
        Root::Overlay(layers) => overlay::mount(layers, &mut staging)?,
        Root::Directory(path) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty())
                .and_then(clone_of)
                .doing_with(|| format!("open {}", path.display()))?
        }
    };
    let use_of_devices = if spec.rights.privileged {
        UseOfDevices::Allowed
    } else {
        UseOfDevices::Forbidden
    };
    if use_of_devices == UseOfDevices::Forbidden {
        change_mount(&root, MountChange::NoDevices, true).doing("close the root's devices")?;
    }
    mounts::cover_root(&root).doing("mount the root")?;
    let mut tree = Tree::new(root)?;
    let devices = kernel_files(&mut tree, spec, &mut staging)?;
    for mount in &spec.mounts {
        mounts::mount(&mut tree, mount, use_of_devices, &mut staging)?;
    }
    let cwd = tree.lasting_directory(&spec.cwd)?;
    if spec.read_only {
        change_mount(tree.root(), MountChange::ReadOnly, false).doing("make the root read only")?;
    }
    Ok(Built { tree, devices, cwd })
}

/// Mounts `/proc`, `/dev` and `/sys`.
fn kernel_files(tree: &mut Tree, spec: &Spec, staging: &mut Staging) -> Result<Devices, SandboxError> {
    let restricted =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let target = tree.plain_directory("proc")?;
    let proc = filesystem("proc", &[], restricted).doing("make /proc")?;
    attach(&proc, target).doing("mount /proc")?;
    let target = tree.plain_directory("dev")?;
    let devices = if spec.rights.privileged {
        devices::mount_all(target, spec.limits.shm, staging)?
    } else {
        devices::mount(target, spec.limits.shm, staging)?
    };
    let target = tree.plain_directory("sys")?;
    let sys = sys(spec, restricted).doing("make /sys")?;
    if let Some(sys) = &sys {
        attach(sys, target).doing("mount /sys")?;
        groups(sys, spec);
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

/// Mounts the sandbox's own control groups below `/sys/fs/cgroup`: what programs learn their limits from.
///
/// Nothing depends on it, so that a kernel or a container around this one that does not allow it is none the worse.
fn groups(sys: &OwnedFd, spec: &Spec) {
    let restricted =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let read_only = restricted | MountAttrFlags::MOUNT_ATTR_RDONLY;
    let Ok(target) = open_beneath(sys.as_fd(), "fs/cgroup") else {
        return;
    };
    if crate::cgroup::Hierarchies::read().is_version_2_alone() {
        let _ = filesystem("cgroup2", &[], read_only).and_then(|mount| attach(mount, target));
        return;
    }
    let Limits {
        memory,
        cpu_millis,
        parent,
        ..
    } = &spec.limits;
    if spec.cgroup.is_none() && memory.is_none() && cpu_millis.is_none() && parent.is_none() {
        return;
    }
    let _ = filesystem("tmpfs", &[("mode", Some("0755"))], restricted).and_then(|top| {
        attach(&top, target)?;
        for controller in ["memory", "cpu", "cpuacct", "pids"] {
            let Ok(mount) = filesystem("cgroup", &[(controller, None)], read_only) else {
                continue;
            };
            rustix::fs::mkdirat(&top, controller, Mode::from_raw_mode(0o755))?;
            attach(mount, open_beneath(top.as_fd(), controller)?)?;
        }
        change_mount(&top, MountChange::ReadOnly, false)
    });
}

/// Makes the tree `/`, and leaves nothing else mounted.
pub(super) fn enter(tree: &Tree) -> Result<(), SandboxError> {
    let old = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let old = old.doing("open the old root")?;
    rustix::process::fchdir(tree.root()).doing("enter the root")?;
    rustix::process::pivot_root(".", ".").doing("change the root")?;
    rustix::process::fchdir(&old).doing("enter the old root")?;
    // The uppermost goes first: the place for what was to be mounted, then the old root with all that is mounted in it.
    unmount(".", UnmountFlags::DETACH).doing("leave the place for mounts")?;
    unmount(".", UnmountFlags::DETACH).doing("leave the old root")?;
    rustix::process::chdir("/").doing("enter the root")
}
