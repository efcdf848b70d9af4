//! What happens by itself as time goes on: restart policies, health checks, and the daemon's own restart.

use super::super::{Daemon, Host, Refusal, later};
use super::{Ran, Restart, Status, Stdin, StopOptions};
use oci::Time;

/// So many things are done in one tick at most; the rest waits for the next one.
const MAX_EVENTS: usize = 50;

/// Something that happened by itself.
#[derive(Debug)]
pub enum Event {
    /// A container was started again.
    Restarted(Ran),
    /// A container could not be started again.
    NotRestarted {
        /// Its ID.
        id: String,
        /// Why.
        refusal: Refusal,
    },
    /// A health check changed what is said of a container.
    Health {
        /// Its ID.
        id: String,
        /// What it is now.
        status: super::HealthStatus,
    },
}

impl Daemon {
    /// Does what is due by `host.now`: starts containers again as their policies say, and runs health checks. The caller
    /// calls it now and then; [`next_tick`](Daemon::next_tick) says when it is worth it.
    pub fn tick(&mut self, host: &mut Host<'_>) -> Vec<Event> {
        let given = host.now;
        let mut events = Vec::new();
        for _ in 0..MAX_EVENTS {
            let Some((due, id)) = self.next_due().filter(|(due, _)| *due <= given) else {
                break;
            };
            host.now = due;
            if self.container_mut(&id).state.restart_at.is_some() {
                events.push(self.start_again(&id, host));
            } else {
                let status = self.probe(&id, given, host);
                events.extend(status.map(|status| Event::Health { id, status }));
            }
        }
        host.now = given;
        events
    }

    /// When something is due by itself next.
    pub fn next_tick(&self) -> Option<Time> {
        self.next_due().map(|(due, _)| due)
    }

    fn next_due(&self) -> Option<(Time, String)> {
        let due = self.containers().filter_map(|container| {
            let state = &container.state;
            let probe = state.health.as_ref().map(|health| health.next);
            let due = match state.status {
                Status::Restarting => state.restart_at,
                Status::Running => probe,
                Status::Created | Status::Paused | Status::Exited => None,
            };
            due.map(|due| (due, container.id.clone()))
        });
        due.min()
    }

    fn start_again(&mut self, id: &str, host: &mut Host<'_>) -> Event {
        let state = &mut self.container_mut(id).state;
        state.restarts += 1;
        state.restart_at = None;
        match self.launch(id, &Stdin::Nothing, host) {
            Ok(ran) => Event::Restarted(ran),
            Err(refusal) => {
                let state = &mut self.container_mut(id).state;
                state.status = Status::Exited;
                state.error = refusal.to_string();
                state.exit = refusal.run_exit();
                Event::NotRestarted {
                    id: id.to_owned(),
                    refusal,
                }
            }
        }
    }

    /// The daemon is stopped and started again, as `systemctl restart docker` does: every process ends, and those containers
    /// run again whose policy says so.
    pub fn restart_daemon(&mut self, host: &mut Host<'_>) -> Vec<Event> {
        let given = host.now;
        host.now = later(given, self.shut_down(host));
        let events = self.come_up(host);
        host.now = given;
        events
    }

    /// The daemon is stopped: every process ends. Returns how long that takes, in milliseconds.
    pub fn shut_down(&mut self, host: &mut Host<'_>) -> u64 {
        let running: Vec<String> = self
            .containers()
            .filter(|container| container.is_running())
            .map(|container| container.id.clone())
            .collect();
        let mut longest = 0;
        for id in running {
            let container = self.container_mut(&id);
            let by_hand = container.state.stopped_by_hand;
            let auto_remove = std::mem::take(&mut container.options.auto_remove);
            let options = StopOptions {
                timeout: Some(container.options.stop_timeout.unwrap_or(10)),
                signal: None,
            };
            // The container has just been looked up, and its own stop signal was checked when it was made.
            if let Ok(stopped) = self.stop(&id, &options, host) {
                longest = longest.max(stopped.millis);
            }
            let container = self.container_mut(&id);
            container.options.auto_remove = auto_remove;
            container.state.stopped_by_hand = by_hand;
            container.state.ended_with_daemon = true;
        }
        longest
    }

    /// The daemon is started: containers run again whose policy says so, and those that were to go when they end are gone.
    pub fn come_up(&mut self, host: &mut Host<'_>) -> Vec<Event> {
        let ids: Vec<String> = self.containers.by_id.keys().cloned().collect();
        let mut again = Vec::new();
        for id in ids {
            let container = self.container_mut(&id);
            let was_running = std::mem::take(&mut container.state.ended_with_daemon);
            let was_started = container.state.started.is_some();
            let runs = was_started
                && match container.options.restart {
                    Restart::No => false,
                    Restart::Always => true,
                    Restart::UnlessStopped => !container.state.stopped_by_hand,
                    Restart::OnFailure(_) => was_running && container.state.exit != 0,
                };
            if runs {
                again.push(id);
            } else if was_running && container.options.auto_remove {
                self.discard(&id, true);
            }
        }
        let events = again.iter().map(|id| {
            self.container_mut(id).state.restarts = 0;
            match self.launch(id, &Stdin::Nothing, host) {
                Ok(ran) => Event::Restarted(ran),
                Err(refusal) => Event::NotRestarted {
                    id: id.clone(),
                    refusal,
                },
            }
        });
        events.collect()
    }
}
