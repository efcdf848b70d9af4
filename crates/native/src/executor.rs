//! Commands for real: in a sandbox, over snapshots, and back to a tree.

pub mod caches;
pub mod files;
pub mod lanes;
pub mod mounts;
pub mod output;
pub mod users;

pub use caches::Caches;
pub use files::HostEntry;
pub use output::Listener;

use crate::snapshots::{Snapshot, SnapshotError, Snapshots, Upper, read_upper};
use builder::{Begun, ExecuteError, Executor, Fidelity, Instruction, Output, RunOutcome, RunRequest};
use lanes::{Ended, Lanes};
use mounts::{Held, Mounting};
use planner::Network;
use sandbox::{Limits, Overlay, Rights, Root, SandboxError, Spec, User};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Instant;
use store::{BlobStore, Tree};
use users::{Identity, identify};

/// What every command of a build is run with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As what sandboxes are made, or why none can be made.
    pub isolation: Result<String, String>,
    /// Sockets of SSH agents by their identity.
    pub agents: BTreeMap<String, PathBuf>,
    /// Whether a RUN may ask for `--security=insecure`.
    pub allow_insecure: bool,
    /// Whether a RUN may ask for `--network=host`.
    pub allow_host_network: bool,
    /// Size of `/dev/shm` in bytes.
    pub shm: Option<u64>,
    /// `ulimit`s: name as `nofile`, soft and hard.
    pub ulimits: Vec<(String, u64, u64)>,
    /// The control group below which those of commands lie.
    pub cgroup_parent: Option<String>,
    /// Lines to add to `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// As many commands run beside each other.
    pub lanes: usize,
    /// The OCI runtime that runs them; `None` for our own sandbox.
    pub runtime: Option<PathBuf>,
}

/// Runs commands in sandboxes.
///
/// The filesystem that a command runs over is put on disk as a [`Snapshot`](crate::snapshots::Snapshot); its writes go to a folder
/// above it, and only that folder is read afterwards. It becomes the snapshot of the outcome.
pub struct SandboxExecutor<'a> {
    /// Filesystems on disk.
    snapshots: &'a mut Snapshots,
    /// Cache mounts.
    caches: Caches,
    /// What every command is run with.
    settings: &'a Settings,
    /// Hears what a command writes.
    listener: &'a mut dyn Listener,
    lanes: Lanes,
    /// Those that have ended and that nobody has asked for.
    ended: VecDeque<(usize, Result<RunOutcome, ExecuteError>)>,
}

impl Executor for SandboxExecutor<'_> {
    fn has_agent(&self, id: &str) -> bool {
        self.settings.agents.contains_key(id)
    }

    fn lanes(&self) -> usize {
        self.settings.lanes
    }

    fn begin(
        &mut self,
        number: usize,
        instruction: &Instruction<'_>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Begun, ExecuteError> {
        while self.lanes.bar(&instruction.run.mounts) {
            let ended = self.next_end(blobs);
            self.ended.extend(ended);
        }
        self.begin_over(number, Some(instruction), request, tree, blobs)
    }

    fn wait(&mut self, blobs: &mut dyn BlobStore) -> Option<(usize, Result<RunOutcome, ExecuteError>)> {
        self.ended.pop_front().or_else(|| self.next_end(blobs))
    }

    /// Not while others go on: one that ended meanwhile would be lost.
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        match self.begin_over(0, None, request, tree, blobs)? {
            Begun::Ended(outcome) => Ok(outcome),
            Begun::Runs => self.next_end(blobs).expect("it goes on").1,
        }
    }
}

impl<'a> SandboxExecutor<'a> {
    /// An executor nothing of which runs yet.
    pub fn new(
        snapshots: &'a mut Snapshots,
        caches: Caches,
        settings: &'a Settings,
        listener: &'a mut dyn Listener,
    ) -> SandboxExecutor<'a> {
        SandboxExecutor {
            snapshots,
            caches,
            settings,
            listener,
            lanes: Lanes::new(),
            ended: VecDeque::new(),
        }
    }

    fn begin_over(
        &mut self,
        number: usize,
        instruction: Option<&Instruction<'_>>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Begun, ExecuteError> {
        let begun = Instant::now();
        if let Err(why) = &self.settings.isolation {
            return Err(refused(format!(
                "expected a sandbox for the command, found none: {why}"
            )));
        }
        let insecure = instruction.is_some_and(|instruction| instruction.run.insecure);
        if insecure && !self.settings.allow_insecure {
            return Err(refused(
                "security.insecure is not allowed: give --allow security.insecure",
            ));
        }
        if network(instruction, request) == Network::Host && !self.settings.allow_host_network {
            return Err(refused("network.host is not allowed: give --allow network.host"));
        }
        let identity = identify(&request.user, tree, blobs).map_err(refused)?;
        let base = self.snapshots.of(tree, blobs).map_err(failed)?;
        let upper = self.snapshots.upper(&tree.root().meta).map_err(failed)?;
        self.listener.begin(number);
        let listener = &mut *self.listener;
        let mut on_wait = |id: &str| listener.hear(number, format!("waiting for the cache {id}\n").as_bytes());
        let mut mounting = Mounting::new(self.snapshots, &self.caches, self.settings, &mut on_wait);
        mounting.add_machine_files(&request.hostname, network(instruction, request));
        mounting.add_all(instruction, request, blobs).map_err(failed)?;
        let (mounts, held) = mounting.finish();
        let root = Root::Overlay(Overlay {
            lower: base.lower.clone(),
            upper: upper.fs.clone(),
            work: upper.work.clone(),
            volatile: true,
        });
        let spec = Spec {
            mounts,
            rights: Rights {
                privileged: insecure,
                ..Rights::default()
            },
            ..self.spec(root, instruction, request, identity)
        };
        let started = self
            .lanes
            .start(number, &spec, self.settings.runtime.as_deref(), &upper.bundle());
        let command = Command {
            begun,
            tree: tree.clone(),
            base,
            upper,
            held,
        };
        match started {
            Ok(child) => {
                self.lanes.put(number, command, child);
                Ok(Begun::Runs)
            }
            // A program that is not there is an outcome, as in a shell.
            Err(error) if error.exit_code() != 125 => {
                let text = format!("{error}\n{}", hint(&error)).into_bytes();
                self.listener.hear(number, &text);
                self.listener.end(number);
                Ok(Begun::Ended(
                    command.outcome(i32::from(error.exit_code()), vec![Output::err(text)]),
                ))
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Waits until one of those that go on has ended, and takes in what it left; `None` if none goes on.
    fn next_end(&mut self, blobs: &mut dyn BlobStore) -> Option<(usize, Result<RunOutcome, ExecuteError>)> {
        let (number, Ended { command, stubs, ran }) = self.lanes.wait(self.listener)?;
        self.listener.end(number);
        Some((number, self.take_in(command, &stubs, ran, blobs)))
    }

    fn take_in(
        &mut self,
        command: Command,
        stubs: &[sandbox::Stub],
        ran: Result<(i32, Vec<Output>), ExecuteError>,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let (exit, output) = ran?;
        let mut outcome = command.outcome(exit, output);
        let Command { upper, base, held, .. } = command;
        drop(held);
        if exit != 0 {
            return Ok(outcome);
        }
        // Without it the folder above becomes the snapshot as it is.
        if self.settings.runtime.is_some() {
            std::fs::remove_dir_all(upper.bundle())
                .map_err(|source| machine("could not take a runtime's files away", source))?;
        }
        sandbox::remove_stubs(&upper.fs, stubs)
            .map_err(|source| machine("could not take mount points away", source))?;
        let written = read_upper(&upper.fs, &outcome.tree, blobs).map_err(failed)?;
        self.snapshots
            .adopt(upper, &base, &written.tree, written.bytes)
            .map_err(failed)?;
        outcome.tree = written.tree;
        outcome.millis = millis_since(command.begun);
        Ok(outcome)
    }

    fn spec(
        &self,
        root: Root,
        instruction: Option<&Instruction<'_>>,
        request: &RunRequest,
        identity: Identity,
    ) -> Spec {
        Spec {
            root,
            read_only: false,
            mounts: Vec::new(),
            argv: request.argv.clone(),
            env: environment(instruction, request, &identity),
            cwd: request.cwd.clone(),
            user: User {
                uid: identity.uid,
                gid: identity.gid,
                groups: identity.groups,
            },
            hostname: request.hostname.clone(),
            network: match network(instruction, request) {
                Network::None => sandbox::Network::None,
                Network::Host => sandbox::Network::Host,
                Network::Default => sandbox::Network::Default,
            },
            rights: Rights::default(),
            limits: Limits {
                ulimits: self.settings.ulimits.clone(),
                parent: self.settings.cgroup_parent.clone(),
                shm: self.settings.shm,
                ..Limits::default()
            },
            terminal: None,
            init: false,
            outlives_caller: false,
            cgroup: None,
        }
    }
}

/// What helps against a program that does not start.
fn hint(error: &SandboxError) -> &'static str {
    match error {
        SandboxError::Format { .. } => {
            "hint: it is a program for another machine, or a script without its first line. An emulator that binfmt_misc knows with the \
             flag F runs programs of other platforms: Debian's qemu-user-static.\n"
        }
        _ => "",
    }
}

/// A command that goes on, with all that must stay while it does.
#[derive(Debug)]
struct Command {
    begun: Instant,
    /// What it runs over.
    tree: Tree,
    base: Snapshot,
    upper: Upper,
    held: Held,
}

impl Command {
    /// What became of it if it changed nothing.
    fn outcome(&self, exit: i32, output: Vec<Output>) -> RunOutcome {
        RunOutcome {
            tree: self.tree.clone(),
            caches: Vec::new(),
            exit,
            lasting: None,
            output,
            millis: millis_since(self.begun),
            fidelity: Fidelity::Exact,
        }
    }
}

fn millis_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn network(instruction: Option<&Instruction<'_>>, request: &RunRequest) -> Network {
    match instruction {
        Some(instruction) => instruction.run.network,
        None if request.network => Network::Default,
        None => Network::None,
    }
}

/// The request's, with what a container runtime adds.
fn environment(
    instruction: Option<&Instruction<'_>>,
    request: &RunRequest,
    identity: &Identity,
) -> Vec<(String, String)> {
    let mut env = request.env.clone();
    let has = |env: &[(String, String)], name: &str| env.iter().any(|(known, _)| known == name);
    if !has(&env, "HOME") {
        env.push(("HOME".to_owned(), identity.home.clone()));
    }
    let mounts = instruction.map_or(&[][..], |instruction| &instruction.run.mounts);
    let socket = mounts
        .iter()
        .find(|mount| matches!(mount.kind, planner::MountKind::Ssh { .. }));
    if let Some(socket) = socket.filter(|_| !has(&env, "SSH_AUTH_SOCK")) {
        env.push(("SSH_AUTH_SOCK".to_owned(), socket.target.clone()));
    }
    env
}

fn refused(what: impl ToString) -> ExecuteError {
    ExecuteError::Refused { what: what.to_string() }
}

fn machine(doing: &str, source: std::io::Error) -> ExecuteError {
    ExecuteError::Machine {
        doing: doing.to_owned(),
        source,
    }
}

fn failed(error: SnapshotError) -> ExecuteError {
    match error {
        SnapshotError::Store(error) => ExecuteError::Store(error),
        other => refused(other),
    }
}
