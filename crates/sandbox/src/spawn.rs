//! The caller's side: starting a sandbox, and what can be done with it then.

use crate::cgroup;
use crate::error::{Doing as _, SandboxError};
use crate::message;
use crate::own_program;
use crate::protocol::{Reply, Request};
use crate::spec::{Exec, Running, Spec};
use crate::stubs::Stub;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Signal, pidfd_send_signal};
use rustix::time::Timespec;
use serde::{Deserialize, Serialize};
use std::process;
use std::time::Duration;

/// Where a process reads and writes. `None` is its own `/dev/null`. With a terminal none of them is used.
#[derive(Debug, Default)]
pub struct Stdio {
    /// What it reads.
    pub stdin: Option<OwnedFd>,
    /// Where it writes results.
    pub stdout: Option<OwnedFd>,
    /// Where it writes complaints.
    pub stderr: Option<OwnedFd>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// By itself or not.
    pub how: How,
    /// What it used, with all its children that it waited for.
    pub usage: Usage,
}

impl Ended {
    /// The exit code that a shell has for it: 128 and the signal if a signal ended it.
    pub fn exit_code(&self) -> u8 {
        match self.how {
            How::Exited(code) => code,
            How::Killed(signal) => 128_u8.saturating_add(signal),
        }
    }
}

/// By itself or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// With an exit code.
    Exited(u8),
    /// By a signal.
    Killed(u8),
}

/// What a process used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Time on processors.
    pub cpu: Duration,
    /// Largest resident size of one process, in bytes.
    pub max_resident: u64,
}

/// A process in a sandbox. Dropping it without [`wait`](Self::wait) kills the process, unless it outlives its caller.
#[derive(Debug)]
pub struct Child {
    /// The process, its group and its rights: enough to run another beside it.
    pub running: Running,
    /// What was made in the filesystem so that something could be mounted there. See [`crate::remove_stubs`].
    pub stubs: Vec<Stub>,
    /// The caller's end of its terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    pidfd: OwnedFd,
    // Dropped before the helper, which hears by it that nobody waits any more.
    socket: OwnedFd,
    helper: Helper,
    owns_group: bool,
}

impl Child {
    /// Number of the process on the machine (in the caller's namespace).
    pub fn pid(&self) -> u32 {
        self.running.pid
    }

    /// Sends a signal, by its number.
    ///
    /// # Errors
    ///
    /// [`SandboxError::System`] if the process has ended or there is no such signal.
    pub fn kill(&self, signal: i32) -> Result<(), SandboxError> {
        let signal = Signal::from_named_raw(signal)
            .ok_or(rustix::io::Errno::INVAL)
            .doing("send a signal")?;
        pidfd_send_signal(&self.pidfd, signal).doing("send a signal")?;
        if signal == Signal::KILL && self.owns_group {
            cgroup::let_die(&self.running.cgroup);
        }
        Ok(())
    }

    /// Waits for its end. Nothing of the sandbox runs afterwards, and nothing is mounted.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Lost`] if the helper process was killed; the sandbox has ended then, too.
    pub fn wait(mut self) -> Result<Ended, SandboxError> {
        let ended = self.receive_end();
        self.helper.reap();
        if ended.is_err() && self.owns_group {
            // Nobody else does it, when the helper could not.
            cgroup::remove(&self.running.cgroup);
        }
        ended
    }

    /// Waits for its end for a time; `None` if it still runs.
    ///
    /// # Errors
    ///
    /// As [`Self::wait`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Ended>, SandboxError> {
        let timeout = Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let mut descriptors = [PollFd::new(&self.socket, PollFlags::IN)];
        let n_ready = rustix::io::retry_on_intr(|| poll(&mut descriptors, Some(&timeout))).doing("wait")?;
        if n_ready == 0 {
            return Ok(None);
        }
        let ended = self.receive_end();
        self.helper.reap();
        ended.map(Some)
    }

    /// Readable when the process has ended; to be waited for with others.
    pub fn as_ended(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn receive_end(&self) -> Result<Ended, SandboxError> {
        match message::receive(&self.socket)? {
            Some((Reply::Ended(ended), _)) => Ok(ended),
            _ => Err(SandboxError::Lost),
        }
    }
}

/// Starts a process in a sandbox of its own and returns when its program runs.
///
/// # Errors
///
/// Those of the program ([`SandboxError::NotFound`], [`SandboxError::Denied`] and such), and [`SandboxError::System`] with what
/// was being done; nothing is left behind then.
pub fn spawn(spec: &Spec, stdio: Stdio) -> Result<Child, SandboxError> {
    start(Request::Spawn(spec.clone()), stdio)
}

/// Starts another process in a sandbox: same filesystem, namespaces, limits and rights.
///
/// It ends when the sandbox ends.
///
/// # Errors
///
/// As [`spawn`]; [`SandboxError::System`] also if the sandbox has ended.
pub fn exec_in(running: &Running, exec: &Exec, stdio: Stdio) -> Result<Child, SandboxError> {
    start(Request::Exec(running.clone(), exec.clone()), stdio)
}

fn start(request: Request, stdio: Stdio) -> Result<Child, SandboxError> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).doing("make a socket pair")?;
    let helper = own_program::command()?
        .stdin(theirs)
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .spawn()
        .doing("start the helper process")?;
    let mut helper = Helper {
        process: Some(helper),
        has_started: false,
        outlives_caller: request.outlives_caller(),
    };
    let streams = [&stdio.stdin, &stdio.stdout, &stdio.stderr];
    let given: Vec<BorrowedFd<'_>> = streams
        .iter()
        .filter_map(|stream| stream.as_ref().map(AsFd::as_fd))
        .collect();
    message::send(&ours, &streams.map(Option::is_some), &given)?;
    message::send(&ours, &request, &[])?;
    let (mut terminal, mut stubs) = (None, Vec::new());
    loop {
        match message::receive(&ours)? {
            Some((Reply::Terminal, mut descriptors)) => terminal = descriptors.pop(),
            Some((Reply::Stubs(made), _)) => stubs = made,
            Some((Reply::Failed(error), _)) => {
                helper.reap();
                return Err(error);
            }
            Some((Reply::Started(running), mut descriptors)) => {
                let pidfd = descriptors.pop().ok_or(SandboxError::Lost)?;
                helper.has_started = true;
                let socket = ours;
                return Ok(Child {
                    running,
                    stubs,
                    terminal,
                    pidfd,
                    socket,
                    helper,
                    owns_group: matches!(request, Request::Spawn(_)),
                });
            }
            Some((Reply::Ended(_), _)) | None => {
                helper.reap();
                return Err(SandboxError::Lost);
            }
        }
    }
}

/// The process between the caller and the sandbox.
#[derive(Debug)]
struct Helper {
    process: Option<process::Child>,
    /// Whether a program runs: the helper ends it, and itself, when the caller's end of the socket closes.
    has_started: bool,
    outlives_caller: bool,
}

impl Helper {
    /// Waits for the helper, which ends right after the sandbox.
    fn reap(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It has sent its last message: what it returns says nothing more.
            let _ = process.wait();
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if self.has_started && self.outlives_caller {
            return;
        }
        if let (Some(process), false) = (&mut self.process, self.has_started) {
            // The kernel kills the sandbox when its helper dies.
            let _ = process.kill();
        }
        self.reap();
    }
}
