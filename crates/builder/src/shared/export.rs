//! From a build that is done to what others can use of it.

use super::config::{CacheChain, CacheConfig, CacheInput, CacheLayer, CacheRecord, CacheResult};
use crate::build::{Build, Tools};
use crate::execute::Fidelity;
use crate::look::Look;
use oci::{DiffId, Digest, Time, Timestamp};
use planner::{Action, Input};
use std::collections::{BTreeMap, BTreeSet};
use store::Layer;

/// Of which steps the layers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportMode {
    /// Those that the image has anyway.
    #[default]
    Min,
    /// All.
    Max,
}

/// A cache to be given away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Export {
    /// What it knows. Its layers are those below, in the same order.
    pub config: CacheConfig,
    /// Each layer, and when it was made if a step of this build made it.
    pub layers: Vec<(Layer, Option<Time>)>,
}

impl Export {
    /// The same with layers under other blobs, as when they were compressed.
    #[must_use]
    pub fn with_layers(mut self, layers: Vec<Layer>) -> Export {
        for ((old, new), told) in self.layers.iter_mut().zip(layers).zip(&mut self.config.layers) {
            told.blob = new.descriptor.digest;
            old.0 = new;
        }
        self
    }
}

impl Export {
    /// What an image whose layers were made as `image` tells of itself, as JSON: of the results, those that some of its layers make.
    pub(crate) fn inline(&self, image: &[DiffId]) -> Vec<u8> {
        let records = self.config.records.iter().map(|record| {
            let (mut results, mut chains) = (Vec::new(), Vec::new());
            for result in &record.results {
                let created_at = result.created_at.clone();
                match self.places_in(image, result.layer) {
                    Some(layers) if layers.iter().copied().eq(0..layers.len()) => results.push(CacheResult {
                        layer: layers.len() - 1,
                        created_at,
                    }),
                    Some(layers) => chains.push(CacheChain { layers, created_at }),
                    None => {}
                }
            }
            CacheRecord {
                results,
                chains,
                ..record.clone()
            }
        });
        oci::go_json(&records.collect::<Vec<_>>())
    }

    /// The places in `image` of a layer and of those below it, base first, if it has them in this order.
    fn places_in(&self, image: &[DiffId], top: usize) -> Option<Vec<usize>> {
        let mut chain = Vec::new();
        let mut at = top as i64;
        while let Ok(place) = usize::try_from(at) {
            chain.push(self.layers[place].0.diff_id);
            at = self.config.layers[place].parent;
        }
        let mut places = Vec::new();
        let mut from = 0;
        for diff_id in chain.iter().rev() {
            let place = from + image[from..].iter().position(|layer| layer == diff_id)?;
            places.push(place);
            from = place + 1;
        }
        Some(places)
    }
}

impl Build {
    /// Looks at the files of inputs that are known by name only, as far as they can be read: others, who do not know the name, find a step
    /// by them. What a step that was just done looked at is known already.
    pub fn know_contents(&mut self, tools: &mut Tools<'_>) {
        for step in self.done.keys().copied().collect::<Vec<_>>() {
            for index in 0..self.done[&step].look.deps.len() {
                let look = &self.done[&step].look;
                let dep = &look.deps[index];
                let Some(selectors) = dep.content.clone().filter(|_| look.inputs[index].content.is_none()) else {
                    continue;
                };
                let content = self.content(dep.input, step, &selectors, tools).ok();
                if let Some(done) = self.done.get_mut(&step) {
                    done.look.inputs[index].content = content;
                }
            }
        }
    }

    /// What others can use of the steps that are done. What is simulated is no part of it.
    pub fn export(&self, mode: ExportMode) -> Export {
        let in_image = self.in_image();
        let mut writer = Writer::default();
        for (step, _) in &self.order {
            let Some(done) = self.done.get(step) else { continue };
            let plan = &self.plan.steps[*step];
            let below = match plan.base {
                Input::Scratch => -1,
                Input::Step(base) => writer.tops.get(&self.plan.canonical(base)).copied().unwrap_or(-1),
                Input::Source(source) => self.found[source].image.as_ref().map_or(-1, |base| {
                    let layers = base.image.layers.iter();
                    layers.fold(-1, |below, layer| writer.layer(below, layer, None))
                }),
            };
            let record = &done.record;
            let own = match plan.action {
                Action::Link { layer } => self.done.get(&self.plan.canonical(layer)).map(|done| &done.record),
                _ => Some(record),
            };
            let made = own.and_then(|own| Some((own.layer.as_ref()?, own.created)));
            let is_told = done.fidelity == Fidelity::Exact && (mode == ExportMode::Max || in_image.contains(step));
            let mut results = Vec::new();
            if let Some((layer, created)) = made.filter(|_| done.fidelity == Fidelity::Exact) {
                // Layers that only lie below those that are told of need a place, too.
                if is_told || in_image.contains(step) {
                    let top = writer.layer(below, layer, Some(created));
                    writer.tops.insert(*step, top);
                    results.push(CacheResult {
                        layer: usize::try_from(top).expect("it has a place"),
                        created_at: stamp(record.created),
                    });
                }
            }
            writer.record(*step, &done.look, results);
        }
        writer.export
    }

    /// The steps whose layers the image has.
    fn in_image(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut at = self.plan.stages[self.plan.target].output;
        while let Input::Step(step) = at {
            let step = self.plan.canonical(step);
            found.insert(step);
            if let Action::Link { layer } = self.plan.steps[step].action {
                found.insert(self.plan.canonical(layer));
            }
            at = self.plan.steps[step].base;
        }
        found
    }
}

#[derive(Default)]
struct Writer {
    export: Export,
    /// Places of layers, by what is below them and what they are.
    placed: BTreeMap<(i64, DiffId), i64>,
    /// The uppermost layer of each step.
    tops: BTreeMap<usize, i64>,
    /// Places of the records of steps.
    steps: BTreeMap<usize, usize>,
    /// Places of records without inputs, by what they stand for.
    names: BTreeMap<Digest, usize>,
}

impl Writer {
    fn layer(&mut self, below: i64, layer: &Layer, created: Option<Time>) -> i64 {
        let next = self.export.layers.len() as i64;
        let place = *self.placed.entry((below, layer.diff_id)).or_insert(next);
        if place == next {
            self.export.layers.push((layer.clone(), created));
            self.export.config.layers.push(CacheLayer {
                blob: layer.descriptor.digest,
                parent: below,
            });
        }
        place
    }

    fn name(&mut self, digest: Digest) -> usize {
        let records = &mut self.export.config.records;
        *self.names.entry(digest).or_insert_with(|| {
            records.push(CacheRecord {
                results: Vec::new(),
                chains: Vec::new(),
                digest,
                inputs: Vec::new(),
            });
            records.len() - 1
        })
    }

    fn record(&mut self, step: usize, look: &Look, results: Vec<CacheResult>) {
        let mut inputs = Vec::new();
        for (dep, known) in look.deps.iter().zip(&look.inputs) {
            let selector = known.selector.map(|selector| selector.to_string()).unwrap_or_default();
            let of_step = match dep.input {
                Input::Step(step) => self.steps.get(&step).copied(),
                Input::Scratch | Input::Source(_) => None,
            };
            let mut links: Vec<usize> = match of_step {
                Some(link) => vec![link],
                None => known.keys.iter().map(|key| self.name(*key)).collect(),
            };
            links.dedup();
            let mut input: Vec<CacheInput> = links
                .into_iter()
                .map(|link| CacheInput {
                    selector: selector.clone(),
                    link,
                })
                .collect();
            input.extend(known.content.map(|content| CacheInput {
                selector: String::new(),
                link: self.name(content),
            }));
            inputs.push(input);
        }
        let records = &mut self.export.config.records;
        self.steps.insert(step, records.len());
        records.push(CacheRecord {
            results,
            chains: Vec::new(),
            digest: look.operation,
            inputs,
        });
    }
}

fn stamp(time: Time) -> String {
    let offset_minutes = 0;
    Timestamp { time, offset_minutes }.to_string()
}
