//! The image that a build makes.

use crate::build::{Build, Tools};
use crate::error::{BuildError, BuildErrorKind};
use crate::execute::Fidelity;
use crate::shared::ExportMode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::{ContainerConfig, DiffId, History, Time, Timestamp};
use planner::{Action, Input};
use std::sync::Arc;
use store::{Image, Layer};

/// How an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timestamps {
    /// As they are.
    #[default]
    Keep,
    /// `rewrite-timestamp=true`: those of new layers are held below `SOURCE_DATE_EPOCH`.
    Rewrite,
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
    /// The defaults of containers after each entry of the history that the build added, oldest first; `None` where the plan
    /// does not keep them.
    pub configs: Vec<Option<Arc<ContainerConfig>>>,
    /// Whether anything in it is simulated: then its digests are not BuildKit's.
    pub fidelity: Fidelity,
}

impl Build {
    /// The image, once all steps are done; config and manifest are put into the blob store.
    ///
    /// # Errors
    ///
    /// [`BuildErrorKind::Layer`] or [`BuildErrorKind::Store`] if a layer cannot be written.
    pub fn finish(&mut self, timestamps: Timestamps, tools: &mut Tools<'_>) -> Result<Built, BuildError> {
        self.finish_with(timestamps, tools, |_, _, _| None)
    }

    /// The same, but the image is its own cache: it tells other builds what made its layers.
    ///
    /// # Errors
    ///
    /// As [`finish`](Build::finish).
    pub fn finish_as_cache(&mut self, timestamps: Timestamps, tools: &mut Tools<'_>) -> Result<Built, BuildError> {
        self.finish_with(timestamps, tools, |build, as_made, tools| {
            build.know_contents(tools);
            Some(STANDARD.encode(build.export(ExportMode::Min).inline(as_made)))
        })
    }

    /// `cache` tells, of the layers as steps have made them, what the image says of itself as a cache.
    fn finish_with(
        &mut self,
        timestamps: Timestamps,
        tools: &mut Tools<'_>,
        cache: fn(&mut Build, &[DiffId], &mut Tools<'_>) -> Option<String>,
    ) -> Result<Built, BuildError> {
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
        let mut as_made: Vec<DiffId> = layers.iter().map(|layer| layer.diff_id).collect();
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
                    as_made.push(layer.diff_id);
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
        config.inline_cache = cache(self, &as_made, tools);
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
            configs: stage.history.iter().map(|past| past.config.clone()).collect(),
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
