//! The build cache: what steps made, by what they did to what.
//!
//! A result has a name. A link says: this operation on this input (known by a name, or by the checksum of the files that
//! were looked at) leads to these results. A step hits if one result is led to from all its inputs. A new step gets a new
//! name; names chain, so that a miss makes every step after it miss, and equal content makes them hit again.
//!
//! Source: BuildKit, `docs/dev/solver.md` and `solver/cachemanager.go`.

use crate::checksum::Checksums;
use crate::execute::Fidelity;
use crate::miss::Seen;
use oci::{DiffId, Digest, Time};
use std::collections::{BTreeMap, BTreeSet};
use store::{Layer, Node, Tree};

/// As many filesystems as are kept at hand.
const MAX_TREES: usize = 1000;

/// What a result is known by.
pub type Key = Digest;

/// What builds have made and can use again. A plain value: clone it, keep it, or save its [`Records`].
#[derive(Debug, Clone, Default)]
pub struct Cache {
    pub(crate) records: Records,
    /// Filesystems of results, as long as the value lives.
    pub(crate) trees: BTreeMap<Key, Tree>,
    /// Content of cache mounts, by their identity.
    pub(crate) mounts: BTreeMap<String, Node>,
    /// Checksums of files and folders that were looked at before.
    pub(crate) sums: Checksums,
    /// For each place in [`Records::seen`], the content keys of its inputs: while they are equal, so are the files.
    pub(crate) contents: BTreeMap<String, Vec<Digest>>,
}

/// All of a cache that is worth keeping from one process to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    /// What steps made.
    pub results: BTreeMap<Key, Record>,
    /// From an operation on an input to the results.
    pub links: BTreeMap<Digest, BTreeSet<Key>>,
    /// What the steps of the last build consisted of, by stage and place: to tell what changed.
    pub seen: BTreeMap<String, Seen>,
    /// Layers with their times held below `SOURCE_DATE_EPOCH`, by the layer as made and the epoch.
    pub rewritten: BTreeMap<(DiffId, i64), Layer>,
}

/// What a step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub created: Time,
    /// Its layer, times as they are; `None` for the second half of a linked copy, which makes none.
    pub layer: Option<Layer>,
    /// How long it took.
    pub millis: u64,
    /// What it wrote.
    pub log: String,
    /// Whether the step itself was simulated.
    pub fidelity: Fidelity,
}

/// An input as it counts for one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputKeys {
    /// What it is known by.
    pub(crate) keys: Vec<Key>,
    pub(crate) selector: Option<Digest>,
    /// The checksum of what is looked at, if that may count and is known.
    pub(crate) content: Option<Digest>,
}

impl Cache {
    /// Forgets everything but the content of cache mounts.
    pub fn forget(&mut self) {
        self.records = Records::default();
        self.contents.clear();
        self.trees.clear();
    }

    /// Keeps a filesystem at hand. It can be made again from layers, so that now and then all are dropped.
    pub(crate) fn keep_tree(&mut self, key: Key, tree: Tree) {
        if self.trees.len() >= MAX_TREES {
            self.trees.clear();
        }
        self.trees.insert(key, tree);
    }

    /// Checksums of files and folders that were looked at.
    pub fn checksums(&self) -> &Checksums {
        &self.sums
    }

    /// The same, to take in what another process knew.
    pub fn checksums_mut(&mut self) -> &mut Checksums {
        &mut self.sums
    }

    /// What is worth keeping.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// A cache with what was kept.
    pub fn of_records(records: Records) -> Cache {
        Cache {
            records,
            ..Cache::default()
        }
    }

    /// The results of `operation` on `inputs`, best known first.
    pub(crate) fn find(&self, operation: &Digest, inputs: &[InputKeys]) -> Vec<Key> {
        let links: Vec<Vec<Digest>> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| links(operation, index, input).collect())
            .collect();
        self.find_by(operation, &links)
    }

    /// The results of `operation` that one of the links of each input leads to.
    pub(crate) fn find_by(&self, operation: &Digest, inputs: &[Vec<Digest>]) -> Vec<Key> {
        let is_there = |key: &Key| self.records.results.contains_key(key);
        if inputs.is_empty() {
            return Some(*operation).filter(is_there).into_iter().collect();
        }
        let mut common: Option<BTreeSet<Key>> = None;
        for links in inputs {
            let found = links.iter().filter_map(|link| self.records.links.get(link));
            let found: BTreeSet<Key> = found.flatten().copied().collect();
            common = Some(match common {
                None => found,
                Some(before) => before.intersection(&found).copied().collect(),
            });
        }
        common.unwrap_or_default().into_iter().filter(is_there).collect()
    }

    /// Whether [`find`](Cache::find) may find something once all inputs are known; those without keys are not known yet.
    pub(crate) fn may_find(&self, operation: &Digest, inputs: &[InputKeys]) -> bool {
        let known = inputs.iter().enumerate().filter(|(_, input)| !input.keys.is_empty());
        let mut leads = known
            .map(|(index, input)| links(operation, index, input).any(|link| self.records.links.contains_key(&link)));
        leads.all(|leads| leads)
    }

    /// Notes that `operation` on `inputs` leads to `key`.
    pub(crate) fn link(&mut self, operation: &Digest, inputs: &[InputKeys], key: Key) {
        for (index, input) in inputs.iter().enumerate() {
            for link in links(operation, index, input) {
                self.records.links.entry(link).or_default().insert(key);
            }
        }
    }

    /// A name for a new result of `operation` on `inputs`.
    pub(crate) fn new_key(&self, operation: &Digest, inputs: &[InputKeys]) -> Key {
        if inputs.is_empty() {
            return *operation;
        }
        let known_by: Vec<String> = inputs
            .iter()
            .map(|input| {
                let known_by = input.content.as_ref().or(input.keys.first());
                known_by.map(ToString::to_string).unwrap_or_default()
            })
            .collect();
        let mut key = Digest::of(format!("result {operation} {}", known_by.join(" ")).as_bytes());
        // A step that ignores the cache makes another result of the same inputs.
        while self.records.results.contains_key(&key) {
            key = Digest::of(format!("again {key}").as_bytes());
        }
        key
    }
}

fn links<'a>(operation: &'a Digest, index: usize, input: &'a InputKeys) -> impl Iterator<Item = Digest> + 'a {
    let selector = input.selector.map(|selector| selector.to_string()).unwrap_or_default();
    let by_key = input.keys.iter();
    let by_key = by_key.map(move |key| link_by_key(operation, index, key, &selector));
    let by_content = input.content.iter();
    by_key.chain(by_content.map(move |content| link_by_content(operation, index, content)))
}

/// What leads from an input that is known by `key`, of which `selector` is looked at, to results.
pub(crate) fn link_by_key(operation: &Digest, index: usize, key: &Key, selector: &str) -> Digest {
    Digest::of(format!("{operation} {index} {key} {selector}").as_bytes())
}

/// What leads from an input whose files have the checksum `content` to results.
pub(crate) fn link_by_content(operation: &Digest, index: usize, content: &Digest) -> Digest {
    Digest::of(format!("{operation} {index} content {content}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            created: Time::default(),
            layer: None,
            millis: 0,
            log: String::new(),
            fidelity: Fidelity::Exact,
        }
    }

    fn by_key(key: &str) -> InputKeys {
        InputKeys {
            keys: vec![Digest::of(key.as_bytes())],
            ..InputKeys::default()
        }
    }

    fn by_content(content: &str) -> InputKeys {
        InputKeys {
            content: Some(Digest::of(content.as_bytes())),
            ..InputKeys::default()
        }
    }

    fn made(cache: &mut Cache, operation: &Digest, inputs: &[InputKeys]) -> Key {
        let key = cache.new_key(operation, inputs);
        cache.link(operation, inputs, key);
        cache.records.results.insert(key, record());
        key
    }

    #[test]
    fn a_result_is_found_if_all_inputs_lead_to_it() {
        let mut cache = Cache::default();
        let copy = Digest::of(b"copy");
        let key = made(&mut cache, &copy, &[by_key("base"), by_content("files")]);
        assert_eq!(cache.find(&copy, &[by_key("base"), by_content("files")]), [key]);
        assert_eq!(cache.find(&copy, &[by_key("other"), by_content("files")]), []);
        assert_eq!(cache.find(&copy, &[by_key("base"), by_content("changed")]), []);
        assert_eq!(
            cache.find(&Digest::of(b"run"), &[by_key("base"), by_content("files")]),
            []
        );
    }

    #[test]
    fn equal_content_leads_to_the_old_result_under_a_new_name_of_the_input() {
        let mut cache = Cache::default();
        let copy = Digest::of(b"copy");
        let old = InputKeys {
            content: Some(Digest::of(b"files")),
            ..by_key("stage, first time")
        };
        let key = made(&mut cache, &copy, &[old]);
        let new = InputKeys {
            content: Some(Digest::of(b"files")),
            ..by_key("stage, second time")
        };
        assert_eq!(cache.find(&copy, std::slice::from_ref(&new)), [key]);
        cache.link(&copy, std::slice::from_ref(&new), key);
        assert_eq!(cache.find(&copy, &[by_key("stage, second time")]), [key]);
    }

    #[test]
    fn an_ignored_result_gets_a_second_name() {
        let mut cache = Cache::default();
        let run = Digest::of(b"run");
        let first = made(&mut cache, &run, &[by_key("base")]);
        assert_ne!(cache.new_key(&run, &[by_key("base")]), first);
    }
}
