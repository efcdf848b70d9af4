//! Commands beside each other: each in a sandbox of its own, what they write read by a thread each.

use super::output::{Listener, drain};
use super::{Command, machine, refused};
use builder::{ExecuteError, Output};
use sandbox::oci::{RuntimeChild, spawn_with_runtime};
use sandbox::{SandboxError, Spec, Stdio};
use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// So many pieces of output wait to be heard.
const N_WAITING: usize = 16;

/// After so long without a word the listener hears that.
const PAUSE: Duration = Duration::from_secs(1);

/// The commands that go on. Whoever drops it ends them.
#[derive(Debug)]
pub struct Lanes {
    running: BTreeMap<usize, Lane>,
    words: Receiver<(usize, Word)>,
    speaker: SyncSender<(usize, Word)>,
}

#[derive(Debug)]
struct Lane {
    // Dropped before the folders that it writes to.
    child: Started,
    command: Command,
}

/// What a thread says of its command.
#[derive(Debug)]
enum Word {
    Wrote(Vec<u8>),
    /// Its pipe has ended, which it does with the last process of the sandbox.
    Ended(io::Result<Vec<Output>>),
}

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) command: Command,
    /// Mount points that were made for it.
    pub(super) stubs: Vec<sandbox::Stub>,
    /// Its exit code, and what it wrote.
    pub(super) ran: Result<(i32, Vec<Output>), ExecuteError>,
}

impl Lanes {
    pub(super) fn new() -> Lanes {
        let (speaker, words) = sync_channel(N_WAITING);
        Lanes {
            running: BTreeMap::new(),
            words,
            speaker,
        }
    }

    /// Whether a command with these mounts must wait for one of those that go on.
    pub(super) fn bar(&self, mounts: &[planner::Mount]) -> bool {
        let held = |mount: &planner::Mount| self.running.values().any(|lane| lane.command.held.bars(mount));
        mounts.iter().any(held)
    }

    /// Starts a sandbox; `bundle` is a place for a runtime's files.
    pub(super) fn start(
        &self,
        number: usize,
        spec: &Spec,
        runtime: Option<&Path>,
        bundle: &Path,
    ) -> Result<Started, SandboxError> {
        let (reader, writer) = io::pipe().map_err(|error| system("make a pipe", &error))?;
        let second = writer.try_clone().map_err(|error| system("make a pipe", &error))?;
        let stdio = Stdio {
            stdin: None,
            stdout: Some(writer.into()),
            stderr: Some(second.into()),
        };
        let child = Started::new(spec, stdio, runtime, bundle)?;
        self.listen(number, reader)
            .map_err(|error| system("start a thread", &error))?;
        Ok(child)
    }

    fn listen(&self, number: usize, pipe: PipeReader) -> io::Result<()> {
        let speaker = self.speaker.clone();
        thread::Builder::new().name(format!("step {number}")).spawn(move || {
            // Nobody hears it any more if the build has failed; then there is no one to tell, either.
            let mut wrote = |piece: &[u8]| drop(speaker.send((number, Word::Wrote(piece.to_vec()))));
            let read = drain(pipe, &mut wrote);
            let _ = speaker.send((number, Word::Ended(read)));
        })?;
        Ok(())
    }

    pub(super) fn put(&mut self, number: usize, command: Command, child: Started) {
        self.running.insert(number, Lane { child, command });
    }

    /// Waits until one has ended; `None` if none goes on.
    pub(super) fn wait(&mut self, listener: &mut dyn Listener) -> Option<(usize, Ended)> {
        while !self.running.is_empty() {
            match self.words.recv_timeout(PAUSE) {
                Ok((number, Word::Wrote(piece))) => listener.hear(number, &piece),
                Ok((number, Word::Ended(read))) => {
                    if let Some(Lane { child, command }) = self.running.remove(&number) {
                        return Some((number, child.end(command, read)));
                    }
                }
                Err(RecvTimeoutError::Timeout) => listener.pause(),
                Err(RecvTimeoutError::Disconnected) => unreachable!("this holds a sender itself"),
            }
        }
        None
    }
}

/// A sandbox that runs.
#[derive(Debug)]
pub(super) enum Started {
    Ours(sandbox::Child),
    Theirs(RuntimeChild),
}

impl Started {
    fn new(spec: &Spec, stdio: Stdio, runtime: Option<&Path>, bundle: &Path) -> Result<Started, SandboxError> {
        let Some(program) = runtime else {
            return sandbox::spawn(spec, stdio).map(Started::Ours);
        };
        std::fs::create_dir(bundle).map_err(|error| system(&format!("make {}", bundle.display()), &error))?;
        spawn_with_runtime(program, spec, bundle, stdio).map(Started::Theirs)
    }

    /// Waits for its end, as one whose pipe has ended.
    fn end(self, command: Command, read: io::Result<Vec<Output>>) -> Ended {
        let (stubs, exit) = match self {
            Started::Ours(child) => (child.stubs.clone(), child.wait().map(|ended| ended.exit_code().into())),
            // A runtime that was killed took the command with it.
            Started::Theirs(child) => (
                child.stubs.clone(),
                child.wait().map(|status| status.code().unwrap_or(137)),
            ),
        };
        let output = read.map_err(|source| machine("could not read what the command writes", source));
        Ended {
            command,
            stubs,
            ran: exit.map_err(refused).and_then(|exit| Ok((exit, output?))),
        }
    }
}

fn system(doing: &str, error: &io::Error) -> SandboxError {
    SandboxError::System {
        doing: doing.to_owned(),
        errno: error.raw_os_error().unwrap_or_default(),
    }
}
