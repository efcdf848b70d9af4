//! The helper's first half: it starts the sandbox, says how that went, and waits for the end.

use super::namespaces::{self, Others};
use super::start::{self, Streams};
use crate::cgroup;
use crate::error::{Doing as _, SandboxError};
use crate::message;
use crate::protocol::{Reply, Request};
use crate::spawn::{Ended, How, Usage};
use crate::spec::{NetworkUsed, Running};
use crate::system::{self, Waited};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::path::PathBuf;

/// Returns the helper's exit code, which nobody reads: everything is said over the socket.
pub(super) fn run() -> i32 {
    let Ok(socket) = socket() else {
        return 1;
    };
    match supervise(&socket) {
        Ok(()) => 0,
        Err(error) => {
            // Without a caller there is nobody to tell.
            let _ = message::send(&socket, &Reply::Failed(error), &[]);
            1
        }
    }
}

/// The socket came as standard input; it moves out of the way of the sandbox's own.
fn socket() -> Result<OwnedFd, Errno> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(null)?;
    Ok(socket)
}

fn supervise(socket: &OwnedFd) -> Result<(), SandboxError> {
    // Keys pressed at the caller's terminal are the caller's.
    rustix::process::setsid().doing("make a session")?;
    // Nothing inside can look into this process, nor open its program or descriptors, until the program is replaced.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("close this process to others")?;
    let Some((streams, request)) = receive(socket)? else {
        return Ok(());
    };
    let group = match &request {
        Request::Spawn(spec) => cgroup::create(spec.cgroup.as_deref(), &spec.limits)?,
        Request::Exec(running, _) => running.cgroup.clone(),
    };
    let result = run_and_wait(socket, &request, streams, &group);
    if let Request::Spawn(_) = request {
        cgroup::remove(&group);
    }
    match result? {
        Some(ended) => message::send(socket, &Reply::Ended(ended), &[]),
        None => Ok(()),
    }
}

/// Starts the process and waits for its end; `None` if it could not become the program, which it has told itself then.
fn run_and_wait(
    socket: &OwnedFd,
    request: &Request,
    streams: Streams,
    group: &[PathBuf],
) -> Result<Option<Ended>, SandboxError> {
    let others = Others::find(request)?;
    others.enter_pids()?;
    let (failed, fails) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
    let Some(pid) = system::fork().doing("start the sandbox's first process")? else {
        drop(failed);
        let error = start::start(request, streams, group, &others, socket);
        // The pipe says which of the two processes has spoken last.
        let _ = message::send(socket, &Reply::Failed(error), &[]);
        let _ = rustix::io::write(&fails, b"!");
        system::exit(1);
    };
    drop((streams, fails));
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).doing("open the sandbox's first process")?;
    // The other end closes when the program is replaced.
    if retry_on_intr(|| rustix::io::read(&failed, &mut [0_u8; 1])).doing("wait for the program")? > 0 {
        system::wait_for(pid).doing("wait for the sandbox")?;
        return Ok(None);
    }
    let running = running(request, pid, group, &others);
    message::send(socket, &Reply::Started(running), &[pidfd.as_fd()])?;
    let caller = (!request.outlives_caller()).then(|| socket.as_fd());
    // The end of one beside others thaws none of them.
    let own_group = if let Request::Spawn(_) = request { group } else { &[] };
    wait(pid, &pidfd, caller, own_group).map(Some)
}

fn receive(socket: &OwnedFd) -> Result<Option<(Streams, Request)>, SandboxError> {
    let Some((given, descriptors)) = message::receive::<[bool; 3]>(socket)? else {
        return Ok(None);
    };
    let mut descriptors = descriptors.into_iter();
    let streams = given.map(|is_given| is_given.then(|| descriptors.next()).flatten());
    let request = message::receive::<Request>(socket)?;
    Ok(request.map(|(request, _)| (streams, request)))
}

fn running(request: &Request, pid: Pid, group: &[PathBuf], others: &Others) -> Running {
    let pid = pid.as_raw_nonzero().get() as u32;
    let started = namespaces::start_time(pid).unwrap_or_default();
    match request {
        Request::Spawn(spec) => Running {
            pid,
            started,
            rights: spec.rights.clone(),
            cgroup: group.to_vec(),
            network: others.network_used.clone().unwrap_or(NetworkUsed::Host),
        },
        Request::Exec(running, exec) => Running {
            pid,
            started,
            rights: exec.rights.clone().unwrap_or_else(|| running.rights.clone()),
            ..running.clone()
        },
    }
}

/// Waits for the sandbox's end, and brings it about if `caller`, the socket of one that matters, has gone.
fn wait(
    pid: Pid,
    pidfd: &OwnedFd,
    mut caller: Option<BorrowedFd<'_>>,
    group: &[PathBuf],
) -> Result<Ended, SandboxError> {
    loop {
        let mut descriptors = vec![PollFd::new(pidfd, PollFlags::IN)];
        descriptors.extend(caller.map(|caller| PollFd::from_borrowed_fd(caller, PollFlags::RDHUP)));
        retry_on_intr(|| poll(&mut descriptors, None)).doing("wait for the sandbox")?;
        if !descriptors[0].revents().is_empty() {
            let waited = system::wait_for(pid).doing("wait for the sandbox")?;
            return Ok(ended(&waited));
        }
        caller = None;
        // It can only have ended in the meantime.
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
        cgroup::let_die(group);
    }
}

fn ended(waited: &Waited) -> Ended {
    let how = if libc::WIFSIGNALED(waited.status) {
        How::Killed(libc::WTERMSIG(waited.status) as u8)
    } else {
        How::Exited(libc::WEXITSTATUS(waited.status) as u8)
    };
    let usage = Usage {
        cpu: waited.cpu,
        max_resident: waited.max_resident,
    };
    Ended { how, usage }
}
