//! Lines typed at a shell: a session goes on until it needs its host, and goes on again with the answer.

use crate::execute::{ExecuteError, Output};
use store::{BlobStore, Time, Tree};

/// Which session: one for each terminal. A session runs one line at a time; any number of sessions may wait at once.
pub type SessionId = u32;

/// A line to run, and the shell it is typed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, of several lines if the first was unfinished.
    pub text: String,
    /// What the shell remembers of the lines before.
    pub state: ShellState,
    /// The shell's program: `/bin/bash` or `/bin/sh`.
    pub shell: String,
    /// Who types: a name or a number; empty for root.
    pub user: String,
    /// What the machine is called.
    pub hostname: String,
    /// Exported variables of a new shell.
    pub env: Vec<(String, String)>,
    /// Working directory of a new shell; the user's home if empty or missing.
    pub cwd: String,
    /// When the line starts.
    pub now: Time,
    /// Width of the terminal.
    pub columns: u16,
    /// Lines typed before, oldest first, for `history`.
    pub history: Vec<String>,
    /// Programs that the host does itself, if the tree has a file for them: see [`HOST_CALLS`].
    pub calls: Vec<String>,
}

/// What a host with a daemon and a network does itself.
pub const HOST_CALLS: &[&str] = &[
    "docker",
    "curl",
    "wget",
    "ping",
    "scp",
    "ssh",
    "systemctl",
    "service",
    "journalctl",
    "vi",
    "vim",
    "nano",
    "clear",
];

/// What a shell remembers from line to line: directory, variables, functions, umask, last exit code. Opaque; a new shell's is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellState(pub Vec<u8>);

/// How far a line has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A program of the host is called: [`Sessions::resume`] with [`Answer::Call`].
    Call(HostCall),
    /// A line of the terminal is wanted: [`Sessions::resume`] with [`Answer::Text`].
    Ask(Question),
    /// A program that does not end by itself has the terminal: [`Sessions::abort`] is all there is to do.
    Lasts {
        /// Name and arguments.
        argv: Vec<String>,
        /// How things stand.
        so_far: SoFar,
    },
    /// The text is not a whole command: nothing was run. The terminal shows `> ` and the line comes again with the next one added.
    Unfinished,
    /// The line is done.
    Done(Done),
}

/// What has happened since the turn before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoFar {
    /// What was written to the terminal, in order.
    pub output: Vec<Output>,
    /// The files as they are now; what is new is in the blob store.
    pub tree: Tree,
    /// How long it took, or would take.
    pub millis: u64,
}

/// A program of the host, as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// Its name.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Exported variables, by name.
    pub env: Vec<(String, String)>,
    /// Absolute working directory.
    pub cwd: String,
    /// Who calls, after `sudo`: a name, or a number without one.
    pub user: String,
    /// What a pipe or a file gives it to read; `None` if that is the terminal.
    pub stdin: Option<Vec<u8>>,
    /// Where its standard output goes.
    pub stdout: Sink,
    /// How things stand.
    pub so_far: SoFar,
}

/// Where a program's standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The terminal.
    Terminal,
    /// A pipe, a file or a variable.
    Other,
}

/// A question at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What stands before the cursor.
    pub prompt: String,
    /// Whether what is typed is seen.
    pub echo: Echo,
    /// How things stand.
    pub so_far: SoFar,
}

/// Whether what is typed is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It is.
    Shown,
    /// It is a password.
    Hidden,
}

/// What a line waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What a program of the host did.
    Call(CallAnswer),
    /// What was typed, without the line's end; `None` at the end of input (Ctrl-D).
    Text(Option<String>),
}

/// What a program of the host did. Output that its host has shown itself is not in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallAnswer {
    /// Standard output: any bytes.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Exit code.
    pub exit: i32,
    /// How long it took, or would take.
    pub millis: u64,
}

/// What a line came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What the shell remembers.
    pub state: ShellState,
    /// What stands before the next line: `cloud_user@workstation:~$ `.
    pub prompt: String,
    /// Absolute working directory.
    pub cwd: String,
    /// Exit code.
    pub exit: i32,
    /// Whether the shell goes on.
    pub then: Then,
    /// How things stand.
    pub so_far: SoFar,
}

/// Whether a shell goes on after a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// It waits for the next.
    Prompt,
    /// It was left with `exit` or `logout`.
    Exit,
    /// It waits until another one, of this user, is left: `sudo -i`, `su`.
    Become(String),
}

impl Turn {
    /// What has happened since the turn before; `None` if the text was not finished, for then nothing has.
    pub fn so_far(&self) -> Option<&SoFar> {
        match self {
            Turn::Call(call) => Some(&call.so_far),
            Turn::Ask(question) => Some(&question.so_far),
            Turn::Lasts { so_far, .. } => Some(so_far),
            Turn::Done(done) => Some(&done.so_far),
            Turn::Unfinished => None,
        }
    }
}

/// Exit code of a line that was broken off with Ctrl-C.
pub const INTERRUPTED: i32 = 130;

/// Runs lines of shells, each in turns with its host.
///
/// Between two turns nothing runs and nothing is borrowed: the host may run commands and other sessions meanwhile. An empty line does
/// nothing and tells the prompt.
pub trait Sessions {
    /// Starts `line` over `tree`. A line of the same session that still waits is broken off.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if it could not be run at all; then nothing has changed.
    fn start(
        &mut self,
        id: SessionId,
        line: &Line,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError>;

    /// Goes on with what the line waited for, over the files as they are by now.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if no line of this session waits, or for something else; then the session is over.
    fn resume(
        &mut self,
        id: SessionId,
        answer: Answer,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError>;

    /// Breaks off the line of a session that waits: Ctrl-C. What was done stays done; the exit code is [`INTERRUPTED`].
    ///
    /// The state is that of the last line, in the directory that this one was in. `None` if no line waits.
    fn abort(&mut self, id: SessionId) -> Option<Done>;
}
