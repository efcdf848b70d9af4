//! The programs that the session's host does itself, as commands of the shell.

use super::sinks::Sinks;
use crate::command::{Dialect, environment};
use crate::world::{Asked, Shared};
use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};
use builder::{Answer, HostCall, SoFar};
use std::sync::Arc;

/// A program that is asked of the host.
#[derive(Debug)]
pub(crate) struct HostProgram {
    pub(crate) name: String,
    pub(crate) shared: Shared,
    pub(crate) sinks: Arc<Sinks>,
    pub(crate) dialect: Dialect,
}

#[async_trait]
impl Builtin for HostProgram {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let env = environment(&ctx);
        let path = env.get("PATH").map_or("", String::as_str);
        let cwd = ctx.cwd.to_string_lossy().into_owned();
        let stdin = ctx.stdin.map(|data| data.as_bytes().to_vec());
        let call = {
            let mut world = self.shared.lock();
            if world.which(&self.name, path).is_none() {
                return Ok(ExecResult::err(self.dialect.not_found(&self.name), 127));
            }
            if let Some(terminal) = &mut world.terminal {
                terminal.cwd.clone_from(&cwd);
            }
            let uid = world.who.uid;
            HostCall {
                command: self.name.clone(),
                args: ctx.args.to_vec(),
                env: env.into_iter().collect(),
                cwd,
                user: world.user_name(uid).unwrap_or_else(|_| uid.to_string()),
                stdin: stdin.map(|stdin| world.binary(stdin)),
                stdout: self.sinks.of_call(&self.name, ctx.args),
                so_far: SoFar::default(),
            }
        };
        let answer = match self.shared.ask(Asked::Call(Box::new(call))).await {
            Answer::Call(answer) => answer,
            // The driver lets no other answer through.
            Answer::Text(_) => return Ok(ExecResult::err(format!("{}: no answer\n", self.name), 1)),
        };
        let mut world = self.shared.lock();
        world.millis = world.millis.saturating_add(answer.millis);
        world.keep_binary(&answer.stdout);
        drop(world);
        let mut done = ExecResult::ok_bytes(answer.stdout);
        done.stderr = answer.stderr.into();
        done.exit_code = answer.exit;
        Ok(done)
    }
}
