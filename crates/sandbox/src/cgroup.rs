//! Control groups: limits, and stopping all processes of a sandbox at once.
//!
//! Version 1, version 2, both side by side ("hybrid") and none are all served: each controller is used where it is. What cannot
//! be made is left out, and shows in [`crate::Running::cgroup`].

mod hierarchy;

use crate::error::{Doing as _, SandboxError};
use crate::spec::Limits;
use rustix::io::Errno;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

pub(crate) use self::hierarchy::{Hierarchies, Version};

/// Length of the time in which a share of processors counts, in microseconds: the kernel's own default.
const CPU_PERIOD: u64 = 100_000;

/// Makes the directories of a group; those of all controllers for a group with a name or a parent, else those that `limits` need.
///
/// # Errors
///
/// [`SandboxError::Refused`] for a name or a parent that cannot be one, [`SandboxError::System`] if a limit is refused, or nothing
/// can be made below the parent. That a group without a parent cannot be made at all is none: there is none then.
pub(crate) fn create(name: Option<&str>, limits: &Limits) -> Result<Vec<PathBuf>, SandboxError> {
    let needs = needs(name.is_some() || limits.parent.is_some(), limits);
    if needs.is_empty() {
        return Ok(Vec::new());
    }
    let name = match name {
        Some(name) if name.is_empty() || name.starts_with('.') || name.contains('/') => {
            return Err(SandboxError::Refused {
                path: name.to_owned(),
                expected: "the name of a control group".to_owned(),
                found: "one that is not a single part of a path".to_owned(),
            });
        }
        Some(name) => name.to_owned(),
        None => format!("sandbox-{}", std::process::id()),
    };
    let hierarchies = Hierarchies::read();
    let places = match &limits.parent {
        Some(parent) => hierarchies.places_below(checked(parent)?, &needs)?,
        None => hierarchies.places(&needs),
    };
    let mut made = Vec::new();
    let result = places.into_iter().try_for_each(|(version, place)| {
        let directory = place.join(&name);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                if limits.parent.is_some() {
                    return Err(error).doing_with(|| format!("make {}", directory.display()));
                }
                return Ok(());
            }
            _ => made.push(directory.clone()),
        }
        set(version, &directory, limits).doing_with(|| format!("limit {}", directory.display()))
    });
    if let Err(error) = result {
        remove(&made);
        return Err(error);
    }
    Ok(made)
}

/// A parent that leads nowhere but down.
pub(crate) fn checked(parent: &str) -> Result<&str, SandboxError> {
    let leads_down = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if parent.is_empty() || parent.contains('\0') || !Path::new(parent).components().all(leads_down) {
        return Err(SandboxError::Refused {
            path: parent.to_owned(),
            expected: "the path of a control group, without `..`".to_owned(),
            found: "another one".to_owned(),
        });
    }
    Ok(parent)
}

/// Controllers that are needed; `freezer` stands for what version 2 can do without one.
fn needs(is_named: bool, limits: &Limits) -> Vec<&'static str> {
    let mut needs = Vec::new();
    let asked_for = [
        ("memory", limits.memory.is_some()),
        ("cpu", limits.cpu_millis.is_some()),
        ("pids", limits.pids.is_some()),
        ("cpuacct", false),
        ("freezer", false),
    ];
    needs.extend(
        asked_for
            .iter()
            .filter(|(_, is_asked_for)| is_named || *is_asked_for)
            .map(|(name, _)| *name),
    );
    needs
}

fn set(version: Version, directory: &Path, limits: &Limits) -> io::Result<()> {
    let put = |file: &str, value: String| {
        let path = directory.join(file);
        // Each hierarchy has the files of its own controllers.
        if path.exists() { fs::write(path, value) } else { Ok(()) }
    };
    let cpu = limits.cpu_millis.map(|millis| millis * CPU_PERIOD / 1000);
    if let Some(bytes) = limits.memory {
        let file = if version == Version::One {
            "memory.limit_in_bytes"
        } else {
            "memory.max"
        };
        put(file, bytes.to_string())?;
    }
    if let Some(processes) = limits.pids {
        put("pids.max", processes.to_string())?;
    }
    if let Some(quota) = cpu {
        put("cpu.cfs_period_us", CPU_PERIOD.to_string())?;
        put("cpu.cfs_quota_us", quota.to_string())?;
        put("cpu.max", format!("{quota} {CPU_PERIOD}"))?;
    }
    Ok(())
}

/// Puts this process into a group.
pub(crate) fn join(directories: &[PathBuf]) -> Result<(), SandboxError> {
    for directory in directories {
        fs::write(directory.join("cgroup.procs"), "0").doing_with(|| format!("enter {}", directory.display()))?;
    }
    Ok(())
}

/// Removes the directories of a group whose processes have ended.
pub(crate) fn remove(directories: &[PathBuf]) {
    for directory in directories {
        // The kernel forgets dead processes a moment after it has told of their death.
        for _ in 0..50 {
            match fs::remove_dir(directory) {
                Err(error) if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                    sleep(Duration::from_millis(2));
                }
                _ => break,
            }
        }
    }
}

/// Whether all processes of a group stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Motion {
    /// They do.
    Frozen,
    /// They do not.
    Thawed,
}

/// Freezes or thaws a group and waits until that has come about; `false` if the group cannot be frozen.
pub(crate) fn set_motion(directories: &[PathBuf], motion: Motion) -> Result<bool, SandboxError> {
    let is_frozen = motion == Motion::Frozen;
    let by_file = |file: &str| directories.iter().find(|directory| directory.join(file).exists());
    let doing = if is_frozen {
        "pause the sandbox"
    } else {
        "resume the sandbox"
    };
    if let Some(directory) = by_file("cgroup.freeze") {
        fs::write(directory.join("cgroup.freeze"), if is_frozen { "1" } else { "0" }).doing(doing)?;
        let wanted = if is_frozen { "frozen 1" } else { "frozen 0" };
        until(&directory.join("cgroup.events"), wanted).doing(doing)?;
        return Ok(true);
    }
    if let Some(directory) = by_file("freezer.state") {
        let wanted = if is_frozen { "FROZEN" } else { "THAWED" };
        let file = directory.join("freezer.state");
        fs::write(&file, wanted).doing(doing)?;
        until(&file, wanted).doing(doing)?;
        return Ok(true);
    }
    Ok(false)
}

/// Lets a group that may be frozen die: version 1 keeps even those that are killed.
pub(crate) fn let_die(directories: &[PathBuf]) {
    for file in directories.iter().map(|directory| directory.join("freezer.state")) {
        if file.exists() {
            // It is gone when the group is.
            let _ = fs::write(file, "THAWED");
        }
    }
}

/// Waits until a file of the kernel's has a line.
fn until(file: &Path, line: &str) -> io::Result<()> {
    for _ in 0..1000 {
        if fs::read_to_string(file)?.lines().any(|found| found.trim() == line) {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    Err(io::Error::from_raw_os_error(Errno::TIMEDOUT.raw_os_error()))
}
