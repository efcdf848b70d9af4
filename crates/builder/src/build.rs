//! A build: steps one after the other, then an image.

use crate::cache::InputKeys;
use crate::cache::Key;
use crate::cache::{Cache, Record, operation};
use crate::content::Reader;
use crate::copy::{self, Scene};
use crate::deps::{self, Dep};
use crate::error::{BuildError, BuildErrorKind};
use crate::execute::{Executor, Fidelity};
use crate::miss::{self, Miss, Seen};
use crate::run;
use crate::sources::{Found, Sources};
use oci::{Digest, History, Time, Timestamp};
use planner::{Action, Caching, Input, Plan};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, Image, Layer, Tree, apply, diff};

/// A build that is under way. A value: clone it to come back to this point.
#[derive(Debug, Clone)]
pub struct Build {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) found: Arc<Vec<Found>>,
    /// Steps to do, each with the step under whose name it is shown.
    order: Vec<(usize, usize)>,
    next: usize,
    /// Steps that are done.
    pub(crate) done: BTreeMap<usize, Done>,
    looked: Option<Look>,
}

/// A step that is done.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) keys: Vec<Key>,
    /// Its filesystem, once somebody wanted it.
    pub(crate) tree: Option<Tree>,
    pub(crate) record: Record,
    pub(crate) cached: bool,
    /// Whether it or anything below it is simulated.
    pub(crate) fidelity: Fidelity,
}

/// What the cache says of a step.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) operation: Digest,
    pub(crate) deps: Vec<Dep>,
    pub(crate) inputs: Vec<InputKeys>,
    /// The results it leads to; none for a miss.
    pub(crate) keys: Vec<Key>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Index into [`Plan::steps`].
    pub step: usize,
    /// Whether the cache has it.
    pub cached: bool,
    /// Whether it cannot be done without an executor.
    pub needs_executor: bool,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Index into [`Plan::steps`] of the step under whose name it is shown.
    pub step: usize,
    /// Why it was not taken from the cache; `None` if it was.
    pub miss: Option<Miss>,
    /// Its layer, times as they are; `None` for the second half of a linked copy.
    pub layer: Option<Layer>,
    /// How long it took, or once took if it is from the cache.
    pub millis: u64,
    /// What it wrote.
    pub log: String,
    /// Whether the step itself was simulated.
    pub fidelity: Fidelity,
}

impl StepReport {
    /// Whether it was taken from the cache.
    pub fn is_cached(&self) -> bool {
        self.miss.is_none()
    }
}

/// What steps are done with.
pub struct Tools<'a> {
    /// Time of what is made now.
    pub now: Time,
    /// The cache, which learns.
    pub cache: &'a mut Cache,
    /// Where bytes are.
    pub blobs: &'a mut dyn BlobStore,
    /// Runs commands, if one is at hand.
    pub executor: Option<&'a mut dyn Executor>,
}

/// How an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timestamps {
    /// As they are.
    #[default]
    Keep,
    /// `rewrite-timestamp=true`: those of new layers are held below `SOURCE_DATE_EPOCH`.
    Rewrite,
}

impl Build {
    /// A build of `plan` from `sources`, before its first step.
    ///
    /// `now` is the time of files that stand in the Dockerfile itself.
    ///
    /// # Errors
    ///
    /// [`BuildErrorKind::Source`] if a source of the plan is missing.
    pub fn new(plan: Arc<Plan>, sources: Arc<Sources>, now: Time) -> Result<Build, BuildError> {
        let found = sources.find_all(&plan, now)?;
        Ok(Build {
            order: plan.done_steps(),
            plan,
            sources,
            found: Arc::new(found),
            next: 0,
            done: BTreeMap::new(),
            looked: None,
        })
    }

    /// The plan it follows.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Steps that are done, and steps in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.order.len())
    }

    /// What comes next; `None` if all steps are done.
    ///
    /// # Errors
    ///
    /// What makes the step impossible: a file to copy is not there.
    pub fn peek(&mut self, tools: &mut Tools<'_>) -> Result<Option<Next>, BuildError> {
        let Some(&(step, shown)) = self.order.get(self.next) else {
            return Ok(None);
        };
        if self.looked.is_none() {
            self.looked = Some(self.look(step, tools)?);
        }
        let cached = self.looked.as_ref().is_some_and(|look| !look.keys.is_empty());
        Ok(Some(Next {
            step: shown,
            cached,
            needs_executor: !cached && matches!(self.plan.steps[step].action, Action::Run(_)),
        }))
    }

    /// Does the next step; `None` if all are done.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the build stays before the step, which may be tried again.
    pub fn step(&mut self, tools: &mut Tools<'_>) -> Result<Option<StepReport>, BuildError> {
        if self.peek(tools)?.is_none() {
            return Ok(None);
        }
        let (step, shown) = self.order[self.next];
        let mut look = self.looked.take().expect("peek has looked");
        let seen = self.seen(step, &look, tools);
        let miss = if look.keys.is_empty() {
            let miss = self.explain(step, &look, &seen, tools);
            match self.make(step, &look, tools) {
                Ok(done) => {
                    look.keys.clone_from(&done.keys);
                    self.done.insert(step, done);
                }
                Err(error) => {
                    self.looked = Some(look);
                    return Err(error);
                }
            }
            Some(miss)
        } else {
            self.take(step, &look, tools);
            None
        };
        for place in miss::places(&self.plan, step) {
            tools.cache.records.seen.insert(place, seen.clone());
        }
        self.next += 1;
        let done = &self.done[&step];
        Ok(Some(StepReport {
            step: shown,
            miss,
            layer: done.record.layer.clone(),
            millis: done.record.millis,
            log: done.record.log.clone(),
            fidelity: done.record.fidelity,
        }))
    }

    /// Asks the cache for a step, by what its inputs are known by, then by what they hold.
    fn look(&mut self, step: usize, tools: &mut Tools<'_>) -> Result<Look, BuildError> {
        self.keep_texts(&self.plan.steps[step].action, step, tools)?;
        let deps = deps::of_step(&self.plan, step);
        let operation = operation(&self.plan.steps[step].definition);
        let mut inputs: Vec<InputKeys> = deps
            .iter()
            .map(|dep| InputKeys {
                keys: self.keys(dep.input),
                selector: dep.selector,
                content: None,
            })
            .collect();
        let may_use = self.plan.steps[step].caching == Caching::Use;
        // What has no name must be read.
        let unnamed: Vec<usize> = (0..deps.len()).filter(|&i| inputs[i].keys.is_empty()).collect();
        self.read(step, &deps, &mut inputs, &unnamed, tools)?;
        let mut keys = if may_use {
            tools.cache.find(&operation, &inputs)
        } else {
            Vec::new()
        };
        if keys.is_empty() {
            let named: Vec<usize> = (0..deps.len()).filter(|i| !unnamed.contains(i)).collect();
            self.read(step, &deps, &mut inputs, &named, tools)?;
            if may_use {
                keys = tools.cache.find(&operation, &inputs);
            }
        }
        if !keys.is_empty() {
            for key in &keys {
                tools.cache.link(&operation, &inputs, *key);
            }
        }
        Ok(Look {
            operation,
            deps,
            inputs,
            keys,
        })
    }

    /// Computes the content keys of some inputs.
    fn read(
        &mut self,
        step: usize,
        deps: &[Dep],
        inputs: &mut [InputKeys],
        which: &[usize],
        tools: &mut Tools<'_>,
    ) -> Result<(), BuildError> {
        for &index in which {
            if let Some(selectors) = &deps[index].content {
                let tree = self.tree(deps[index].input, step, tools)?;
                let mut reader = self.reader(deps[index].input, &tree, tools);
                let key = reader.key(selectors);
                inputs[index].content = Some(key.map_err(|error| BuildError::at(&self.plan, step, error))?);
            }
        }
        Ok(())
    }

    fn reader<'t>(&self, input: Input, tree: &'t Tree, tools: &'t mut Tools<'_>) -> Reader<'t> {
        Reader {
            tree,
            root: self.root(input),
            blobs: &*tools.blobs,
            sums: &mut tools.cache.sums,
        }
    }

    fn root(&self, input: Input) -> crate::content::Root {
        match input {
            Input::Source(source) => self.found[source].root,
            Input::Scratch | Input::Step(_) => crate::content::Root::Made,
        }
    }

    fn keys(&self, input: Input) -> Vec<Key> {
        match input {
            Input::Scratch => Vec::new(),
            Input::Source(source) => self.found[source].keys.clone(),
            Input::Step(step) => self.done[&self.plan.canonical(step)].keys.clone(),
        }
    }

    /// What the step consists of, for telling later what changed.
    fn seen(&mut self, step: usize, look: &Look, tools: &mut Tools<'_>) -> Seen {
        let mut files = BTreeMap::new();
        for dep in &look.deps {
            let Some(selectors) = &dep.content else { continue };
            // Files that cannot be read are not told of; the step itself says what is wrong with them.
            if let Ok(tree) = self.tree(dep.input, step, tools)
                && let Ok(found) = self.reader(dep.input, &tree, tools).files(selectors)
            {
                files.extend(found);
            }
        }
        Seen {
            text: self.plan.steps[step].text.clone(),
            definition: self.plan.steps[step].definition.clone(),
            base: match self.plan.steps[step].base {
                Input::Scratch => Vec::new(),
                base => self.keys(base),
            },
            files,
        }
    }

    fn explain(&self, step: usize, look: &Look, seen: &Seen, tools: &Tools<'_>) -> Miss {
        if self.plan.steps[step].caching == Caching::Ignore {
            return Miss::ignored();
        }
        let _ = look;
        let then = miss::remembered(&tools.cache.records.seen, &self.plan, step);
        let base_ran = match self.plan.steps[step].base {
            Input::Step(base) => !self.done[&self.plan.canonical(base)].cached,
            Input::Scratch | Input::Source(_) => false,
        };
        miss::explain(&self.plan, step, then, seen, base_ran)
    }

    /// Takes a step from the cache.
    fn take(&mut self, step: usize, look: &Look, tools: &Tools<'_>) {
        let key = look.keys[0];
        let record = tools.cache.records.results[&key].clone();
        let fidelity = self.fidelity_with(step, record.fidelity);
        self.done.insert(
            step,
            Done {
                keys: look.keys.clone(),
                tree: tools.cache.trees.get(&key).cloned(),
                record,
                cached: true,
                fidelity,
            },
        );
    }

    /// Does a step that the cache does not have.
    fn make(&mut self, step: usize, look: &Look, tools: &mut Tools<'_>) -> Result<Done, BuildError> {
        let made = self.act(step, tools)?;
        let at = |error: BuildErrorKind| BuildError::at(&self.plan, step, error);
        let is_link = matches!(self.plan.steps[step].action, Action::Link { .. });
        let layer = if is_link {
            None
        } else {
            let changes = diff(&made.base, &made.tree);
            Some(Layer::make(changes, None, &*tools.blobs).map_err(|error| at(error.into()))?)
        };
        let record = Record {
            created: tools.now,
            layer,
            millis: made.millis,
            log: made.log,
            fidelity: made.fidelity,
        };
        let key = tools.cache.new_key(&look.operation, &look.inputs);
        tools.cache.link(&look.operation, &look.inputs, key);
        tools.cache.records.results.insert(key, record.clone());
        tools.cache.trees.insert(key, made.tree.clone());
        let fidelity = self.fidelity_with(step, record.fidelity);
        Ok(Done {
            keys: vec![key],
            tree: Some(made.tree),
            record,
            cached: false,
            fidelity,
        })
    }

    fn act(&mut self, step: usize, tools: &mut Tools<'_>) -> Result<Made, BuildError> {
        let plan = self.plan.clone();
        let found = &plan.steps[step];
        let base = self.tree(found.base, step, tools)?;
        let mut sources = BTreeMap::new();
        for input in found.action.inputs() {
            sources.insert(input, self.tree(input, step, tools)?);
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
                return run::run(action, &base, &sources, &self.sources.secrets, tools)
                    .map_err(|kind| BuildError::at(&plan, step, kind));
            }
        };
        Ok(Made {
            base,
            tree,
            millis: 0,
            log: String::new(),
            fidelity: Fidelity::Exact,
        })
    }

    /// Puts the texts that stand in the Dockerfile itself into the blob store.
    fn keep_texts(&self, action: &Action, step: usize, tools: &mut Tools<'_>) -> Result<(), BuildError> {
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
    pub(crate) fn tree(&mut self, input: Input, step: usize, tools: &Tools<'_>) -> Result<Tree, BuildError> {
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
        let _ = tools;
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

    fn fidelity(&self, input: Input) -> Fidelity {
        match input {
            Input::Scratch => Fidelity::Exact,
            Input::Source(source) => self.found[source]
                .image
                .as_ref()
                .map_or(Fidelity::Exact, |base| base.fidelity),
            Input::Step(step) => self.done[&self.plan.canonical(step)].fidelity,
        }
    }

    /// The image, once all steps are done; config and manifest are put into the blob store.
    ///
    /// # Errors
    ///
    /// [`BuildErrorKind::Layer`] or [`BuildErrorKind::Store`] if a layer cannot be written.
    pub fn finish(&mut self, timestamps: Timestamps, tools: &mut Tools<'_>) -> Result<Built, BuildError> {
        while self.step(tools)?.is_some() {}
        let plan = self.plan.clone();
        let stage = &plan.stages[plan.target];
        let mut config = stage.config.clone();
        let epoch = plan.epoch;
        let stamp = |time: Time| {
            Some(Timestamp {
                time: epoch.map_or(time, Time::of_secs),
                offset_minutes: 0,
            })
        };
        let (mut layers, mut origins) = self.base_layers(stage.output);
        let n_base = layers.len();
        // Metadata carries the time of the layer before it, or of the first one.
        let first = stage.history.iter().find_map(|past| past.step);
        let mut time = first.map_or(tools.now, |step| self.done[&plan.canonical(step)].record.created);
        for past in &stage.history {
            if let Some(step) = past.step {
                let layer_step = match plan.steps[step].action {
                    Action::Link { layer } => plan.canonical(layer),
                    _ => plan.canonical(step),
                };
                let record = &self.done[&layer_step].record;
                time = record.created;
                if let Some(layer) = &record.layer {
                    let written = written(layer, timestamps, epoch, tools);
                    layers.push(written.map_err(|error| BuildError::at(&plan, step, error))?);
                    origins.push(Some(step));
                }
            }
            config.history.push(History {
                created: stamp(time),
                created_by: past.created_by.clone(),
                comment: "buildkit.dockerfile.v0".to_owned(),
                empty_layer: past.step.is_none(),
                ..History::default()
            });
        }
        config.created = config.history.last().and_then(|entry| entry.created);
        let image = Image::new(config, layers);
        image.keep(tools.blobs).map_err(|error| BuildError {
            step: None,
            span: dockerfile::Span::default(),
            line: None,
            kind: error.into(),
        })?;
        Ok(Built {
            image,
            origins,
            n_base,
            fidelity: self.fidelity(stage.output),
        })
    }

    /// The layers of the image that a filesystem goes back to.
    fn base_layers(&self, output: Input) -> (Vec<Layer>, Vec<Option<usize>>) {
        let mut at = output;
        while let Input::Step(step) = at {
            at = self.plan.steps[step].base;
        }
        let Input::Source(source) = at else {
            return (Vec::new(), Vec::new());
        };
        let layers = match &self.found[source].image {
            Some(base) => base.image.layers.clone(),
            None => Vec::new(),
        };
        let origins = vec![None; layers.len()];
        (layers, origins)
    }
}

/// A step's own part of what it made.
pub(crate) struct Made {
    /// What it started from.
    pub(crate) base: Tree,
    pub(crate) tree: Tree,
    pub(crate) millis: u64,
    pub(crate) log: String,
    pub(crate) fidelity: Fidelity,
}

/// An image that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image; its layers are plain tars.
    pub image: Image,
    /// For each layer the step that made it; `None` for those of the base image.
    pub origins: Vec<Option<usize>>,
    /// How many layers come from the base image.
    pub n_base: usize,
    /// Whether anything in it is simulated: then its digests are not BuildKit's.
    pub fidelity: Fidelity,
}

/// A layer as the image has it.
fn written(
    layer: &Layer,
    timestamps: Timestamps,
    epoch: Option<i64>,
    tools: &mut Tools<'_>,
) -> Result<Layer, BuildErrorKind> {
    let (Timestamps::Rewrite, Some(epoch)) = (timestamps, epoch) else {
        return Ok(layer.clone());
    };
    let key = (layer.diff_id, epoch);
    if let Some(known) = tools.cache.records.rewritten.get(&key) {
        return Ok(known.clone());
    }
    let rewritten = Layer::make((*layer.changes).clone(), Some(Time::of_secs(epoch)), &*tools.blobs)?;
    tools.cache.records.rewritten.insert(key, rewritten.clone());
    Ok(rewritten)
}
