//! From what others have built to what this machine knows.

use super::config::{CacheConfig, CacheInput, CacheRecord};
use crate::build::{Build, Tools};
use crate::cache::{Cache, Key, Record, link_by_content, link_by_key};
use crate::deps;
use crate::execute::Fidelity;
use crate::operation;
use oci::Digest;
use planner::{Caching, Input};
use std::collections::{BTreeMap, BTreeSet};
use store::Layer;

impl Build {
    /// The layers of `config`, by their places, that this build may take from it: those that its operations lead to, as far as that can
    /// be told before any of them is done.
    pub fn wanted(&mut self, config: &CacheConfig, tools: &mut Tools<'_>) -> BTreeSet<usize> {
        let mut known = BTreeSet::new();
        // Whether an operation looks at files that a step has yet to make: then it may be anything.
        let mut operations: BTreeMap<Digest, bool> = BTreeMap::new();
        for (step, _) in self.order.clone() {
            if self.plan.steps[step].caching == Caching::Ignore {
                continue;
            }
            let deps = deps::of_step(&self.plan, step);
            let operation = operation::of_step(&self.plan, step, &deps);
            let is_open = operations.entry(operation).or_default();
            if deps.is_empty() {
                known.insert(operation);
            }
            for dep in deps {
                known.extend(self.keys(dep.input));
                match (dep.input, &dep.content) {
                    (Input::Step(_), Some(_)) => *is_open = true,
                    // What cannot be read is told of when its turn comes.
                    (_, Some(selectors)) => known.extend(self.content(dep.input, step, selectors, tools)),
                    (_, None) => {}
                }
            }
        }
        let mut leads = vec![false; config.records.len()];
        let mut wanted = BTreeSet::new();
        for place in config.order().unwrap_or_default() {
            let record = &config.records[place];
            let operation = operations.get(&record.digest);
            leads[place] = match operation {
                Some(is_open) => record.inputs.iter().all(|input| {
                    let mut links = input.iter().map(|input| input.link);
                    links.any(|link| leads[link] || (*is_open && is_name(&config.records[link])))
                }),
                None => is_name(record) && known.contains(&record.digest),
            };
            if leads[place] {
                wanted.extend(record.tops().map(|(layer, _)| layer));
            }
        }
        wanted
    }
}

/// Whether a record only says what something is known by.
fn is_name(record: &CacheRecord) -> bool {
    record.inputs.is_empty() && record.tops().next().is_none()
}

impl Cache {
    /// Takes in what `config` knows and this cache does not, as far as `layers` has its layers, by their places. Returns how many results
    /// that were.
    pub fn import(&mut self, config: &CacheConfig, layers: &BTreeMap<usize, Layer>) -> usize {
        let mut imported = 0;
        let mut names: Vec<Key> = config.records.iter().map(|record| record.digest).collect();
        for place in config.order().unwrap_or_default() {
            let record = &config.records[place];
            if is_name(record) {
                continue;
            }
            let operation = &record.digest;
            let links: Vec<Vec<Digest>> = record
                .inputs
                .iter()
                .enumerate()
                .map(|(index, input)| {
                    let links = input.iter().map(|input| (input, &config.records[input.link]));
                    links
                        .flat_map(|(input, from)| links_of(operation, index, input, &names[input.link], is_name(from)))
                        .collect()
                })
                .collect();
            // What is here already is as good, and the steps of this machine know it.
            if let Some(here) = self.find_by(operation, &links).first() {
                names[place] = *here;
                continue;
            }
            names[place] = name(operation, &links);
            let found = record
                .tops()
                .find_map(|(layer, created)| Some((layers.get(&layer)?, created)));
            let Some((layer, created)) = found else { continue };
            imported += 1;
            let made = Record {
                created,
                layer: Some(layer.clone()),
                millis: 0,
                log: String::new(),
                fidelity: Fidelity::Exact,
            };
            self.records.results.insert(names[place], made);
            for link in links.into_iter().flatten() {
                self.records.links.entry(link).or_default().insert(names[place]);
            }
        }
        imported
    }
}

/// What leads from an input to the results of `operation`. A name may be that of an image or the checksum of files: the document does not
/// say which.
fn links_of(operation: &Digest, index: usize, input: &CacheInput, name: &Key, is_name: bool) -> Vec<Digest> {
    let mut links = vec![link_by_key(operation, index, name, &input.selector)];
    if is_name && input.selector.is_empty() {
        links.push(link_by_content(operation, index, name));
    }
    links
}

/// What a result from elsewhere is called here.
fn name(operation: &Digest, links: &[Vec<Digest>]) -> Key {
    if links.is_empty() {
        return *operation;
    }
    let links: Vec<String> = links.iter().flatten().map(ToString::to_string).collect();
    Digest::of(format!("from elsewhere {operation} {}", links.join(" ")).as_bytes())
}
