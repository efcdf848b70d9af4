//! Commands for real: in a sandbox, over snapshots, and back to a tree.

pub mod caches;
pub mod files;
pub mod mounts;
pub mod output;
pub mod users;

pub use caches::Caches;
pub use files::HostEntry;
pub use output::Listener;

use crate::snapshots::{SnapshotError, Snapshots, read_upper};
use builder::{ExecuteError, Executor, Fidelity, Instruction, Output, RunOutcome, RunRequest};
use mounts::Mounting;
use planner::Network;
use sandbox::oci::{RuntimeChild, spawn_with_runtime};
use sandbox::{Limits, Overlay, Rights, Root, SandboxError, Spec, Stdio, User};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
    /// Lines to add to `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// The OCI runtime that runs them; `None` for our own sandbox.
    pub runtime: Option<PathBuf>,
}

/// Runs commands in sandboxes.
///
/// The filesystem that a command runs over is put on disk as a [`Snapshot`](crate::snapshots::Snapshot); its writes go to a folder
/// above it, and only that folder is read afterwards. It becomes the snapshot of the outcome.
pub struct SandboxExecutor<'a> {
    /// Filesystems on disk.
    pub snapshots: &'a mut Snapshots,
    /// Cache mounts.
    pub caches: Caches,
    /// What every command is run with.
    pub settings: &'a Settings,
    /// Hears what a command writes.
    pub listener: &'a mut dyn Listener,
}

impl Executor for SandboxExecutor<'_> {
    fn has_agent(&self, id: &str) -> bool {
        self.settings.agents.contains_key(id)
    }

    fn run_instruction(
        &mut self,
        instruction: &Instruction<'_>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        self.run_over(Some(instruction), request, tree, blobs)
    }

    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        self.run_over(None, request, tree, blobs)
    }
}

impl SandboxExecutor<'_> {
    fn run_over(
        &mut self,
        instruction: Option<&Instruction<'_>>,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
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
        let mut mounting = Mounting::new(self.snapshots, &self.caches, self.settings, self.listener);
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
        let ran = self.spawn(&spec, &upper.fs.with_file_name("bundle"))?;
        drop(held);
        let mut outcome = RunOutcome {
            tree: tree.clone(),
            caches: Vec::new(),
            exit: ran.exit,
            lasting: None,
            output: ran.output,
            millis: 0,
            fidelity: Fidelity::Exact,
        };
        if ran.exit == 0 {
            sandbox::remove_stubs(&upper.fs, &ran.stubs)
                .map_err(|source| machine("could not take mount points away", source))?;
            let written = read_upper(&upper.fs, tree, blobs).map_err(failed)?;
            self.snapshots
                .adopt(upper, &base, &written.tree, written.bytes)
                .map_err(failed)?;
            outcome.tree = written.tree;
        }
        outcome.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
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
                shm: self.settings.shm,
                ..Limits::default()
            },
            terminal: None,
            init: false,
            outlives_caller: false,
            cgroup: None,
        }
    }

    /// Runs it to its end. A program that is not there is an outcome, as in a shell. `bundle` is a place for a runtime's files.
    fn spawn(&mut self, spec: &Spec, bundle: &Path) -> Result<Ran, ExecuteError> {
        let (reader, writer) = std::io::pipe().map_err(|source| machine("could not make a pipe", source))?;
        let second = writer
            .try_clone()
            .map_err(|source| machine("could not make a pipe", source))?;
        let stdio = Stdio {
            stdin: None,
            stdout: Some(writer.into()),
            stderr: Some(second.into()),
        };
        self.listener.begin();
        let (stubs, child) = match self.start(spec, stdio, bundle) {
            Ok(started) => started,
            Err(error) if error.exit_code() != 125 => {
                let text = format!("{error}\n{}", hint(&error)).into_bytes();
                self.listener.hear(&text);
                self.listener.end();
                return Ok(Ran {
                    exit: i32::from(error.exit_code()),
                    output: vec![Output::err(text)],
                    stubs: Vec::new(),
                });
            }
            Err(error) => return Err(refused(error)),
        };
        // The pipe ends when the last process of the sandbox does.
        let output = output::drain(reader, &mut |piece| self.listener.hear(piece))
            .map_err(|source| machine("could not read what the command writes", source));
        let exit = child.wait().map_err(refused)?;
        self.listener.end();
        // Without it the folder above becomes the snapshot as it is.
        if self.settings.runtime.is_some() {
            std::fs::remove_dir_all(bundle)
                .map_err(|source| machine("could not take a runtime's files away", source))?;
        }
        Ok(Ran {
            exit,
            output: output?,
            stubs,
        })
    }

    fn start(&self, spec: &Spec, stdio: Stdio, bundle: &Path) -> Result<(Vec<sandbox::Stub>, Started), SandboxError> {
        let Some(program) = &self.settings.runtime else {
            let child = sandbox::spawn(spec, stdio)?;
            return Ok((child.stubs.clone(), Started::Ours(child)));
        };
        std::fs::create_dir(bundle).map_err(|error| SandboxError::System {
            doing: format!("make {}", bundle.display()),
            errno: error.raw_os_error().unwrap_or_default(),
        })?;
        let child = spawn_with_runtime(program, spec, bundle, stdio)?;
        Ok((child.stubs.clone(), Started::Theirs(child)))
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

/// A command that runs.
enum Started {
    Ours(sandbox::Child),
    Theirs(RuntimeChild),
}

impl Started {
    /// Waits for its end; its exit code as a shell has it.
    fn wait(self) -> Result<i32, SandboxError> {
        match self {
            Started::Ours(child) => Ok(child.wait()?.exit_code().into()),
            // A runtime that was killed took the command with it.
            Started::Theirs(child) => Ok(child.wait()?.code().unwrap_or(137)),
        }
    }
}

/// A process that has ended.
struct Ran {
    exit: i32,
    output: Vec<Output>,
    stubs: Vec<sandbox::Stub>,
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
