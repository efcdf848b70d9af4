//! A network of the sandbox's own that a program of the machine connects to the world: `slirp4netns`.
//!
//! The sandbox reaches what the machine reaches, through the program's own sockets; nothing reaches the sandbox, and the machine's
//! loopback is not reached from it.

use crate::error::{Doing as _, SandboxError};
use crate::{message, system};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags, retry_on_intr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::thread::UnshareFlags;
use rustix::time::Timespec;
use std::io::Read as _;
use std::path::Path;
use std::process::{self, Command, Stdio};

/// How long the program may take until the network is there.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A network namespace with a program that serves it, for as long as the value lives.
#[derive(Debug)]
pub(super) struct Connection {
    /// The namespace.
    pub(super) namespace: OwnedFd,
    // The program's input is a pipe of this process: it ends also if this process is killed.
    program: process::Child,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Makes a network namespace and starts the program for it.
pub(super) fn connect(program: &Path) -> Result<Connection, SandboxError> {
    // The program would say no more than that it failed.
    let tun = OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open("/dev/net/tun", tun, Mode::empty()).doing("open /dev/net/tun")?;
    let namespace = new_namespace()?;
    // By inheritance: in a user namespace nobody else may look at the descriptors of this process, which is closed to others.
    let path = format!("/proc/self/fd/{}", namespace.as_raw_fd());
    rustix::io::fcntl_setfd(&namespace, FdFlags::empty()).doing("give the network away")?;
    let mut process = Command::new(program)
        .args([
            "--configure",
            "--mtu=65520",
            "--disable-host-loopback",
            "--ready-fd=1",
            "--exit-fd=0",
        ])
        .args(["--netns-type=path", &path, "tap0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing_with(|| format!("start {}", program.display()))?;
    rustix::io::fcntl_setfd(&namespace, FdFlags::CLOEXEC).doing("give the network away")?;
    let ready = process.stdout.take();
    let connection = Connection {
        namespace,
        program: process,
    };
    let is_ready = ready.is_some_and(|mut ready| {
        let mut descriptors = [PollFd::new(&ready, PollFlags::IN)];
        let n_ready = retry_on_intr(|| poll(&mut descriptors, Some(&PATIENCE)));
        n_ready == Ok(1) && ready.read(&mut [0]).ok() == Some(1)
    });
    if is_ready {
        Ok(connection)
    } else {
        Err(Errno::NETDOWN).doing_with(|| format!("wait for {}", program.display()))
    }
}

/// A network namespace that nobody is in, with its loopback up.
///
/// Another process makes it: in a user namespace there is no way back to the network of the machine.
fn new_namespace() -> Result<OwnedFd, SandboxError> {
    let doing = "make a network";
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).doing(doing)?;
    let Some(maker) = system::fork().doing(doing)? else {
        drop(ours);
        let made = system::unshare(UnshareFlags::NEWNET)
            .and_then(|()| system::start_loopback())
            .and_then(|()| own_namespace());
        let told = match &made {
            Ok(namespace) => message::send(&theirs, &0, &[namespace.as_fd()]),
            Err(errno) => message::send(&theirs, &errno.raw_os_error(), &[]),
        };
        system::exit(i32::from(told.is_err()));
    };
    drop(theirs);
    let received = message::receive::<i32>(&ours);
    system::wait_for(maker).doing(doing)?;
    match received? {
        Some((0, mut given)) => given.pop().ok_or(SandboxError::Lost),
        Some((errno, _)) => Err(Errno::from_raw_os_error(errno)).doing(doing),
        None => Err(SandboxError::Lost),
    }
}

fn own_namespace() -> Result<OwnedFd, Errno> {
    rustix::fs::open("/proc/self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}
