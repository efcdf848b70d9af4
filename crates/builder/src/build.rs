//! A build: steps one after the other.

use crate::cache::{Cache, Key, Record};
use crate::error::BuildError;
use crate::execute::{Executor, Fidelity};
use crate::look::Look;
use crate::miss::Miss;
use crate::sources::{Found, Sources};
use oci::Time;
use planner::{Action, Plan};
use std::collections::BTreeMap;
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
    pub(crate) next: usize,
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
        let look = self.looked.take().expect("peek has looked");
        let miss = if look.keys.is_empty() {
            let seen = self.seen(step, &look.deps, tools);
            let miss = self.explain(step, &seen, tools.cache);
            let given = tools.now;
            tools.now = self.begins(given);
            let made = self.make(step, &look, tools);
            tools.now = given;
            match made {
                Ok(done) => {
                    self.done.insert(step, done);
                }
                Err(error) => {
                    self.looked = Some(look);
                    return Err(error);
                }
            }
            self.remember(step, &look, seen, tools.cache);
            Some(miss)
        } else {
            self.remember_hit(step, &look, tools);
            self.take(step, &look, tools.cache);
            None
        };
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

    /// When the next step begins if the build began at `start`: once those before it are done, and never at the same
    /// moment as one of them, so that a file which two steps write alike differs by its time.
    fn begins(&self, start: Time) -> Time {
        let ran = self.done.values().filter(|done| !done.cached);
        let millis = ran.map(|done| done.record.millis).sum::<u64>() + self.next as u64;
        let nanos = u64::from(start.nanos) + (millis % 1000) * 1_000_000;
        Time {
            secs: start
                .secs
                .saturating_add((millis / 1000 + nanos / 1_000_000_000) as i64),
            nanos: (nanos % 1_000_000_000) as u32,
        }
    }
}
