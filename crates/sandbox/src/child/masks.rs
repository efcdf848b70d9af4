//! What of the kernel's own files is hidden or read only: Docker's list.

use super::mounts::{attach, clone_of, filesystem, protect};
use super::tree::open_beneath;
use crate::error::{Doing as _, SandboxError};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;

/// Hidden, below `/proc`.
pub(crate) const MASKED_PROC: [&str; 10] = [
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
];
/// Hidden, below `/sys`.
pub(crate) const MASKED_SYS: [&str; 2] = ["devices/virtual/powercap", "firmware"];
/// Read only, below `/proc`.
pub(crate) const READ_ONLY_PROC: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Hides and protects. `proc` and `sys` are the mounts themselves, so that no path of the image plays a part; `null` is known to
/// be the null device (CVE-2025-31133).
pub(super) fn apply(proc: &OwnedFd, sys: Option<&OwnedFd>, null: BorrowedFd<'_>) -> Result<(), SandboxError> {
    let mut masks = Masks { null, empty: None };
    for name in MASKED_PROC {
        masks.hide(proc, name).doing_with(|| format!("hide /proc/{name}"))?;
    }
    for name in READ_ONLY_PROC {
        match open_beneath(proc.as_fd(), name) {
            Err(Errno::NOENT) => Ok(()),
            file => file.and_then(protect),
        }
        .doing_with(|| format!("make /proc/{name} read only"))?;
    }
    let Some(sys) = sys else {
        return Ok(());
    };
    for name in MASKED_SYS {
        masks.hide(sys, name).doing_with(|| format!("hide /sys/{name}"))?;
    }
    masks.hide_throttling(sys).doing("hide the processors' throttling")
}

struct Masks<'a> {
    null: BorrowedFd<'a>,
    empty: Option<OwnedFd>,
}

impl Masks<'_> {
    fn hide(&mut self, within: &OwnedFd, name: &str) -> Result<(), Errno> {
        let target = match open_beneath(within.as_fd(), name) {
            Err(Errno::NOENT) => return Ok(()),
            target => target?,
        };
        let stat = rustix::fs::fstat(&target)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return attach(clone_of(self.null)?, target);
        }
        // The one empty directory can be cloned once it is mounted somewhere.
        if let Some(empty) = &self.empty {
            return attach(clone_of(empty)?, target);
        }
        let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let empty = filesystem("tmpfs", &[("size", Some("0")), ("mode", Some("0555"))], attributes)?;
        attach(&empty, target)?;
        self.empty = Some(empty);
        Ok(())
    }

    fn hide_throttling(&mut self, sys: &OwnedFd) -> Result<(), Errno> {
        for cpu_idx in 0.. {
            let cpu = format!("devices/system/cpu/cpu{cpu_idx}");
            if let Err(Errno::NOENT) = open_beneath(sys.as_fd(), &cpu) {
                break;
            }
            self.hide(sys, &format!("{cpu}/thermal_throttle"))?;
        }
        Ok(())
    }
}
