//! Doing a step, or taking it from the cache; and the filesystems that steps leave.

use crate::build::{Act, Build, Done, Tools};
use crate::cache::{Cache, Record};
use crate::copy::{self, Scene};
use crate::error::{BuildError, BuildErrorKind};
use crate::execute::{Begun, ExecuteError, Fidelity, RunOutcome};
use crate::look::Look;
use crate::run;
use planner::{Action, Input};
use std::collections::BTreeMap;
use store::{Layer, Time, Tree, apply, diff};

/// A step's own part of what it made.
pub(crate) struct Made {
    /// What it started from.
    pub(crate) base: Tree,
    pub(crate) tree: Tree,
    pub(crate) millis: u64,
    pub(crate) log: String,
    pub(crate) fidelity: Fidelity,
}

impl Build {
    /// Takes a step from the cache.
    pub(crate) fn take(&mut self, step: usize, look: Look, cache: &Cache) {
        let key = look.keys[0];
        let record = cache.records.results[&key].clone();
        let fidelity = self.fidelity_with(step, record.fidelity);
        self.done.insert(
            step,
            Done {
                look,
                tree: cache.trees.get(&key).cloned(),
                record,
                cached: true,
                fidelity,
                ended: self.waits(step),
            },
        );
    }

    /// Keeps what a step has made under a name of its own.
    pub(crate) fn keep(
        &self,
        step: usize,
        mut look: Look,
        made: Made,
        created: Time,
        tools: &mut Tools<'_>,
    ) -> Result<Done, BuildError> {
        let at = |error: BuildErrorKind| BuildError::at(&self.plan, step, error);
        let is_link = matches!(self.plan.steps[step].action, Action::Link { .. });
        let layer = if is_link {
            None
        } else {
            let changes = diff(&made.base, &made.tree);
            Some(Layer::make_to_keep(changes, None, tools.blobs).map_err(|error| at(error.into()))?)
        };
        let record = Record {
            created,
            layer,
            millis: made.millis,
            log: made.log,
            fidelity: made.fidelity,
        };
        let key = tools.cache.new_key(&look.operation, &look.inputs);
        tools.cache.link(&look.operation, &look.inputs, key);
        tools.cache.records.results.insert(key, record.clone());
        tools.cache.keep_tree(key, made.tree.clone());
        look.keys = vec![key];
        Ok(Done {
            look,
            tree: Some(made.tree),
            ended: self.waits(step) + record.millis,
            fidelity: self.fidelity_with(step, record.fidelity),
            record,
            cached: false,
        })
    }

    /// Begins a step that the cache does not have; all but commands are done by that.
    pub(crate) fn act(&mut self, place: usize, tools: &mut Tools<'_>) -> Result<Act, BuildError> {
        let plan = self.plan.clone();
        let (step, _) = self.order[place];
        let found = &plan.steps[step];
        let mut base = self.tree(found.base, step)?;
        // Hard links of lower layers come apart when one of their names is changed, as on overlayfs.
        base.seal_links();
        let mut sources = BTreeMap::new();
        for input in found.action.inputs() {
            sources.insert(input, self.tree(input, step)?);
        }
        let scene = Scene {
            base: &base,
            from_scratch: found.base == Input::Scratch,
            sources: &sources,
            now: tools.now,
        };
        let at = |error| BuildError::at(&plan, step, BuildErrorKind::Copy(error));
        let tree = match &found.action {
            Action::MakeDir(make) => copy::make_dir(make, scene, &*tools.blobs).map_err(at)?,
            Action::Copy(action) => copy::copy(action, scene, tools.blobs).map_err(at)?,
            Action::Link { layer } => copy::link(&base, &sources[&Input::Step(*layer)]).map_err(at)?,
            Action::Run(action) => {
                let begun = run::begin(place, action, &base, &sources, &self.sources.secrets, tools);
                return match begun.map_err(|kind| BuildError::at(&plan, step, kind))? {
                    Begun::Ended(outcome) => self.made(step, base, Ok(outcome), tools).map(Act::Done),
                    Begun::Runs => Ok(Act::Runs { base }),
                };
            }
        };
        Ok(Act::Done(Made {
            base,
            tree,
            millis: 0,
            log: String::new(),
            fidelity: Fidelity::Exact,
        }))
    }

    /// What a command has made of `base`.
    pub(crate) fn made(
        &self,
        step: usize,
        base: Tree,
        outcome: Result<RunOutcome, ExecuteError>,
        tools: &mut Tools<'_>,
    ) -> Result<Made, BuildError> {
        let Action::Run(action) = &self.plan.steps[step].action else {
            unreachable!("only commands are run");
        };
        outcome
            .map_err(BuildErrorKind::from)
            .and_then(|outcome| run::made(action, base, outcome, tools))
            .map_err(|kind| BuildError::at(&self.plan, step, kind))
    }

    /// Puts the texts that stand in the Dockerfile itself into the blob store.
    pub(crate) fn keep_texts(&self, action: &Action, step: usize, tools: &mut Tools<'_>) -> Result<(), BuildError> {
        for input in action.inputs() {
            if let Input::Source(source) = input
                && let planner::Source::Inline { text, .. } = &self.plan.sources[source]
            {
                let kept = tools.blobs.put(text.as_bytes());
                kept.map_err(|error| BuildError::at(&self.plan, step, error))?;
            }
        }
        Ok(())
    }

    /// The filesystem of an input, built up from layers where it comes from the cache; `step` is who asks.
    pub(crate) fn tree(&mut self, input: Input, step: usize) -> Result<Tree, BuildError> {
        let mut missing = Vec::new();
        let mut at = input;
        let mut tree = loop {
            match at {
                Input::Scratch => break Tree::new(),
                Input::Source(source) => break self.found[source].tree.clone(),
                Input::Step(wanted) => {
                    let wanted = self.plan.canonical(wanted);
                    if let Some(tree) = &self.done[&wanted].tree {
                        break tree.clone();
                    }
                    missing.push(wanted);
                    at = self.plan.steps[wanted].base;
                }
            }
        };
        for wanted in missing.into_iter().rev() {
            let layer = match &self.plan.steps[wanted].action {
                Action::Link { layer } => &self.done[&self.plan.canonical(*layer)].record.layer,
                _ => &self.done[&wanted].record.layer,
            };
            if let Some(layer) = layer {
                tree = apply(&tree, &layer.changes).map_err(|error| BuildError::at(&self.plan, step, error))?;
            }
            if let Some(done) = self.done.get_mut(&wanted) {
                done.tree = Some(tree.clone());
            }
        }
        Ok(tree)
    }

    /// The fidelity of a step's filesystem: as good as the worst of what it comes from.
    fn fidelity_with(&self, step: usize, own: Fidelity) -> Fidelity {
        let found = &self.plan.steps[step];
        let inputs = std::iter::once(found.base).chain(found.action.inputs());
        inputs
            .map(|input| self.fidelity(input))
            .max()
            .map_or(own, |worst| worst.max(own))
    }

    pub(crate) fn fidelity(&self, input: Input) -> Fidelity {
        match input {
            Input::Scratch => Fidelity::Exact,
            Input::Source(source) => self.found[source]
                .image
                .as_ref()
                .map_or(Fidelity::Exact, |base| base.fidelity),
            Input::Step(step) => self.done[&self.plan.canonical(step)].fidelity,
        }
    }
}
