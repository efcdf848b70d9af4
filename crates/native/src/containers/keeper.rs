//! The keeper: a small process beside each container that starts its process, holds its streams, writes its log, waits for its end,
//! and starts it again if it is to. There is no daemon; the keeper outlives the command that started it.

use super::frame::{self, Kind};
use super::health;
use super::hub::{Hub, now};
use super::job::{First, Input, Job, Task};
use super::log::LogWriter;
use super::ports;
use super::pump::pump;
use super::status::{Identity, Phase, Status};
use crate::snapshots;
use builder::Stream;
use engine::{LogLimits, Restart};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sandbox::{Child, Ended, SandboxError, Stdio};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The name that the program runs under as a keeper; nobody types it.
const NAME: &str = "layerlab-keeper";
/// The socket in a container's folder.
const SOCKET: &str = "socket";
/// After its end a process has this time to be read to the end of its output.
const DRAIN: Duration = Duration::from_secs(2);
/// Before a process is started again it waits; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A process that ran so long starts with the first pause again.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// Does a keeper's work and does not return, if this process was started as one; otherwise does nothing.
///
/// A program that starts containers calls it first thing in `main`, after [`sandbox::init`].
pub fn init() {
    if std::env::args_os().next().is_some_and(|name| name == NAME) {
        let code = i32::from(run().is_err());
        std::process::exit(code);
    }
}

/// Starts a keeper for `job`. Returns the socket to it: the process's streams, and its end.
///
/// # Errors
///
/// What the sandbox says, or that the keeper could not be started.
pub(super) fn start(job: &Job) -> Result<(UnixStream, sandbox::Running), SandboxError> {
    let failed = |doing: &str, error: &io::Error| SandboxError::System {
        doing: doing.to_owned(),
        errno: error.raw_os_error().unwrap_or(5),
    };
    let (mut ours, theirs) = UnixStream::pair().map_err(|error| failed("make a socket pair", &error))?;
    Command::new("/proc/self/exe")
        .arg0(NAME)
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|error| failed("start the container's keeper", &error))?;
    let bytes = serde_json::to_vec(job).expect("a job has a JSON form");
    frame::write(&mut ours, Kind::Job, &bytes).map_err(|error| failed("talk to the container's keeper", &error))?;
    match frame::read(&mut ours) {
        Ok(Some((Kind::Started, bytes))) => {
            let running = serde_json::from_slice(&bytes).map_err(|_| SandboxError::Lost)?;
            Ok((ours, running))
        }
        Ok(Some((Kind::Failed, bytes))) => Err(serde_json::from_slice(&bytes).unwrap_or(SandboxError::Lost)),
        _ => Err(SandboxError::Lost),
    }
}

/// Connects to the keeper of a container.
///
/// # Errors
///
/// If there is none.
pub(super) fn connect(folder: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(short(&folder.join(SOCKET))?.0)
}

/// The address of a socket is short: a long path is named by its open folder.
fn short(place: &Path) -> io::Result<(std::path::PathBuf, Option<OwnedFd>)> {
    const LONGEST: usize = 100;
    if place.as_os_str().len() < LONGEST {
        return Ok((place.to_owned(), None));
    }
    let parent = place.parent().ok_or(io::ErrorKind::NotFound)?;
    let folder = rustix::fs::open(
        parent,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    Ok((path.into(), Some(folder)))
}

fn run() -> io::Result<()> {
    rustix::process::setsid()?;
    let mut starter = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(null)?;
    let Some((Kind::Job, bytes)) = frame::read(&mut starter)? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let job: Job = serde_json::from_slice(&bytes)?;
    let hub = Arc::new(Hub::default());
    let kept = match &job.task {
        Task::First(first) => keep_container(&job, first, &hub, &mut starter),
        Task::Exec { .. } => keep_exec(&job, &hub, &mut starter),
    };
    if let Err(error) = &kept {
        let bytes = serde_json::to_vec(error).unwrap_or_default();
        // Nobody may be there any more.
        let _ = frame::write(&mut starter, Kind::Failed, &bytes);
    }
    kept.map_err(io::Error::other)
}

fn keep_exec(job: &Job, hub: &Arc<Hub>, starter: &mut UnixStream) -> Result<(), SandboxError> {
    let begun = begin(job, hub, Some(&*starter))?;
    greet(job, hub, starter, &begun.child)?;
    let ended = begun.finish(hub)?;
    hub.farewell(ended.exit_code().into());
    Ok(())
}

/// Says that the process runs, and listens to the one who started it.
fn greet(job: &Job, hub: &Arc<Hub>, starter: &UnixStream, child: &Child) -> Result<(), SandboxError> {
    let bytes = serde_json::to_vec(&child.running).expect("it has a JSON form");
    let mut socket = starter.try_clone().map_err(|_| SandboxError::Lost)?;
    // Whoever is gone already learns nothing.
    let _ = hub.greet(&mut socket, &bytes);
    let (hub, ends_input) = (Arc::clone(hub), job.input == Input::Starter);
    thread::spawn(move || hub.serve(socket, ends_input));
    Ok(())
}

fn keep_container(job: &Job, first: &First, hub: &Arc<Hub>, starter: &mut UnixStream) -> Result<(), SandboxError> {
    let system = |doing: &str, error: &io::Error| SandboxError::System {
        doing: doing.to_owned(),
        errno: error.raw_os_error().unwrap_or(5),
    };
    let limits = LogLimits {
        max_bytes: first.log_bytes,
        max_files: first.log_files,
    };
    let log = LogWriter::open(&first.folder, limits).map_err(|error| system("open the log", &error))?;
    hub.set_log(log);
    let mut status = Status {
        phase: Phase::Running,
        keeper: Identity::own().map_err(|error| system("look at this process", &error))?,
        running: None,
        exit: 0,
        error: String::new(),
        started: None,
        finished: None,
        restarts: 0,
        health: None,
    };
    // It may be started again long after the command that knew what it lies on.
    let _ground = ground(&first.spec.root).map_err(|error| system("hold the image on disk", &error))?;
    let mut ports = Some(ports::hold(&first.ports)?);
    let mut is_first = true;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = match begin(job, hub, is_first.then_some(&*starter)) {
            Ok(begun) => begun,
            Err(error) if is_first => return Err(error),
            Err(error) => {
                status.phase = Phase::Exited;
                status.exit = error.exit_code().into();
                status.error = error.to_string();
                let _ = status.write(&first.folder);
                break;
            }
        };
        let since = Instant::now();
        status.phase = Phase::Running;
        status.running = Some(begun.child.running.clone());
        status.started = Some(pair());
        status.health = first.health.as_ref().map(|_| health::starting());
        let wrote = status.write(&first.folder);
        if is_first {
            wrote.map_err(|error| system("write the container's status", &error))?;
            listen(&first.folder, hub).map_err(|error| system("listen to the container's socket", &error))?;
            greet(job, hub, starter, &begun.child)?;
            if let Some(ports) = ports.take() {
                ports.carry(hub, &begun.child.running.network);
            }
            is_first = false;
        }
        let checks = health::watch(first, hub, &status);
        let ended = begun.finish(hub);
        status = health::stop(checks, status);
        status.running = None;
        status.finished = Some(pair());
        // A helper that was killed took the process with it.
        status.exit = ended.map_or(137, |ended| ended.exit_code().into());
        if since.elapsed() >= GOOD_RUN {
            pause = FIRST_PAUSE;
        }
        if !starts_again(first, &status, hub) {
            status.phase = Phase::Exited;
            let _ = status.write(&first.folder);
            break;
        }
        status.phase = Phase::Restarting;
        let _ = status.write(&first.folder);
        hub.farewell(status.exit);
        if hub.wait_until(Instant::now() + pause, |control| control.by_hand) {
            status.phase = Phase::Exited;
            let _ = status.write(&first.folder);
            break;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        status.restarts += 1;
    }
    hub.farewell(status.exit);
    // Whoever connects from here on finds nobody.
    let _ = fs::remove_file(first.folder.join(SOCKET));
    Ok(())
}

/// Keeps what a container lies on from being pruned.
fn ground(root: &sandbox::Root) -> io::Result<Option<File>> {
    match root {
        sandbox::Root::Overlay(overlay) => overlay.lower.first().map(|top| snapshots::hold(top)).transpose(),
        sandbox::Root::Directory(_) => Ok(None),
    }
}

/// Whether the process is to be started again.
fn starts_again(first: &First, status: &Status, hub: &Hub) -> bool {
    let policy: Restart = first.restart.parse().unwrap_or_default();
    !hub.control().by_hand
        && match policy {
            Restart::No => false,
            Restart::Always | Restart::UnlessStopped => true,
            Restart::OnFailure(most) => status.exit != 0 && (most == 0 || status.restarts < most),
        }
}

/// The time of this machine as a file has it.
pub(super) fn pair() -> (i64, u32) {
    let now = now();
    (now.secs, now.nanos)
}

fn listen(folder: &Path, hub: &Arc<Hub>) -> io::Result<()> {
    let place = folder.join(SOCKET);
    match fs::remove_file(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (address, _held) = short(&place)?;
    let listener = UnixListener::bind(address)?;
    let hub = Arc::clone(hub);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let hub = Arc::clone(&hub);
            thread::spawn(move || hub.serve(socket, false));
        }
    });
    Ok(())
}

/// A process that runs, and those who read what it writes.
struct Begun {
    child: Child,
    readers: mpsc::Receiver<()>,
    n_readers: usize,
    ended: Arc<AtomicBool>,
}

/// Starts the process of a job. `watcher` sees what it writes from the first byte.
fn begin(job: &Job, hub: &Arc<Hub>, watcher: Option<&UnixStream>) -> Result<Begun, SandboxError> {
    let failed = |error: io::Error| SandboxError::System {
        doing: "make pipes".to_owned(),
        errno: error.raw_os_error().unwrap_or(5),
    };
    let has_terminal = match &job.task {
        Task::First(first) => first.spec.terminal.is_some(),
        Task::Exec { exec, .. } => exec.terminal.is_some(),
    };
    let mut stdio = Stdio::default();
    let (mut input, mut sources) = (None, Vec::new());
    if !has_terminal {
        let ((out, out_end), (err, err_end)) = (io::pipe().map_err(failed)?, io::pipe().map_err(failed)?);
        (stdio.stdout, stdio.stderr) = (Some(out_end.into()), Some(err_end.into()));
        sources = vec![(Stream::Out, OwnedFd::from(out)), (Stream::Err, OwnedFd::from(err))];
        if job.input != Input::Nothing {
            let (theirs, ours) = io::pipe().map_err(failed)?;
            stdio.stdin = Some(theirs.into());
            input = Some(Arc::new(File::from(OwnedFd::from(ours))));
        }
    }
    let mut child = match &job.task {
        Task::First(first) => {
            if let sandbox::Root::Overlay(overlay) = &first.spec.root {
                renew(&overlay.work).map_err(failed)?;
            }
            sandbox::spawn(&first.spec, stdio)?
        }
        Task::Exec { running, exec } => sandbox::exec_in(running, exec, stdio)?,
    };
    let mut control = hub.control();
    if let Some(terminal) = child.terminal.take() {
        let terminal = Arc::new(File::from(terminal));
        sources.push((Stream::Out, terminal.try_clone().map_err(failed)?.into()));
        if job.input != Input::Nothing {
            input = Some(Arc::clone(&terminal));
        }
        control.terminal = Some(terminal);
    }
    let pid = i32::try_from(child.pid())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(SandboxError::Lost)?;
    control.process = pidfd_open(pid, PidfdFlags::empty()).ok();
    let network = format!("/proc/{}/ns/net", child.pid());
    control.network = rustix::fs::open(network, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .ok()
        .map(Arc::new);
    control.input = input;
    drop(control);
    if let Some(socket) = watcher.and_then(|socket| socket.try_clone().ok()) {
        hub.hold_client(socket);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let (sender, readers) = mpsc::channel();
    let n_readers = sources.len();
    for (stream, source) in sources {
        let (hub, sender, ended) = (Arc::clone(hub), sender.clone(), Arc::clone(&ended));
        thread::spawn(move || {
            pump(source, &ended, |bytes| hub.take_output(stream, bytes));
            // The receiver may have lost its patience.
            let _ = sender.send(());
        });
    }
    Ok(Begun {
        child,
        readers,
        n_readers,
        ended,
    })
}

/// An empty folder in place of what the last mount left there.
fn renew(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(folder)
}

impl Begun {
    /// Waits for the end of the process and of its output.
    fn finish(self, hub: &Hub) -> Result<Ended, SandboxError> {
        let ended = self.child.wait();
        {
            let mut control = hub.control();
            control.process = None;
            control.input = None;
            control.network = None;
            control.n_ended += 1;
        }
        hub.notify();
        self.ended.store(true, Ordering::Release);
        let deadline = Instant::now() + DRAIN;
        for _ in 0..self.n_readers {
            if self
                .readers
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .is_err()
            {
                break;
            }
        }
        hub.control().terminal = None;
        hub.finish_log();
        ended
    }
}
