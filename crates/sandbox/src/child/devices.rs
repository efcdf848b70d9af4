//! `/dev`: a filesystem in memory with the few devices that programs need.

use super::mounts::{attach, clone_of, filesystem};
use super::tree::open_beneath;
use crate::error::{Doing as _, SandboxError};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{Dev, FileType, Mode, OFlags, Stat, Uid, fstat, makedev, mkdirat, mknodat, openat, symlinkat};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::Winsize;

/// Name, major and minor number.
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: [(&str, &str); 6] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/kcore", "core"),
    ("pts/ptmx", "ptmx"),
];

/// Size of `/dev/shm` in bytes if nothing else is said.
const DEFAULT_SHM: u64 = 64 << 20;

/// What of `/dev` others need.
pub(super) struct Devices {
    /// The directory.
    pub(super) directory: OwnedFd,
    /// The null device.
    pub(super) null: OwnedFd,
    pts: OwnedFd,
}

/// Makes the filesystem and mounts it on `target`.
pub(super) fn mount(target: OwnedFd, shm: Option<u64>) -> Result<Devices, SandboxError> {
    let size = Some("65536k");
    let options = [("mode", Some("0755")), ("size", size)];
    let directory = filesystem("tmpfs", &options, MountAttrFlags::MOUNT_ATTR_NOSUID).doing("make /dev")?;
    attach(&directory, target).doing("mount /dev")?;
    for (name, major, minor) in DEVICES {
        device(directory.as_fd(), name, makedev(major, minor)).doing_with(|| format!("make /dev/{name}"))?;
    }
    for (to, name) in LINKS {
        symlinkat(to, &directory, name).doing_with(|| format!("make /dev/{name}"))?;
    }
    let pts = mount_pts(&directory).doing("mount /dev/pts")?;
    let restricted =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let shm = shm.unwrap_or(DEFAULT_SHM).to_string();
    let options = [("mode", Some("1777")), ("size", Some(shm.as_str()))];
    filesystem("tmpfs", &options, restricted)
        .and_then(|made| attach_new(&directory, "shm", made))
        .doing("mount /dev/shm")?;
    filesystem("mqueue", &[], restricted)
        .and_then(|made| attach_new(&directory, "mqueue", made))
        .doing("mount /dev/mqueue")?;
    let null = open_device(directory.as_fd(), "null", makedev(1, 3)).doing("open /dev/null")?;
    Ok(Devices { directory, null, pts })
}

impl Devices {
    /// Opens the null device for reading and writing.
    pub(super) fn open_null(&self) -> Result<OwnedFd, Errno> {
        openat(
            &self.directory,
            "null",
            OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )
    }

    /// Makes a terminal of the sandbox's own, which is its `/dev/console` too; returns the caller's end and the program's.
    ///
    /// The program's end comes from the caller's end itself, not from a path (CVE-2025-52565).
    pub(super) fn terminal(&self, (columns, rows): (u16, u16), owner: u32) -> Result<(OwnedFd, OwnedFd), Errno> {
        let (master, slave) = open_terminal(self.pts.as_fd(), (columns, rows), owner)?;
        let console = openat(
            &self.directory,
            "console",
            OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::from_raw_mode(0o600),
        )?;
        attach(clone_of(&slave)?, console)?;
        Ok((master, slave))
    }
}

/// Makes a terminal in a `devpts` filesystem.
pub(super) fn open_terminal(
    pts: BorrowedFd<'_>,
    (columns, rows): (u16, u16),
    owner: u32,
) -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let master = openat(pts, "ptmx", flags, Mode::empty())?;
    if device_of(&fstat(&master)?) != Some(makedev(5, 2)) {
        return Err(Errno::NODEV);
    }
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&master, size)?;
    rustix::fs::fchown(&slave, Some(Uid::from_raw(owner)), None)?;
    Ok((master, slave))
}

fn mount_pts(directory: &OwnedFd) -> Result<OwnedFd, Errno> {
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let options = [
        ("newinstance", None),
        ("ptmxmode", Some("0666")),
        ("mode", Some("0620")),
        ("gid", Some("5")),
    ];
    let pts = match filesystem("devpts", &options, attributes) {
        // The group of terminals has no number in a namespace with one user.
        Err(Errno::INVAL) => filesystem("devpts", &options[..3], attributes)?,
        made => made?,
    };
    mkdirat(directory, "pts", Mode::from_raw_mode(0o755))?;
    attach(&pts, open_beneath(directory.as_fd(), "pts")?)?;
    Ok(pts)
}

fn attach_new(directory: &OwnedFd, name: &str, mount: OwnedFd) -> Result<(), Errno> {
    mkdirat(directory, name, Mode::from_raw_mode(0o755))?;
    attach(mount, open_beneath(directory.as_fd(), name)?)
}

/// Makes a device, or where that is not allowed borrows the machine's.
fn device(directory: BorrowedFd<'_>, name: &str, number: Dev) -> Result<(), Errno> {
    // The umask of this process is 0.
    match mknodat(
        directory,
        name,
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        number,
    ) {
        Err(Errno::PERM | Errno::ACCESS) => {}
        made => return made,
    }
    let devices = rustix::fs::open(
        "/dev",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let theirs = open_device(devices.as_fd(), name, number)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::CLOEXEC;
    let place = openat(directory, name, flags, Mode::from_raw_mode(0o666))?;
    attach(clone_of(theirs)?, place)
}

/// Opens a device, which must be the one that it is taken for (CVE-2025-31133).
fn open_device(directory: BorrowedFd<'_>, name: &str, number: Dev) -> Result<OwnedFd, Errno> {
    let file = open_beneath(directory, name)?;
    match device_of(&fstat(&file)?) {
        Some(found) if found == number => Ok(file),
        _ => Err(Errno::NODEV),
    }
}

fn device_of(stat: &Stat) -> Option<Dev> {
    (FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice).then_some(stat.st_rdev)
}
