//! The processes of a sandbox that runs: which they are, and bringing them to a stop and back.

use crate::cgroup::{self, Motion};
use crate::error::{Doing as _, SandboxError};
use crate::spec::Running;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A process of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number on the machine (in the caller's namespace).
    pub pid: u32,
    /// Its parent's number on the machine.
    pub parent: u32,
    /// Its number in the sandbox.
    pub pid_inside: u32,
    /// As whom it runs.
    pub uid: u32,
    /// The kernel's letter for what it does: `R` runs, `S` sleeps, `T` is stopped, `Z` has ended.
    pub state: char,
    /// Number of its terminal's device; 0 if it has none.
    pub terminal: u32,
    /// Time on processors.
    pub cpu: Duration,
    /// When it started, since the machine did.
    pub started: Duration,
    /// Resident size in bytes.
    pub resident: u64,
    /// Program and arguments; the name alone, in brackets, if it has none.
    pub argv: Vec<String>,
}

/// All processes of a sandbox, by their numbers on the machine.
///
/// # Errors
///
/// [`SandboxError::System`] if the sandbox has ended.
pub fn processes(running: &Running) -> Result<Vec<Process>, SandboxError> {
    let namespace = fs::read_link(format!("/proc/{}/ns/pid", running.pid));
    if crate::start_time(running.pid) != Some(running.started) {
        return Err(Errno::SRCH).doing("find the sandbox");
    }
    let namespace = namespace.doing("find the sandbox")?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").doing("list processes")? {
        let entry = entry.doing("list processes")?;
        let is_inside = fs::read_link(entry.path().join("ns/pid")).is_ok_and(|link| link == namespace);
        // One that ends meanwhile is no longer there.
        found.extend(is_inside.then(|| read(&entry.path())).flatten());
    }
    found.sort_by_key(|process: &Process| process.pid);
    Ok(found)
}

/// Stops all processes of a sandbox where they are, until [`unpause`].
///
/// By its control group, which the processes cannot notice; without one by a signal to each, which their parents can.
///
/// # Errors
///
/// [`SandboxError::System`] if the sandbox has ended or the kernel refuses.
pub fn pause(running: &Running) -> Result<(), SandboxError> {
    if cgroup::set_motion(&running.cgroup, Motion::Frozen)? {
        return Ok(());
    }
    // New ones may come from those that are not stopped yet.
    loop {
        let awake = |process: &&Process| !matches!(process.state, 'T' | 't' | 'Z' | 'X');
        let all = processes(running)?;
        let mut n_signalled = 0;
        for process in all.iter().filter(awake) {
            signal(process, Signal::STOP)?;
            n_signalled += 1;
        }
        if n_signalled == 0 {
            return Ok(());
        }
    }
}

/// Lets the processes of a sandbox go on.
///
/// # Errors
///
/// As [`pause`].
pub fn unpause(running: &Running) -> Result<(), SandboxError> {
    if cgroup::set_motion(&running.cgroup, Motion::Thawed)? {
        return Ok(());
    }
    for process in processes(running)? {
        signal(&process, Signal::CONT)?;
    }
    Ok(())
}

fn signal(process: &Process, signal: Signal) -> Result<(), SandboxError> {
    let pid = Pid::from_raw(process.pid as i32).ok_or(Errno::SRCH);
    match pid.and_then(|pid| kill_process(pid, signal)) {
        Err(Errno::SRCH) => Ok(()),
        sent => sent.doing("send a signal"),
    }
}

fn read(folder: &Path) -> Option<Process> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let (name, fields) = stat.rsplit_once(')')?;
    let (pid, name) = name.split_once(" (")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |idx: usize| fields.get(idx)?.parse::<u64>().ok();
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key));
    let ticks = |ticks: u64| Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
    let argv = fs::read(folder.join("cmdline")).ok()?;
    let argv: Vec<String> = argv
        .strip_suffix(&[0])
        .map(|argv| {
            argv.split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect()
        })
        .unwrap_or_default();
    Some(Process {
        pid: pid.parse().ok()?,
        parent: number(1)? as u32,
        pid_inside: line("NSpid:")?.split_whitespace().next_back()?.parse().ok()?,
        uid: line("Uid:")?.split_whitespace().next()?.parse().ok()?,
        state: fields.first()?.chars().next()?,
        terminal: number(4)? as u32,
        cpu: ticks(number(11)? + number(12)?),
        started: ticks(number(19)?),
        resident: number(21)? * rustix::param::page_size() as u64,
        argv: if argv.is_empty() {
            vec![format!("[{name}]")]
        } else {
            argv
        },
    })
}
