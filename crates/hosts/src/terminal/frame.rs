//! A shell, and what its line waits for.

use crate::calls::Calling;
use builder::{Echo, HostCall, ShellState};

/// Where a shell runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Where {
    /// On a machine.
    Machine(usize),
    /// In a container of a machine: its ID.
    Container(usize, String),
}

impl Where {
    pub(crate) fn machine(&self) -> usize {
        match self {
            Where::Machine(machine) | Where::Container(machine, _) => *machine,
        }
    }
}

/// A shell.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) place: Where,
    pub(crate) user: String,
    pub(crate) shell: String,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: String,
    /// The number of its process, if it was added to a container.
    pub(crate) exec: Option<u32>,
    pub(super) state: ShellState,
    pub(super) history: Vec<String>,
    pub(super) prompt: String,
    /// Lines of a command that is not whole yet.
    pub(super) unfinished: String,
    pub(super) waits: Waits,
}

/// What the line of a shell waits for.
#[derive(Debug, Clone)]
pub(super) enum Waits {
    /// No line runs.
    Idle,
    /// A program asks for a line.
    Question { prompt: String, echo: Echo },
    /// A command that needs the host asks for something.
    Host(Box<(HostCall, Calling)>),
    /// The shell above it.
    Above,
    /// Ctrl-C.
    Lasting,
}

impl Frame {
    pub(crate) fn new(place: Where, user: &str, shell: &str) -> Frame {
        Frame {
            place,
            user: user.to_owned(),
            shell: shell.to_owned(),
            env: Vec::new(),
            cwd: String::new(),
            exec: None,
            state: ShellState::default(),
            history: Vec::new(),
            prompt: String::new(),
            unfinished: String::new(),
            waits: Waits::Idle,
        }
    }
}
