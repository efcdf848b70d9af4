//! Lines typed at a shell: each runs in turns, parked between them.

mod host;
mod prompt;
mod sinks;
mod unfinished;

pub(crate) use host::HostProgram;
pub(crate) use sinks::Sinks;

use crate::command::{Dialect, UMASK};
use crate::drive::{Advance, Driver, Stuck};
use crate::shell::{self, Session};
use crate::simulator::{self, keep_all, now};
use crate::world::{Asked, Shared, Terminal, World};
use bashkit::{Bash, ExecResult, ShellState as BashState};
use builder::{
    Answer, Done, ExecuteError, HostCall, INTERRUPTED, Line, Output, Purpose, Question, RunRequest, ShellState, SoFar,
    Then, Turn,
};
use prompt::Place;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use store::{BlobStore, Follow, Node, Tree};
use unfinished::Reading;

/// A shell state is a few variables and functions; one that is larger is not kept.
const MAX_STATE_BYTES: usize = 4 << 20;
/// Exit code of a text that is no command.
const WRONG: i32 = 2;

type Running = Pin<Box<dyn Future<Output = (Bash, bashkit::Result<ExecResult>)>>>;

/// A line that runs, or waits for its host.
pub(crate) struct Parked {
    // Dropped first: its timers belong to the driver.
    running: Running,
    driver: Driver,
    shared: Shared,
    log: shell::Log,
    who: Person,
    /// The state before the line.
    before: BashState,
    /// Simulated milliseconds that have been told.
    told_millis: u64,
    waits_for: Option<(u64, Expected)>,
}

/// What would be an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Call,
    Text,
}

/// Who types, for the prompt.
#[derive(Debug, Clone)]
struct Person {
    dialect: Dialect,
    name: String,
    uid: u32,
    home: String,
    hostname: String,
}

/// Makes a line ready to run over `tree`. `None` if its text is not finished.
pub(crate) fn start(line: &Line, tree: &Tree, blobs: &mut dyn BlobStore) -> Result<Option<Parked>, ExecuteError> {
    let text = match line.text.trim() {
        "logout" => "exit",
        _ => line.text.as_str(),
    };
    let sinks = match unfinished::read(text) {
        Reading::Whole(script) => Sinks::of(&script.commands),
        Reading::Wrong => Sinks::default(),
        Reading::Unfinished => return Ok(None),
    };
    let mut request = request(line);
    let mut world = World::new(tree.clone(), &request);
    world.tree.seal_links();
    world.terminal = Some(Terminal {
        history: line.history.clone(),
        cwd: String::new(),
    });
    world.reseed(text.len() as u64);
    world.mount_system();
    let Some(who) = now(&mut world, blobs, |world| world.identify(&line.user))? else {
        return Err(ExecuteError::Unsupported {
            what: format!("a shell of the user {}, who is not in /etc/passwd", line.user),
        });
    };
    let account = now(&mut world, blobs, |world| world.accounts())?
        .into_iter()
        .find(|account| account.uid == who.uid);
    let name = account
        .as_ref()
        .map_or_else(|| who.uid.to_string(), |account| account.name.clone());
    if let Some(account) = account.filter(|account| !account.home.is_empty()) {
        world.home = account.home;
    }
    world.who = who;
    let dialect = match simulator::dialect(&world, &line.shell) {
        Some(Dialect::Bash) => Dialect::BashPrompt,
        Some(dialect) => dialect,
        None => Dialect::Dash,
    };
    let person = Person {
        dialect,
        name,
        uid: world.who.uid,
        home: world.home.clone(),
        hostname: line.hostname.clone(),
    };
    fit_out(&mut request, &person, line, &world);
    let restored: Option<BashState> = serde_json::from_slice(&line.state.0).ok();
    let mask = restored.as_ref().and_then(|state| state.variables.get(UMASK));
    world.umask = mask.and_then(|mask| u32::from_str_radix(mask, 8).ok()).unwrap_or(0o022);
    let shared = Shared::new(world);
    let session = Session {
        request: &request,
        dialect,
        path_list: shell::path_list(&request),
        shared: &shared,
        host: Some((&line.calls, Arc::new(sinks))),
    };
    let mut bash = shell::build(&session);
    bash.set_interactive(true);
    let mut setup = String::new();
    match &restored {
        Some(state) => {
            bash.restore_shell_state(state);
            // Each run begins with success; `$?` is that of the line before.
            if state.last_exit_code != 0 {
                setup = format!("(exit {}); ", state.last_exit_code);
            }
        }
        None => setup = format!("{UMASK}=22; shopt -s expand_aliases; "),
    }
    bash.set_env("COLUMNS", &line.columns.to_string());
    let before = bash.shell_state();
    let log: shell::Log = Arc::new(Mutex::new(Vec::new()));
    let options = shell::options(&log, &shared, dialect, &line.shell);
    let script = setup + text;
    let running: Running = Box::pin(async move {
        let ran = bash.exec_with_options(&script, options).await;
        (bash, ran)
    });
    Ok(Some(Parked {
        running,
        driver: Driver::new(),
        shared,
        log,
        who: person,
        before,
        told_millis: 0,
        waits_for: None,
    }))
}

/// The line as a request: what it starts from.
fn request(line: &Line) -> RunRequest {
    RunRequest {
        argv: vec![line.shell.clone()],
        env: line.env.clone(),
        cwd: line.cwd.clone(),
        user: line.user.clone(),
        mounts: Vec::new(),
        network: true,
        now: line.now,
        purpose: Purpose::Interactive,
        stdin: Vec::new(),
        hostname: line.hostname.clone(),
    }
}

/// Gives a new shell the variables that a login gives it, and a directory that exists.
fn fit_out(request: &mut RunRequest, who: &Person, line: &Line, world: &World) {
    let variables = [
        ("HOME", who.home.as_str()),
        ("USER", who.name.as_str()),
        ("LOGNAME", who.name.as_str()),
        ("SHELL", line.shell.as_str()),
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
    ];
    for (name, value) in variables {
        if !request.env.iter().any(|(known, _)| known == name) {
            request.env.push((name.to_owned(), value.to_owned()));
        }
    }
    let is_dir = |path: &str| {
        world
            .node(path, Follow::Last)
            .is_ok_and(|(_, node)| matches!(node, Node::Dir(_)))
    };
    if !request.cwd.starts_with('/') || !is_dir(&request.cwd) {
        request.cwd = if is_dir(&who.home) {
            who.home.clone()
        } else {
            "/".to_owned()
        };
    }
}

impl Parked {
    /// Takes an answer and the files as they are by now.
    pub(crate) fn answer(&mut self, answer: Answer, tree: &Tree) -> Result<(), ExecuteError> {
        let kind = match &answer {
            Answer::Call(_) => Expected::Call,
            Answer::Text(_) => Expected::Text,
        };
        let number = match self.waits_for.take() {
            Some((number, expected)) if expected == kind => number,
            _ => {
                return Err(ExecuteError::Unsupported {
                    what: "an answer that nothing waits for".to_owned(),
                });
            }
        };
        self.shared.lock().replace_tree(tree.clone());
        self.shared.answer(number, answer);
        Ok(())
    }

    /// Goes on until the next turn. The line is over unless it waits, see [`Parked::waits`].
    pub(crate) fn go(&mut self, blobs: &mut dyn BlobStore) -> Result<Turn, ExecuteError> {
        let advance = self.driver.advance(&self.shared, blobs, self.running.as_mut());
        match advance {
            Ok(Advance::Done((bash, ran))) => self.done(&bash, ran, blobs),
            Ok(Advance::Asks) => self.ask(blobs),
            Err(Stuck::Lasting) => {
                let lasting = self.shared.lock().lasting.clone();
                let Some(lasting) = lasting else {
                    return Err(simulator::refused(Stuck::Waiting));
                };
                for said in lasting.said {
                    shell::note(&mut shell::held(&self.log), said);
                }
                Ok(Turn::Lasts {
                    argv: lasting.argv,
                    so_far: self.so_far(blobs)?,
                })
            }
            Err(stuck) => Err(simulator::refused(stuck)),
        }
    }

    fn ask(&mut self, blobs: &mut dyn BlobStore) -> Result<Turn, ExecuteError> {
        let Some((number, asked)) = self.shared.asked() else {
            return Err(simulator::refused(Stuck::Waiting));
        };
        let so_far = self.so_far(blobs)?;
        Ok(match asked {
            Asked::Call(call) => {
                self.waits_for = Some((number, Expected::Call));
                Turn::Call(HostCall { so_far, ..*call })
            }
            Asked::Text { said, prompt, echo } => {
                let mut so_far = so_far;
                shell::note(&mut so_far.output, Output::err(said));
                self.waits_for = Some((number, Expected::Text));
                Turn::Ask(Question { prompt, echo, so_far })
            }
        })
    }

    fn done(
        &mut self,
        bash: &Bash,
        ran: bashkit::Result<ExecResult>,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError> {
        let mut then = Then::Prompt;
        let mut state = bash.shell_state();
        let exit = match ran {
            Ok(done) => {
                let mut world = self.shared.lock();
                if world.is_left {
                    then = Then::Exit;
                } else if let Some(user) = world.next_user.take() {
                    then = Then::Become(user);
                }
                done.exit_code
            }
            Err(bashkit::Error::ResourceLimit(limit)) => {
                let said =
                    format!("layerlab: the command was stopped: {limit}. The simulation bounds steps and output.\n");
                shell::note(&mut shell::held(&self.log), Output::err(said));
                shell::STOPPED
            }
            Err(error) => {
                let said = format!("{}{error}\n", self.who.dialect.at_prompt());
                shell::note(&mut shell::held(&self.log), Output::err(said));
                WRONG
            }
        };
        state.last_exit_code = exit;
        let so_far = self.so_far(blobs)?;
        Ok(Turn::Done(self.end(&state, exit, then, so_far)))
    }

    /// Breaks the line off.
    pub(crate) fn abort(self) -> Done {
        let mut state = self.before.clone();
        state.last_exit_code = INTERRUPTED;
        let (tree, cwd, millis) = {
            let world = self.shared.lock();
            let cwd = world.terminal.as_ref().map(|terminal| terminal.cwd.clone());
            (world.unmounted().0, cwd.unwrap_or_default(), world.millis)
        };
        if !cwd.is_empty() {
            state.cwd = cwd.into();
        }
        let so_far = SoFar {
            output: std::mem::take(&mut *shell::held(&self.log)),
            tree,
            millis: millis - self.told_millis,
        };
        self.end(&state, INTERRUPTED, Then::Prompt, so_far)
    }

    fn end(&self, state: &BashState, exit: i32, then: Then, so_far: SoFar) -> Done {
        let cwd = state.cwd.to_string_lossy().into_owned();
        let place = Place {
            dialect: self.who.dialect,
            user: &self.who.name,
            uid: self.who.uid,
            hostname: &self.who.hostname,
            home: &self.who.home,
            cwd: &cwd,
        };
        let ps1 = state.variables.get("PS1").map(String::as_str);
        let prompt = prompt::prompt(&place, ps1.filter(|ps1| !ps1.is_empty()));
        Done {
            state: saved(state).unwrap_or_else(|| saved(&self.before).unwrap_or_default()),
            prompt,
            cwd,
            exit,
            then,
            so_far,
        }
    }

    /// What has happened since it was told last; new bytes are stored.
    fn so_far(&mut self, blobs: &mut dyn BlobStore) -> Result<SoFar, ExecuteError> {
        let world = self.shared.lock();
        let (tree, _) = world.unmounted();
        keep_all(&world, &tree, blobs)?;
        let millis = world.millis;
        drop(world);
        let mut output = std::mem::take(&mut *shell::held(&self.log));
        shell::clip(&mut output);
        let so_far = SoFar {
            output,
            tree,
            millis: millis - self.told_millis,
        };
        self.told_millis = millis;
        Ok(so_far)
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parked")
            .field("who", &self.who)
            .field("waits_for", &self.waits_for)
            .finish_non_exhaustive()
    }
}

/// The state as bytes, in an order of its own: the shell's maps have none.
fn saved(state: &BashState) -> Option<ShellState> {
    let value = serde_json::to_value(state).ok()?;
    let bytes = serde_json::to_vec(&value).ok()?;
    (bytes.len() <= MAX_STATE_BYTES).then_some(ShellState(bytes))
}

#[cfg(test)]
mod tests;
