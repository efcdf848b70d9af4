//! `docker exec` and `docker attach`.

use super::create::{Streams, attached, stdin};
use super::{Done, Fail, Lasting, Outcome, SUCCESS, Session, lent, options};
use crate::words::Call;
use engine::{ExecOptions, Refusal, Stdin};

pub(super) fn exec(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let (name, argv) = (&call.arguments[0], call.arguments[1..].to_vec());
    let given = |flag: &str| call.text(flag).filter(|text| !text.is_empty()).map(str::to_owned);
    let env = options::environment(call, session)?;
    let id = session.daemon.container(name)?.id.clone();
    let detached = call.on("detach");
    let stdin = stdin(
        session,
        call.on("interactive") && !detached,
        call.on("tty") && !detached,
    )?;
    let is_open = stdin == Stdin::Open;
    let exec = ExecOptions {
        argv,
        env,
        workdir: given("workdir"),
        user: given("user"),
        tty: call.on("tty"),
        privileged: call.on("privileged"),
        stdin,
    };
    let done = match session.daemon.exec(name, &exec, &mut lent!(session)) {
        Ok(done) => done,
        Err(refusal @ Refusal::NotExecuted { .. }) => {
            // Docker says it where the process would have written.
            if !detached {
                session.console.line(&refusal.to_string());
            }
            return Err(Fail::Said(refusal.run_exit()));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    session.millis += done.millis;
    if detached {
        return Ok(SUCCESS);
    }
    Streams::BOTH.print(session, &done.output);
    if let Some(code) = done.exit {
        return Ok(Outcome::Exit(code));
    }
    // It is the last that was started.
    let container = session.daemon.container(&id)?;
    let Some(process) = container.state.processes.last() else {
        return Ok(SUCCESS);
    };
    Ok(if is_open {
        Outcome::Interactive {
            container: id,
            exec: Some(process.pid),
            argv: process.argv.clone(),
        }
    } else {
        Outcome::Lasts {
            container: id,
            doing: Lasting::Exec(process.pid),
        }
    })
}

pub(super) fn attach(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let container = session.daemon.container(&call.arguments[0])?;
    let (id, status) = (container.id.clone(), container.state.status);
    let interactive = container.options.interactive && !call.on("no-stdin");
    match status {
        engine::Status::Running => {}
        engine::Status::Paused => return Err(Fail::new("You cannot attach to a paused container, unpause it first")),
        engine::Status::Restarting => {
            return Err(Fail::new(
                "You cannot attach to a restarting container, wait until it is running",
            ));
        }
        engine::Status::Created | engine::Status::Exited => {
            return Err(Fail::new("You cannot attach to a stopped container, start it first"));
        }
    }
    Ok(attached(session, &id, interactive))
}
