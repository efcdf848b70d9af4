//! The helper's second half: what the sandbox's process does until it is the program that was asked for.

use super::devices;
use super::exec;
use super::first_process;
use super::namespaces::Others;
use super::rights;
use super::root;
use super::tree::open_beneath;
use crate::cgroup;
use crate::error::{Doing as _, SandboxError};
use crate::message;
use crate::protocol::{Reply, Request};
use crate::seccomp;
use crate::spec::{Exec, Rights, Running, Spec, User};
use crate::system;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::path::PathBuf;

/// Standard input, output and error, as far as they were given.
pub(super) type Streams = [Option<OwnedFd>; 3];

/// Returns only if the program could not be started.
pub(super) fn start(
    request: &Request,
    streams: Streams,
    group: &[PathBuf],
    others: &Others,
    socket: &OwnedFd,
) -> SandboxError {
    // Before there is a namespace of control groups, whose root this becomes.
    if let Err(error) = cgroup::join(group) {
        return error;
    }
    let started = match request {
        Request::Spawn(spec) => start_first(spec, streams, others, socket),
        Request::Exec(running, exec) => start_beside(running, exec, streams, others, socket),
    };
    match started {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Never a value: a function that returns it in `Ok` does not return when all is well.
enum Never {}

fn start_first(spec: &Spec, streams: Streams, others: &Others, socket: &OwnedFd) -> Result<Never, SandboxError> {
    others.make(spec)?;
    let built = root::build(spec)?;
    let streams = match spec.terminal {
        Some(size) => {
            let (master, slave) = built.devices.terminal(size, spec.user.uid).doing("make a terminal")?;
            take_terminal(&slave, master, socket)?
        }
        None => complete(streams, || built.devices.open_null())?,
    };
    message::send(socket, &Reply::Stubs(built.tree.stubs.clone()), &[])?;
    root::enter(&built.tree)?;
    enter_directory(&built.cwd, &spec.cwd)?;
    let program = Program {
        argv: &spec.argv,
        env: &spec.env,
        user: &spec.user,
        rights: &spec.rights,
        ulimits: &spec.limits.ulimits,
        init: spec.init,
    };
    program.run(streams)
}

fn start_beside(
    running: &Running,
    exec: &Exec,
    streams: Streams,
    others: &Others,
    socket: &OwnedFd,
) -> Result<Never, SandboxError> {
    others.join()?;
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let root = root.doing("open the root")?;
    let devices = open_beneath(root.as_fd(), "dev").doing("open /dev")?;
    let streams = match exec.terminal {
        Some(size) => {
            let pts = open_beneath(devices.as_fd(), "pts").doing("open /dev/pts")?;
            let (master, slave) = devices::open_terminal(pts.as_fd(), size, exec.user.uid).doing("make a terminal")?;
            take_terminal(&slave, master, socket)?
        }
        None => complete(streams, || {
            rustix::fs::openat(
                &devices,
                "null",
                OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )
        })?,
    };
    let cwd = super::tree::open_inside(root.as_fd(), &exec.cwd).doing_with(|| format!("open {:?}", exec.cwd))?;
    enter_directory(&cwd, &exec.cwd)?;
    let program = Program {
        argv: &exec.argv,
        env: &exec.env,
        user: &exec.user,
        rights: exec.rights.as_ref().unwrap_or(&running.rights),
        ulimits: &[],
        init: false,
    };
    program.run(streams)
}

/// Makes the terminal this process's own, sends the other end to the caller, and uses it for all three streams.
fn take_terminal(slave: &OwnedFd, master: OwnedFd, socket: &OwnedFd) -> Result<[OwnedFd; 3], SandboxError> {
    message::send(socket, &Reply::Terminal, &[master.as_fd()])?;
    rustix::process::setsid().doing("make a session")?;
    rustix::process::ioctl_tiocsctty(slave).doing("take the terminal")?;
    let copy = || rustix::io::fcntl_dupfd_cloexec(slave, 3).doing("copy the terminal");
    Ok([copy()?, copy()?, copy()?])
}

fn complete(streams: Streams, null: impl Fn() -> Result<OwnedFd, Errno>) -> Result<[OwnedFd; 3], SandboxError> {
    let [stdin, stdout, stderr] = streams;
    let or_null = |stream: Option<OwnedFd>| match stream {
        Some(stream) => Ok(stream),
        None => null().doing("open /dev/null"),
    };
    Ok([or_null(stdin)?, or_null(stdout)?, or_null(stderr)?])
}

/// Enters the working directory, which must lie in the root (CVE-2024-21626).
fn enter_directory(directory: &OwnedFd, path: &str) -> Result<(), SandboxError> {
    rustix::process::fchdir(directory).doing_with(|| format!("enter {path:?}"))?;
    let cwd = rustix::process::getcwd(Vec::new()).doing_with(|| format!("enter {path:?}"))?;
    match cwd.to_bytes().first() {
        Some(b'/') => Ok(()),
        _ => Err(SandboxError::Refused {
            path: path.to_owned(),
            expected: "a directory in the root".to_owned(),
            found: "one outside of it".to_owned(),
        }),
    }
}

struct Program<'a> {
    argv: &'a [String],
    env: &'a [(String, String)],
    user: &'a User,
    rights: &'a Rights,
    ulimits: &'a [(String, u64, u64)],
    init: bool,
}

impl Program<'_> {
    fn run(&self, streams: [OwnedFd; 3]) -> Result<Never, SandboxError> {
        let kept = rights::capabilities(self.rights)?;
        for stream in &streams {
            give(stream.as_fd(), self.user.uid).doing("give the streams to the user")?;
        }
        rights::limit(self.ulimits)?;
        rights::bound(kept)?;
        if self.rights.no_new_privileges && !self.rights.privileged {
            rustix::thread::set_no_new_privs(true).doing("allow no new privileges")?;
        }
        // Before the user changes, since a process that may gain privileges needs some to be filtered. The filter allows all that
        // follows.
        if !self.rights.privileged && !self.rights.seccomp_unconfined {
            system::filter_calls(&seccomp::filter(kept)).doing("filter system calls")?;
        }
        rights::become_user(self.user, kept)?;
        // After the change of user, which clears it: the sandbox does not outlive its helper.
        set_parent_process_death_signal(Some(Signal::KILL)).doing("tie the sandbox to its helper")?;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let [stdin, stdout, stderr] = streams;
        rustix::stdio::dup2_stdin(stdin).doing("set the streams")?;
        rustix::stdio::dup2_stdout(stdout).doing("set the streams")?;
        rustix::stdio::dup2_stderr(stderr).doing("set the streams")?;
        system::close_on_exec_from(3).doing("close descriptors")?;
        if self.init {
            first_process::stay_behind().doing("start the program")?;
        }
        system::reset_signals();
        Err(exec::execute(self.argv, self.env))
    }
}

/// Lets the user open its own pipes and terminals by name, as in `> /dev/stdout`.
fn give(stream: BorrowedFd<'_>, uid: u32) -> Result<(), Errno> {
    let stat = rustix::fs::fstat(stream)?;
    let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::Fifo;
    if !is_ours || stat.st_uid == uid {
        return Ok(());
    }
    match rustix::fs::fchown(stream, Some(Uid::from_raw(uid)), None) {
        Err(Errno::PERM | Errno::INVAL | Errno::ROFS) => Ok(()),
        given => given,
    }
}
