//! Which namespaces a process makes, and which it enters.

use super::network::{self, Connection};
use crate::error::{Doing as _, SandboxError};
use crate::isolation;
use crate::protocol::Request;
use crate::spec::{Network, NetworkUsed, Running, Spec};
use crate::system;
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};
use std::path::PathBuf;

/// Processes whose namespaces are entered: held from before the own namespace of process numbers, in which they have none.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// The first process of the sandbox that is joined.
    sandbox: Option<OwnedFd>,
    /// Whether that sandbox is in the machine's own network, as this process is: in a user namespace nobody may enter that.
    is_in_own_network: bool,
    /// The process whose network is shared.
    network: Option<OwnedFd>,
    /// A network of its own, and what connects it for as long as this lives.
    connection: Option<Connection>,
    /// What the sandbox really sees of the network.
    pub(super) network_used: Option<NetworkUsed>,
}

impl Others {
    /// Finds those that the request names.
    pub(super) fn find(request: &Request) -> Result<Self, SandboxError> {
        match request {
            Request::Spawn(spec) => Self::find_network(spec.network),
            Request::Exec(running, _) => {
                let sandbox = Some(first_process(running)?);
                let network = &running.network;
                Ok(Self {
                    sandbox,
                    is_in_own_network: matches!(network, NetworkUsed::Host | NetworkUsed::HostForLackOfHelper { .. }),
                    ..Self::default()
                })
            }
        }
    }

    fn find_network(network: Network) -> Result<Self, SandboxError> {
        let mut found = Self::default();
        found.network_used = Some(match network {
            Network::None => NetworkUsed::Loopback,
            Network::Host => NetworkUsed::Host,
            Network::Of(pid) => {
                found.network = Some(open_process(pid)?);
                NetworkUsed::Joined(pid)
            }
            Network::Default => match found.connect() {
                Ok(program) => NetworkUsed::Helper(program),
                Err(reason) => NetworkUsed::HostForLackOfHelper { reason },
            },
        });
        Ok(found)
    }

    fn connect(&mut self) -> Result<PathBuf, String> {
        let program = isolation::find_program("slirp4netns").ok_or("slirp4netns is not installed")?;
        self.connection = Some(network::connect(&program).map_err(|error| error.to_string())?);
        Ok(program)
    }

    /// Makes, or enters, the namespace of process numbers for the children of this process.
    pub(super) fn enter_pids(&self) -> Result<(), SandboxError> {
        match &self.sandbox {
            None => system::unshare(UnshareFlags::NEWPID).doing("make a pid namespace"),
            Some(process) => move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::PROCESS_ID)
                .doing("enter the sandbox"),
        }
    }

    /// Enters all other namespaces of the sandbox; root and working directory are then its root.
    pub(super) fn join(&self) -> Result<(), SandboxError> {
        let mut all = ThreadNameSpaceType::MOUNT
            | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
            | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
            | ThreadNameSpaceType::CONTROL_GROUP;
        if !self.is_in_own_network {
            all |= ThreadNameSpaceType::NETWORK;
        }
        let process = self.sandbox.as_ref().ok_or(Errno::SRCH).doing("enter the sandbox")?;
        move_into_thread_name_spaces(process.as_fd(), all).doing("enter the sandbox")
    }

    /// Makes the other namespaces of a sandbox's first process.
    pub(super) fn make(&self, spec: &Spec) -> Result<(), SandboxError> {
        let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS | UnshareFlags::NEWCGROUP;
        if spec.network == Network::None {
            flags |= UnshareFlags::NEWNET;
        }
        let connected = self.connection.as_ref().map(|connection| &connection.namespace);
        if let Some(network) = self.network.as_ref().or(connected) {
            move_into_thread_name_spaces(network.as_fd(), ThreadNameSpaceType::NETWORK).doing("enter the network")?;
        }
        system::unshare(flags).doing("make namespaces")?;
        if spec.network == Network::None {
            system::start_loopback().doing("start the loopback interface")?;
        }
        rustix::system::sethostname(spec.hostname.as_bytes()).doing("set the host name")
    }
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
