//! This program once more, in a form that nothing inside a sandbox can write to.
//!
//! A process in a sandbox can reach the file of our program through `/proc/PID/exe` while one of ours is inside, and could put
//! another program in its place (CVE-2019-5736). So what is started is not the file where it lies but a mount of it of our own:
//! read only, detached, in no mount namespace. The kernel asks that mount, not the file's mode, when somebody opens
//! `/proc/PID/exe` for writing; nobody can make it writable again, since a mount that is in no namespace cannot be remounted; and
//! it costs two system calls, where a copy in memory costs the time to copy the whole program. Where such a mount cannot be made,
//! the copy is used.

use crate::error::{Doing as _, SandboxError};
use crate::system::{MountChange, change_mount};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{CWD, MemfdFlags, SealFlags};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::OnceLock;

/// First argument by which [`crate::init`] knows the process that is to become a sandbox.
pub(crate) const HELPER_NAME: &str = "sandbox-helper";

static OWN_PROGRAM: OnceLock<OwnedFd> = OnceLock::new();

/// A command that runs this program as the helper process.
pub(crate) fn command() -> Result<Command, SandboxError> {
    let program = if let Some(program) = OWN_PROGRAM.get() {
        program
    } else {
        let program = read_only_mount().or_else(|_| sealed_copy())?;
        OWN_PROGRAM.get_or_init(|| program)
    };
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.arg0(HELPER_NAME).env_clear();
    Ok(command)
}

fn read_only_mount() -> Result<OwnedFd, SandboxError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mount = open_tree(CWD, "/proc/self/exe", flags).doing("clone the mount of our program")?;
    change_mount(&mount, MountChange::ReadOnly, false).doing("make the mount of our program read only")?;
    Ok(mount)
}

fn sealed_copy() -> Result<OwnedFd, SandboxError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let copy = rustix::fs::memfd_create("sandbox-helper", flags).doing("copy our program")?;
    let mut copy = File::from(copy);
    let mut program = File::open("/proc/self/exe").doing("open our program")?;
    io::copy(&mut program, &mut copy).doing("copy our program")?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&copy, seals).doing("seal the copy of our program")?;
    Ok(copy.into())
}
