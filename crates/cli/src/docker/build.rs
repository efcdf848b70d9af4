//! `docker build`: BuildKit's command line, on this daemon.

mod context;
mod options;
mod world;

use super::progress::To;
use super::{Done, Fail, SUCCESS, Session, lent_tools, login, push};
use crate::excerpt::excerpt;
use crate::progress::{Look, Printer, Title, Took, full_name};
use crate::units::size;
use crate::words::Call;
use builder::{BuildError, Built, Fidelity, StepReport, Timestamps};
use context::Input;
use dockerfile::Diagnostic;
use engine::{Failure, Prepared, Request, StepImages};
use oci::Reference;
use options::Options;
use planner::Source;
use planner::checks::{self, Surroundings};
use world::Outside;

pub(super) fn build(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let options = Options::read(call, session)?;
    let input = Input::read(call, session)?;
    let credentials = login::config_file(session)?;
    let prepared = {
        let mut world = Outside {
            daemon: session.daemon,
            transport: session.transport,
            wire: session.wire,
            registries: session.registries,
            credentials: &credentials,
            contexts: &options.contexts,
            pull: call.on("pull"),
            stand_in: engine::StandIn::default(),
            now: session.now,
        };
        let request = Request {
            text: &input.text,
            dockerfile: &input.dockerfile,
            options: &options.plan,
            context: &*input.context,
            secrets: &options.secrets,
            now: session.now,
        };
        engine::prepare(request, &mut world, session.blobs)
    };
    let look = if call.on("quiet") || call.text("progress") == Some("quiet") {
        Look::Silent
    } else {
        Look::Plain
    };
    let mut log = Vec::new();
    let mut printer = Printer::new(&mut log, look);
    let result = match prepared {
        Ok(prepared) => walk(&input, prepared, &options, session, &mut printer),
        Err(failure) => {
            open(&input, &mut printer);
            Err(refused(&input, &failure))
        }
    };
    // Writing to memory cannot fail.
    let _ = printer.finish();
    session.console.error_bytes(&log);
    let (id, warnings) = result?;
    if let Some(path) = call.text("iidfile").filter(|path| !path.is_empty()) {
        session.write_file(path, 0o644, |_, file| {
            file.write_all(id.as_bytes())
                .map_err(|error| Fail::new(error.to_string()))
        })?;
    }
    if look == Look::Silent {
        session.console.line(&id);
    }
    warn(session, &warnings);
    if call.on("push") {
        for name in &options.names {
            push::send(session, name, To::Err)?;
        }
    }
    Ok(SUCCESS)
}

/// Prints what the text is warned of.
fn warn(session: &mut Session<'_, '_>, warnings: &[Diagnostic]) {
    if warnings.is_empty() {
        return;
    }
    let count = warnings.len();
    let s = if count == 1 { "" } else { "s" };
    session.console.error(&format!(
        "\n {count} warning{s} found (use docker --debug to expand):\n"
    ));
    for warning in warnings {
        let line = warning.line.map_or_else(String::new, |line| format!(" (line {line})"));
        session
            .console
            .error(&format!(" - {}: {}{line}\n", warning.code, warning.message));
    }
}

fn open(input: &Input, printer: &mut Printer<'_>) {
    printer.begin(&format!("[internal] load build definition from {}", input.dockerfile));
    printer.note(&format!(
        "transferring dockerfile: {} done",
        size(input.text.len() as u64)
    ));
    printer.done(Took::Real(0));
}

/// Why the build could not begin.
fn refused(input: &Input, failure: &Failure) -> Fail {
    let problems = failure.problems();
    let place = problems.first().and_then(|problem| {
        let first = problem.line?;
        let text = input.text.get(..problem.span.end).unwrap_or("");
        let last = text.trim_end_matches(['\n', '\r']).matches('\n').count() + 1;
        Some(excerpt(&input.dockerfile, &input.text, (first, last.max(first))))
    });
    let mut hints = String::new();
    for hint in problems.first().map_or(&[][..], |problem| &problem.hints) {
        hints.push_str("hint: ");
        hints.push_str(hint);
        hints.push('\n');
    }
    Fail::new(format!(
        "{}{hints}ERROR: failed to build: failed to solve: {failure}",
        place.unwrap_or_default()
    ))
}

/// Walks the build to its end; the image's ID, and what its text is warned of.
fn walk(
    input: &Input,
    mut prepared: Prepared,
    options: &Options,
    session: &mut Session<'_, '_>,
    printer: &mut Printer<'_>,
) -> Result<(String, Vec<Diagnostic>), Fail> {
    open(input, printer);
    sources(&prepared, printer);
    printer.bases(&prepared.plan);
    loop {
        let next = prepared.build.peek(&mut lent_tools!(session));
        let Some(next) = next.map_err(|error| failed(input, &error, printer))? else {
            break;
        };
        printer.step(&Title::of(&prepared.plan, next.step));
        let done = prepared.build.step(&mut lent_tools!(session));
        let Some(report) = done.map_err(|error| failed(input, &error, printer))? else {
            break;
        };
        step(&report, printer);
        if !report.is_cached() {
            session.millis += report.millis;
        }
    }
    printer.begin("exporting to image");
    let built = prepared.build.finish(Timestamps::Keep, &mut lent_tools!(session));
    let built = built.map_err(|error| failed(input, &error, printer))?;
    let id = keep(&built, &options.names, session)?;
    let mark = if is_simulated(&built) { " (simulated)" } else { "" };
    printer.note("exporting layers done");
    printer.note(&format!("writing image {id}{mark} done"));
    for name in &options.names {
        printer.note(&format!("naming to {name} done"));
    }
    printer.done(Took::Real(0));
    let around = Surroundings {
        options: &options.plan,
        known: &prepared.known,
        ignored: None,
    };
    Ok((id, checks::check(&input.text, &prepared.parse, &around)))
}

fn keep(built: &Built, names: &[Reference], session: &mut Session<'_, '_>) -> Result<String, Fail> {
    let id = session
        .daemon
        .add_built(built, names, StepImages::Keep, session.now, session.blobs)?;
    Ok(id.to_string())
}

fn is_simulated(built: &Built) -> bool {
    built.fidelity == Fidelity::Simulated || built.image.is_simulated()
}

/// Says what the build takes from outside.
fn sources(prepared: &Prepared, printer: &mut Printer<'_>) {
    for source in &prepared.plan.sources {
        match source {
            Source::Image(image) => {
                printer.begin(&format!("[internal] load metadata for {}", full_name(&image.name)));
                let base = prepared.sources.images.get(image);
                if base.is_some_and(|base| base.fidelity == Fidelity::Simulated) {
                    printer.note("simulated: its files are a stand-in's");
                }
                printer.done(Took::Real(0));
            }
            Source::Context => {
                printer.begin("[internal] load build context");
                let bytes = size(prepared.sources.context.bytes());
                printer.note(&format!("transferring context: {bytes} done"));
                printer.done(Took::Real(0));
            }
            Source::Url(url) => {
                printer.begin(&url.url);
                printer.note("simulated: nothing is downloaded");
                printer.done(Took::Simulated(0));
            }
            Source::Named(_) | Source::Git(_) | Source::Inline { .. } | Source::CacheDir { .. } => {}
        }
    }
}

fn step(report: &StepReport, printer: &mut Printer<'_>) {
    if report.is_cached() {
        printer.cached();
        return;
    }
    printer.log(report.millis as f64 / 1000.0, &report.log);
    printer.done(match report.fidelity {
        Fidelity::Exact => Took::Real(report.millis),
        Fidelity::Simulated => Took::Simulated(report.millis),
    });
}

/// Why a step failed, with its place in the text.
fn failed(input: &Input, error: &BuildError, printer: &mut Printer<'_>) -> Fail {
    printer.log(0.0, error.log().unwrap_or_default());
    printer.failed(&error.to_string());
    let place = error.line.map(|first| {
        let text = input.text.get(..error.span.end).unwrap_or("");
        let last = text.trim_end_matches(['\n', '\r']).matches('\n').count() + 1;
        excerpt(&input.dockerfile, &input.text, (first, last.max(first)))
    });
    Fail::new(format!(
        "{}ERROR: failed to build: failed to solve: {error}",
        place.unwrap_or_default()
    ))
}
