//! `docker cp`.

use super::{Done, Fail, Input, SUCCESS, Session, lent};
use crate::units::size;
use crate::words::Call;
use engine::{Copied, CopyOptions};
use store::Limits;

pub(super) fn cp(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let (source, target) = (call.arguments[0].as_str(), call.arguments[1].as_str());
    let options = CopyOptions {
        follow: call.on("follow-link"),
        archive: call.on("archive"),
    };
    match (in_container(source), in_container(target)) {
        (Some(_), Some(_)) => Err(Fail::new("copying between containers is not supported")),
        (None, None) => Err(Fail::new("must specify at least one container source")),
        (Some((name, path)), None) => from(call, session, (name, path), target, options),
        (None, Some((name, path))) => to(call, session, source, (name, path), options),
    }
}

/// `CONTAINER:PATH`; a path that begins with `/` or `.` is one of this machine, whatever it holds.
fn in_container(text: &str) -> Option<(&str, &str)> {
    if text.starts_with(['/', '.']) {
        return None;
    }
    text.split_once(':').filter(|(name, _)| !name.is_empty())
}

fn from(
    call: &Call,
    session: &mut Session<'_, '_>,
    (name, path): (&str, &str),
    target: &str,
    options: CopyOptions,
) -> Done {
    if target == "-" {
        if session.host.writes_to_terminal() {
            return Err(Fail::new("refusing to write a tar archive to a terminal: redirect it"));
        }
        let mut bytes = Vec::new();
        session
            .daemon
            .archive_from(name, path, options, &mut lent!(session), &mut bytes)?;
        session.console.bytes(&bytes);
        return Ok(SUCCESS);
    }
    let place = kept_end(session, target);
    let copied = session
        .daemon
        .copy_from(name, path, &place, options, &mut lent!(session))
        .map_err(plain)?;
    report(call, session, copied, &place);
    Ok(SUCCESS)
}

fn to(
    call: &Call,
    session: &mut Session<'_, '_>,
    source: &str,
    (name, path): (&str, &str),
    options: CopyOptions,
) -> Done {
    if source == "-" {
        let stream = match session.host.stdin() {
            Input::Terminal => return Err(Fail::new("requested a tar archive from stdin, but stdin is a terminal")),
            Input::Stream(stream) => stream,
        };
        session
            .daemon
            .archive_to(name, path, stream, &Limits::default(), &mut lent!(session))?;
        return Ok(SUCCESS);
    }
    let place = kept_end(session, source);
    let copied = session
        .daemon
        .copy_to(name, &place, path, options, &mut lent!(session))
        .map_err(plain)?;
    report(call, session, copied, &format!("{name}:{path}"));
    Ok(SUCCESS)
}

/// An absolute path that ends in `/` or `/.` as the one it was made of: both mean something to `cp`.
fn kept_end(session: &Session<'_, '_>, path: &str) -> String {
    let absolute = session.absolute(path);
    let end = if path == "." || path.ends_with("/.") {
        "/."
    } else if path.ends_with('/') {
        "/"
    } else {
        ""
    };
    format!("{}{end}", absolute.trim_end_matches('/'))
}

/// What concerns this machine's files is said by the command line itself.
fn plain(refusal: engine::Refusal) -> Fail {
    match refusal {
        engine::Refusal::HostFile { path, reason } => Fail::new(format!("lstat {path}: {reason}")),
        engine::Refusal::Invalid { message } => Fail::new(message),
        other => other.into(),
    }
}

fn report(call: &Call, session: &mut Session<'_, '_>, copied: Copied, place: &str) {
    // Without a terminal Docker is quiet.
    if !call.on("quiet") && session.host.writes_to_terminal() {
        let bytes = size(copied.bytes);
        session
            .console
            .error(&format!("Successfully copied {bytes} to {place}\n"));
    }
}
