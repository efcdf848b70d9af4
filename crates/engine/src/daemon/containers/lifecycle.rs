//! Starting, stopping and freezing containers.

use super::super::{Daemon, Host, Refusal, later};
use super::{Ending, Health, Place, Signal, Status, Stdin};
use builder::{Fidelity, Output};
use oci::Time;

/// How long a process is given to end before it is killed, in seconds.
const STOP_SECS: u32 = 10;

/// What came of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The container.
    pub id: String,
    /// What its process wrote so far, or in all if it ended.
    pub output: Vec<Output>,
    /// Its exit code; `None` if it goes on running.
    pub exit: Option<i32>,
    /// How long it ran, or took to be up, in milliseconds.
    pub millis: u64,
    /// Whether the container is gone already, as `--rm` has it.
    pub removed: bool,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Whether that is what a real run would do.
    pub fidelity: Fidelity,
}

/// How a container is stopped. `None` takes what the container says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopOptions {
    /// `-s`.
    pub signal: Option<String>,
    /// `-t` in seconds.
    pub timeout: Option<u32>,
}

/// What came of a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The container.
    pub id: String,
    /// Its exit code; `None` if it goes on running.
    pub exit: Option<i32>,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Whether the container is gone, as `--rm` has it.
    pub removed: bool,
}

impl Daemon {
    /// Starts the process of a container. One that runs already is left as it is.
    ///
    /// What a container that is not `tty` writes goes into its log. `docker run` is [`create`](Daemon::create) and this.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStarted`], [`Refusal::NoSuchUser`], [`Refusal::PortTaken`]: the container stays as it was.
    pub fn start(&mut self, name: &str, stdin: &Stdin, host: &mut Host<'_>) -> Result<Ran, Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        match container.state.status {
            Status::Paused => Err(Refusal::conflict(
                "cannot start a paused container, try unpause instead",
            )),
            Status::Running => Ok(Ran {
                id,
                output: Vec::new(),
                exit: None,
                millis: 0,
                removed: false,
                warnings: Vec::new(),
                fidelity: Fidelity::Exact,
            }),
            Status::Created | Status::Exited | Status::Restarting => {
                let before = self.container_mut(&id).state.restarts;
                let ran = self.launch(&id, stdin, host);
                if let Ok(Ran { removed: false, .. }) = ran
                    && before > 0
                {
                    self.container_mut(&id).state.restarts = 0;
                }
                ran
            }
        }
    }

    /// Starts the process of a container that has none.
    pub(super) fn launch(&mut self, id: &str, stdin: &Stdin, host: &mut Host<'_>) -> Result<Ran, Refusal> {
        let container = self.container(id)?;
        let (ports, last_port) = self.bind_ports(container)?;
        let address = host
            .runtime
            .has_bridge()
            .then(|| self.free_address(container))
            .flatten();
        let launch = container.launch(container.command(), stdin);
        let (runtime, mut ground) = host.split();
        let mut place = Place {
            daemon: self,
            id,
            name: id,
            path: "",
        };
        let begun = runtime.start(&mut place, &launch, &mut ground)?;
        self.containers.last_port = last_port;
        let process = self.new_process(&begun, &launch, host.now);
        let up = self.container_mut(id);
        let state = &mut up.state;
        state.status = Status::Running;
        state.error = String::new();
        state.exit = 0;
        state.pid = process.pid;
        state.started = Some(host.now);
        state.processes = vec![process];
        state.restart_at = None;
        state.stopped_by_hand = false;
        state.ports = ports;
        state.address = address;
        up.write_log(&begun.output, host.now);
        up.state.health = Health::begin(up, host.now);
        let mut removed = false;
        if let Some(code) = begun.exit {
            removed = self.ended(id, code, later(host.now, begun.millis));
        }
        Ok(Ran {
            id: id.to_owned(),
            output: begun.output,
            exit: begun.exit,
            millis: begun.millis,
            removed,
            warnings: begun.warnings,
            fidelity: begun.fidelity,
        })
    }

    /// Asks the process of a container to end, and kills it if it does not.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`], [`Refusal::Invalid`] for an unknown signal.
    pub fn stop(&mut self, name: &str, options: &StopOptions, host: &mut Host<'_>) -> Result<Stopped, Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        let signal = match options.signal.as_deref().unwrap_or(&container.config.stop_signal) {
            "" => Signal::TERM,
            text => Signal::parse(text)?,
        };
        let timeout = options.timeout.or(container.options.stop_timeout).unwrap_or(STOP_SECS);
        if !container.is_running() {
            return Ok(Stopped {
                id,
                exit: Some(container.state.exit),
                millis: 0,
                removed: false,
            });
        }
        // Between two runs there is nothing to wait for.
        let is_between = container.state.status == Status::Restarting;
        let mut ending = host.runtime.stop(container, signal, timeout)?;
        if is_between {
            ending = Ending {
                exit: container.state.exit,
                millis: 0,
            };
        }
        let Ending { exit, millis } = ending;
        self.container_mut(&id).state.stopped_by_hand = true;
        let removed = self.ended(&id, exit, later(host.now, millis));
        Ok(Stopped {
            id,
            exit: Some(exit),
            millis,
            removed,
        })
    }

    /// Sends a signal to the process of a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it has none.
    pub fn kill(&mut self, name: &str, signal: &str, host: &mut Host<'_>) -> Result<Stopped, Refusal> {
        let signal = if signal.is_empty() {
            Signal::KILL
        } else {
            Signal::parse(signal)?
        };
        let container = self.container(name)?;
        let id = container.id.clone();
        if !matches!(container.state.status, Status::Running | Status::Paused) {
            return Err(Refusal::conflict(format!(
                "cannot kill container: {name}: container {id} is not running"
            )));
        }
        let Some(exit) = host.runtime.signal(container, signal)? else {
            return Ok(Stopped {
                id,
                exit: None,
                millis: 0,
                removed: false,
            });
        };
        // Whoever kills it means it, whatever its restart policy says.
        self.container_mut(&id).state.stopped_by_hand = true;
        let removed = self.ended(&id, exit, host.now);
        Ok(Stopped {
            id,
            exit: Some(exit),
            millis: 0,
            removed,
        })
    }

    /// The process of a container ends by itself: for a shell that was told to, or a process that the caller plays.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it has none.
    pub fn finish(&mut self, name: &str, exit: i32, now: Time) -> Result<Stopped, Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        if container.state.status != Status::Running {
            return Err(Refusal::conflict(format!("container {id} is not running")));
        }
        let removed = self.ended(&id, exit, now);
        Ok(Stopped {
            id,
            exit: Some(exit),
            millis: 0,
            removed,
        })
    }

    /// A process that `exec` added ends: for a shell that was told to.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn finish_exec(&mut self, name: &str, pid: u32) -> Result<(), Refusal> {
        let id = self.container(name)?.id.clone();
        let state = &mut self.container_mut(&id).state;
        let first = state.pid;
        state
            .processes
            .retain(|process| process.pid != pid || process.pid == first);
        Ok(())
    }

    /// Stops a container and starts it again.
    ///
    /// # Errors
    ///
    /// As [`stop`](Daemon::stop) and [`start`](Daemon::start).
    pub fn restart(&mut self, name: &str, options: &StopOptions, host: &mut Host<'_>) -> Result<Ran, Refusal> {
        let id = self.container(name)?.id.clone();
        let auto_remove = std::mem::take(&mut self.container_mut(&id).options.auto_remove);
        let result = self.stop(&id, options, host).and_then(|stopped| {
            let given = host.now;
            host.now = later(given, stopped.millis);
            let ran = self.start(&id, &Stdin::Nothing, host);
            host.now = given;
            ran
        });
        if let Some(container) = self.containers.by_id.get_mut(&id) {
            container.options.auto_remove = auto_remove;
        }
        result
    }

    /// Freezes the processes of a container.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it does not run or is frozen.
    pub fn pause(&mut self, name: &str, host: &mut Host<'_>) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        match container.state.status {
            Status::Running => host.runtime.pause(container)?,
            Status::Paused => return Err(Refusal::conflict(format!("Container {id} is already paused"))),
            Status::Restarting => {
                return Err(Refusal::conflict(format!(
                    "Container {id} is restarting, wait until the container is running"
                )));
            }
            Status::Created | Status::Exited => {
                return Err(Refusal::conflict(format!("Container {id} is not running")));
            }
        }
        self.container_mut(&id).state.status = Status::Paused;
        Ok(())
    }

    /// Lets the processes of a container go on.
    ///
    /// # Errors
    ///
    /// [`Refusal::Conflict`] if it is not frozen.
    pub fn unpause(&mut self, name: &str, host: &mut Host<'_>) -> Result<(), Refusal> {
        let container = self.container(name)?;
        let id = container.id.clone();
        if container.state.status != Status::Paused {
            return Err(Refusal::conflict(format!("Container {id} is not paused")));
        }
        host.runtime.unpause(container)?;
        self.container_mut(&id).state.status = Status::Running;
        Ok(())
    }

    /// The exit code of a container whose process ended; `None` while it runs.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`].
    pub fn wait(&self, name: &str) -> Result<Option<i32>, Refusal> {
        let container = self.container(name)?;
        Ok((!container.is_running()).then_some(container.state.exit))
    }
}
