//! Asking the cache for a step, and telling why it does not have it.

use crate::build::{Build, Tools};
use crate::cache::{Cache, InputKeys, Key};
use crate::content::{Reader, Root, Selector};
use crate::deps::{self, Dep};
use crate::error::BuildError;
use crate::miss::{self, BaseStep, Miss, Seen};
use crate::operation;
use oci::Digest;
use planner::{Caching, Input};
use std::collections::BTreeMap;
use store::Tree;

/// What the cache says of a step.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) operation: Digest,
    pub(crate) deps: Vec<Dep>,
    pub(crate) inputs: Vec<InputKeys>,
    /// The results it leads to; none for a miss.
    pub(crate) keys: Vec<Key>,
}

impl Build {
    /// Asks the cache for a step, by what its inputs are known by, then by what they hold.
    pub(crate) fn look(&mut self, step: usize, tools: &mut Tools<'_>) -> Result<Look, BuildError> {
        self.keep_texts(&self.plan.steps[step].action, step, tools)?;
        let deps = deps::of_step(&self.plan, step);
        let operation = operation::of_step(&self.plan, step, &deps);
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
                inputs[index].content = Some(self.content(deps[index].input, step, selectors, tools)?);
            }
        }
        Ok(())
    }

    /// What those files of an input are known by that a step looks at.
    pub(crate) fn content(
        &mut self,
        input: Input,
        step: usize,
        selectors: &[Selector],
        tools: &mut Tools<'_>,
    ) -> Result<Digest, BuildError> {
        let tree = self.tree(input, step)?;
        let key = self.reader(input, &tree, tools).key(selectors);
        key.map(|sum| operation::of_content(&sum))
            .map_err(|error| BuildError::at(&self.plan, step, error))
    }

    fn reader<'t>(&self, input: Input, tree: &'t Tree, tools: &'t mut Tools<'_>) -> Reader<'t> {
        Reader {
            tree,
            root: self.root(input),
            blobs: &*tools.blobs,
            sums: &mut tools.cache.sums,
        }
    }

    fn root(&self, input: Input) -> Root {
        match input {
            Input::Source(source) => self.found[source].root,
            Input::Scratch | Input::Step(_) => Root::Made,
        }
    }

    pub(crate) fn keys(&self, input: Input) -> Vec<Key> {
        match input {
            Input::Scratch => Vec::new(),
            Input::Source(source) => self.found[source].keys.clone(),
            Input::Step(step) => {
                let done = self.done.get(&self.plan.canonical(step));
                done.map(|done| done.look.keys.clone()).unwrap_or_default()
            }
        }
    }

    /// Whether an input is there already.
    pub(crate) fn is_known(&self, input: Input) -> bool {
        match input {
            Input::Scratch | Input::Source(_) => true,
            Input::Step(step) => self.done.contains_key(&self.plan.canonical(step)),
        }
    }

    /// What the step consists of, as far as it is there, for telling later what changed.
    pub(crate) fn seen(&mut self, step: usize, deps: &[Dep], tools: &mut Tools<'_>) -> Seen {
        let mut files = BTreeMap::new();
        for dep in deps {
            // Files that cannot be read are not told of; the step itself says what is wrong with them.
            if let Some(selectors) = &dep.content
                && self.is_known(dep.input)
                && let Ok(tree) = self.tree(dep.input, step)
                && let Ok(found) = self.reader(dep.input, &tree, tools).files(selectors)
            {
                files.extend(found);
            }
        }
        Seen {
            text: self.plan.steps[step].text.clone(),
            definition: self.plan.steps[step].definition.clone(),
            base: self.keys(self.plan.steps[step].base),
            files,
        }
    }

    /// Why the step that consists of `seen` runs.
    pub(crate) fn explain(&self, step: usize, seen: &Seen, cache: &Cache) -> Miss {
        if self.plan.steps[step].caching == Caching::Ignore {
            return Miss::ignored();
        }
        let then = miss::remembered(&cache.records.seen, &self.plan, step);
        let base = match self.plan.steps[step].base {
            Input::Step(base) => match self.done.get(&self.plan.canonical(base)) {
                Some(done) if done.cached => BaseStep::Cached,
                _ => BaseStep::Ran,
            },
            Input::Scratch | Input::Source(_) => BaseStep::Cached,
        };
        miss::explain(&self.plan, step, then, seen, base)
    }

    /// Remembers what a step consisted of.
    pub(crate) fn remember(&self, step: usize, look: &Look, seen: Seen, cache: &mut Cache) {
        for place in miss::places(&self.plan, step) {
            cache.contents.insert(place.clone(), contents(look));
            cache.records.seen.insert(place, seen.clone());
        }
    }

    /// Remembers what a step from the cache consists of, unless that is known. Files are listed only if their content had
    /// to be looked at anyway.
    pub(crate) fn remember_hit(&mut self, step: usize, look: &Look, tools: &mut Tools<'_>) {
        let contents = contents(look);
        let [by_text, _] = miss::places(&self.plan, step);
        let known = tools.cache.records.seen.get(&by_text).is_some_and(|seen| {
            seen.definition == self.plan.steps[step].definition && seen.base == self.keys(self.plan.steps[step].base)
        });
        if known && tools.cache.contents.get(&by_text) == Some(&contents) {
            return;
        }
        let looked_at: Vec<Dep> = look
            .deps
            .iter()
            .zip(&look.inputs)
            .filter(|(_, input)| input.content.is_some())
            .map(|(dep, _)| dep.clone())
            .collect();
        let mut seen = self.seen(step, &looked_at, tools);
        if looked_at.is_empty()
            && let Some(before) = tools.cache.records.seen.get(&by_text)
        {
            seen.files.clone_from(&before.files);
        }
        self.remember(step, look, seen, tools.cache);
    }
}

/// The content keys of a step's inputs.
fn contents(look: &Look) -> Vec<Digest> {
    look.inputs.iter().filter_map(|input| input.content).collect()
}
