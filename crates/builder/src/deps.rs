//! What a step depends on, and how each input counts for the cache.
//!
//! Source: BuildKit, `CacheMap` of the file, exec and merge operations.

use crate::content::{Links, Selector};
use oci::Digest;
use planner::{Action, Copy, CopyItem, CopyKind, Input, MountKind, Plan, Run};

/// An input of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dep {
    /// The filesystem; of equal steps, the one that is done.
    pub(crate) input: Input,
    /// What of it is looked at, when it counts by where it came from.
    pub(crate) selector: Option<Digest>,
    /// What of it is looked at, if it may count by its content.
    pub(crate) content: Option<Vec<Selector>>,
}

/// The inputs of a step, base first. An empty filesystem is none.
pub(crate) fn of_step(plan: &Plan, step: usize) -> Vec<Dep> {
    let step = &plan.steps[step];
    let canonical = |input| match input {
        Input::Step(step) => Input::Step(plan.canonical(step)),
        other => other,
    };
    let base = canonical(step.base);
    let mut deps = Vec::new();
    if base != Input::Scratch {
        deps.push(Dep {
            input: base,
            selector: None,
            content: None,
        });
    }
    match &step.action {
        Action::MakeDir(_) => {}
        Action::Copy(copy) => add_copy(&mut deps, copy, canonical),
        Action::Link { layer } => deps.push(Dep {
            input: Input::Step(plan.canonical(*layer)),
            selector: None,
            content: None,
        }),
        Action::Run(run) => add_run(&mut deps, run, base, canonical),
    }
    deps
}

fn add_copy(deps: &mut Vec<Dep>, copy: &Copy, canonical: impl Fn(Input) -> Input) {
    let base = deps.first().map(|dep| dep.input);
    let mut inputs: Vec<Input> = copy.items.iter().map(|item| canonical(item.from)).collect();
    inputs.sort_unstable();
    inputs.dedup();
    for input in inputs {
        // Copying from the very filesystem that is copied to: that one counts already, as a whole.
        if input == Input::Scratch || Some(input) == base {
            continue;
        }
        let items: Vec<&CopyItem> = copy.items.iter().filter(|item| canonical(item.from) == input).collect();
        let mut paths: Vec<&str> = items.iter().map(|item| item.path.as_str()).collect();
        paths.sort_unstable();
        paths.reverse();
        deps.push(Dep {
            input,
            selector: Some(Digest::of(paths.join("\0").as_bytes())),
            content: Some(items.into_iter().map(|item| selector(item, &copy.exclude)).collect()),
        });
    }
}

fn selector(item: &CopyItem, exclude: &[String]) -> Selector {
    let is_local = matches!(item.kind, CopyKind::Local { .. });
    Selector {
        path: item.path.clone(),
        wildcard: is_local && planner::path::has_wildcard(&item.path),
        links: if is_local { Links::Follow } else { Links::Stay },
        include: item.include.clone(),
        exclude: exclude.to_vec(),
        required: item.required.clone(),
    }
}

fn add_run(deps: &mut Vec<Dep>, run: &Run, base: Input, canonical: impl Fn(Input) -> Input) {
    for mount in &run.mounts {
        let (from, source) = match &mount.kind {
            MountKind::Bind { from, source } | MountKind::Cache { from, source, .. } => (canonical(*from), source),
            _ => continue,
        };
        if from == Input::Scratch || from == base {
            continue;
        }
        match deps.iter_mut().find(|dep| dep.input == from) {
            Some(dep) => dep.content.get_or_insert_default().push(Selector::plain(source)),
            None => deps.push(Dep {
                input: from,
                selector: Some(Digest::of(source.as_bytes())),
                content: Some(vec![Selector::plain(source)]),
            }),
        }
    }
    for dep in deps.iter_mut().skip(1) {
        // A mount of everything makes the choice of anything else idle.
        if let Some(selectors) = &mut dep.content
            && selectors.iter().any(|selector| selector.path == "/")
        {
            *selectors = vec![Selector::plain("/")];
        }
    }
}
