//! Containers on this machine, without a daemon.
//!
//! Each container has a folder: what it was made with, its writable layer, its log, and while it runs a socket. A process of this
//! program beside it, its keeper, starts it, writes its log, waits for its end and starts it again if its policy says so. A command
//! reads what the keepers wrote down, does its work, and is over.
//!
//! What only a daemon could do is not done: when the machine was started again nothing starts containers by itself, whatever their
//! policy; they are `Exited (255)` until somebody starts them.

mod accounts;
mod attach;
mod attend;
mod copy;
mod ending;
mod facts;
mod frame;
mod health;
mod hub;
mod inside;
mod job;
mod keeper;
mod log;
mod options_record;
mod ports;
mod publish;
mod pump;
mod record;
mod refusals;
mod runtime;
mod spec;
mod status;
mod users;

pub use attend::Attended;
pub use keeper::init;
pub use users::enter;

use crate::atomic;
use crate::snapshots::{SnapshotError, Snapshots};
use engine::{Container, Daemon};
use log::LogReader;
use oci::Time;
use record::Record;
use status::{Phase, Status};
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A keeper that was killed is gone in this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The containers under one root.
#[derive(Debug)]
pub struct Containers {
    folder: PathBuf,
    volumes: PathBuf,
    snapshots_folder: PathBuf,
    /// Opened when a filesystem is wanted.
    snapshots: Option<Snapshots>,
    now: Time,
    /// The process that this command started.
    held: Option<Held>,
    /// The log that this command has shown so far.
    following: Option<Following>,
}

/// A process that was started and is held by its keeper.
#[derive(Debug)]
struct Held {
    container: String,
    socket: UnixStream,
    tty: bool,
}

/// A log that more may come of.
#[derive(Debug)]
struct Following {
    container: String,
    reader: LogReader,
}

impl Containers {
    /// The containers of the root folder `root`; nothing is read yet.
    pub fn new(root: &Path, volumes: &Path, now: Time) -> Containers {
        Containers {
            folder: root.join("containers"),
            volumes: volumes.to_owned(),
            snapshots_folder: root.join("snapshots"),
            snapshots: None,
            now,
            held: None,
            following: None,
        }
    }

    fn folder_of(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    fn snapshots(&mut self) -> Result<&mut Snapshots, SnapshotError> {
        if self.snapshots.is_none() {
            let opened = Snapshots::open(&self.snapshots_folder);
            self.snapshots = Some(opened.map_err(|source| SnapshotError::Folder {
                path: self.snapshots_folder.display().to_string(),
                source,
            })?);
        }
        Ok(self.snapshots.as_mut().expect("it has just been opened"))
    }

    /// Puts the containers into `daemon`, as they were when a command wrote them last.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or a record cannot be understood.
    pub fn load(&self, daemon: &mut Daemon) -> io::Result<()> {
        for (folder, container) in self.read_all()? {
            let wrong = |why: String| {
                let place = folder.join(RECORD);
                let hint = "`layerlab system fsck --repair` puts the container away";
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{}: {why} ({hint})", place.display()),
                )
            };
            daemon.restore_container(container.map_err(wrong)?);
        }
        Ok(())
    }

    /// Every container with its folder, or why its record cannot be understood.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(crate) fn read_all(&self) -> io::Result<Vec<(PathBuf, Result<Container, String>)>> {
        let mut all = Vec::new();
        for id in self.ids()? {
            let folder = self.folder_of(&id);
            let bytes = match fs::read(folder.join(RECORD)) {
                Ok(bytes) => bytes,
                // It is being made, or removed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let record = serde_json::from_slice::<Record>(&bytes).map_err(|error| error.to_string());
            let container = record.and_then(|record| {
                let container = record.into_container(&id);
                container.ok_or_else(|| "expected a container, found another".to_owned())
            });
            all.push((folder, container));
        }
        Ok(all)
    }

    /// Writes what changed of the containers between `before` and `after`. One that somebody else removed meanwhile stays removed.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn save(&self, before: &Daemon, after: &Daemon) -> io::Result<()> {
        for container in after.containers() {
            let record = Record::of(container);
            let old = before.container(&container.id).ok().map(Record::of);
            let place = self.folder_of(&container.id).join(RECORD);
            if old.as_ref() == Some(&record) || (old.is_some() && !place.exists()) {
                continue;
            }
            atomic::write_file(&place, &serde_json::to_vec_pretty(&record)?)?;
        }
        for container in before
            .containers()
            .filter(|container| after.container(&container.id).is_err())
        {
            match fs::remove_file(self.folder_of(&container.id).join(RECORD)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes away what is of no container any more: ends its processes and removes its folder. The caller alone may change containers.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn sweep(&self) -> io::Result<()> {
        for id in self.ids()? {
            let folder = self.folder_of(&id);
            if folder.join(RECORD).exists() {
                continue;
            }
            if let Ok(Some(status)) = Status::read(&folder)
                && status.phase != Phase::Exited
            {
                status.keeper.kill();
                let deadline = Instant::now() + PATIENCE;
                while status.keeper.is_alive() && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(2));
                }
            }
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }
}

/// The writable layer of the container with this folder.
pub(crate) fn writable_layer(folder: &Path) -> PathBuf {
    folder.join("upper")
}

/// A container's record in its folder.
const RECORD: &str = "container.json";

/// Whether a container has a terminal.
fn has_terminal(daemon: &Daemon, id: &str) -> bool {
    daemon
        .container(id)
        .is_ok_and(|container: &Container| container.options.tty)
}
