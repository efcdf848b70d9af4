//! One session of the virtual shell: what it is given, how it is bounded, and its log.

mod braces;
mod log;

pub(crate) use log::{Log, clip, held, note};

use crate::command::{Dialect, UMASK};
use crate::drive::{Stuck, complete};
use crate::lasting;
use crate::session::{HostProgram, Sinks};
use crate::simulator::Ended;
use crate::vfs::Vfs;
use crate::world::Shared;
use crate::{command::Command, commands};
use bashkit::hooks::HookAction;
use bashkit::{Bash, ExecOptions, ExecutionLimits, SessionLimits};
use braces::posix_braces;
use builder::{Output, Purpose, RunRequest};
use log::{MAX_LOG_BYTES, spoken};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::BlobStore;

/// Commands and loop rounds that one RUN may take, all together.
const MAX_STEPS: usize = 200_000;
/// Never reached: steps bound a script, so that it ends alike on fast and slow machines.
const FOREVER: Duration = Duration::from_hours(24);
/// The shell's exit code when it was stopped.
pub(crate) const STOPPED: i32 = 137;

/// What a session needs to know.
pub(crate) struct Session<'a> {
    pub(crate) request: &'a RunRequest,
    pub(crate) dialect: Dialect,
    pub(crate) path_list: &'a str,
    pub(crate) shared: &'a Shared,
    /// At a terminal: the programs of the host, and where the commands of the line write to.
    pub(crate) host: Option<(&'a [String], Arc<Sinks>)>,
}

/// Where programs are looked for.
pub(crate) fn path_list(request: &RunRequest) -> &str {
    request.env.iter().rfind(|(name, _)| name == "PATH").map_or(
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        |(_, value)| value.as_str(),
    )
}

/// How a script is run: what it writes goes to `log`.
pub(crate) fn options(log: &Log, shared: &Shared, dialect: Dialect, arg0: &str) -> ExecOptions {
    let heard = Arc::clone(log);
    let shared = shared.clone();
    ExecOptions::new()
        .streaming(Box::new(move |out: &bashkit::StreamData, err: &bashkit::StreamData| {
            let mut log = held(&heard);
            note(&mut log, Output::out(shared.lock().binary(out.as_bytes().to_vec())));
            note(&mut log, Output::err(spoken(&err.text_lossy(), dialect)));
        }))
        .arg0(arg0)
}

/// A script with its options and positional parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// `e`, `u`, `x`, and long options such as `pipefail`.
    pub(crate) options: Vec<String>,
    pub(crate) script: String,
    /// `$0`, if given.
    pub(crate) arg0: Option<String>,
    pub(crate) positional: Vec<String>,
}

impl Invocation {
    /// A script without options or parameters.
    pub(crate) fn of_text(script: &str) -> Invocation {
        Invocation {
            options: Vec::new(),
            script: script.to_owned(),
            arg0: None,
            positional: Vec::new(),
        }
    }
}

/// Reads a shell's arguments. `None` without `-c`: then a file is to be run.
pub(crate) fn invocation(args: &[String]) -> Option<Invocation> {
    let mut options = Vec::new();
    let mut has_script = false;
    let mut rest = args.iter();
    let script = loop {
        let arg = rest.next()?;
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            if has_script {
                break arg.clone();
            }
            return None;
        };
        for letter in letters.chars() {
            match letter {
                'c' => has_script = true,
                'o' => options.push(rest.next()?.clone()),
                '-' | 'l' | 'i' => {}
                letter => options.push(letter.to_string()),
            }
        }
    };
    Some(Invocation {
        options,
        script,
        arg0: rest.next().cloned(),
        positional: rest.cloned().collect(),
    })
}

/// The script that runs a program without a shell of its own.
pub(crate) fn direct(program: &str, args: &[String]) -> Invocation {
    let words: Vec<String> = std::iter::once(program)
        .chain(args.iter().map(String::as_str))
        .map(quoted)
        .collect();
    Invocation::of_text(&words.join(" "))
}

pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Runs a script to its end, or to a program that has none.
pub(crate) fn run(session: &Session<'_>, invocation: &Invocation, blobs: &dyn BlobStore) -> Result<Ended, Stuck> {
    let mut bash = build(session);
    let log: Log = Arc::new(Mutex::new(Vec::new()));
    let dialect = session.dialect;
    let mut options = options(
        &log,
        session.shared,
        dialect,
        invocation.arg0.as_deref().unwrap_or("/bin/sh"),
    );
    if !session.request.stdin.is_empty() {
        options = options.stdin(session.request.stdin.clone());
    }
    if !invocation.positional.is_empty() {
        options = options.positional(invocation.positional.clone());
    }
    // On the script's own first line, so that line numbers hold.
    let script = if dialect == Dialect::Bash {
        invocation.script.clone()
    } else {
        posix_braces(&invocation.script)
    };
    let script = setup(invocation) + &script;
    let result = complete(session.shared, blobs, bash.exec_with_options(&script, options));
    drop(bash);
    let mut output = std::mem::take(&mut *held(&log));
    let mut lasting = None;
    let exit = match result {
        Err(Stuck::Lasting) => {
            let found = session.shared.lock().lasting.clone();
            for said in found.iter().flat_map(|lasting| &lasting.said) {
                note(&mut output, said.clone());
            }
            lasting = found.map(|lasting| lasting.argv);
            0
        }
        Err(stuck) => return Err(stuck),
        Ok(Ok(done)) => done.exit_code,
        // What a build would wait for in vain is what a container is for.
        Ok(Err(bashkit::Error::ResourceLimit(_))) if session.request.purpose != Purpose::Build => {
            lasting = Some(session.request.argv.clone());
            0
        }
        Ok(Err(bashkit::Error::ResourceLimit(limit))) => {
            let said = format!(
                "layerlab: the command was stopped: {limit}. The simulation bounds steps and output; a real build would go on.\n"
            );
            note(&mut output, Output::err(said));
            STOPPED
        }
        Ok(Err(error)) => {
            note(&mut output, Output::err(format!("/bin/sh: {error}\n")));
            2
        }
    };
    clip(&mut output);
    Ok(Ended { exit, output, lasting })
}

/// What the shell is told before the script: no chance, and its options.
fn setup(invocation: &Invocation) -> String {
    let mut setup = format!("RANDOM=1; {UMASK}=22; ");
    for option in &invocation.options {
        let flag = if option.len() > 1 { "-o " } else { "-" };
        setup.push_str("set ");
        setup.push_str(flag);
        setup.push_str(option);
        setup.push_str("; ");
    }
    setup
}

fn limits() -> ExecutionLimits {
    ExecutionLimits::new()
        .max_commands(MAX_STEPS)
        .max_loop_iterations(MAX_STEPS)
        .max_total_loop_iterations(MAX_STEPS)
        .max_stdout_bytes(MAX_LOG_BYTES)
        .max_stderr_bytes(MAX_LOG_BYTES)
        .max_live_intermediate_bytes(256_000_000)
        .max_aggregate_input_bytes(1_000_000_000)
        .max_work_units(1_000_000_000)
        .timeout(FOREVER)
        .parser_timeout(FOREVER)
}

pub(crate) fn build(session: &Session<'_>) -> Bash {
    let shared = session.shared;
    let ours = commands::all();
    let world = shared.lock();
    let names: BTreeSet<String> = Bash::builder()
        .rootfs(false)
        .build()
        .builtin_names()
        .into_iter()
        .filter(|name| commands::is_part_of_shell(name) || world.which(name, session.path_list).is_some())
        .filter(|name| !commands::is_refused(name))
        .collect();
    let home = world.home.clone();
    let now = world.now_secs();
    drop(world);
    let mut all = names.clone();
    all.extend(ours.iter().map(|(name, ..)| (*name).to_owned()));
    all.extend(session.host.iter().flat_map(|(calls, _)| calls.iter().cloned()));
    let vfs = Vfs {
        shared: shared.clone(),
        builtins: Arc::new(all),
    };
    let (before, after) = (shared.clone(), shared.clone());
    let waits = session.request.purpose == Purpose::Interactive;
    let mut builder = Bash::builder()
        .fs(Arc::new(vfs))
        .rootfs(false)
        .follow_symlinks(false)
        .concurrent_jobs(false)
        .builtin_filter(move |name| names.contains(name))
        .command_resolver(Arc::new(commands::Absentees {
            dialect: session.dialect,
            shared: shared.clone(),
        }))
        .before_tool(Box::new(move |event| {
            let mut event = event;
            let mut world = before.lock();
            world.tools = u32::from(!commands::runs_others(&event.name));
            world.walkers.push(commands::find::walks(&event.name));
            drop(world);
            if event.name == "find" {
                event.args = commands::find::with_owners(&event.args);
            }
            if event.name == "exec"
                && waits
                && event
                    .args
                    .first()
                    .is_some_and(|name| lasting::reads_terminal(name, &event.args[1..]))
            {
                event.args.insert(0, lasting::WAITS.to_owned());
            }
            HookAction::Continue(event)
        }))
        .after_tool(Box::new(move |event| {
            let mut world = after.lock();
            world.tools = 0;
            world.walkers.pop();
            drop(world);
            HookAction::Continue(event)
        }))
        .hostname(&session.request.hostname)
        .fixed_epoch(now)
        .limits(limits())
        .session_limits(SessionLimits::new().max_total_commands(10 * MAX_STEPS as u64))
        .cwd(&session.request.cwd);
    if !session.request.env.iter().any(|(name, _)| name == "HOME") {
        builder = builder.env("HOME", home);
    }
    if !session.request.env.iter().any(|(name, _)| name == "PATH") {
        builder = builder.env("PATH", session.path_list);
    }
    for (name, value) in &session.request.env {
        builder = builder.env(name, value);
    }
    for (name, work, kind) in ours {
        builder = builder.builtin(
            name,
            Box::new(Command {
                name,
                work,
                shared: shared.clone(),
                is_internal: kind == commands::Kind::Internal,
                dialect: session.dialect,
            }),
        );
    }
    if let Some((calls, sinks)) = &session.host {
        let left = shared.clone();
        builder = builder
            .tty(0, true)
            .tty(1, true)
            .tty(2, true)
            .on_exit(Box::new(move |event| {
                left.lock().is_left = true;
                HookAction::Continue(event)
            }));
        for name in *calls {
            let program = HostProgram {
                name: name.clone(),
                shared: shared.clone(),
                sinks: Arc::clone(sinks),
                dialect: session.dialect,
            };
            builder = builder.builtin(name, Box::new(program));
        }
    }
    builder.build()
}
