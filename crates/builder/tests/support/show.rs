//! What came of a build, as text.

use super::world::{EPOCH, Outcome};
use std::fmt::Write as _;
use store::{ChangeKind, Image, Node};

/// A line for each step: what it says, and whether it ran, and why.
pub(crate) fn steps(outcome: &Outcome) -> String {
    let Some(plan) = &outcome.plan else {
        return "nothing\n".to_owned();
    };
    let mut text = String::new();
    for report in &outcome.steps {
        let step = &plan.steps[report.step];
        let label = &plan.stages[step.stage].label;
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("{label}: ")
        };
        let fate = report
            .miss
            .as_ref()
            .map_or_else(|| "cached".to_owned(), |miss| format!("runs: {}", miss.reason));
        writeln!(text, "{label}{}\n    {fate}", step.text.replace('\n', "\\n")).expect("memory takes it");
    }
    text
}

pub(crate) fn layers(image: &Image) -> String {
    let mut text = String::new();
    for (number, layer) in image.layers.iter().enumerate() {
        writeln!(text, "{number}").expect("memory takes it");
        for change in &layer.changes.changes {
            let path = &change.path;
            let line = match &change.kind {
                ChangeKind::Delete => format!("- {path}"),
                ChangeKind::Opaque => format!("- {path}/*"),
                ChangeKind::Link { to, .. } => format!("+ {path} = {to}"),
                ChangeKind::Put(node) => put(path.as_str(), node),
            };
            writeln!(text, "  {line}").expect("memory takes it");
        }
    }
    text
}

fn put(path: &str, node: &Node) -> String {
    let meta = node.meta();
    let owner = if (meta.uid, meta.gid) == (0, 0) {
        String::new()
    } else {
        format!(" {}:{}", meta.uid, meta.gid)
    };
    let time = if meta.mtime.secs == EPOCH {
        String::new()
    } else {
        format!(" @{}", meta.mtime.secs)
    };
    match node {
        Node::Dir(_) => format!("+ {path}/ {:o}{owner}{time}", meta.mode),
        Node::Symlink { target, .. } => format!("+ {path} -> {target}{owner}{time}"),
        Node::File(file) => format!("+ {path} {:o}{owner} {} B{time}", meta.mode, file.content.size()),
        Node::Special { kind, .. } => format!("+ {path} {kind:?}{owner}{time}"),
    }
}

pub(crate) fn history(image: &Image) -> String {
    let line = |(entry, layer): (&oci::History, Option<&store::Layer>)| {
        format!(
            "{} {}\n",
            if layer.is_some() { "+" } else { " " },
            entry.created_by.replace('\n', "\\n")
        )
    };
    image.steps().map(line).collect()
}

pub(crate) fn config(image: &Image) -> serde_json::Value {
    let config: serde_json::Value = serde_json::from_slice(&image.config_bytes).expect("JSON");
    config["config"].clone()
}
