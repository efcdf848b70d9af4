//! What each line of the Dockerfile has to do with the plan.

use crate::place::Place;
use crate::plan::{Line, Step};
use crate::states::States;
use dockerfile::{Dockerfile, Kind};
use std::collections::BTreeSet;

/// One for every instruction, in order; `reached` are the stages that the target needs.
pub(crate) fn lines(file: &Dockerfile, states: &States, reached: &BTreeSet<usize>, steps: &[Step]) -> Vec<Line> {
    let mut stage = None;
    let mut lines: Vec<Line> = file
        .instructions
        .iter()
        .map(|instruction| {
            if matches!(instruction.kind, Kind::From { .. }) {
                stage = Some(stage.map_or(0, |n: usize| n + 1));
            }
            Line {
                stage,
                lines: Place::of(instruction).lines,
                steps: Vec::new(),
                needed: stage.is_none_or(|stage| reached.contains(&stage)),
            }
        })
        .collect();
    for (index, step) in steps.iter().enumerate() {
        let instruction = step.instruction.unwrap_or_else(|| states.list[step.stage].instruction);
        lines[instruction].steps.push(index);
    }
    lines
}
