//! Running a child while somebody listens: a build of a project, or a transfer of an image.

use super::body::Pieces;
use super::child::{Lines, Program, flag};
use super::desk::Turn;
use super::lines::Progress;
use super::project::Checked;
use messages::{Comparison, Options, RunEvent};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use tokio::sync::Notify;

/// The most bytes of a report.
const MAX_REPORT: u64 = 16 << 20;

/// Builds a project and tells what happens.
pub(super) async fn build(program: &Program, project: &Checked, turn: &Turn, pieces: &Pieces) -> io::Result<RunEvent> {
    let context = turn.unpack(project)?;
    let report = turn.report()?;
    let words = build_words(program, &project.options, &context, &report);
    let ended = follow(program, &words, Results::PassedOver, &turn.stop, pieces).await?;
    Ok(ended.event(read_report(&report)))
}

/// The arguments of a build: a verb, and flags that hold their values within themselves.
fn build_words(program: &Program, options: &Options, context: &Path, report: &Path) -> Vec<OsString> {
    let mut words = program.verb(&["build", "--progress=plain"]);
    words.push(flag("--preview-report", report));
    words.push(flag("--file", &context.join(&options.dockerfile)));
    if !options.target.is_empty() {
        words.push(format!("--target={}", options.target).into());
    }
    if !options.tag.is_empty() {
        words.push(format!("--tag={}", options.tag).into());
    }
    for (name, value) in &options.build_args {
        // Never without a value, which would be taken from the environment.
        words.push(format!("--build-arg={name}={value}").into());
    }
    if options.no_cache {
        words.push("--no-cache".into());
    }
    words.push(context.into());
    words
}

/// What becomes of a child's standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Results {
    /// It is told like everything else.
    Told,
    /// It says again what the report says.
    PassedOver,
}

/// How a child ended.
pub(super) enum Ended {
    /// With success.
    Well,
    /// Without; why, one line each.
    Badly(String),
    /// It was ended.
    Stopped,
}

impl Ended {
    /// As an event, with the report of a build.
    pub(super) fn event(self, report: Option<Comparison>) -> RunEvent {
        let report = report.map(Box::new);
        match self {
            Ended::Well => RunEvent::Done { report },
            Ended::Badly(message) => RunEvent::Failed { message, report },
            Ended::Stopped => RunEvent::Failed {
                message: "cancelled".to_owned(),
                report,
            },
        }
    }
}

/// Runs a child, and tells each line that it writes to standard error, and to standard output if that is wanted. It ends when it is to stop, and when nobody
/// listens any more.
pub(super) async fn follow(
    program: &Program,
    words: &[OsString],
    results: Results,
    stop: &Notify,
    pieces: &Pieces,
) -> io::Result<Ended> {
    let mut child = program.start(words)?;
    let (mut errors, mut output) = (Lines::of(child.stderr()), Lines::of(child.stdout()));
    let mut progress = Progress::default();
    let (mut has_errors, mut has_output) = (true, true);
    while has_errors || has_output {
        let line = tokio::select! {
            line = errors.next(), if has_errors => { has_errors = line.is_some(); line }
            line = output.next(), if has_output => {
                has_output = line.is_some();
                line.filter(|_| results == Results::Told)
            }
            () = stop.notified() => { child.end().await; return Ok(Ended::Stopped); }
            () = pieces.closed() => { child.end().await; return Ok(Ended::Stopped); }
        };
        if let Some(event) = line.and_then(|line| progress.read(&line)) {
            // A page that does not read on can still cancel.
            tokio::select! {
                () = tell(pieces, &event) => {}
                () = stop.notified() => { child.end().await; return Ok(Ended::Stopped); }
            }
        }
    }
    // Who closes its output may still run.
    let status = tokio::select! {
        status = child.wait() => status?,
        () = stop.notified() => { child.end().await; return Ok(Ended::Stopped); }
        () = pieces.closed() => { child.end().await; return Ok(Ended::Stopped); }
    };
    Ok(if status.success() {
        Ended::Well
    } else {
        Ended::Badly(progress.why())
    })
}

/// Sends an event; if nobody listens, [`follow`] ends the child.
pub(super) async fn tell(pieces: &Pieces, event: &RunEvent) {
    let mut line = serde_json::to_vec(event).expect("strings and numbers have a JSON form");
    line.push(b'\n');
    let _ = pieces.send(Ok(line.into())).await;
}

fn read_report(path: &Path) -> Option<Comparison> {
    let is_small = std::fs::metadata(path).is_ok_and(|facts| facts.len() <= MAX_REPORT);
    let bytes = is_small.then(|| std::fs::read(path).ok()).flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// A child that could not be started, as an event.
pub(super) fn cannot(error: io::Error) -> RunEvent {
    RunEvent::Failed {
        message: format!("error: could not run the program: {error}"),
        report: None,
    }
}
