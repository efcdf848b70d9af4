//! Which namespaces a process makes, and which it enters.

use crate::error::{Doing as _, SandboxError};
use crate::spec::{Network, Running, Spec};
use crate::system;
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};

/// Makes the namespaces of a sandbox's first process; that of process numbers is made before the process is.
pub(super) fn make(spec: &Spec) -> Result<(), SandboxError> {
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS | UnshareFlags::NEWCGROUP;
    match spec.network {
        Network::None => flags |= UnshareFlags::NEWNET,
        Network::Host | Network::Default => {}
        Network::Of(pid) => {
            let process = open_process(pid)?;
            move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::NETWORK)
                .doing_with(|| format!("enter the network of process {pid}"))?;
        }
    }
    system::unshare(flags).doing("make namespaces")?;
    if spec.network == Network::None {
        system::start_loopback().doing("start the loopback interface")?;
    }
    rustix::system::sethostname(spec.hostname.as_bytes()).doing("set the host name")
}

/// Enters the sandbox's namespace of process numbers, for the children of this process.
pub(super) fn join_pids(running: &Running) -> Result<(), SandboxError> {
    let process = first_process(running)?;
    move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::PROCESS_ID).doing("enter the sandbox")
}

/// Enters all other namespaces of the sandbox; root and working directory are then its root.
pub(super) fn join(running: &Running) -> Result<(), SandboxError> {
    let process = first_process(running)?;
    let all = ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::CONTROL_GROUP
        | ThreadNameSpaceType::NETWORK;
    move_into_thread_name_spaces(process.as_fd(), all).doing("enter the sandbox")
}

/// When a process started, in the kernel's ticks.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// The sandbox's first process, if it is still the one that was meant.
fn first_process(running: &Running) -> Result<OwnedFd, SandboxError> {
    let process = open_process(running.pid)?;
    // Asked after the process is held: a number that was given anew in between is found out.
    if start_time(running.pid) != Some(running.started) {
        return Err(Errno::SRCH).doing("find the sandbox");
    }
    Ok(process)
}

fn open_process(pid: u32) -> Result<OwnedFd, SandboxError> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    number
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
        .doing_with(|| format!("find process {pid}"))
}
