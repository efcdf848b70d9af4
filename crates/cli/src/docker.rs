//! The `docker` commands, executed against a daemon: what they print, and how they end.
//!
//! [`run`] takes the words after `docker` and a [`Machine`]: the daemon, what the daemon lends from its surroundings, and the [`Host`]
//! that the command is typed on. It prints to the machine's writers and returns an [`Outcome`]. Whatever a person has to be asked, and
//! whatever lasts until somebody interrupts it, is a value too: the caller decides what becomes of it.
//!
//! Words, columns, order of lines and exit codes are those of Docker's command line 28.

mod console;
mod fail;
mod host;
// Words of several commands.
mod ask;
mod filters;
mod kinds;
mod names;
mod paths;
mod time;
// Images.
mod archives;
mod build;
mod images;
mod inspect;
mod prune;
// Registries.
mod bars;
mod helper;
mod login;
mod progress;
mod pull;
mod push;
mod search;
// Containers.
mod containers;
mod copy;
mod create;
mod exec;
mod lifecycle;
mod limits;
mod logs;
mod options;
mod ports;
mod ps;
// The machine.
mod df;
mod info;
mod networks;
mod volumes;

pub use helper::{helped_login, helper_key, is_helper_name};
pub use host::{Helped, Host, Input};
pub use logs::shown_line as shown_log_line;
pub use ports::displayed as shown_ports;

use crate::grammar::{Effect, Verb};
use crate::words::{Call, parse_for};
use builder::{Cache, Executor};
use console::Console;
use engine::{Daemon, LogOptions, Runtime};
use fail::Fail;
use registry::Transport;
use registry::client::RegistryConfig;
use std::io::Write;
use store::{BlobStore, Time};

/// What a command works with.
pub struct Machine<'a> {
    /// The daemon.
    pub daemon: &'a mut Daemon,
    /// Its build cache.
    pub cache: &'a mut Cache,
    /// Where bytes are.
    pub blobs: &'a mut dyn BlobStore,
    /// Runs processes of builds.
    pub executor: &'a mut dyn Executor,
    /// What containers consist of.
    pub runtime: &'a mut dyn Runtime,
    /// How the daemon reaches registries.
    pub registries: &'a RegistryConfig,
    /// Carries requests to them.
    pub transport: &'a mut dyn Transport,
    /// Sees requests and layers go by, and knows certificates.
    pub wire: &'a mut dyn registry::client::Host,
    /// Where the command is typed.
    pub host: &'a mut dyn Host,
    /// When.
    pub now: Time,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// What was typed at the questions that this command has asked so far: see [`Outcome::Asks`].
    pub answers: &'a [String],
}

/// How a command ended, or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is over, with this exit code.
    Exit(i32),
    /// It asks something at the terminal. Nothing has changed: the same words with one more of [`Machine::answers`] go on from here,
    /// and print what comes after the question only.
    Asks {
        /// What stands before the cursor.
        prompt: String,
        /// Whether what is typed must not be seen.
        hidden: bool,
    },
    /// It goes on as long as a container's process does, or until it is interrupted.
    Lasts {
        /// The container's ID.
        container: String,
        /// What it does meanwhile.
        doing: Lasting,
    },
    /// A process waits for lines at the terminal: a shell.
    Interactive {
        /// The container's ID.
        container: String,
        /// The number of its process on the host; `None` if it is the container's first.
        exec: Option<u32>,
        /// Program and arguments.
        argv: Vec<String>,
    },
}

/// What lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// `docker run`, `start -a` or `attach`: an interrupt goes to the process, as `SIGINT`.
    Attached,
    /// `docker logs -f`: an interrupt ends this only.
    Logs {
        /// Whether each line begins with its time.
        timestamps: bool,
        /// Which lines are shown; those that were there are.
        options: LogOptions,
    },
    /// `docker wait`: prints the exit code once there is one.
    Waiting,
    /// A process that `docker exec` started; its number on the host.
    Exec(u32),
}

/// Executes the words after `docker`.
pub fn run(words: &[String], machine: &mut Machine<'_>) -> Outcome {
    run_timed(words, machine).0
}

/// The same, with how long what the command waited for took, or would take, in milliseconds: ten seconds for `docker stop` of a process
/// that does not listen.
pub fn run_timed(words: &[String], machine: &mut Machine<'_>) -> (Outcome, u64) {
    let program = machine.host.program();
    let call = match parse_for(program, words) {
        Ok(call) => call,
        Err(answer) => {
            let written = machine
                .out
                .write_all(answer.stdout.as_bytes())
                .and_then(|()| machine.err.write_all(answer.stderr.as_bytes()));
            let code = if written.is_err() { 1 } else { answer.code.into() };
            return (Outcome::Exit(code), 0);
        }
    };
    let mut console = Console::new(machine.out, machine.err, machine.answers);
    let mut session = Session {
        daemon: machine.daemon,
        cache: machine.cache,
        blobs: machine.blobs,
        executor: machine.executor,
        runtime: machine.runtime,
        registries: machine.registries,
        transport: machine.transport,
        wire: machine.wire,
        host: machine.host,
        now: machine.now,
        console: &mut console,
        millis: 0,
    };
    session.warn_of_idle_flags(&call);
    let done = dispatch(&call, &mut session);
    let millis = session.millis;
    let outcome = done.unwrap_or_else(|fail| fail.end(program.name, &call, &mut console));
    if console.is_broken() {
        (Outcome::Exit(1), millis)
    } else {
        (outcome, millis)
    }
}

/// A [`Machine`] whose writers are a console.
pub(crate) struct Session<'a, 'c> {
    pub(crate) daemon: &'a mut Daemon,
    pub(crate) cache: &'a mut Cache,
    pub(crate) blobs: &'a mut dyn BlobStore,
    pub(crate) executor: &'a mut dyn Executor,
    pub(crate) runtime: &'a mut dyn Runtime,
    pub(crate) registries: &'a RegistryConfig,
    pub(crate) transport: &'a mut dyn Transport,
    pub(crate) wire: &'a mut dyn registry::client::Host,
    pub(crate) host: &'a mut dyn Host,
    pub(crate) now: Time,
    pub(crate) console: &'a mut Console<'c>,
    pub(crate) millis: u64,
}

/// What the daemon borrows of a session for one operation.
macro_rules! lent {
    ($session:expr) => {
        engine::Host {
            now: $session.now,
            blobs: &mut *$session.blobs,
            executor: &mut *$session.executor,
            files: $session.host.files(),
            runtime: &mut *$session.runtime,
        }
    };
}
use lent;

/// What a build borrows of a session for one step.
macro_rules! lent_tools {
    ($session:expr) => {
        builder::Tools {
            now: $session.now,
            cache: &mut *$session.cache,
            blobs: &mut *$session.blobs,
            executor: Some(&mut *$session.executor),
        }
    };
}
use lent_tools;

/// How a command that does not fail ends.
pub(crate) type Done = Result<Outcome, Fail>;

/// It is over, and all went well.
pub(crate) const SUCCESS: Outcome = Outcome::Exit(0);

fn dispatch(call: &Call, session: &mut Session<'_, '_>) -> Done {
    match call.spec.verb {
        Verb::Attach => exec::attach(call, session),
        Verb::Build => build::build(call, session),
        Verb::BuilderPrune => prune::builder(call, session),
        Verb::Commit => containers::commit(call, session),
        Verb::ContainerInspect | Verb::ImageInspect | Verb::Inspect | Verb::NetworkInspect | Verb::VolumeInspect => {
            inspect::inspect(call, session)
        }
        Verb::ContainerPrune => prune::containers(call, session),
        Verb::Cp => copy::cp(call, session),
        Verb::Create => create::create(call, session),
        Verb::Diff => containers::diff(call, session),
        Verb::Exec => exec::exec(call, session),
        Verb::Export => archives::export(call, session),
        Verb::ImageHistory => images::history(call, session),
        Verb::ImageImport => archives::import(call, session),
        Verb::ImageLoad => archives::load(call, session),
        Verb::ImageLs => images::list(call, session),
        Verb::ImagePrune => prune::images(call, session),
        Verb::ImageRm => images::remove(call, session),
        Verb::ImageSave => archives::save(call, session),
        Verb::ImageTag => images::tag(call, session),
        Verb::Info => info::info(call, session),
        Verb::Kill => lifecycle::kill(call, session),
        Verb::Login => login::login(call, session),
        Verb::Logout => login::logout(call, session),
        Verb::Logs => logs::logs(call, session),
        Verb::NetworkLs => networks::list(call, session),
        Verb::Pause => lifecycle::pause(call, session),
        Verb::Port => ports::port(call, session),
        Verb::Ps => ps::list(call, session),
        Verb::Pull => pull::pull(call, session),
        Verb::Push => push::push(call, session),
        Verb::Rename => containers::rename(call, session),
        Verb::Restart => lifecycle::restart(call, session),
        Verb::Rm => lifecycle::remove(call, session),
        Verb::Run => create::run(call, session),
        Verb::Search => search::search(call, session),
        Verb::Start => lifecycle::start(call, session),
        Verb::Stop => lifecycle::stop(call, session),
        Verb::SystemDf => df::df(call, session),
        Verb::SystemPrune => prune::system(call, session),
        Verb::Top => containers::top(call, session),
        Verb::Unpause => lifecycle::unpause(call, session),
        Verb::Version => info::version(call, session),
        Verb::VolumeCreate => volumes::create(call, session),
        Verb::VolumeLs => volumes::list(call, session),
        Verb::VolumePrune => prune::volumes(call, session),
        Verb::VolumeRm => volumes::remove(call, session),
        Verb::Wait => lifecycle::wait(call, session),
    }
}

impl Session<'_, '_> {
    /// Says of which flags nothing comes here.
    fn warn_of_idle_flags(&mut self, call: &Call) {
        let is_real = self.host.runs_for_real();
        for name in call.flags() {
            let effect = call.spec.long(name).map(|flag| flag.effect);
            if effect == Some(Effect::Idle) || (effect == Some(Effect::Real) && !is_real) {
                self.console
                    .error(&format!("WARNING: --{name} has no effect on this machine\n"));
            }
        }
    }
}
