//! Running a process in a container.

use super::super::{Daemon, Host, Refusal};
use super::mounts::ContainerFiles;
use super::{Container, Network, Status};
use builder::{Fidelity, MountKind, Output, Purpose, RunMount, RunRequest};
use oci::Time;
use store::{BlobStore, Content, Follow, Node, Tree};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A process that runs in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number on the host.
    pub pid: u32,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// As whom, as `-u` has it; empty for root.
    pub user: String,
    /// Its environment, in order.
    pub env: Vec<(String, String)>,
    /// Its working directory, absolute.
    pub cwd: String,
    /// When it was started.
    pub started: Time,
}

/// What is to be run in a container that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `-e`.
    pub env: Vec<String>,
    /// `-w`.
    pub workdir: Option<String>,
    /// `-u`.
    pub user: Option<String>,
    /// `-t`.
    pub tty: bool,
    /// What it reads.
    pub stdin: Stdin,
}

/// What a process reads from its standard input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing.
    #[default]
    Nothing,
    /// These bytes, and then its end: a pipe or a file.
    Bytes(Vec<u8>),
    /// A terminal, or a pipe that stays open: what is not there yet is waited for.
    Open,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// What it wrote.
    pub output: Vec<Output>,
    /// Its exit code; `None` if it goes on running.
    pub exit: Option<i32>,
    /// How long it took.
    pub millis: u64,
    /// Whether that is what a real run would do.
    pub fidelity: Fidelity,
}

/// What is run, for the first process and for those that `exec` adds.
pub(super) struct Launch<'a> {
    pub(super) argv: Vec<String>,
    pub(super) env: &'a [String],
    pub(super) workdir: &'a str,
    pub(super) user: &'a str,
    pub(super) tty: bool,
    pub(super) stdin: &'a Stdin,
}

/// What a run left, before it is taken over.
pub(super) struct Ended {
    pub(super) output: Vec<Output>,
    pub(super) exit: i32,
    pub(super) lasting: Option<Vec<String>>,
    pub(super) millis: u64,
    pub(super) fidelity: Fidelity,
    pub(super) warnings: Vec<String>,
}

impl Daemon {
    /// Runs another process in a container that runs.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it does not run or is frozen; [`Refusal::NotExecuted`] if the program cannot be started.
    pub fn exec(&mut self, name: &str, options: &ExecOptions, host: &mut Host<'_>) -> Result<Executed, Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        match container.state.status {
            Status::Running => {}
            Status::Paused => {
                return Err(Refusal::conflict(format!(
                    "Container {name} is paused, unpause the container before exec"
                )));
            }
            Status::Restarting => {
                return Err(Refusal::conflict(format!(
                    "Container {id} is restarting, wait until the container is running"
                )));
            }
            Status::Created | Status::Exited => {
                return Err(Refusal::conflict(format!("container {id} is not running")));
            }
        }
        if options.argv.is_empty() {
            return Err(Refusal::invalid("No exec command specified"));
        }
        let mut env = container.config.env.clone();
        env.extend(options.env.iter().cloned());
        let (workdir, user) = (container.config.working_dir.clone(), container.config.user.clone());
        let launch = Launch {
            argv: options.argv.clone(),
            env: &env,
            workdir: options.workdir.as_deref().unwrap_or(&workdir),
            user: options.user.as_deref().unwrap_or(&user),
            tty: options.tty,
            stdin: &options.stdin,
        };
        let ended = self.run_in(&id, &launch, host).map_err(as_exec)?;
        if let Some(argv) = ended.lasting.clone() {
            let process = self.new_process(&id, argv, &launch, host.now);
            self.container_mut(&id).state.processes.push(process);
        }
        Ok(Executed {
            exit: ended.lasting.is_none().then_some(ended.exit),
            output: ended.output,
            millis: ended.millis,
            fidelity: ended.fidelity,
        })
    }

    pub(super) fn new_process(&mut self, id: &str, argv: Vec<String>, launch: &Launch<'_>, started: Time) -> Process {
        self.containers.n_processes += 1;
        Process {
            pid: 1000 + 17 * self.containers.n_processes,
            argv,
            user: launch.user.to_owned(),
            env: environment(&self.containers.by_id[id], launch),
            cwd: cwd(launch).to_owned(),
            started,
        }
    }

    /// Runs something over a container's filesystem and takes over what it left there.
    pub(super) fn run_in(&mut self, id: &str, launch: &Launch<'_>, host: &mut Host<'_>) -> Result<Ended, Refusal> {
        let container = self.container(id)?;
        let view = self.view(container, host)?;
        let request = request(container, launch, &view, host)?;
        let outcome = host.executor.run(&request, &container.tree, host.blobs)?;
        let is_read_only = container.options.read_only;
        let before: Vec<(usize, Node)> = view.mounted().map(|(n, node)| (n, node.clone())).collect();
        for (identity, node) in outcome.caches {
            let number = identity.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
            let known = before.iter().find(|(n, _)| Some(*n) == number);
            if let Some((number, _)) = known.filter(|(_, known)| *known != node) {
                self.put_mount(id, *number, node, host)?;
            }
        }
        let container = self.container_mut(id);
        let mut warnings = Vec::new();
        if !is_read_only {
            container.tree = outcome.tree;
        } else if outcome.tree != container.tree {
            warnings.push(
                "what the process wrote to its read-only root is dropped; a real one would have failed".to_owned(),
            );
        }
        container.fidelity = container.fidelity.max(outcome.fidelity);
        Ok(Ended {
            output: outcome.output,
            exit: outcome.exit,
            lasting: outcome.lasting,
            millis: outcome.millis,
            fidelity: outcome.fidelity,
            warnings,
        })
    }
}

/// What the executor is asked.
fn request(
    container: &Container,
    launch: &Launch<'_>,
    view: &ContainerFiles,
    host: &mut Host<'_>,
) -> Result<RunRequest, Refusal> {
    let env = environment(container, launch);
    let cwd = cwd(launch);
    check_user(&view.tree, launch.user, host.blobs)?;
    let path = env
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or("", |(_, value)| value);
    check_program(&view.tree, launch.argv.first().map_or("", String::as_str), path, cwd)?;
    let mounts = view.mounted().map(|(number, node)| {
        let mount = &container.mounts[number];
        let kind = if mount.read_only {
            MountKind::Bind {
                node: node.clone(),
                read_only: true,
            }
        } else {
            MountKind::Cache {
                id: format!("container {} mount {number}", container.id),
                node: node.clone(),
                read_only: false,
            }
        };
        RunMount {
            target: mount.target.clone(),
            kind,
        }
    });
    let (purpose, stdin) = match launch.stdin {
        Stdin::Nothing => (Purpose::Process, Vec::new()),
        Stdin::Bytes(bytes) => (Purpose::Process, bytes.clone()),
        Stdin::Open => (Purpose::Interactive, Vec::new()),
    };
    Ok(RunRequest {
        argv: launch.argv.clone(),
        mounts: mounts.collect(),
        env,
        cwd: cwd.to_owned(),
        user: launch.user.to_owned(),
        network: container.options.network != Network::None,
        now: host.now,
        purpose,
        stdin,
        hostname: container.hostname().to_owned(),
    })
}

fn cwd<'a>(launch: &Launch<'a>) -> &'a str {
    if launch.workdir.is_empty() { "/" } else { launch.workdir }
}

/// The variables of a process: Docker's own, with those of the container put over them.
fn environment(container: &Container, launch: &Launch<'_>) -> Vec<(String, String)> {
    let mut env = vec![
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOSTNAME".to_owned(), container.hostname().to_owned()),
    ];
    if launch.tty {
        env.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    for pair in launch.env {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => env.push((name.to_owned(), value.to_owned())),
        }
    }
    env
}

/// That the program can be started, as the runtime finds out before it does.
fn check_program(tree: &Tree, program: &str, path: &str, cwd: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        Err(Refusal::NotStarted {
            reason: format!("exec: {program:?}: {why}"),
        })
    };
    if program.contains('/') {
        let absolute = if program.starts_with('/') {
            program.to_owned()
        } else {
            format!("{cwd}/{program}")
        };
        return match at(tree, &absolute) {
            None => refuse(&format!("stat {program}: no such file or directory")),
            Some(Node::Dir(_)) => refuse("is a directory"),
            Some(node) if node.meta().mode & 0o111 == 0 => refuse("permission denied"),
            Some(_) => Ok(()),
        };
    }
    let mut found = path.split(':').filter_map(|dir| at(tree, &format!("{dir}/{program}")));
    if !program.is_empty() && found.any(|node| !node.is_dir() && node.meta().mode & 0o111 != 0) {
        return Ok(());
    }
    refuse("executable file not found in $PATH")
}

/// That the user is one the container knows.
fn check_user(tree: &Tree, user: &str, blobs: &dyn BlobStore) -> Result<(), Refusal> {
    let name = user.split(':').next().unwrap_or_default();
    if name.is_empty() || name.parse::<u32>().is_ok() {
        return Ok(());
    }
    let content = at(tree, "/etc/passwd").and_then(Node::as_file).map(|file| file.content);
    let is_known = match content {
        // Nobody can tell what stands in a file without bytes.
        Some(Content::Absent { .. }) => true,
        Some(Content::Blob { digest, .. }) => {
            let bytes = blobs.get(&digest)?;
            let text = String::from_utf8_lossy(&bytes);
            text.lines().any(|line| line.split(':').next() == Some(name))
        }
        None => name == "root",
    };
    if is_known {
        Ok(())
    } else {
        Err(Refusal::NoSuchUser { user: name.to_owned() })
    }
}

/// What stands at a path, links followed.
pub(super) fn at<'a>(tree: &'a Tree, path: &str) -> Option<&'a Node> {
    tree.get(&tree.resolve(path, Follow::Last).ok()?)
}

/// What `exec` says where `start` would say that the container's process cannot be started.
fn as_exec(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::NotStarted { reason } => Refusal::NotExecuted { reason },
        other => other,
    }
}
