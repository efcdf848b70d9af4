//! What a build would do, without doing it.

use crate::build::{Build, Tools};
use crate::cache::InputKeys;
use crate::deps;
use crate::error::BuildError;
use crate::execute::Fidelity;
use crate::miss::{Miss, Part};
use crate::operation;
use oci::DiffId;
use planner::{Caching, Input};
use std::collections::BTreeMap;

/// What will become of a step.
#[derive(Debug)]
pub struct Prediction {
    /// Index into [`planner::Plan::steps`] of the step under whose name it is shown.
    pub step: usize,
    /// What will become of it.
    pub expected: Expected,
    /// Bytes of its layer, if it is in the cache.
    pub bytes: Option<u64>,
    /// Its layer, if it is in the cache.
    pub diff_id: Option<DiffId>,
    /// How long it once took, if it is in the cache.
    pub millis: Option<u64>,
    /// Whether what the cache has of it is simulated.
    pub simulated: bool,
}

/// What will become of a step.
#[derive(Debug)]
pub enum Expected {
    /// It comes from the cache.
    Cached,
    /// It runs, and this is why.
    Runs(Miss),
    /// It comes from the cache or runs: that depends on what an earlier step makes.
    Depends(Miss),
    /// It cannot be done.
    Fails(BuildError),
}

impl Build {
    /// What will become of the steps that are still to be done, in order. Nothing is run or remembered.
    pub fn predict(&self, tools: &mut Tools<'_>) -> Vec<Prediction> {
        let mut build = self.clone();
        // Steps that are not known from the cache: `true` if they run for certain.
        let mut open: BTreeMap<usize, bool> = BTreeMap::new();
        let mut predictions = Vec::new();
        for place in &self.left {
            let (step, shown) = self.order[*place];
            let expected = build.expect(step, &open, tools);
            let runs = match &expected {
                Expected::Cached => None,
                Expected::Runs(_) | Expected::Fails(_) => Some(true),
                Expected::Depends(_) => Some(false),
            };
            open.extend(runs.map(|runs| (step, runs)));
            let record = build.done.get(&step).map(|done| &done.record);
            predictions.push(Prediction {
                step: shown,
                expected,
                bytes: record.and_then(|record| record.layer.as_ref()).map(store::Layer::bytes),
                diff_id: record
                    .and_then(|record| record.layer.as_ref())
                    .map(|layer| layer.diff_id),
                millis: record.map(|record| record.millis),
                simulated: record.is_some_and(|record| record.fidelity == Fidelity::Simulated),
            });
        }
        predictions
    }

    fn expect(&mut self, step: usize, open: &BTreeMap<usize, bool>, tools: &mut Tools<'_>) -> Expected {
        let plan = self.plan.clone();
        let unknown: Vec<usize> = deps::of_step(&plan, step)
            .iter()
            .filter_map(|dep| match dep.input {
                Input::Step(step) => open.contains_key(&step).then_some(step),
                _ => None,
            })
            .collect();
        if unknown.is_empty() {
            return match self.look(step, tools) {
                Err(error) => Expected::Fails(error),
                Ok(look) if look.keys.is_empty() => self.runs(step, tools),
                Ok(look) => {
                    self.take(step, look, tools.cache);
                    Expected::Cached
                }
            };
        }
        let base = match plan.steps[step].base {
            Input::Step(base) => Some(plan.canonical(base)),
            _ => None,
        };
        // Nothing that follows a step which runs can be in the cache; what only takes files from it can.
        let base_runs = base.and_then(|base| open.get(&base)).copied();
        if base_runs == Some(true) || plan.steps[step].caching == Caching::Ignore || self.is_new(step, tools) {
            return self.runs(step, tools);
        }
        let from = unknown[0];
        let line = plan.steps[from].lines.0;
        Expected::Depends(Miss {
            reason: format!("it depends on what line {line} makes"),
            parts: vec![Part {
                what: format!("files of line {line}"),
                then: String::new(),
                now: "not made yet".to_owned(),
            }],
        })
    }

    fn runs(&mut self, step: usize, tools: &mut Tools<'_>) -> Expected {
        let deps = deps::of_step(&self.plan, step);
        let seen = self.seen(step, &deps, tools);
        Expected::Runs(self.explain(step, &seen, tools.cache))
    }

    /// Whether the cache has nothing for this operation on those inputs that are known: then it runs whatever the others
    /// turn out to be.
    fn is_new(&self, step: usize, tools: &Tools<'_>) -> bool {
        let deps = deps::of_step(&self.plan, step);
        let operation = operation::of_step(&self.plan, step, &deps);
        let inputs: Vec<InputKeys> = deps
            .iter()
            .map(|dep| InputKeys {
                keys: self.keys(dep.input),
                selector: dep.selector,
                content: None,
            })
            .collect();
        !tools.cache.may_find(&operation, &inputs)
    }
}
