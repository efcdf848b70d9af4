//! Commands that go on as long as a container's process does, and what became of containers meanwhile.

use super::host::HereFiles;
use super::{Machine, plugged};
use crate::containers::Attended;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::volumes;
use cli::docker::Outcome;
use engine::Daemon;

impl Machine {
    /// Does what a command does that goes on as long as a process does; nobody has to wait for it meanwhile.
    pub(super) fn attend(&mut self, outcome: &Outcome, terminal: &mut Terminal<'_>) -> Result<Attended, Failure> {
        let daemon = self.load(terminal)?;
        let attended = self.containers.attend(outcome, &daemon);
        let attended = attended.map_err(|error| Failure::new(format!("could not attach to the container: {error}")))?;
        self.settle(terminal)?;
        Ok(attended)
    }

    /// Takes over how containers ended meanwhile: those that were to go then are gone.
    fn settle(&mut self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let changing = self.change(terminal)?;
        let before = self.load(terminal)?;
        let mut daemon = before.clone();
        self.observe(&mut daemon, terminal)?;
        volumes::change(&self.state, &changing, &before, &daemon).map_err(Failure::new)?;
        self.containers.save(&before, &daemon).map_err(Failure::new)?;
        self.containers.sweep().map_err(Failure::new)
    }

    /// Asks what has become of the containers since a command wrote them down.
    pub(super) fn observe(&mut self, daemon: &mut Daemon, terminal: &Terminal<'_>) -> Result<(), Failure> {
        let mut host = engine::Host {
            now: terminal.now,
            blobs: &mut self.blobs,
            executor: &mut *plugged::executor(),
            files: &mut HereFiles,
            runtime: &mut self.containers,
        };
        daemon.observe(&mut host).map_err(Failure::new)
    }
}
