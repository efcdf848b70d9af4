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
        Action::Run(run) => add_run(&mut deps, run, canonical),
    }
    deps
}

fn add_copy(deps: &mut Vec<Dep>, copy: &Copy, canonical: impl Fn(Input) -> Input) {
    for input in copy.items.iter().map(|item| canonical(item.from)) {
        // What is copied to counts already, as a whole.
        if input == Input::Scratch || deps.iter().any(|dep| dep.input == input) {
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

fn add_run(deps: &mut Vec<Dep>, run: &Run, canonical: impl Fn(Input) -> Input) {
    let mut mounted: Vec<Vec<&str>> = Vec::new();
    if let Some(base) = deps.first_mut() {
        base.selector = Some(Digest::of(b"/"));
        mounted.push(vec!["/"]);
    }
    for mount in run.sorted_mounts() {
        let (from, source) = match &mount.kind {
            MountKind::Bind { from, source } | MountKind::Cache { from, source, .. } => (canonical(*from), source),
            _ => continue,
        };
        if from == Input::Scratch {
            continue;
        }
        let place = deps.iter().position(|dep| dep.input == from).unwrap_or_else(|| {
            deps.push(Dep {
                input: from,
                selector: None,
                content: None,
            });
            mounted.push(Vec::new());
            deps.len() - 1
        });
        let (dep, paths) = (&mut deps[place], &mut mounted[place]);
        paths.push(source);
        dep.selector = Some(Digest::of(paths.join("\0").as_bytes()));
        // A mount of everything makes the choice of anything else idle.
        let chosen: &[&str] = if paths.contains(&"/") { &["/"] } else { paths };
        dep.content = Some(chosen.iter().map(|path| Selector::plain(path)).collect());
    }
}
