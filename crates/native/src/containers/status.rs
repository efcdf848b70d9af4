//! What a keeper writes down of its container, and whether that still holds.

use crate::atomic;
use engine::{Health, HealthStatus, Observed, Probe};
use oci::Time;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sandbox::Running;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// The file in a container's folder.
const NAME: &str = "status.json";
/// Exit code of a process that ended with its machine.
const LOST_WITH_MACHINE: i32 = 255;
/// Exit code of a process whose keeper was killed: it is killed then, too.
const LOST_WITH_KEEPER: i32 = 137;

/// What is known of a container that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Who keeps it.
    pub keeper: Identity,
    /// Its first process, while it runs.
    pub running: Option<Running>,
    /// Exit code of the last one that ended.
    pub exit: i32,
    /// Why it could not be started again.
    #[serde(default)]
    pub error: String,
    /// When it was started last, in seconds and nanoseconds since the epoch.
    pub started: Option<(i64, u32)>,
    /// When it ended last.
    pub finished: Option<(i64, u32)>,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: u32,
    /// What its health check says.
    #[serde(default)]
    pub health: Option<HealthDoc>,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Its process runs, be it frozen.
    Running,
    /// Its process is to be started again.
    Restarting,
    /// Its process ended.
    Exited,
}

/// A process of this machine that is not taken for a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it was started, in the kernel's ticks.
    pub started: u64,
    /// Which start of the machine that was.
    pub boot: String,
}

/// The health of a container as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HealthDoc {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// Failures in a row.
    pub failing: u32,
    /// The last results, oldest first.
    pub log: Vec<ProbeDoc>,
}

/// One check as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProbeDoc {
    /// When it began.
    pub start: (i64, u32),
    /// When it ended.
    pub end: (i64, u32),
    /// How.
    pub exit: i32,
    /// What it wrote.
    pub output: String,
}

impl Identity {
    /// This process.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub(super) fn own() -> io::Result<Identity> {
        let pid = std::process::id();
        let started = started(pid)?.ok_or(io::ErrorKind::NotFound)?;
        let boot = boot()?;
        Ok(Identity { pid, started, boot })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        self.is_of_this_boot() && started(self.pid).is_ok_and(|started| started == Some(self.started))
    }

    /// Whether the machine was not started again since.
    pub(super) fn is_of_this_boot(&self) -> bool {
        boot().is_ok_and(|boot| boot == self.boot)
    }

    /// Kills it, if it is still the same process.
    pub(super) fn kill(&self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let Some(open) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
            return;
        };
        // Looked at when the descriptor holds it: it cannot become another one any more.
        if self.is_alive() {
            let _ = rustix::process::pidfd_send_signal(&open, rustix::process::Signal::KILL);
        }
    }
}

/// When a process was started, in the kernel's ticks; `None` if it does not run.
fn started(pid: u32) -> io::Result<Option<u64>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // The name stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return Ok(None);
    }
    Ok(fields.get(19).and_then(|ticks| ticks.parse().ok()))
}

fn boot() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

impl Status {
    /// What is written in a container's folder; `None` if it was never started.
    ///
    /// # Errors
    ///
    /// If the file is there and cannot be understood.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Status>> {
        let bytes = match fs::read(folder.join(NAME)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(serde_json::from_slice(&bytes)?))
    }

    /// Writes it down, all or nothing.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        atomic::write_file(&folder.join(NAME), &serde_json::to_vec(self)?)
    }

    /// What became of a container whose keeper is gone without having said so; `None` if it is not.
    ///
    /// Its process is gone, too: the kernel ends it with its keeper, and with its machine.
    pub(super) fn lost(&self, now: Time) -> Option<Status> {
        if self.phase == Phase::Exited || self.keeper.is_alive() {
            return None;
        }
        let was_running = self.phase == Phase::Running;
        let exit = match (was_running, self.keeper.is_of_this_boot()) {
            (false, _) => self.exit,
            (true, true) => LOST_WITH_KEEPER,
            (true, false) => LOST_WITH_MACHINE,
        };
        Some(Status {
            phase: Phase::Exited,
            running: None,
            exit,
            finished: if was_running {
                Some((now.secs, now.nanos))
            } else {
                self.finished
            },
            ..self.clone()
        })
    }

    /// The same in the daemon's words.
    pub(super) fn observed(&self, is_paused: bool) -> Observed {
        let time = |pair: Option<(i64, u32)>| pair.map(time_of);
        let health = self.health.as_ref().map(|doc| Health {
            status: match doc.status.as_str() {
                "healthy" => HealthStatus::Healthy,
                "unhealthy" => HealthStatus::Unhealthy,
                _ => HealthStatus::Starting,
            },
            failing: doc.failing,
            log: doc.log.iter().map(probe_of).collect(),
            next: Time::default(),
        });
        Observed {
            status: match self.phase {
                Phase::Running if is_paused => engine::Status::Paused,
                Phase::Running => engine::Status::Running,
                Phase::Restarting => engine::Status::Restarting,
                Phase::Exited => engine::Status::Exited,
            },
            exit: self.exit,
            error: self.error.clone(),
            pid: self.running.as_ref().map_or(0, |running| running.pid),
            started: time(self.started),
            finished: time(self.finished),
            restarts: self.restarts,
            out_of_memory: false,
            health: health.filter(|_| self.phase != Phase::Exited || self.health.is_some()),
        }
    }
}

/// A time as a file has it.
pub(super) fn time_of((secs, nanos): (i64, u32)) -> Time {
    Time { secs, nanos }
}

fn probe_of(doc: &ProbeDoc) -> Probe {
    Probe {
        start: time_of(doc.start),
        end: time_of(doc.end),
        exit: doc.exit,
        output: doc.output.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn running(keeper: Identity) -> Status {
        Status {
            phase: Phase::Running,
            keeper,
            running: None,
            exit: 0,
            error: String::new(),
            started: Some((5, 0)),
            finished: None,
            restarts: 0,
            health: None,
        }
    }

    #[test]
    fn a_status_is_read_as_it_was_written() {
        let scratch = Scratch::new();
        assert_eq!(Status::read(scratch.dir()).unwrap(), None);
        let status = running(Identity::own().unwrap());
        status.write(scratch.dir()).unwrap();
        assert_eq!(Status::read(scratch.dir()).unwrap(), Some(status));
        scratch.write("status.json", "{");
        assert!(Status::read(scratch.dir()).is_err());
    }

    #[test]
    fn a_process_is_lost_with_its_keeper_or_its_machine_and_not_before() {
        let now = Time::of_secs(9);
        let own = Identity::own().unwrap();
        assert_eq!(running(own.clone()).lost(now), None);
        let other = Identity {
            started: own.started + 1,
            ..own.clone()
        };
        let lost = running(other).lost(now).unwrap();
        assert_eq!((lost.exit, lost.finished), (137, Some((9, 0))));
        let earlier = Identity {
            boot: "another".to_owned(),
            ..own
        };
        assert_eq!(running(earlier).lost(now).unwrap().exit, 255);
    }
}
