//! `docker create` and `docker run`.

use super::fail::daemon;
use super::progress::To;
use super::{Done, Fail, Input, Lasting, Outcome, SUCCESS, Session, lent, options, pull};
use crate::words::Call;
use builder::{Output, Stream};
use engine::{CreateOptions, Force, ItsVolumes, Refusal, Stdin};
use oci::{Platform, Reference};
use std::io::{BufRead, Read};

/// More is not given to a process.
const MAX_STDIN: u64 = 64 << 20;

pub(super) fn create(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let wanted = wanted(call, session)?;
    let id = make(call, session, &wanted)?;
    session.console.line(&id);
    Ok(SUCCESS)
}

pub(super) fn run(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let mut wanted = wanted(call, session)?;
    let streams = Streams::read(call)?;
    let detached = call.on("detach");
    let stdin = stdin(session, wanted.options.interactive, wanted.options.tty && !detached)?;
    wanted.options.attached = !detached;
    let id = make(call, session, &wanted).map_err(Fail::of_run)?;
    let started = session.daemon.start(&id, &stdin, &mut lent!(session));
    if detached {
        session.console.line(&id);
    }
    let ran = match started {
        Ok(ran) => ran,
        Err(refusal) => {
            if wanted.options.auto_remove {
                session.daemon.remove_container(&id, Force::Yes, ItsVolumes::Remove)?;
            }
            return Err(not_started(&refusal));
        }
    };
    session.millis += ran.millis;
    warn(session, &ran.warnings);
    if detached {
        return Ok(SUCCESS);
    }
    streams.print(session, &ran.output);
    Ok(match ran.exit {
        Some(code) => Outcome::Exit(code),
        None => attached(session, &id, matches!(stdin, Stdin::Open)),
    })
}

/// A container whose process has the terminal.
pub(crate) fn attached(session: &Session<'_, '_>, id: &str, interactive: bool) -> Outcome {
    let container = id.to_owned();
    let process = session
        .daemon
        .container(id)
        .ok()
        .and_then(|container| container.state.processes.first());
    match process {
        Some(process) if interactive => Outcome::Interactive {
            container,
            exec: None,
            argv: process.argv.clone(),
        },
        _ => Outcome::Lasts {
            container,
            doing: Lasting::Attached,
        },
    }
}

fn not_started(refusal: &Refusal) -> Fail {
    Fail::Run {
        message: daemon(refusal),
        code: refusal.run_exit(),
    }
}

/// Prints what a person should know.
pub(crate) fn warn(session: &mut Session<'_, '_>, warnings: &[String]) {
    for warning in warnings {
        session.console.error(&format!("WARNING: {warning}\n"));
    }
}

/// A container as it is wanted.
struct Wanted {
    options: CreateOptions,
    platform: Platform,
    pull: Pull,
}

/// `--pull`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pull {
    Always,
    Missing,
    Never,
}

fn wanted(call: &Call, session: &mut Session<'_, '_>) -> Result<Wanted, Fail> {
    let read = || -> Result<(Pull, Platform), Fail> {
        let pull = match call.text_or_default("pull") {
            "always" => Pull::Always,
            "missing" | "" => Pull::Missing,
            "never" => Pull::Never,
            other => {
                return Err(Fail::new(format!(
                    "invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\""
                )));
            }
        };
        let platform = match call.text("platform").filter(|text| !text.is_empty()) {
            Some(text) => options::platform(text)?,
            None => Platform::linux_amd64(),
        };
        Ok((pull, platform))
    };
    let (pull, platform) = read().map_err(Fail::of_run)?;
    let options = options::read(call, session).map_err(Fail::of_run)?;
    Ok(Wanted {
        options,
        platform,
        pull,
    })
}

/// Makes the container, pulling its image first if it has to.
fn make(call: &Call, session: &mut Session<'_, '_>, wanted: &Wanted) -> Result<String, Fail> {
    let cidfile = call.text("cidfile").filter(|path| !path.is_empty());
    if let Some(path) = cidfile
        && session.node(path).is_some()
    {
        return Err(Fail::new(format!(
            "container ID file found, make sure the other container isn't running or delete {path}"
        )));
    }
    have_image(call, session, wanted)?;
    let created = session.daemon.create(&wanted.options, &mut lent!(session))?;
    warn(session, &created.warnings);
    if let Some(path) = cidfile {
        let id = created.id.clone();
        session.write_file(path, 0o644, |_, file| {
            file.write_all(id.as_bytes())
                .map_err(|error| Fail::new(format!("failed to write the container ID ({id}) to file: {error}")))
        })?;
    }
    Ok(created.id)
}

fn have_image(call: &Call, session: &mut Session<'_, '_>, wanted: &Wanted) -> Result<(), Fail> {
    let name = &wanted.options.image;
    let to = if call.on("quiet") { To::Nowhere } else { To::Err };
    match session.daemon.image(name) {
        Ok(_) if wanted.pull != Pull::Always => return Ok(()),
        Err(Refusal::Reference(error)) => return Err(Fail::new(error.to_string())),
        Err(Refusal::NoSuchImage { .. }) | Ok(_) => {}
        Err(other) => return Err(other.into()),
    }
    if wanted.pull == Pull::Never {
        return Ok(());
    }
    // The ID of an image that is not here says nothing of where it could be had.
    let Ok(reference) = Reference::parse(name) else {
        return Ok(());
    };
    let reference = reference.or_latest();
    if wanted.pull == Pull::Missing && to == To::Err {
        session
            .console
            .error(&format!("Unable to find image '{}' locally\n", reference.familiar()));
    }
    pull::fetch(session, &reference, &wanted.platform, to)
}

/// What a process reads. With `-i` it is the standard input, which has to be a terminal if the process is given one.
pub(crate) fn stdin(session: &mut Session<'_, '_>, interactive: bool, tty: bool) -> Result<Stdin, Fail> {
    if !interactive {
        return Ok(Stdin::Nothing);
    }
    match session.host.stdin() {
        Input::Terminal => Ok(Stdin::Open),
        Input::Stream(_) if tty => Err(Fail::new("the input device is not a TTY")),
        // It goes from there to the process without passing here.
        Input::Stream(_) if session.host.runs_for_real() => Ok(Stdin::Open),
        Input::Stream(stream) => Ok(Stdin::Bytes(all_of(stream)?)),
    }
}

fn all_of(stream: Box<dyn BufRead>) -> Result<Vec<u8>, Fail> {
    let mut bytes = Vec::new();
    let mut limited = stream.take(MAX_STDIN + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|error| Fail::new(error.to_string()))?;
    if bytes.len() as u64 > MAX_STDIN {
        return Err(Fail::new(format!("more than {MAX_STDIN} bytes on the standard input")));
    }
    Ok(bytes)
}

/// Which streams of a process are shown: `-a`.
pub(crate) struct Streams {
    out: bool,
    err: bool,
}

impl Streams {
    /// Both.
    pub(crate) const BOTH: Streams = Streams { out: true, err: true };

    fn read(call: &Call) -> Result<Streams, Fail> {
        let named = call.list("attach");
        if named.is_empty() {
            return Ok(Streams::BOTH);
        }
        if call.on("detach") {
            return Err(Fail::new(
                "conflicting options: cannot specify both --attach and --detach",
            ));
        }
        let has = |name: &str| named.iter().any(|stream| stream.eq_ignore_ascii_case(name));
        Ok(Streams {
            out: has("stdout"),
            err: has("stderr"),
        })
    }

    /// Prints what a process wrote.
    pub(crate) fn print(&self, session: &mut Session<'_, '_>, output: &[Output]) {
        for piece in output {
            match piece.stream {
                Stream::Out if self.out => session.console.bytes(&piece.bytes),
                Stream::Err if self.err => session.console.error_bytes(&piece.bytes),
                Stream::Out | Stream::Err => {}
            }
        }
    }
}
