//! From a build that is done to the rows of its report.

use crate::report::{LayerRow, Report, Row, State};
use crate::walk::{DoneStep, Walked};
use builder::Fidelity;
use engine::Prepared;
use oci::{DiffId, Reference};
use planner::{Base, Plan};
use std::collections::BTreeSet;

/// The report of a build.
pub fn report(prepared: &Prepared, walked: &Walked, names: &[Reference]) -> Report {
    let image = &walked.built.image;
    Report {
        image_id: image.id().to_string(),
        digest: image.digest().to_string(),
        tags: names.iter().map(ToString::to_string).collect(),
        simulated: walked.is_simulated(),
        bytes: image.layers.iter().map(store::Layer::bytes).sum(),
        lines: lines(prepared, &walked.steps),
        layers: layers(prepared, walked),
    }
}

/// Every step that was done or taken from the cache: stage, step, whether it was cached.
pub fn steps(plan: &Plan, steps: &[DoneStep]) -> Vec<(String, String, bool)> {
    let step = |done: &DoneStep| {
        let step = &plan.steps[done.report.step];
        (
            plan.stages[step.stage].label.clone(),
            step.text.clone(),
            done.report.is_cached(),
        )
    };
    steps.iter().map(step).collect()
}

fn lines(prepared: &Prepared, steps: &[DoneStep]) -> Vec<Row> {
    let plan = &prepared.plan;
    let instructions = prepared.parse.dockerfile.instructions.iter();
    let rows = instructions
        .zip(&plan.lines)
        .enumerate()
        .map(|(index, (instruction, line))| {
            let text = instruction.original.clone();
            let row = Row {
                lines: line.lines,
                instruction: text,
                state: State::Config,
                bytes: None,
                millis: None,
                simulated: false,
                reason: None,
            };
            if !line.needed {
                return Row {
                    state: State::Pruned,
                    ..row
                };
            }
            if let Some(stage) = plan.stages.iter().find(|stage| stage.instruction == index) {
                return Row {
                    state: State::Base,
                    ..base_row(prepared, &stage.base, row)
                };
            }
            step_row(plan, &line.steps, steps, row)
        });
    rows.collect()
}

fn base_row(prepared: &Prepared, base: &Base, row: Row) -> Row {
    let Base::Image(name) = base else { return row };
    let found = prepared.sources.images.iter().find(|(image, _)| image.name == *name);
    let Some((_, base)) = found else { return row };
    let bytes = base.image.layers.iter().map(store::Layer::bytes).sum();
    Row {
        bytes: Some(bytes),
        simulated: base.fidelity == Fidelity::Simulated,
        ..row
    }
}

fn step_row(plan: &Plan, of_line: &[usize], steps: &[DoneStep], row: Row) -> Row {
    let canonical: BTreeSet<usize> = of_line.iter().map(|step| plan.canonical(*step)).collect();
    let mut done = steps
        .iter()
        .filter(|done| canonical.contains(&plan.canonical(done.report.step)))
        .peekable();
    if done.peek().is_none() {
        return row;
    }
    let mut row = Row {
        state: State::Cached,
        ..row
    };
    for step in done {
        let report = &step.report;
        if let Some(miss) = &report.miss {
            row.state = State::Ran;
            row.millis = Some(row.millis.unwrap_or(0) + step.millis);
            row.reason.get_or_insert_with(|| miss.reason.clone());
        }
        if let Some(layer) = &report.layer {
            row.bytes = Some(row.bytes.unwrap_or(0) + layer.bytes());
            row.simulated |= layer.is_simulated();
        }
        row.simulated |= report.fidelity == Fidelity::Simulated;
    }
    row
}

fn layers(prepared: &Prepared, walked: &Walked) -> Vec<LayerRow> {
    let images = prepared
        .sources
        .images
        .values()
        .filter(|base| base.fidelity == Fidelity::Simulated);
    let simulated: BTreeSet<DiffId> = images
        .flat_map(|base| base.image.layers.iter().map(|layer| layer.diff_id))
        .collect();
    let plan = &prepared.plan;
    let is_simulated = |step: usize| {
        let wanted = plan.canonical(step);
        let done = walked
            .steps
            .iter()
            .find(|done| plan.canonical(done.report.step) == wanted);
        done.is_some_and(|done| done.report.fidelity == Fidelity::Simulated)
    };
    let image = &walked.built.image;
    let made_by: Vec<String> = image
        .steps()
        .filter(|(_, layer)| layer.is_some())
        .map(|(past, _)| past.created_by.clone())
        .collect();
    let rows = image
        .layers
        .iter()
        .zip(&walked.built.origins)
        .enumerate()
        .map(|(number, (layer, origin))| LayerRow {
            diff_id: layer.diff_id.0.to_string(),
            bytes: layer.bytes(),
            created_by: made_by.get(number).cloned().unwrap_or_default(),
            base: number < walked.built.n_base,
            simulated: layer.is_simulated() || origin.map_or_else(|| simulated.contains(&layer.diff_id), is_simulated),
        });
    rows.collect()
}
