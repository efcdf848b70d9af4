//! What a build would do now, without building.

use crate::advising::{self, Costs, Made};
use crate::project::Project;
use crate::{plan, problems, tape};
use builder::{Expected, Prediction, Tools};
use dockerfile::Parse;
use engine::{Prepared, StandIn};
use messages::{LineState, LineView, Options, PreviewView, Problem};
use planner::checks::{Surroundings, check};
use planner::{Known, Reach};
use std::fmt::Write as _;

/// What earlier builds left to know.
#[derive(Clone, Copy)]
pub(crate) struct Past<'a> {
    /// The last one that made an image.
    pub(crate) made: Option<&'a Made>,
    /// What steps cost.
    pub(crate) costs: &'a Costs,
}

/// The preview of a project; its list of files is left to the caller.
pub(crate) fn of_project(
    project: &Project,
    options: &Options,
    past: Past<'_>,
    world: &mut StandIn,
    tools: &mut Tools<'_>,
) -> PreviewView {
    let Some(text) = project.text(&options.dockerfile) else {
        let message = plan::no_dockerfile(&options.dockerfile);
        return PreviewView {
            problems: vec![problems::plain("dockerfile", &message)],
            summary: message,
            ..PreviewView::default()
        };
    };
    match plan::prepare(project, options, &text, tools.now, world, tools.blobs) {
        Ok(prepared) => {
            let predictions = prepared.build.predict(tools);
            let mut view = of_plan(&prepared, &predictions);
            view.problems = warnings(project, options, &text, &prepared.parse, &prepared.known);
            let failing = predictions.iter().filter_map(|prediction| match &prediction.expected {
                Expected::Fails(error) => Some(problems::of_build(error)),
                _ => None,
            });
            view.problems.extend(failing);
            view.problems
                .extend(advising::of_build(&prepared, past.made, past.costs, tools.blobs));
            view.problems.sort_by_key(|problem| problem.line);
            view
        }
        Err(failure) => {
            let mut found = problems::of_failure(&failure);
            let summary = match found.first() {
                Some(Problem {
                    line: Some(line),
                    message,
                    ..
                }) => format!("Line {line} cannot be built: {message}."),
                Some(Problem { message, .. }) => format!("This cannot be built: {message}."),
                None => String::new(),
            };
            let parse = dockerfile::parse(&text);
            found.extend(warnings(project, options, &text, &parse, &Known::new()));
            found.sort_by_key(|problem| problem.line);
            let mut lines = tape::without_plan(&parse);
            tape::mark_failed(&mut lines, &found);
            PreviewView {
                lines,
                problems: found,
                summary,
                ..PreviewView::default()
            }
        }
    }
}

/// BuildKit's checks of every stage.
fn warnings(project: &Project, options: &Options, text: &str, parse: &Parse, known: &Known) -> Vec<Problem> {
    let plan_options = planner::Options {
        reach: Reach::All,
        ..plan::plan_options(options)
    };
    let rules = project
        .ignore(&options.dockerfile)
        .filter(|rules| !rules.has_exceptions());
    let is_ignored = |path: &str| rules.as_ref().is_some_and(|rules| rules.ignores(path));
    let around = Surroundings {
        options: &plan_options,
        known,
        ignored: rules.as_ref().map(|_| &is_ignored as &dyn Fn(&str) -> bool),
    };
    check(text, parse, &around)
        .iter()
        .map(problems::of_diagnostic)
        .collect()
}

fn of_plan(prepared: &Prepared, predictions: &[Prediction]) -> PreviewView {
    let plan = &prepared.plan;
    let mut cells = tape::of_plan(&prepared.parse, plan, &tape::base_bytes(plan, &prepared.sources));
    let mut seen = vec![false; cells.len()];
    for prediction in predictions {
        let line = tape::line_of(plan, prediction.step);
        foretell(&mut cells[line], prediction, !seen[line]);
        seen[line] = true;
    }
    PreviewView {
        summary: summary(predictions, &cells),
        lines: cells,
        stages: tape::stages(plan),
        ..PreviewView::default()
    }
}

/// Writes into a cell what will become of a step of it; of several steps the one that has most to do decides.
fn foretell(cell: &mut LineView, prediction: &Prediction, is_first: bool) {
    if cell.state == LineState::Base {
        return;
    }
    let state = match prediction.expected {
        Expected::Cached => LineState::Cached,
        Expected::Runs(_) => LineState::Runs,
        Expected::Depends(_) => LineState::MayRun,
        Expected::Fails(_) => LineState::Failed,
    };
    if is_first || weight(state) > weight(cell.state) {
        cell.state = state;
    }
    if let Some(bytes) = prediction.bytes {
        cell.bytes = Some(cell.bytes.unwrap_or(0) + bytes);
    }
    if let Some(millis) = prediction.millis {
        cell.millis = Some(cell.millis.unwrap_or(0) + millis);
    }
    cell.simulated |= prediction.simulated;
    if let Expected::Runs(miss) | Expected::Depends(miss) = &prediction.expected {
        cell.miss = cell.miss.take().or_else(|| Some(tape::miss(miss)));
    }
}

fn weight(state: LineState) -> u8 {
    match state {
        LineState::Failed => 3,
        LineState::Runs => 2,
        LineState::MayRun => 1,
        _ => 0,
    }
}

/// `7 steps: 5 from the cache, 2 will run. Line 6 will run again: index.html changed since the last build.`
fn summary(predictions: &[Prediction], cells: &[LineView]) -> String {
    let (mut cached, mut depends, mut fails) = (0, 0, 0);
    for prediction in predictions {
        match prediction.expected {
            Expected::Cached => cached += 1,
            Expected::Depends(_) => depends += 1,
            Expected::Fails(_) => fails += 1,
            Expected::Runs(_) => {}
        }
    }
    let runs = predictions.len() - cached - depends - fails;
    let counts = [
        (cached, "from the cache"),
        (runs, "will run"),
        (depends, "may run"),
        (fails, "will fail"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let steps = match predictions.len() {
        0 => return "No step changes any file.".to_owned(),
        1 => "1 step".to_owned(),
        n => format!("{n} steps"),
    };
    let mut text = format!("{steps}: {}.", parts.join(", "));
    // Of a first build, every line runs for the same reason: nothing to tell.
    let first = cells.iter().find(|cell| cell.state == LineState::Runs);
    if let Some((line, miss)) = first.and_then(|cell| Some((cell.lines.0, cell.miss.as_ref()?)))
        && cached > 0
    {
        write!(text, " Line {line} will run: {}.", miss.reason).expect("writing to a string cannot fail");
    }
    text
}
