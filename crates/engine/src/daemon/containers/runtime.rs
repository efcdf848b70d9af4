//! What a container takes from outside: the processes it consists of, and the place where its files are.

use super::super::{Ground, Refusal, StoredImage, Volume};
use super::{Container, Copied, CopyOptions, Health, LogLine, LogOptions, Process, Signal, Status, Stdin};
use builder::{Fidelity, Output};
use oci::Time;
use std::io::{BufRead, Write};
use store::{Limits, Tree};

/// Runs the processes of containers and keeps their files.
///
/// A [`Daemon`](super::super::Daemon) knows names, options, ports and states; whatever a process does, or leaves, it asks of this.
/// [`Simulated`](super::Simulated) computes it and keeps the files as trees in the daemon itself, so much of what is asked here has
/// nothing to tell for it; a runtime of real processes keeps both outside, and the daemon is told when it asks.
pub trait Runtime {
    /// Makes ready what a new container needs before its first start: its writable layer, and what its volumes hold.
    ///
    /// # Errors
    ///
    /// Any [`Refusal`]; then the container is not made.
    fn create(
        &mut self,
        container: &mut Container,
        image: &StoredImage,
        volumes: &mut [Mounted],
        ground: &mut Ground<'_>,
    ) -> Result<(), Refusal>;

    /// Makes the directory of a volume that no container needs yet.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn create_volume(&mut self, volume: &Volume) -> Result<(), Refusal> {
        let _ = volume;
        Ok(())
    }

    /// Starts the first process of a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStarted`], [`Refusal::NoSuchUser`], [`Refusal::PortTaken`].
    fn start(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal>;

    /// Adds a process to a container that runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Runtime::start).
    fn exec(&mut self, at: &mut Place<'_>, launch: &Launch<'_>, ground: &mut Ground<'_>) -> Result<Begun, Refusal>;

    /// Sends a signal to the first process of a container that runs. Returns its exit code if that ends it.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn signal(&mut self, container: &Container, signal: Signal) -> Result<Option<i32>, Refusal>;

    /// Ends the first process of a container that runs: with `signal`, or after `grace_secs` without asking. A container that waits to
    /// be started again is not.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn stop(&mut self, container: &Container, signal: Signal, grace_secs: u32) -> Result<Ending, Refusal>;

    /// Freezes all processes of a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn pause(&mut self, container: &Container) -> Result<(), Refusal> {
        let _ = container;
        Ok(())
    }

    /// Lets them go on.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn unpause(&mut self, container: &Container) -> Result<(), Refusal> {
        let _ = container;
        Ok(())
    }

    /// What has become of a container since the daemon heard of it last; `None` if nothing can have.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn observe(&mut self, container: &Container) -> Result<Option<Observed>, Refusal> {
        let _ = container;
        Ok(None)
    }

    /// The processes that run in a container, the first one first; `None` if they are those that the daemon knows.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn processes(&mut self, container: &Container) -> Result<Option<Vec<Process>>, Refusal> {
        let _ = container;
        Ok(None)
    }

    /// The files of a container as they are now; `None` if they are those that the daemon has.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn files(
        &mut self,
        container: &Container,
        image: &StoredImage,
        ground: &mut Ground<'_>,
    ) -> Result<Option<Layers>, Refusal> {
        let _ = (container, image, ground);
        Ok(None)
    }

    /// The bytes of the files in a container's writable layer; `None` if the daemon can count them.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn container_bytes(&mut self, container: &Container) -> Result<Option<u64>, Refusal> {
        let _ = container;
        Ok(None)
    }

    /// The bytes of the files in a volume; `None` if the daemon can count them.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn volume_bytes(&mut self, volume: &Volume) -> Result<Option<u64>, Refusal> {
        let _ = volume;
        Ok(None)
    }

    /// Gives every wanted line of a container's log to `each`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`].
    fn logs(
        &mut self,
        container: &Container,
        options: LogOptions,
        each: &mut dyn FnMut(&LogLine),
    ) -> Result<(), Refusal>;

    /// Copies a file or directory of a container to a path of the host: see [`Daemon::copy_from`](super::super::Daemon::copy_from).
    ///
    /// # Errors
    ///
    /// As that.
    fn copy_from(
        &mut self,
        at: &mut Place<'_>,
        target: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal>;

    /// Copies a file or directory of the host into a container: see [`Daemon::copy_to`](super::super::Daemon::copy_to).
    ///
    /// # Errors
    ///
    /// As that.
    fn copy_to(
        &mut self,
        at: &mut Place<'_>,
        source: &str,
        options: CopyOptions,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal>;

    /// Writes a file or directory of a container to `sink` as a tar.
    ///
    /// # Errors
    ///
    /// As [`Daemon::archive_from`](super::super::Daemon::archive_from).
    fn archive_from(
        &mut self,
        at: &mut Place<'_>,
        options: CopyOptions,
        ground: &mut Ground<'_>,
        sink: &mut dyn Write,
    ) -> Result<Copied, Refusal>;

    /// Unpacks a tar into a directory of a container.
    ///
    /// # Errors
    ///
    /// As [`Daemon::archive_to`](super::super::Daemon::archive_to).
    fn archive_to(
        &mut self,
        at: &mut Place<'_>,
        source: Box<dyn BufRead + '_>,
        limits: &Limits,
        ground: &mut Ground<'_>,
    ) -> Result<Copied, Refusal>;

    /// Whether containers on the bridge get addresses of the bridge's net.
    fn has_bridge(&self) -> bool {
        true
    }
}

/// A container, and perhaps a path in it.
pub struct Place<'a> {
    /// The daemon that has it.
    pub daemon: &'a mut super::super::Daemon,
    /// Its ID.
    pub id: &'a str,
    /// What a person called it.
    pub name: &'a str,
    /// Where in it; empty for a process.
    pub path: &'a str,
}

impl Place<'_> {
    /// The container.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn container(&self) -> Result<&Container, Refusal> {
        self.daemon.container(self.id)
    }
}

/// What is run, for the first process and for those that `exec` adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch<'a> {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// All of its environment, in order.
    pub env: Vec<(String, String)>,
    /// Its working directory, absolute.
    pub cwd: String,
    /// As whom, as `-u` has it; empty for root.
    pub user: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it may do everything that root may: `exec --privileged`.
    pub privileged: bool,
    /// What it reads.
    pub stdin: &'a Stdin,
}

/// A process that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Program and arguments of what runs: of the program that the process came to.
    pub argv: Vec<String>,
    /// Its number on the host; `None` if the daemon is to make one up.
    pub pid: Option<u32>,
    /// What it wrote so far, if the runtime does not show that itself.
    pub output: Vec<Output>,
    /// Its exit code; `None` if it goes on running.
    pub exit: Option<i32>,
    /// How long it ran, or took to be up, in milliseconds.
    pub millis: u64,
    /// Whether that is what a real run would do.
    pub fidelity: Fidelity,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code.
    pub exit: i32,
    /// How long that took, in milliseconds.
    pub millis: u64,
}

/// A container as its runtime saw it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What it is doing: anything but [`Status::Created`].
    pub status: Status,
    /// How its process ended last.
    pub exit: i32,
    /// Why it could not be started again; empty if it could.
    pub error: String,
    /// The number of its first process; 0 if it does not run.
    pub pid: u32,
    /// When its process was last started.
    pub started: Option<Time>,
    /// When it last ended.
    pub finished: Option<Time>,
    /// How often it was started again by itself.
    pub restarts: u32,
    /// Whether the kernel killed it because it used too much memory.
    pub out_of_memory: bool,
    /// What its health check says.
    pub health: Option<Health>,
}

/// The two filesystems of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// What its writable layer lies on.
    pub lower: Tree,
    /// What it is.
    pub tree: Tree,
}

/// A volume that a container mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The volume.
    pub volume: Volume,
    /// Where in the container, absolute.
    pub target: String,
    /// Whether it gets what the image has at that place, if it is empty.
    pub fills: bool,
    /// Whether it is made with the container.
    pub is_new: bool,
}
