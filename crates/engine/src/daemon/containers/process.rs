//! Running a process in a container.

use super::super::{Daemon, Host, Refusal};
use super::{Begun, Container, Launch, Place, Status};
use builder::{Fidelity, Output};
use oci::Time;

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
    /// The number of the process that started it; `None` if nobody knows.
    pub parent: Option<u32>,
    /// The time that it has used of a processor, in seconds.
    pub used_secs: u64,
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
    /// `--privileged`.
    pub privileged: bool,
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
            env: environment(container, &env, options.tty),
            cwd: cwd(options.workdir.as_deref().unwrap_or(&workdir)),
            user: options.user.clone().unwrap_or(user),
            tty: options.tty,
            privileged: options.privileged,
            stdin: &options.stdin,
        };
        let begun = self.run_in(&id, &launch, host).map_err(as_exec)?;
        if begun.exit.is_none() {
            let process = self.new_process(&begun, &launch, host.now);
            self.container_mut(&id).state.processes.push(process);
        }
        Ok(Executed {
            exit: begun.exit,
            output: begun.output,
            millis: begun.millis,
            fidelity: begun.fidelity,
        })
    }

    /// Adds a process to a container and waits for it, or for what there is to be seen of it.
    pub(super) fn run_in(&mut self, id: &str, launch: &Launch<'_>, host: &mut Host<'_>) -> Result<Begun, Refusal> {
        let (runtime, mut ground) = host.split();
        let mut place = Place {
            daemon: self,
            id,
            name: id,
            path: "",
        };
        runtime.exec(&mut place, launch, &mut ground)
    }

    /// Asks the runtime which processes run in a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`], [`Refusal::System`].
    pub fn observe_processes(&mut self, name: &str, host: &mut Host<'_>) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        if let Some(processes) = host.runtime.processes(container)? {
            self.container_mut(&id).state.processes = processes;
        }
        Ok(())
    }

    pub(super) fn new_process(&mut self, begun: &Begun, launch: &Launch<'_>, started: Time) -> Process {
        self.containers.n_processes += 1;
        Process {
            pid: begun.pid.unwrap_or(1000 + 17 * self.containers.n_processes),
            parent: None,
            argv: begun.argv.clone(),
            user: launch.user.clone(),
            env: launch.env.clone(),
            cwd: launch.cwd.clone(),
            started,
            used_secs: 0,
        }
    }
}

impl Container {
    /// `argv` run as the first process of this container would be.
    pub fn launch<'a>(&self, argv: Vec<String>, stdin: &'a Stdin) -> Launch<'a> {
        Launch {
            argv,
            env: environment(self, &self.config.env, self.options.tty),
            cwd: cwd(&self.config.working_dir),
            user: self.config.user.clone(),
            tty: self.options.tty,
            privileged: self.options.privileged,
            stdin,
        }
    }
}

/// The working directory of a process that names none.
fn cwd(workdir: &str) -> String {
    let dir = if workdir.is_empty() { "/" } else { workdir };
    dir.to_owned()
}

/// The variables of a process: Docker's own, with those of the container put over them.
fn environment(container: &Container, own: &[String], tty: bool) -> Vec<(String, String)> {
    let mut env = vec![
        ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
        ("HOSTNAME".to_owned(), container.hostname().to_owned()),
    ];
    if tty {
        env.push(("TERM".to_owned(), "xterm".to_owned()));
    }
    for (name, value) in own.iter().filter_map(|pair| pair.split_once('=')) {
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => env.push((name.to_owned(), value.to_owned())),
        }
    }
    env
}

/// What `exec` says where `start` would say that the container's process cannot be started.
fn as_exec(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::NotStarted { reason } => Refusal::NotExecuted { reason },
        other => other,
    }
}
