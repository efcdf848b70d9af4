//! What there is to look at, and what is said of it.

use dockerfile::{Dockerfile, Fix, Instruction, Span};
use planner::{Action, Input, Plan, Step};
use std::collections::BTreeMap;
use store::{BlobStore, Tree, Usage};

/// Bytes below this are not worth a person's time.
pub(crate) const WORTH_BYTES: u64 = 1_000_000;

/// What is known of a build.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The Dockerfile.
    pub file: &'a Dockerfile,
    /// What a build of it would do.
    pub plan: &'a Plan,
    /// The files of the context that no ignore file keeps out.
    pub context: Option<&'a Tree>,
    /// Where their bytes are.
    pub blobs: Option<&'a dyn BlobStore>,
    /// The image that this very plan made.
    pub shipped: Option<Shipped<'a>>,
    /// What steps of the plan once cost, by their index.
    pub costs: &'a BTreeMap<usize, Cost>,
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").field("plan", self.plan).finish_non_exhaustive()
    }
}

/// The files of an image that was built.
#[derive(Debug, Clone, Copy)]
pub struct Shipped<'a> {
    /// Every file of every layer.
    pub usage: &'a Usage,
    /// For each layer the step that made it; `None` for those of the base image.
    pub origins: &'a [Option<usize>],
}

/// What a step cost when it was last done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of its layer.
    pub bytes: u64,
    /// How long it took.
    pub millis: u64,
    /// True if bytes and time are a simulation's.
    pub simulated: bool,
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// `cache-order`, `hidden-bytes`, `update-alone`, `lists-left-behind`, `secret-in-layer` or `ignore-file`.
    pub code: &'static str,
    /// The instruction concerned.
    pub span: Span,
    /// Its first line, from 1.
    pub line: usize,
    /// What it is and what it costs: one or two sentences.
    pub message: String,
    /// Bytes that it costs, where known.
    pub bytes: Option<u64>,
    /// Milliseconds that it costs, where known.
    pub millis: Option<u64>,
    /// What to do, a sentence.
    pub hint: String,
    /// A replacement of text that does it, if there is one.
    pub fix: Option<Fix>,
}

impl Advice {
    /// Advice about a step, without figures.
    pub(crate) fn of(code: &'static str, step: &Step, message: String, hint: String) -> Advice {
        Advice {
            code,
            span: step.span,
            line: step.lines.0,
            message,
            bytes: None,
            millis: None,
            hint,
            fix: None,
        }
    }
}

impl<'a> Scene<'a> {
    /// The steps whose text stands in the file, with their indexes; what is done once stands once.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (usize, &'a Step)> + use<'a> {
        let steps = self.plan.steps.iter().enumerate();
        steps.filter(|(_, step)| step.instruction.is_some() && step.same_as.is_none())
    }

    /// The steps whose filesystem `step` builds on, nearest first, whatever stage they are of.
    pub(crate) fn below(&self, step: &Step) -> Vec<usize> {
        let mut found = Vec::new();
        let mut base = step.base;
        while let Input::Step(below) = base {
            found.push(below);
            // A plan has no cycles; a wrong one shall not hang.
            if found.len() > self.plan.steps.len() {
                break;
            }
            let below = &self.plan.steps[below];
            if let Action::Link { layer } = below.action {
                found.push(layer);
            }
            base = below.base;
        }
        found
    }

    /// The steps that make layers of the image, in order.
    pub(crate) fn in_image(&self) -> Vec<usize> {
        let history = &self.plan.stages[self.plan.target].history;
        let steps = history.iter().filter_map(|past| past.step);
        let made = steps.flat_map(|step| match self.plan.steps[step].action {
            Action::Link { layer } => vec![layer],
            _ => vec![step],
        });
        made.collect()
    }

    /// The instruction of a step.
    pub(crate) fn instruction(&self, step: &Step) -> Option<&'a Instruction> {
        self.file.instructions.get(step.instruction?)
    }

    /// What a step cost.
    pub(crate) fn cost(&self, step: usize) -> Option<Cost> {
        self.costs.get(&step).copied()
    }

    /// Whether what commands make is a simulation, as far as an image is known.
    pub(crate) fn is_simulated(&self, step: usize) -> bool {
        self.cost(step).is_some_and(|cost| cost.simulated)
    }

    /// The step that made a layer of the image.
    pub(crate) fn maker(&self, layer: usize) -> Option<usize> {
        let origin = *self.shipped?.origins.get(layer)?;
        origin.filter(|step| self.plan.steps[*step].instruction.is_some())
    }
}
