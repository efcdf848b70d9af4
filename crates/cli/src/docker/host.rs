//! The machine that a command is typed on.

use crate::program::{DOCKER, Program};
use builder::Context;
use engine::HostFiles;
use std::io::{self, BufRead, Cursor, Write};

/// What a command asks of the machine it is typed on.
///
/// [`files`](Host::files) is enough for all of it. A host whose files are too large to be held in memory also opens, makes and lists
/// them itself.
pub trait Host {
    /// The files, by absolute path.
    fn files(&mut self) -> &mut dyn HostFiles;

    /// The program whose command it is.
    fn program(&self) -> &'static Program {
        &DOCKER
    }

    /// What the daemon is, as `docker version` says it.
    fn platform(&self) -> &'static str {
        "Layerlab (a simulated daemon)"
    }

    /// The directory that relative paths start from, absolute.
    fn cwd(&self) -> String;

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The standard input. It is taken once.
    fn stdin(&mut self) -> Input;

    /// Whether the standard output is a terminal.
    fn writes_to_terminal(&self) -> bool;

    /// Whether the processes of containers are real here. Their input and output go past the command then, and flags have an effect
    /// that a simulation has not.
    fn runs_for_real(&self) -> bool {
        false
    }

    /// Where progress goes at once, while the rest of the standard output may wait until the command is done; `None` if it need not.
    fn progress(&mut self) -> Option<Box<dyn Write>> {
        None
    }

    /// Whether lines that are on the standard output may be drawn over: progress is shown as bars then.
    fn redraws(&self) -> bool {
        false
    }

    /// Runs `docker-credential-NAME` with an action and what it reads. `None` if no such programs run here.
    fn ask_helper(&mut self, name: &str, action: &str, input: &str) -> Option<io::Result<Helped>> {
        let _ = (name, action, input);
        None
    }

    /// A file, to be read in pieces. `None` if [`files`](Host::files) has it in a blob store.
    fn open(&mut self, path: &str) -> Option<io::Result<Box<dyn BufRead>>> {
        let _ = path;
        None
    }

    /// A file with these permission bits, to be written in pieces, which takes its place when it is flushed at the end. `None` if
    /// [`files`](Host::files) is to be given its bytes at once.
    fn create(&mut self, path: &str, mode: u32) -> Option<io::Result<Box<dyn Write>>> {
        let _ = (path, mode);
        None
    }

    /// A directory as a build context. `None` if [`files`](Host::files) has all of it.
    fn context(&mut self, path: &str) -> Option<io::Result<Box<dyn Context>>> {
        let _ = path;
        None
    }
}

/// What a program that keeps logins came to. [`Debug`](std::fmt::Debug) does not show what it said.
pub struct Helped {
    /// Whether it did what it was asked.
    pub succeeded: bool,
    /// What it said.
    pub output: String,
}

impl std::fmt::Debug for Helped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Helped")
            .field("succeeded", &self.succeeded)
            .finish_non_exhaustive()
    }
}

/// What is on the standard input.
pub enum Input {
    /// A person at a terminal.
    Terminal,
    /// A pipe or a file.
    Stream(Box<dyn BufRead>),
}

impl Input {
    /// A pipe with these bytes in it.
    pub fn bytes(bytes: Vec<u8>) -> Input {
        Input::Stream(Box::new(Cursor::new(bytes)))
    }
}
