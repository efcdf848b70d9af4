//! Advice on a build: it is walked in a simulation, so that every piece can say what it costs.

use crate::args::InputArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::request;
use crate::session::Session;
use crate::terminal::Terminal;
use advice::{Advice, Cost, Scene, Shipped, advise};
use builder::{Built, Fidelity, StepReport, Timestamps, Tools};
use engine::Prepared;
use planner::Reach;
use simulator::Simulator;
use std::collections::BTreeMap;
use store::{Layer, Time, Usage};

/// All advice on a build of what the target needs. A build that cannot begin or end has less advice, not none of the rest; what it
/// makes is not remembered.
///
/// # Errors
///
/// [`Failure`] if the options or the store cannot be read.
pub fn advice_on(args: &InputArgs, input: &Input, terminal: &mut Terminal<'_>) -> Result<Vec<Advice>, Failure> {
    let options = request::options(args, terminal.environment, Reach::Target)?;
    let mut session = Session::open(args.root.as_deref(), "advice", terminal)?;
    let context = session.context(input);
    let mut world = session.world(&args.build_contexts);
    let request = engine::Request {
        text: &input.source,
        dockerfile: &input.name,
        options: &options,
        context: &context,
        secrets: &BTreeMap::new(),
        now: terminal.now,
    };
    let prepared = match session.prepare(request, &mut world) {
        Ok(prepared) => prepared,
        Err(error) => {
            terminal.remark(&format!("no advice: {error}"));
            return Ok(Vec::new());
        }
    };
    let walked = walk(&prepared, terminal.now, &mut session);
    let usage = walked
        .built
        .as_ref()
        .map(|built| Usage::of(&built.image.layers).unwrap_or_default());
    let shipped = walked.built.as_ref().zip(usage.as_ref()).map(|(built, usage)| Shipped {
        usage,
        origins: &built.origins,
    });
    Ok(advise(&Scene {
        file: &prepared.parse.dockerfile,
        plan: &prepared.plan,
        context: Some(&prepared.sources.context),
        blobs: Some(&session.blobs),
        shipped,
        costs: &walked.costs,
    }))
}

/// How far a build came.
#[derive(Default)]
struct Walked {
    costs: BTreeMap<usize, Cost>,
    /// The image, if it came to its end.
    built: Option<Built>,
}

fn walk(prepared: &Prepared, now: Time, session: &mut Session) -> Walked {
    let mut build = prepared.build.clone();
    let mut simulator = Simulator::new();
    let mut tools = Tools {
        now,
        cache: &mut session.cache,
        blobs: &mut session.blobs,
        executor: Some(&mut simulator),
    };
    let mut walked = Walked::default();
    loop {
        match build.step(&mut tools) {
            Ok(Some(report)) => {
                walked.costs.insert(report.step, cost(&report));
            }
            // The cause is what `preview` says; advice needs no more than the steps so far.
            Err(_) => return walked,
            Ok(None) => break,
        }
    }
    walked.built = build.finish(Timestamps::Keep, &mut tools).ok();
    walked
}

fn cost(report: &StepReport) -> Cost {
    Cost {
        bytes: report.layer.as_ref().map_or(0, Layer::bytes),
        millis: report.millis,
        simulated: report.fidelity == Fidelity::Simulated,
    }
}
