//! A command of ours in the shell: what it is called with, and what it gives back.

use crate::world::{Asked, Errno, Result, Shared, World};
use bashkit::{Builtin, BuiltinContext, ExecResult, ExecutionPlan, SubCommand, async_trait};
use builder::{Answer, Echo};
use std::collections::BTreeMap;

/// What a command is called with.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    /// The name it was called by.
    pub(crate) name: &'a str,
    pub(crate) args: &'a [String],
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) cwd: &'a str,
    pub(crate) stdin: &'a [u8],
    /// False where standard input is the terminal, or nothing.
    pub(crate) has_stdin: bool,
    /// How much of `stdin` was read by lines.
    pub(crate) n_read: usize,
    /// What was answered at the terminal so far, `None` for its end.
    pub(crate) answers: &'a [Option<String>],
    /// How many of the answers were used.
    pub(crate) n_used: usize,
    pub(crate) out: String,
    /// Output that is no text; it follows `out`.
    pub(crate) raw: Vec<u8>,
    pub(crate) err: String,
}

impl Call<'_> {
    /// A path as given, from the root.
    pub(crate) fn path(&self, given: &str) -> String {
        if given.starts_with('/') {
            given.to_owned()
        } else {
            format!("{}/{given}", self.cwd.trim_end_matches('/'))
        }
    }

    pub(crate) fn env(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    pub(crate) fn say(&mut self, line: impl AsRef<str>) {
        self.out.push_str(line.as_ref());
        self.out.push('\n');
    }

    pub(crate) fn warn(&mut self, line: impl AsRef<str>) {
        self.err.push_str(line.as_ref());
        self.err.push('\n');
    }

    /// Says what went wrong, as `name: what`, and returns exit code 1.
    pub(crate) fn fail(&mut self, what: impl AsRef<str>) -> Result<i32> {
        let line = format!("{}: {}", self.name, what.as_ref());
        self.warn(line);
        Ok(1)
    }

    /// Runs `step`; a failure is said as `name: what: reason` and counted. What must be fetched first is passed on.
    pub(crate) fn attempt(
        &mut self,
        what: &str,
        exit: &mut i32,
        step: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        match step(self) {
            Ok(()) => Ok(()),
            Err(passed @ (Errno::Need(_) | Errno::Lasts | Errno::Ask { .. })) => Err(passed),
            Err(errno) => {
                let line = format!("{}: {what}: {errno}", self.name);
                self.warn(line);
                *exit = 1;
                Ok(())
            }
        }
    }

    /// The next line of a standard input that is a pipe or a file, else of the terminal. `None` at its end, and where there is none.
    pub(crate) fn ask(&mut self, prompt: &str, echo: Echo) -> Result<Option<String>> {
        if self.has_stdin {
            let rest = &self.stdin[self.n_read.min(self.stdin.len())..];
            let Some(line) = rest.split_inclusive(|byte| *byte == b'\n').next() else {
                return Ok(None);
            };
            self.n_read += line.len();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            return Ok(Some(String::from_utf8_lossy(line).into_owned()));
        }
        if self.world.terminal.is_none() {
            return Ok(None);
        }
        let Some(answer) = self.answers.get(self.n_used) else {
            return Err(Errno::Ask {
                prompt: prompt.to_owned(),
                echo,
            });
        };
        self.n_used += 1;
        Ok(answer.clone())
    }

    /// Lets simulated time pass.
    pub(crate) fn take_millis(&mut self, millis: u64) {
        self.world.millis = self.world.millis.saturating_add(millis);
    }
}

/// What a command does. It reads first and writes afterwards, or can be done twice: it starts anew on the same
/// tree when bytes had to be fetched.
pub(crate) type Work = fn(&mut Call<'_>) -> Result<i32>;

/// A command that exists where the tree has a file for it.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) shared: Shared,
    /// A part of the shell: there without a file.
    pub(crate) is_internal: bool,
    pub(crate) dialect: Dialect,
}

/// The shell variable that holds the umask.
pub(crate) const UMASK: &str = "LAYERLAB_UMASK";

/// Whose words the shell's own errors take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Debian and Ubuntu's /bin/sh.
    Dash,
    /// busybox and Alpine's.
    Ash,
    Bash,
    /// The same, typed at.
    BashPrompt,
}

impl Dialect {
    /// What stands before a complaint of a shell that is typed at.
    pub(crate) fn at_prompt(self) -> &'static str {
        match self {
            Dialect::Dash => "sh: 1: ",
            Dialect::Ash => "sh: ",
            Dialect::Bash | Dialect::BashPrompt => "bash: ",
        }
    }

    pub(crate) fn not_found(self, name: &str) -> String {
        match self {
            Dialect::Dash => format!("/bin/sh: 1: {name}: not found\n"),
            Dialect::Ash => format!("/bin/sh: {name}: not found\n"),
            Dialect::Bash => format!("/bin/bash: line 1: {name}: command not found\n"),
            Dialect::BashPrompt => format!("bash: {name}: command not found\n"),
        }
    }
}

#[async_trait]
impl Builtin for Command {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let env = environment(&ctx);
        if !self.is_internal {
            let path = env.get("PATH").map_or("", String::as_str);
            if self.shared.lock().which(self.name, path).is_none() {
                return Ok(ExecResult::err(self.dialect.not_found(self.name), 127));
            }
        }
        // The shell restores its variables when a subshell ends, and with this one the umask.
        if let Some(mask) = ctx
            .variables
            .get(UMASK)
            .and_then(|mask| u32::from_str_radix(mask, 8).ok())
        {
            self.shared.lock().umask = mask & 0o777;
        }
        let cwd = ctx.cwd.to_string_lossy().into_owned();
        let has_stdin = ctx.stdin.is_some();
        let stdin = ctx.stdin.map(|data| data.as_bytes().to_vec()).unwrap_or_default();
        let stdin = self.shared.lock().binary(stdin);
        let mut answers = Vec::new();
        // How much of standard error has been shown before a question.
        let mut n_shown = 0;
        loop {
            let (result, out, mut err) = {
                let mut world = self.shared.lock();
                if let Some(terminal) = &mut world.terminal {
                    terminal.cwd.clone_from(&cwd);
                }
                let before = world.clone();
                let mut call = Call {
                    world: &mut world,
                    name: self.name,
                    args: ctx.args,
                    env: &env,
                    cwd: &cwd,
                    stdin: &stdin,
                    has_stdin,
                    n_read: 0,
                    answers: &answers,
                    n_used: 0,
                    out: String::new(),
                    raw: Vec::new(),
                    err: String::new(),
                };
                let result = (self.work)(&mut call);
                let (mut out, err) = (call.out.into_bytes(), call.err);
                out.extend(call.raw);
                if matches!(result, Err(Errno::Need(_) | Errno::Ask { .. })) {
                    *world = before;
                }
                (result, out, err)
            };
            let exit = match result {
                Ok(exit) => exit,
                Err(Errno::Need(digest)) => {
                    if self.shared.fetch(digest).await.is_err() {
                        let line = format!("{}: {}\n", self.name, Errno::NotSimulated);
                        return Ok(ExecResult::err(line, 1));
                    }
                    continue;
                }
                Err(Errno::Ask { prompt, echo }) => {
                    let said = err.split_off(n_shown.min(err.len()));
                    n_shown += said.len();
                    let answer = self.shared.ask(Asked::Text { said, prompt, echo }).await;
                    answers.push(match answer {
                        Answer::Text(text) => text,
                        // The driver lets no other answer through.
                        Answer::Call(_) => None,
                    });
                    continue;
                }
                // The driver sees that it lasts, and drops the shell.
                Err(Errno::Lasts) => return std::future::pending().await,
                Err(errno) => return Ok(ExecResult::err(format!("{}: {errno}\n", self.name), 1)),
            };
            if self.name == "umask" {
                let mask = format!("{:o}", self.shared.lock().umask);
                ctx.variables.insert(UMASK.to_owned(), mask);
            }
            self.shared.lock().keep_binary(&out);
            let mut done = ExecResult::ok_bytes(out);
            done.stderr = err.split_off(n_shown.min(err.len())).into();
            done.exit_code = exit;
            return Ok(done);
        }
    }

    async fn execution_plan(&self, ctx: &BuiltinContext<'_>) -> bashkit::Result<Option<ExecutionPlan>> {
        let Some(script) = crate::commands::becomes(self.name, ctx.args) else {
            return Ok(None);
        };
        let env = environment(ctx);
        let path = env.get("PATH").map_or("", String::as_str);
        if !self.is_internal && self.shared.lock().which(self.name, path).is_none() {
            return Ok(None);
        }
        Ok(Some(ExecutionPlan::Batch {
            commands: vec![SubCommand {
                name: "sh".to_owned(),
                args: script,
                stdin: ctx.stdin.cloned(),
                assignments: Vec::new(),
            }],
        }))
    }
}

/// The exported variables, and PATH whether exported or not.
pub(crate) fn environment(ctx: &BuiltinContext<'_>) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = ctx
        .env
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(path) = ctx.variables.get("PATH") {
        env.insert("PATH".to_owned(), path.clone());
    }
    env
}
