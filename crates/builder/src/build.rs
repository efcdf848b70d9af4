//! A build: steps one after the other, and commands beside each other where the executor can.

use crate::cache::{Cache, Record};
use crate::error::BuildError;
use crate::execute::{Executor, Fidelity};
use crate::look::Look;
use crate::make::Made;
use crate::miss::{Miss, Seen};
use crate::sources::{Found, Sources};
use oci::Time;
use planner::{Action, Input, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{BlobStore, Layer, Tree};

/// A build that is under way. A value: clone it to come back to this point.
#[derive(Debug, Clone)]
pub struct Build {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) found: Arc<Vec<Found>>,
    /// Steps to do, each with the step under whose name it is shown.
    pub(crate) order: Vec<(usize, usize)>,
    /// Places in [`order`](Self::order) that nobody has begun.
    pub(crate) left: BTreeSet<usize>,
    /// Commands that go on, by their place in the order.
    pub(crate) running: BTreeMap<usize, Running>,
    /// Steps that are done.
    pub(crate) done: BTreeMap<usize, Done>,
    looked: Option<(usize, Look)>,
}

/// A command that goes on while other steps are done.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    attempt: Attempt,
    base: Tree,
}

/// A step that the cache does not have, from its beginning to its end.
#[derive(Debug, Clone)]
struct Attempt {
    place: usize,
    look: Look,
    seen: Seen,
    miss: Miss,
    /// When it began.
    created: Time,
}

/// A step that is done.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// What it was done to, and what it is known by.
    pub(crate) look: Look,
    /// Its filesystem, once somebody wanted it.
    pub(crate) tree: Option<Tree>,
    pub(crate) record: Record,
    pub(crate) cached: bool,
    /// Whether it or anything below it is simulated.
    pub(crate) fidelity: Fidelity,
    /// Milliseconds from the build's beginning to its end, if every step begins when all that it needs is there.
    pub(crate) ended: u64,
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
        let order = plan.done_steps();
        Ok(Build {
            left: (0..order.len()).collect(),
            order,
            plan,
            sources,
            found: Arc::new(found),
            running: BTreeMap::new(),
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
        (
            self.order.len() - self.left.len() - self.running.len(),
            self.order.len(),
        )
    }

    /// What can be begun next; `None` if nothing can before a command that goes on has ended, or at all.
    ///
    /// # Errors
    ///
    /// What makes the step impossible: a file to copy is not there.
    pub fn peek(&mut self, tools: &mut Tools<'_>) -> Result<Option<Next>, BuildError> {
        if self.looked.is_none() {
            let Some(place) = self.left.iter().copied().find(|place| self.is_ready(*place)) else {
                return Ok(None);
            };
            self.looked = Some((place, self.look(self.order[place].0, tools)?));
        }
        Ok(self.looked.as_ref().map(|(place, look)| {
            let (step, shown) = self.order[*place];
            let cached = !look.keys.is_empty();
            Next {
                step: shown,
                cached,
                needs_executor: !cached && matches!(self.plan.steps[step].action, Action::Run(_)),
            }
        }))
    }

    /// Does a step to its end, the next one or one that goes on; `None` if all are done.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin) and [`wait`](Self::wait).
    pub fn step(&mut self, tools: &mut Tools<'_>) -> Result<Option<StepReport>, BuildError> {
        while self.has_room(tools) && self.peek(tools)?.is_some() {
            if let Some(report) = self.begin(tools)? {
                return Ok(Some(report));
            }
        }
        self.wait(tools)
    }

    /// Whether the executor takes another command.
    pub fn has_room(&self, tools: &Tools<'_>) -> bool {
        let lanes = tools.executor.as_ref().map_or(1, |executor| executor.lanes());
        self.running.len() < lanes
    }

    /// Begins the next step. Its report, if it is done by that; `None` if it is a command that goes on, or if there is none.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the build stays before the step, which may be tried again.
    pub fn begin(&mut self, tools: &mut Tools<'_>) -> Result<Option<StepReport>, BuildError> {
        if self.peek(tools)?.is_none() {
            return Ok(None);
        }
        let (place, look) = self.looked.take().expect("peek has looked");
        let (step, _) = self.order[place];
        if !look.keys.is_empty() {
            self.remember_hit(step, &look, tools);
            self.take(step, look, tools.cache);
            self.left.remove(&place);
            return Ok(Some(self.report(place, None)));
        }
        let seen = self.seen(step, &look.deps, tools);
        let attempt = Attempt {
            miss: self.explain(step, &seen, tools.cache),
            created: self.begins(place, tools.now),
            place,
            look,
            seen,
        };
        let given = std::mem::replace(&mut tools.now, attempt.created);
        let begun = self.act(place, tools);
        tools.now = given;
        match begun? {
            Act::Done(made) => self.end(attempt, made, tools).map(Some),
            Act::Runs { base } => {
                self.left.remove(&place);
                self.running.insert(place, Running { attempt, base });
                Ok(None)
            }
        }
    }

    /// Waits until a command that goes on has ended; `None` if none does.
    ///
    /// # Errors
    ///
    /// [`BuildError`] of that command; the build stays before its step, which may be tried again.
    pub fn wait(&mut self, tools: &mut Tools<'_>) -> Result<Option<StepReport>, BuildError> {
        let Some(executor) = tools.executor.as_deref_mut().filter(|_| !self.running.is_empty()) else {
            return Ok(None);
        };
        let Some((place, outcome)) = executor.wait(tools.blobs) else {
            return Ok(None);
        };
        let Some(Running { attempt, base }) = self.running.remove(&place) else {
            return Ok(None);
        };
        self.left.insert(place);
        let made = self.made(self.order[place].0, base, outcome, tools)?;
        self.end(attempt, made, tools).map(Some)
    }

    /// Takes in what a step has made.
    fn end(&mut self, attempt: Attempt, made: Made, tools: &mut Tools<'_>) -> Result<StepReport, BuildError> {
        let Attempt {
            place,
            look,
            seen,
            miss,
            created,
        } = attempt;
        let (step, _) = self.order[place];
        let done = self.keep(step, look, made, created, tools)?;
        self.remember(step, &done.look, seen, tools.cache);
        self.done.insert(step, done);
        self.left.remove(&place);
        Ok(self.report(place, Some(miss)))
    }

    fn report(&self, place: usize, miss: Option<Miss>) -> StepReport {
        let (step, shown) = self.order[place];
        let record = &self.done[&step].record;
        StepReport {
            step: shown,
            miss,
            layer: record.layer.clone(),
            millis: record.millis,
            log: record.log.clone(),
            fidelity: record.fidelity,
        }
    }

    /// Whether all that a step needs is there.
    fn is_ready(&self, place: usize) -> bool {
        self.needs(self.order[place].0).all(|input| self.is_known(input))
    }

    fn needs(&self, step: usize) -> impl Iterator<Item = Input> + use<'_> {
        let step = &self.plan.steps[step];
        std::iter::once(step.base).chain(step.action.inputs())
    }

    /// Milliseconds from the build's beginning until all that a step needs is there.
    pub(crate) fn waits(&self, step: usize) -> u64 {
        let ends = self.needs(step).filter_map(|input| match input {
            Input::Step(step) => self.done.get(&self.plan.canonical(step)).map(|done| done.ended),
            Input::Scratch | Input::Source(_) => None,
        });
        ends.max().unwrap_or_default()
    }

    /// When a step begins if the build began at `start`: once what it needs is there, and not at the same moment as what it
    /// stands on, so that a file which both write alike differs by its time.
    fn begins(&self, place: usize, start: Time) -> Time {
        let millis = self.waits(self.order[place].0) + place as u64;
        let nanos = u64::from(start.nanos) + (millis % 1000) * 1_000_000;
        Time {
            secs: start
                .secs
                .saturating_add((millis / 1000 + nanos / 1_000_000_000) as i64),
            nanos: (nanos % 1_000_000_000) as u32,
        }
    }
}

/// How far a step has come by being begun.
pub(crate) enum Act {
    /// It is done.
    Done(Made),
    /// It is a command that goes on.
    Runs {
        /// What it runs over.
        base: Tree,
    },
}
