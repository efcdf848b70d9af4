//! The lab: two machines, what listens on them, and the network between.

use crate::claims::Claims;
use crate::complete;
use crate::files;
use crate::hub::Hub;
use crate::machine::Machine;
use crate::names::PLACES;
use crate::network::Network;
use crate::services::{Repository, Services};
use crate::terminal::{Frame, Input, Shown, Terminal, Wants, Where};
use crate::wire::{Exchange, Wire};
use builder::{ExecuteError, Executor, Fidelity, Sessions};
use oci::Time;
use store::{BlobStore, Tree};

/// Who is logged in at the terminals.
pub const USER: &str = "cloud_user";

/// What the machines run on: commands of containers, and lines of shells.
pub trait Shell: Executor + Sessions {}

impl<T: Executor + Sessions> Shell for T {}

/// What an operation is done with.
pub struct Tools<'a> {
    /// When it begins.
    pub now: Time,
    /// Where bytes are.
    pub blobs: &'a mut dyn BlobStore,
    /// Runs what is to be run.
    pub shell: &'a mut dyn Shell,
}

/// The machines of the page, and all between them.
pub struct Lab {
    pub(crate) machines: Vec<Machine>,
    pub(crate) services: Services,
    pub(crate) hub: Hub,
    pub(crate) wire: Wire,
    pub(crate) claims: Claims,
    /// The time on the machines' clocks when somebody last did something.
    latest: Time,
    /// One for each machine; taken out while it is at work.
    terminals: Vec<Option<Terminal>>,
}

impl Lab {
    /// The machines as they come: with files and without an image.
    ///
    /// # Panics
    ///
    /// If the catalogue's own server cannot be made, which a test excludes.
    pub fn new(now: Time, blobs: &mut dyn BlobStore) -> Lab {
        let mut machine = |index: usize| {
            let tree = files::of_machine(index, now, blobs).expect("the catalogue has a server");
            Machine::new(index, tree)
        };
        Lab {
            machines: (0..PLACES.len()).map(&mut machine).collect(),
            services: Services::default(),
            hub: Hub::new(),
            wire: Wire::default(),
            claims: Claims::default(),
            latest: now,
            terminals: (0..PLACES.len())
                .map(|index| Some(Terminal::new(index, USER)))
                .collect(),
        }
    }

    /// The machines, the one with the editor's project first.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// The machines, to be changed from outside: images that were built elsewhere, files of the project.
    pub fn machines_mut(&mut self) -> &mut [Machine] {
        &mut self.machines
    }

    /// The exchanges on the network since they were last taken.
    pub fn take_wire(&mut self) -> Vec<Exchange> {
        self.wire.take()
    }

    /// What a person gives to the terminal of a machine, and what is shown for it. `None` if there is no such machine.
    pub fn give(&mut self, index: usize, input: Input, tools: &mut Tools<'_>) -> Option<Shown> {
        let mut terminal = self.terminals.get_mut(index)?.take()?;
        // A command may take longer here than a person waited for it: no machine's clock goes back.
        tools.now = tools.now.max(self.latest);
        self.tick(tools);
        let shown = terminal.take(input, self, tools);
        self.latest = tools.now;
        self.sync(tools);
        self.terminals[index] = Some(terminal);
        Some(shown)
    }

    /// What the terminal of a machine waits for.
    pub fn wants(&self, index: usize) -> Wants {
        let terminal = self.terminals.get(index).and_then(Option::as_ref);
        terminal.map_or(Wants::Nothing, Terminal::wants)
    }

    /// What the registries of a machine keep.
    pub fn repositories(&self, index: usize) -> Vec<Repository> {
        self.services
            .on_machine(index)
            .flat_map(|registry| registry.repositories(&self.claims))
            .collect()
    }

    /// What may stand where the cursor is, at the end of `text`: the byte at which the word begins, and the words.
    pub fn complete(&self, index: usize, text: &str) -> (usize, Vec<String>) {
        let terminal = self.terminals.get(index).and_then(Option::as_ref);
        terminal.map_or((text.len(), Vec::new()), |terminal| {
            complete::words(self, terminal.top(), text)
        })
    }

    /// Lets time pass on all machines: restart policies and health checks. Registries come up and go away with their containers.
    pub(crate) fn tick(&mut self, tools: &mut Tools<'_>) {
        for machine in self.machines.iter_mut().filter(|machine| machine.is_up) {
            machine.with_daemon(tools, engine::Daemon::tick);
        }
        self.sync(tools);
    }

    /// Brings what listens in line with the containers.
    pub(crate) fn sync(&mut self, tools: &mut Tools<'_>) {
        for (index, machine) in self.machines.iter_mut().enumerate() {
            self.services.sync(index, machine, tools.now, tools.blobs);
        }
    }

    /// What the machine of a place is called there.
    pub(crate) fn hostname(&self, place: &Where) -> String {
        let machine = &self.machines[place.machine()];
        match place {
            Where::Machine(_) => machine.place.name.to_owned(),
            Where::Container(_, id) => match machine.daemon.container(id) {
                Ok(container) => container.hostname().to_owned(),
                Err(_) => id.chars().take(12).collect(),
            },
        }
    }

    /// The files of a place as a shell there sees them.
    pub(crate) fn tree_of(&mut self, place: &Where, tools: &mut Tools<'_>) -> Result<Tree, ExecuteError> {
        match place {
            Where::Machine(index) => Ok(self.machines[*index].tree.clone()),
            Where::Container(index, id) => {
                let view = self.machines[*index].with_daemon(tools, |daemon, host| daemon.open_files(id, host));
                let view = view.map_err(|refusal| ExecuteError::Unsupported {
                    what: refusal.to_string(),
                })?;
                Ok(view.tree)
            }
        }
    }

    /// Takes over what a shell left of the files of its place.
    pub(crate) fn put_tree(&mut self, place: &Where, after: Tree, tools: &mut Tools<'_>) -> Result<(), String> {
        match place {
            Where::Machine(index) => {
                self.machines[*index].tree = after;
                Ok(())
            }
            Where::Container(index, id) => {
                let put = self.machines[*index].with_daemon(tools, |daemon, host| {
                    let files = daemon.open_files(id, host)?;
                    daemon.keep_files(id, &files, after, Fidelity::Simulated, host)
                });
                put.map_err(|refusal| refusal.to_string())
            }
        }
    }

    /// A shell has ended; if it was a process of a container, that has ended too.
    pub(crate) fn shell_left(&mut self, frame: &Frame, exit: i32, tools: &mut Tools<'_>) {
        let Where::Container(index, id) = &frame.place else {
            return;
        };
        let daemon = &mut self.machines[*index].daemon;
        // The container may be gone: somebody else may have removed it meanwhile.
        let _ = match frame.exec {
            Some(pid) => daemon.finish_exec(id, pid).map(|()| None),
            None => daemon.finish(id, exit, tools.now).map(Some),
        };
        self.sync(tools);
    }

    /// The network as machine `from` sees it.
    pub(crate) fn network<'a>(&'a mut self, from: usize, now: Time, notes: &'a mut Vec<String>) -> Network<'a> {
        Network {
            from,
            services: &mut self.services,
            hub: &mut self.hub,
            wire: &mut self.wire,
            claims: &mut self.claims,
            now,
            notes,
        }
    }
}
