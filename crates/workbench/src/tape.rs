//! The tape beside the text: one cell for every instruction.

use builder::{Miss, StepReport};
use dockerfile::{Instruction, Parse};
use messages::{LineState, LineView, MissView, Problem, StageView};
use planner::{Base, Effect, Plan};
use std::collections::BTreeMap;
use store::Layer;

/// Bytes of base images by the index of the stage that starts from them.
pub(crate) type BaseBytes = BTreeMap<usize, (u64, bool)>;

/// The cells of a file that cannot be planned: what each line would be about, as far as its keyword tells.
pub(crate) fn without_plan(parse: &Parse) -> Vec<LineView> {
    let mut stage = None;
    let cell = |instruction: &Instruction| {
        let effect = planner::effect(instruction);
        if effect == Effect::Base {
            stage = Some(stage.map_or(0, |n: usize| n + 1));
        }
        LineView {
            lines: instruction.lines,
            stage,
            state: match effect {
                Effect::Base => LineState::Base,
                Effect::Files => LineState::MayRun,
                Effect::Config => LineState::Config,
                Effect::Nothing => LineState::Failed,
            },
            meaning: planner::explain(instruction),
            ..LineView::default()
        }
    };
    parse.dockerfile.instructions.iter().map(cell).collect()
}

/// Marks the cells in whose lines an error stands.
pub(crate) fn mark_failed(cells: &mut [LineView], found: &[Problem]) {
    for line in found
        .iter()
        .filter(|problem| problem.severity == "error")
        .filter_map(|problem| problem.line)
    {
        let hit = cells
            .iter_mut()
            .find(|cell| (cell.lines.0..=cell.lines.1).contains(&line));
        if let Some(cell) = hit {
            cell.state = LineState::Failed;
        }
    }
}

/// The cells of a plan, before any step is asked for: steps stand as `Runs`.
pub(crate) fn of_plan(parse: &Parse, plan: &Plan, bases: &BaseBytes) -> Vec<LineView> {
    let cell = |(n, instruction): (usize, &Instruction)| {
        let line = &plan.lines[n];
        let base = line.stage.filter(|stage| plan.stages[*stage].instruction == n);
        let bytes = base.and_then(|stage| bases.get(&stage));
        LineView {
            lines: instruction.lines,
            stage: line.stage,
            state: match base {
                _ if line.stage.is_some() && !line.needed => LineState::Pruned,
                Some(_) => LineState::Base,
                None if line.steps.is_empty() => LineState::Config,
                None => LineState::Runs,
            },
            bytes: bytes.map(|(bytes, _)| *bytes),
            simulated: bytes.is_some_and(|(_, simulated)| *simulated),
            meaning: planner::explain(instruction),
            ..LineView::default()
        }
    };
    parse.dockerfile.instructions.iter().enumerate().map(cell).collect()
}

/// The index of the instruction that shows `step`; steps of a base image's triggers show at its FROM.
pub(crate) fn line_of(plan: &Plan, step: usize) -> usize {
    let found = &plan.steps[step];
    found.instruction.unwrap_or(plan.stages[found.stage].instruction)
}

/// Writes into a cell what became of a step of it. Several steps add up.
pub(crate) fn record(cell: &mut LineView, report: &StepReport) {
    let ran = !report.is_cached();
    cell.state = match cell.state {
        LineState::Made => LineState::Made,
        _ if ran => LineState::Made,
        _ => LineState::Cached,
    };
    if let Some(layer) = &report.layer {
        cell.bytes = Some(cell.bytes.unwrap_or(0) + layer.bytes());
        cell.simulated |= layer.is_simulated();
    }
    cell.simulated |= report.fidelity == builder::Fidelity::Simulated;
    cell.millis = Some(cell.millis.unwrap_or(0) + report.millis);
    cell.miss = cell.miss.take().or_else(|| report.miss.as_ref().map(miss));
}

/// Why a step runs, in the page's terms.
pub(crate) fn miss(miss: &Miss) -> MissView {
    let part = |part: &builder::Part| (part.what.clone(), part.then.clone(), part.now.clone());
    MissView {
        reason: miss.reason.clone(),
        parts: miss.parts.iter().map(part).collect(),
    }
}

/// The stages of a plan.
pub(crate) fn stages(plan: &Plan) -> Vec<StageView> {
    let view = |stage: &planner::Stage| StageView {
        name: stage.name.clone(),
        lines: stage.lines,
        needed: stage.needed,
        needs: stage.needs.clone(),
    };
    plan.stages.iter().map(view).collect()
}

/// What the base images of the stages weigh.
pub(crate) fn base_bytes(plan: &Plan, sources: &builder::Sources) -> BaseBytes {
    let mut bytes = BaseBytes::new();
    for (n, stage) in plan.stages.iter().enumerate() {
        let Base::Image(name) = &stage.base else { continue };
        let found = sources.images.iter().find(|(known, _)| known.name == *name);
        if let Some((_, base)) = found {
            let sum = base.image.layers.iter().map(Layer::bytes).sum();
            bytes.insert(n, (sum, base.fidelity == builder::Fidelity::Simulated));
        }
    }
    bytes
}
