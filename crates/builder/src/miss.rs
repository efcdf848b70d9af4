//! Why a step does not come from the cache: the difference between what it was and what it is.

use crate::cache::Key;
use oci::Digest;
use planner::{Action, Input, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// What a step consisted of when it was last done or looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The step as progress words it.
    pub text: String,
    /// Its operation, in named parts.
    pub definition: Vec<(String, String)>,
    /// What the filesystem it started from was known by.
    pub base: Vec<Key>,
    /// The files it looked at, with their checksums; directories end in `/`.
    pub files: BTreeMap<String, Digest>,
}

/// Why a step is not taken from the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// One sentence, without a final period.
    pub reason: String,
    /// What differs.
    pub parts: Vec<Part>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is: `command`, `variable NAME`, `file src/main.js`.
    pub what: String,
    /// As it was; empty if it was not there.
    pub then: String,
    /// As it is; empty if it is not there any more.
    pub now: String,
}

impl Miss {
    fn plain(reason: impl Into<String>) -> Miss {
        Miss {
            reason: reason.into(),
            parts: Vec::new(),
        }
    }

    /// `--no-cache`.
    pub(crate) fn ignored() -> Miss {
        Miss::plain("the cache is not used for this step")
    }
}

/// What became of the step that made the filesystem that another starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseStep {
    /// It came from the cache, or there is none.
    Cached,
    /// It ran, or will.
    Ran,
}

/// Under which names a step is remembered: its stage with its text, and with its place in the stage.
pub(crate) fn places(plan: &Plan, step: usize) -> [String; 2] {
    let found = &plan.steps[step];
    let stage = &plan.stages[found.stage].name;
    let place = plan.steps[..step]
        .iter()
        .filter(|other| other.stage == found.stage)
        .count();
    [format!("{stage}\n{}", found.text), format!("{stage}\n#{place}")]
}

/// What was remembered of a step: of the same text, else of the same place if that text is gone.
pub(crate) fn remembered<'a>(seen: &'a BTreeMap<String, Seen>, plan: &Plan, step: usize) -> Option<&'a Seen> {
    let [by_text, by_place] = places(plan, step);
    seen.get(&by_text).or_else(|| {
        let stage = plan.steps[step].stage;
        let still_there = |old: &Seen| plan.steps.iter().any(|s| s.stage == stage && s.text == old.text);
        seen.get(&by_place).filter(|old| !still_there(old))
    })
}

/// Why the step that consists of `now` is not in the cache, `then` being what it consisted of.
///
/// `state` is that of the step that made the filesystem it starts from.
pub(crate) fn explain(plan: &Plan, step: usize, then: Option<&Seen>, now: &Seen, state: BaseStep) -> Miss {
    let base = base_step(plan, step);
    let Some(then) = then else {
        return Miss::plain("first build of this step");
    };
    let mut parts = definition_parts(&then.definition, &now.definition);
    let mut reason = parts.first().map(|part| definition_reason(plan, step, part));
    let changed = file_parts(&then.files, &now.files);
    if reason.is_none() {
        reason = file_reason(&changed);
    }
    parts.extend(changed);
    let same_base = then.base.iter().any(|key| now.base.contains(key)) || (then.base.is_empty() && now.base.is_empty());
    if state == BaseStep::Ran || !same_base {
        let what = match base {
            Some(base) => format!("line {}", plan.steps[base].lines.0),
            None => "the base image".to_owned(),
        };
        let text = match base {
            Some(_) if state == BaseStep::Ran => {
                format!("{what} runs again, and so does every step after it in this stage")
            }
            Some(_) => format!("{what} makes another filesystem than it did"),
            None => format!("{what} changed"),
        };
        parts.push(Part {
            what: format!("filesystem from {what}"),
            then: short(&then.base),
            now: short(&now.base),
        });
        reason.get_or_insert(text);
    }
    Miss {
        reason: reason.unwrap_or_else(|| "its result is no longer in the cache".to_owned()),
        parts,
    }
}

/// The step that made the filesystem that `step` starts from.
fn base_step(plan: &Plan, step: usize) -> Option<usize> {
    match plan.steps[step].base {
        Input::Step(base) => Some(base),
        Input::Scratch | Input::Source(_) => None,
    }
}

fn short(keys: &[Key]) -> String {
    keys.first().map(Digest::short).unwrap_or_default()
}

fn definition_parts(then: &[(String, String)], now: &[(String, String)]) -> Vec<Part> {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, _) in now.iter().chain(then) {
        if seen.insert(name.as_str()) {
            names.push(name);
        }
    }
    let all = |list: &[(String, String)], name: &str| {
        let values: Vec<&str> = list
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
            .collect();
        values.join(" ")
    };
    let mut parts: Vec<Part> = names
        .iter()
        .map(|name| Part {
            what: (*name).to_owned(),
            then: all(then, name),
            now: all(now, name),
        })
        .filter(|part| part.then != part.now)
        .collect();
    if parts.is_empty() && then != now {
        let order = |list: &[(String, String)]| {
            let names: Vec<&str> = list
                .iter()
                .filter_map(|(name, _)| name.strip_prefix("variable "))
                .collect();
            names.join(" ")
        };
        parts.push(Part {
            what: "order of variables".to_owned(),
            then: order(then),
            now: order(now),
        });
    }
    parts
}

fn definition_reason(plan: &Plan, step: usize, part: &Part) -> String {
    if let Some(name) = part.what.strip_prefix("variable ") {
        return match (part.then.is_empty(), part.now.is_empty()) {
            (true, false) => format!("the variable {name} is new here"),
            (false, true) => format!("the variable {name} is gone"),
            _ => format!("the variable {name} changed"),
        };
    }
    if part.what.starts_with("mount ") {
        return format!("its {} changed", part.what);
    }
    let is_workdir = matches!(plan.steps[step].action, Action::MakeDir(_));
    match part.what.as_str() {
        "command" => "the command changed".to_owned(),
        "shell" => "the shell that runs the command changed".to_owned(),
        "source" => "what it copies is named otherwise".to_owned(),
        "path" if is_workdir => "the directory changed".to_owned(),
        other => format!("the {other} changed"),
    }
}

fn file_parts(then: &BTreeMap<String, Digest>, now: &BTreeMap<String, Digest>) -> Vec<Part> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let text = |files: &BTreeMap<String, Digest>, name: &String| files.get(name).map(Digest::short).unwrap_or_default();
    names
        .into_iter()
        .map(|name| Part {
            what: format!("file {name}"),
            then: text(then, name),
            now: text(now, name),
        })
        .filter(|part| part.then != part.now)
        .collect()
}

fn file_reason(parts: &[Part]) -> Option<String> {
    // A directory is named only if nothing else tells why.
    let is_file = |part: &&Part| !part.what.ends_with('/');
    let files: Vec<&Part> = parts.iter().filter(is_file).collect();
    let listed = if files.is_empty() {
        parts.iter().collect()
    } else {
        files
    };
    let first = *listed.first()?;
    let name = first.what.strip_prefix("file ").unwrap_or(&first.what);
    let verb = match (first.then.is_empty(), first.now.is_empty()) {
        (true, false) => "is new",
        (false, true) => "is gone",
        _ => "changed",
    };
    Some(match listed.len() {
        1 => format!("{name} {verb} since the last build"),
        2 => format!("{name} {verb} since the last build, and one more file"),
        n => format!("{name} {verb} since the last build, and {} more files", n - 1),
    })
}
