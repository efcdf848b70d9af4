//! `layerlab check`: what BuildKit's build checks find.

use crate::advising::advice_on;
use crate::args::{Format, InputArgs};
use crate::checks::{Checks, lines_of};
use crate::disk::Lender;
use crate::failure::Failure;
use crate::input::{Input, read_input};
use crate::known_files::KnownFiles;
use crate::request;
use crate::terminal::Terminal;
use crate::world::{Machine, Named};
use builder::Ignore;
use dockerfile::{Diagnostic, Severity};
use engine::StandIn;
use planner::{ImageName, Reach, Resolved};

/// What a check is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// BuildKit's build checks.
    Checks,
    /// Those, and advice after them.
    Advice,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// Something was.
    Warned,
}

/// Reads and checks a Dockerfile, and prints what was found. Advice is no warning: it does not change the verdict.
///
/// # Errors
///
/// [`Failure`] if it cannot be read, or could not be built.
pub fn check(args: &InputArgs, wanted: Wanted, terminal: &mut Terminal<'_>) -> Result<Verdict, Failure> {
    let input = read_input(&args.context, args.file.as_deref(), terminal.stdin).map_err(Failure::solve)?;
    let findings = findings(args, &input, terminal)?;
    let can_build = findings.iter().all(|finding| finding.severity != Severity::Error);
    let advice = match wanted {
        Wanted::Advice if can_build => Some(advice_on(args, &input, terminal)?),
        Wanted::Advice => Some(Vec::new()),
        Wanted::Checks => None,
    };
    let checks = Checks {
        file: &input.name,
        source: &input.source,
        findings: &findings,
        advice: advice.as_deref(),
    };
    match args.format {
        Format::Json => terminal.print(&checks.to_json())?,
        Format::Text => terminal.print(&checks.to_text())?,
    }
    if let Some(error) = checks.error() {
        return Err(failure(&input, error));
    }
    Ok(if checks.warnings().is_empty() {
        Verdict::Clean
    } else {
        Verdict::Warned
    })
}

/// The failure that an error of the text is.
pub fn failure(input: &Input, error: &Diagnostic) -> Failure {
    let mut failure = Failure::solve(&error.message);
    if let Some(lines) = lines_of(&input.source, error) {
        failure = failure.at(&input.name, &input.source, lines);
    }
    failure.hints.clone_from(&error.hints);
    failure
}

/// Errors and build checks of a Dockerfile. Images that no `--build-context` names are taken to have a `PATH` and nothing else.
fn findings(args: &InputArgs, input: &Input, terminal: &Terminal<'_>) -> Result<Vec<Diagnostic>, Failure> {
    let reach = if args.target.as_deref().is_some_and(|target| !target.is_empty()) {
        Reach::Target
    } else {
        Reach::All
    };
    let options = request::options(args, terminal.environment, reach)?;
    let ignore = Ignore::parse(&input.ignore).map_err(Failure::solve)?;
    let machine = Machine {
        contexts: &args.build_contexts,
        lender: Lender::default(),
        known: KnownFiles::default(),
        stand_in: StandIn::default(),
    };
    let mut named = |image: &ImageName| {
        let found = machine.named(image).map_err(Failure::solve)?;
        Ok(match found {
            Named::Directory(_) => Some(Resolved::Directory),
            Named::Layout(found) => Some(Resolved::Image(Box::new(found.config))),
            Named::Elsewhere(_) => None,
        })
    };
    engine::check_text(&input.source, &options, &ignore, &mut named)
}
