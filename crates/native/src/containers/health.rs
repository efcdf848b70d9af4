//! Health checks of a container that runs: a command now and then, and what it says.

use super::hub::Hub;
use super::job::{First, HealthJob};
use super::keeper::pair;
use super::status::{HealthDoc, ProbeDoc, Status};
use sandbox::{Running, Stdio};
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// So many results are kept.
const MAX_PROBES: usize = 5;
/// So many bytes of what a check wrote are kept.
const MAX_OUTPUT: u64 = 4096;

/// Checks that go on.
pub(super) struct Checks {
    over: Arc<AtomicBool>,
    latest: Arc<Mutex<HealthDoc>>,
    thread: JoinHandle<()>,
}

/// What is known of a container that was just started.
pub(super) fn starting() -> HealthDoc {
    HealthDoc {
        status: "starting".to_owned(),
        failing: 0,
        log: Vec::new(),
    }
}

/// Checks a container from here on and writes down what comes of it; `None` if it has no check.
pub(super) fn watch(first: &First, hub: &Arc<Hub>, status: &Status) -> Option<Checks> {
    let (job, running) = (first.health.clone()?, status.running.clone()?);
    let over = Arc::new(AtomicBool::new(false));
    let latest = Arc::new(Mutex::new(starting()));
    let thread = {
        let (hub, over, latest) = (Arc::clone(hub), Arc::clone(&over), Arc::clone(&latest));
        let (folder, status) = (first.folder.clone(), status.clone());
        thread::spawn(move || {
            check_on(&job, &running, &hub, &over, |health| {
                health.clone_into(&mut latest.lock().unwrap_or_else(PoisonError::into_inner));
                let status = Status {
                    health: Some(health.clone()),
                    ..status.clone()
                };
                // What cannot be written down is not known, and the next check says it again.
                let _ = status.write(&folder);
            });
        })
    };
    Some(Checks { over, latest, thread })
}

/// Ends the checks of a container that ended.
pub(super) fn stop(checks: Option<Checks>, mut status: Status) -> Status {
    if let Some(checks) = checks {
        checks.over.store(true, Ordering::Release);
        // It is woken by the end of the process; a thread that panicked has nothing more to write.
        let _ = checks.thread.join();
        status.health = Some(checks.latest.lock().unwrap_or_else(PoisonError::into_inner).clone());
    }
    status
}

/// A time of a check in nanoseconds, or its default.
fn duration(nanos: i64, default_secs: u64) -> Duration {
    match u64::try_from(nanos) {
        Ok(nanos) if nanos > 0 => Duration::from_nanos(nanos),
        _ => Duration::from_secs(default_secs),
    }
}

fn check_on(job: &HealthJob, running: &Running, hub: &Hub, over: &AtomicBool, mut tell: impl FnMut(&HealthDoc)) {
    let check = &job.check;
    let interval = duration(check.interval, 30);
    let start_interval = duration(check.start_interval, 5);
    let start_period = duration(check.start_period, 0);
    let retries = u32::try_from(check.retries).ok().filter(|n| *n > 0).unwrap_or(3);
    let begun = Instant::now();
    let mut health = starting();
    loop {
        let in_start = begun.elapsed() < start_period;
        let pause = if in_start && health.status == "starting" {
            start_interval
        } else {
            interval
        };
        let is_over = |over: &AtomicBool| over.load(Ordering::Acquire);
        hub.wait_until(Instant::now() + pause, |control| control.process.is_none());
        if is_over(over) || hub.control().process.is_none() {
            return;
        }
        let in_start = begun.elapsed() < start_period;
        let probe = probe(job, running);
        if is_over(over) || hub.control().process.is_none() {
            return;
        }
        if probe.exit == 0 {
            (health.failing, health.status) = (0, "healthy".to_owned());
        } else if !(in_start && health.status == "starting") {
            health.failing += 1;
            if health.failing >= retries {
                "unhealthy".clone_into(&mut health.status);
            }
        }
        health.log.push(probe);
        let n_old = health.log.len().saturating_sub(MAX_PROBES);
        health.log.drain(..n_old);
        tell(&health);
    }
}

fn probe(job: &HealthJob, running: &Running) -> ProbeDoc {
    let start = pair();
    let timeout = duration(job.check.timeout, 30);
    let (exit, output) = match run(job, running, timeout) {
        Ok(Some((exit, output))) => (exit, output),
        Ok(None) => (-1, format!("Health check exceeded timeout ({}s)", timeout.as_secs())),
        Err(error) => (-1, error),
    };
    ProbeDoc {
        start,
        end: pair(),
        exit,
        output,
    }
}

/// Runs the command; `None` if it takes too long, and it is killed then.
fn run(job: &HealthJob, running: &Running, timeout: Duration) -> Result<Option<(i32, String)>, String> {
    let (source, sink) = io::pipe().map_err(|error| error.to_string())?;
    let copy = sink.try_clone().map_err(|error| error.to_string())?;
    let stdio = Stdio {
        stdin: None,
        stdout: Some(copy.into()),
        stderr: Some(sink.into()),
    };
    let mut child = sandbox::exec_in(running, &job.exec, stdio).map_err(|error| error.to_string())?;
    let reader = thread::spawn(move || {
        let mut source = File::from(std::os::fd::OwnedFd::from(source));
        let mut kept = Vec::new();
        let _ = (&mut source).take(MAX_OUTPUT).read_to_end(&mut kept);
        // The rest is read so that nobody waits for it to be.
        let _ = io::copy(&mut source, &mut io::sink());
        kept
    });
    match child.wait_timeout(timeout) {
        Ok(Some(ended)) => {
            let kept = reader.join().unwrap_or_default();
            Ok(Some((
                ended.exit_code().into(),
                String::from_utf8_lossy(&kept).into_owned(),
            )))
        }
        Ok(None) => {
            let _ = child.kill(9);
            let _ = child.wait();
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}
