//! Advice on the project as it stands: from the text and the files at once, from the image as long as it is of this text.

use crate::problems;
use advice::{Cost, Scene, Shipped, advise};
use builder::{Built, Fidelity, StepReport};
use engine::Prepared;
use messages::Problem;
use planner::Plan;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{BlobStore, Usage};

/// What steps cost when they were last done, by their text: an edit elsewhere does not change that.
pub(crate) type Costs = BTreeMap<String, Cost>;

/// A build that came to its end.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) built: Built,
    plan: Arc<Plan>,
    usage: Usage,
}

impl Made {
    pub(crate) fn new(built: Built, plan: Arc<Plan>) -> Made {
        let usage = Usage::of(&built.image.layers).unwrap_or_default();
        Made { built, plan, usage }
    }
}

/// What a step that is done cost.
pub(crate) fn cost(report: &StepReport) -> Cost {
    Cost {
        bytes: report.layer.as_ref().map_or(0, store::Layer::bytes),
        millis: report.millis,
        simulated: report.fidelity == Fidelity::Simulated,
    }
}

/// All advice on a build that can begin.
pub(crate) fn of_build(prepared: &Prepared, last: Option<&Made>, known: &Costs, blobs: &dyn BlobStore) -> Vec<Problem> {
    let plan = &*prepared.plan;
    let steps = plan.steps.iter().enumerate();
    let costs = steps.filter_map(|(step, planned)| Some((step, *known.get(&planned.text)?)));
    // An image of another plan says nothing of this one: its steps are others.
    let last = last.filter(|last| *last.plan == *plan);
    let found = advise(&Scene {
        file: &prepared.parse.dockerfile,
        plan,
        context: Some(&prepared.sources.context),
        blobs: Some(blobs),
        shipped: last.map(|last| Shipped {
            usage: &last.usage,
            origins: &last.built.origins,
        }),
        costs: &costs.collect(),
    });
    found.iter().map(problems::of_advice).collect()
}
