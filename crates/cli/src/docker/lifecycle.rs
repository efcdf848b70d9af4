//! Starting, stopping, freezing, removing and waiting for containers.

use super::create::{Streams, attached, stdin, warn};
use super::fail::daemon;
use super::images::ended;
use super::{Done, Fail, Lasting, Outcome, SUCCESS, Session, lent};
use crate::words::Call;
use engine::{Force, ItsVolumes, Refusal, Stdin, StopOptions};

pub(super) fn start(call: &Call, session: &mut Session<'_, '_>) -> Done {
    if call.on("attach") || call.on("interactive") {
        return start_attached(call, session);
    }
    let (mut errors, mut failed) = (Vec::new(), Vec::new());
    for name in &call.arguments {
        match session.daemon.start(name, &Stdin::Nothing, &mut lent!(session)) {
            Ok(ran) => {
                session.millis += ran.millis;
                warn(session, &ran.warnings);
                session.console.line(name);
            }
            Err(refusal) => {
                errors.push(daemon(&refusal));
                failed.push(name.as_str());
            }
        }
    }
    let any = !failed.is_empty();
    if any {
        errors.push(format!("Error: failed to start containers: {}", failed.join(", ")));
    }
    ended(session, &errors, any)
}

fn start_attached(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let [name] = call.arguments.as_slice() else {
        return Err(Fail::new("you cannot start and attach multiple containers at once"));
    };
    let container = session.daemon.container(name)?;
    let (id, tty) = (container.id.clone(), container.options.tty);
    let interactive = call.on("interactive") && container.options.interactive;
    let stdin = stdin(session, interactive, tty)?;
    let ran = session
        .daemon
        .start(name, &stdin, &mut lent!(session))
        .map_err(|refusal| Fail::Error {
            message: daemon(&refusal),
            code: 1,
        })?;
    session.millis += ran.millis;
    warn(session, &ran.warnings);
    Streams::BOTH.print(session, &ran.output);
    Ok(match ran.exit {
        Some(code) => Outcome::Exit(code),
        None => attached(session, &id, stdin == Stdin::Open),
    })
}

/// Does something to each container and prints its name; what goes wrong is said at the end. `act` tells the milliseconds it takes.
fn each(
    call: &Call,
    session: &mut Session<'_, '_>,
    mut act: impl FnMut(&mut Session<'_, '_>, &str) -> Result<u64, Refusal>,
) -> Done {
    let mut errors = Vec::new();
    for name in &call.arguments {
        match act(session, name) {
            Ok(millis) => {
                session.millis += millis;
                session.console.line(name);
            }
            Err(refusal) => errors.push(daemon(&refusal)),
        }
    }
    let failed = !errors.is_empty();
    ended(session, &errors, failed)
}

fn stop_options(call: &Call) -> StopOptions {
    StopOptions {
        signal: call.text("signal").filter(|text| !text.is_empty()).map(str::to_owned),
        // Without end is as long as there is.
        timeout: call
            .number("timeout")
            .map(|secs| u32::try_from(secs).unwrap_or(u32::MAX)),
    }
}

pub(super) fn stop(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let options = stop_options(call);
    each(call, session, |session, name| {
        session
            .daemon
            .stop(name, &options, &mut lent!(session))
            .map(|stopped| stopped.millis)
    })
}

pub(super) fn restart(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let options = stop_options(call);
    each(call, session, |session, name| {
        session
            .daemon
            .restart(name, &options, &mut lent!(session))
            .map(|ran| ran.millis)
    })
}

pub(super) fn kill(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let signal = call
        .text("signal")
        .filter(|text| !text.is_empty())
        .unwrap_or("KILL")
        .to_owned();
    each(call, session, |session, name| {
        session
            .daemon
            .kill(name, &signal, &mut lent!(session))
            .map(|stopped| stopped.millis)
    })
}

pub(super) fn pause(call: &Call, session: &mut Session<'_, '_>) -> Done {
    each(call, session, |session, name| {
        session.daemon.pause(name, &mut lent!(session)).map(|()| 0)
    })
}

pub(super) fn unpause(call: &Call, session: &mut Session<'_, '_>) -> Done {
    each(call, session, |session, name| {
        session.daemon.unpause(name, &mut lent!(session)).map(|()| 0)
    })
}

pub(super) fn remove(call: &Call, session: &mut Session<'_, '_>) -> Done {
    if call.on("link") {
        return Err(Fail::new("links between containers are not supported here"));
    }
    let force = if call.on("force") { Force::Yes } else { Force::No };
    let volumes = if call.on("volumes") {
        ItsVolumes::Remove
    } else {
        ItsVolumes::Keep
    };
    let (mut errors, mut fatal) = (Vec::new(), false);
    for name in &call.arguments {
        match session.daemon.remove_container(name, force, volumes) {
            Ok(_) => session.console.line(name),
            Err(refusal) => {
                fatal |= force == Force::No || !matches!(refusal, Refusal::NoSuchContainer { .. });
                errors.push(daemon(&refusal));
            }
        }
    }
    ended(session, &errors, fatal)
}

pub(super) fn wait(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let mut errors = Vec::new();
    for name in &call.arguments {
        match session.daemon.wait(name) {
            Ok(Some(code)) => session.console.line(&code.to_string()),
            Ok(None) => {
                return Ok(Outcome::Lasts {
                    container: session.daemon.container(name)?.id.clone(),
                    doing: Lasting::Waiting,
                });
            }
            Err(refusal) => errors.push(daemon(&refusal)),
        }
    }
    if errors.is_empty() {
        return Ok(SUCCESS);
    }
    ended(session, &errors, true)
}
