//! What containers did while nobody asked.

use super::super::{Daemon, Host, Refusal};
use super::{Container, Observed, Status};

impl Daemon {
    /// Asks the runtime what has become of the containers since, and takes it over. Those that ended and were to go then are gone.
    ///
    /// # Errors
    ///
    /// [`Refusal::System`]; what was found out before it is kept.
    pub fn observe(&mut self, host: &mut Host<'_>) -> Result<(), Refusal> {
        let ids: Vec<String> = self.containers.by_id.keys().cloned().collect();
        for id in ids {
            if let Some(observed) = host.runtime.observe(self.container(&id)?)? {
                self.take_over(&id, observed);
            }
        }
        Ok(())
    }

    /// Puts a container back that was kept somewhere while there was no daemon.
    pub fn restore_container(&mut self, container: Container) {
        for port in &container.state.ports {
            self.containers.last_port = self.containers.last_port.max(port.host);
        }
        self.containers.by_id.insert(container.id.clone(), container);
    }

    fn take_over(&mut self, id: &str, observed: Observed) {
        let container = self.container_mut(id);
        let (was_running, auto_remove) = (container.is_running(), container.options.auto_remove);
        let state = &mut container.state;
        state.status = observed.status;
        state.exit = observed.exit;
        state.error = observed.error;
        state.pid = observed.pid;
        state.started = observed.started;
        state.finished = observed.finished;
        state.restarts = observed.restarts;
        state.out_of_memory = observed.out_of_memory;
        state.health = observed.health;
        match observed.status {
            Status::Running | Status::Paused => {
                if let Some(first) = state.processes.first_mut() {
                    first.pid = observed.pid;
                }
            }
            Status::Created | Status::Restarting | Status::Exited => {
                state.processes.clear();
                state.tmpfs.clear();
            }
        }
        if observed.status == Status::Exited {
            state.ports.clear();
            state.address = None;
            state.restart_at = None;
            if was_running && auto_remove {
                self.discard(id, true);
            }
        }
    }
}
