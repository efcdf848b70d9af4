//! Health checks: a command that says now and then whether a container is well.

use super::super::{Daemon, Host, later};
use super::{Container, Launch, Stdin};
use oci::{ContainerConfig, Healthcheck, Time};

const SECOND: i64 = 1_000_000_000;
/// So many results are kept.
const MAX_PROBES: usize = 5;
/// So many bytes of what a check wrote are kept.
const MAX_OUTPUT: usize = 4096;

/// What the health check of a container says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing: u32,
    /// The last results, oldest first.
    pub log: Vec<Probe>,
    /// When the next check is due.
    pub next: Time,
}

/// Whether a container is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// Nothing is known yet.
    Starting,
    /// It is.
    Healthy,
    /// It is not.
    Unhealthy,
}

impl HealthStatus {
    /// As Docker spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Starting => "starting",
            HealthStatus::Healthy => "healthy",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// 0 is well; -1 if it took too long.
    pub exit: i32,
    /// What it wrote, shortened.
    pub output: String,
}

/// The times of a check, in nanoseconds, defaults filled in.
struct Times {
    interval: i64,
    timeout: i64,
    start_period: i64,
    start_interval: i64,
    retries: u32,
}

impl Times {
    fn of(check: &Healthcheck) -> Times {
        let or = |value: i64, default: i64| if value > 0 { value } else { default };
        Times {
            interval: or(check.interval, 30 * SECOND),
            timeout: or(check.timeout, 30 * SECOND),
            start_period: check.start_period.max(0),
            start_interval: or(check.start_interval, 5 * SECOND),
            retries: u32::try_from(check.retries).ok().filter(|n| *n > 0).unwrap_or(3),
        }
    }
}

impl Health {
    /// What is known when a container has just been started; `None` without a check.
    pub(super) fn begin(container: &Container, now: Time) -> Option<Health> {
        let check = container
            .config
            .healthcheck
            .as_ref()
            .filter(|check| argv(check, &container.config).is_some())?;
        let times = Times::of(check);
        let first = if times.start_period > 0 {
            times.start_interval
        } else {
            times.interval
        };
        Some(Health {
            status: HealthStatus::Starting,
            failing: 0,
            log: Vec::new(),
            next: after(now, first),
        })
    }
}

impl Container {
    /// The health check of this container and the command that it runs; `None` without one.
    pub fn health_command(&self) -> Option<(Healthcheck, Vec<String>)> {
        let check = self.config.healthcheck.as_ref()?;
        Some((check.clone(), argv(check, &self.config)?))
    }
}

impl Daemon {
    /// Runs the check of a container and returns what it is now, if that has changed. After a long sleep the checks that were
    /// missed before `latest` are not made up for.
    pub(super) fn probe(&mut self, id: &str, latest: Time, host: &mut Host<'_>) -> Option<HealthStatus> {
        let container = self.container_mut(id);
        let (config, started) = (container.config.clone(), container.state.started);
        let check = config.healthcheck.as_ref()?;
        let (argv, times) = (argv(check, &config)?, Times::of(check));
        let launch = Launch {
            tty: false,
            privileged: false,
            ..container.launch(argv, &Stdin::Nothing)
        };
        let start = host.now;
        let (exit, millis, output) = match self.run_in(id, &launch, host) {
            // What never ends takes too long.
            Ok(ended) if ended.exit.is_none() => (-1, (times.timeout / 1_000_000) as u64, String::new()),
            Ok(ended) if ended.millis as i64 > times.timeout / 1_000_000 => {
                (-1, (times.timeout / 1_000_000) as u64, String::new())
            }
            Ok(ended) => {
                let bytes: Vec<u8> = ended.output.iter().flat_map(|piece| piece.bytes.clone()).collect();
                let kept = &bytes[..bytes.len().min(MAX_OUTPUT)];
                (
                    ended.exit.unwrap_or(-1),
                    ended.millis,
                    String::from_utf8_lossy(kept).into_owned(),
                )
            }
            Err(refusal) => (-1, 0, refusal.to_string()),
        };
        let output = if exit == -1 && output.is_empty() {
            format!("Health check exceeded timeout ({}s)", times.timeout / SECOND)
        } else {
            output
        };
        let end = later(start, millis);
        let in_start = started.is_some_and(|started| start < after(started, times.start_period));
        let health = self.container_mut(id).state.health.as_mut()?;
        let before = health.status;
        if exit == 0 {
            health.failing = 0;
            health.status = HealthStatus::Healthy;
        } else if !(in_start && before == HealthStatus::Starting) {
            health.failing += 1;
            if health.failing >= times.retries {
                health.status = HealthStatus::Unhealthy;
            }
        }
        health.log.push(Probe {
            start,
            end,
            exit,
            output,
        });
        let n_old = health.log.len().saturating_sub(MAX_PROBES);
        health.log.drain(..n_old);
        let pause = if in_start && health.status == HealthStatus::Starting {
            times.start_interval
        } else {
            times.interval
        };
        health.next = after(end, pause);
        // Nothing new is to be learned from hundreds of checks of a container that nobody touches.
        let too_far = after(latest, pause.saturating_mul(-10));
        health.next = health.next.max(too_far);
        (health.status != before).then_some(health.status)
    }
}

/// The command of a check; `None` if there is none.
fn argv(check: &Healthcheck, config: &ContainerConfig) -> Option<Vec<String>> {
    let (kind, rest) = check.test.split_first()?;
    match kind.as_str() {
        "CMD" if !rest.is_empty() => Some(rest.to_vec()),
        "CMD-SHELL" => {
            let shell = match config.shell.as_slice() {
                [] => vec!["/bin/sh".to_owned(), "-c".to_owned()],
                own => own.to_vec(),
            };
            Some(shell.into_iter().chain(rest.first().cloned()).collect())
        }
        _ => None,
    }
}

/// A time and so many nanoseconds, which may be negative.
fn after(time: Time, nanos: i64) -> Time {
    let sum = i64::from(time.nanos) + nanos % SECOND;
    Time {
        secs: time
            .secs
            .saturating_add(nanos / SECOND)
            .saturating_add(sum.div_euclid(SECOND)),
        nanos: sum.rem_euclid(SECOND) as u32,
    }
}
