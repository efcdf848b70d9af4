//! The simulated hosts as the page shows them: terminals, lists, and what is asked of the worker for them.

mod hearing;

use std::rc::Rc;

use messages::{Ask, HostView, ImageView, Input, Subject};

use super::{
    Load, Model,
    commands::{Offer, Then},
    terminal::{Key, Line, Out, Terminal},
    wire::Wire,
};

/// Hosts that the page has room for.
const MAX_HOSTS: usize = 8;

/// The hosts, and which of their sides are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Machines {
    /// Each host as it was last told.
    pub(crate) hosts: Rc<[HostView]>,
    /// Why nothing is told of them, if the worker said so.
    pub(crate) refused: Option<Rc<str>>,
    /// Their terminals, in the same order.
    pub(crate) terminals: Vec<Rc<Terminal>>,
    /// The network between them.
    pub(crate) wire: Rc<Wire>,
    /// Index of the host that is shown.
    pub(crate) host: usize,
    /// The side of the upper room.
    pub(crate) upper: Upper,
    /// The side of the lower room.
    pub(crate) lower: Lower,
    /// True if the lower room takes more of the page.
    pub(crate) is_tall: bool,
    /// The row of a list that is open: an id, with the name before it.
    pub(crate) row: Option<Rc<str>>,
    /// Rises when the terminal is to have the keyboard.
    pub(crate) focus: u32,
    /// An archive on its way.
    pub(crate) arriving: Option<Rc<Arriving>>,
    sent: Sent,
}

/// An archive that is being loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arriving {
    /// The file's name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// How much of it has been read, and of how much, once that is told.
    pub(crate) read: Option<(usize, usize)>,
}

/// A side of the upper room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Upper {
    /// The layers of the image that is looked into.
    #[default]
    Layers,
    /// The host's images.
    Images,
    /// Its containers.
    Containers,
    /// What its images share.
    Sharing,
    /// The images of the machine that the page runs on, where a companion answers.
    Local,
}

/// A side of the lower room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lower {
    /// The build's log.
    #[default]
    Log,
    /// The terminal of [`Machines::host`].
    Terminal,
    /// The network.
    Wire,
    /// Runs on the machine that the page runs on.
    Native,
}

/// The numbers of the last requests.
#[derive(Debug, Clone, PartialEq, Default)]
struct Sent {
    look: u32,
    /// True while the last look has not been answered.
    is_looking: bool,
    /// True if something has happened since the last look.
    is_stale: bool,
    inspect: u32,
    complete: u32,
    load: u32,
    /// For each host what its terminal was given last.
    given: Vec<u32>,
}

impl Machines {
    /// The host that is shown.
    pub(crate) fn shown(&self) -> Option<&HostView> {
        self.hosts.get(self.host)
    }

    /// The commands of each host, to be kept.
    pub(crate) fn commands(&self) -> Vec<&[String]> {
        self.terminals
            .iter()
            .map(|terminal| terminal.history.commands.as_slice())
            .collect()
    }

    /// The terminal of the host that is shown.
    pub(crate) fn terminal(&self) -> Option<&Rc<Terminal>> {
        self.terminals.get(self.host)
    }

    fn terminal_mut(&mut self, host: usize) -> Option<&mut Terminal> {
        if host >= MAX_HOSTS {
            return None;
        }
        if self.terminals.len() <= host {
            self.terminals.resize_with(host + 1, Rc::default);
            self.sent.given.resize(host + 1, 0);
        }
        Some(Rc::make_mut(&mut self.terminals[host]))
    }
}

impl Model {
    /// Takes the commands that were kept of each host.
    pub(super) fn remember(&mut self, histories: Vec<Vec<String>>) {
        for (host, commands) in histories.into_iter().enumerate() {
            if let Some(terminal) = self.machines.terminal_mut(host) {
                terminal.history = super::History::of(commands);
            }
        }
    }

    /// Asks for the hosts of a worker that has just come.
    pub(super) fn meet_machines(&mut self) {
        let before = std::mem::take(&mut self.machines);
        let said = before.terminals.iter().any(|terminal| terminal.screen.len() > 0);
        for (host, old) in before.terminals.into_iter().enumerate() {
            if let Some(terminal) = self.machines.terminal_mut(host) {
                *terminal = old.stopped();
                if said {
                    terminal.say("The engine was started again, and the machines with it.");
                }
            }
        }
        self.machines = Machines {
            upper: before.upper,
            lower: before.lower,
            is_tall: before.is_tall,
            host: before.host,
            ..std::mem::take(&mut self.machines)
        };
        self.look();
    }

    /// What was running runs no more.
    pub(super) fn lose_machines(&mut self) {
        for terminal in &mut self.machines.terminals {
            *Rc::make_mut(terminal) = terminal.stopped();
        }
        self.machines.arriving = None;
        self.machines.sent.is_looking = false;
    }

    fn look(&mut self) {
        self.machines.sent.is_looking = true;
        self.machines.sent.is_stale = false;
        self.machines.sent.look = self.ask(Ask::Look);
    }

    /// Asks for the hosts anew if something has happened, and they are shown.
    fn refresh(&mut self) {
        let Sent {
            is_looking, is_stale, ..
        } = self.machines.sent;
        if is_stale && !is_looking && self.machines.upper != Upper::Layers && self.has_engine() {
            self.look();
        }
    }

    /// Something has happened on the hosts.
    pub(super) fn stir(&mut self) {
        self.machines.sent.is_stale = true;
        self.refresh();
    }

    pub(super) fn press(&mut self, host: usize, line: Line, key: Key) {
        if !self.has_engine() {
            return;
        }
        if let Some(terminal) = self.machines.terminal_mut(host) {
            let out = terminal.press(line, key);
            self.send(host, out);
        }
    }

    fn send(&mut self, host: usize, out: Option<Out>) {
        match out {
            None => {}
            Some(Out::Give(input)) => self.give(host, input),
            Some(Out::Complete(text)) => self.machines.sent.complete = self.ask(Ask::Complete { host, text }),
        }
    }

    fn give(&mut self, host: usize, input: Input) {
        // What was typed into the editor is on the machine before a command looks for it.
        self.settle();
        self.machines.sent.given[host] = self.ask(Ask::Type { host, input });
    }

    /// Types an offered command, where one can see it.
    pub(super) fn type_offer(&mut self, host: usize, offer: &Offer) {
        self.machines.lower = Lower::Terminal;
        self.machines.host = host;
        let name = self
            .machines
            .hosts
            .get(host)
            .map_or(String::new(), |host| host.name.clone());
        let Some(terminal) = self.machines.terminal_mut(host) else {
            return;
        };
        if !terminal.is_free() {
            self.status = format!("The terminal of {name} is busy. Ctrl-C there stops what runs.").into();
            return;
        }
        match offer.then {
            Then::Run => self.press(host, Line::of(&offer.command), Key::Enter),
            Then::Wait => {
                terminal.put(&offer.command);
                self.machines.focus += 1;
                self.status = "The command is in the terminal: complete it, and press Enter.".into();
            }
        }
    }

    pub(super) fn leave_editor(&mut self, host: usize, text: Option<String>) {
        let editing = self
            .machines
            .terminal_mut(host)
            .and_then(|terminal| terminal.editing.take());
        let Some(editing) = editing else { return };
        self.machines.focus += 1;
        let path = editing.path.clone();
        self.machines.sent.given[host] = self.ask(match text {
            Some(text) => Ask::Save { host, path, text },
            None => Ask::LeaveEditor { host },
        });
    }

    pub(super) fn inspect(&mut self, subject: Subject) {
        match (&subject, self.built.clone()) {
            (Subject::Built, Some(image)) => self.look_into(Subject::Built, image),
            (Subject::Built, None) => {}
            _ => self.machines.sent.inspect = self.ask(Ask::Inspect(subject)),
        }
    }

    /// Makes an image the one that the rooms show.
    pub(super) fn look_into(&mut self, subject: Subject, image: Rc<ImageView>) {
        let n_layers = image.layers.len();
        self.subject = subject;
        self.image = Some(image);
        self.machines.upper = Upper::Layers;
        self.matrix = Rc::default();
        self.files = Load::Nothing;
        self.content = Load::Nothing;
        self.selection.layer = None;
        let made = self.selection.line.and_then(|line| self.layer_of(line));
        if let Some(layer) = made.or(n_layers.checked_sub(1)) {
            self.select_layer(layer);
        }
        if self.inside == super::Inside::Matrix {
            self.ask_matrix();
        }
    }

    pub(super) fn show_upper(&mut self, upper: Upper) {
        self.machines.upper = upper;
        self.machines.row = None;
        self.show_local();
        self.refresh();
    }

    pub(super) fn show_lower(&mut self, lower: Lower) {
        self.machines.lower = lower;
    }

    pub(super) fn show_host(&mut self, host: usize) {
        if host != self.machines.host {
            self.machines.host = host;
            self.machines.row = None;
        }
    }

    pub(super) fn open_row(&mut self, row: Rc<str>) {
        let is_open = self.machines.row.as_ref() == Some(&row);
        self.machines.row = (!is_open).then_some(row);
    }

    /// Loads an archive; who posts the request puts the file beside it.
    pub(super) fn load(&mut self, name: String, bytes: u64) {
        if !self.has_engine() {
            self.trouble = Some(format!("{name} was not loaded: the engine is not there yet.").into());
            return;
        }
        let host = self.machines.host;
        let read = None;
        self.machines.arriving = Some(Rc::new(Arriving {
            name: name.clone(),
            bytes,
            read,
        }));
        self.machines.sent.load = self.ask(Ask::Load {
            host,
            name,
            bytes: Vec::new(),
        });
    }
}
