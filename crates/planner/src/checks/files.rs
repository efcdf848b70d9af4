//! COPY and ADD: sources that `.dockerignore` leaves out.

use super::at::At;
use super::bases::expand;
use super::report::{Finding, Report};
use super::stages::{State, Walk};
use crate::path;
use dockerfile::{Kind, Transfer, quote};

pub(super) fn check(walk: &Walk<'_>, at: At<'_>, transfer: &Transfer, state: &State, report: &mut Report<'_>) {
    let Some(ignored) = walk.around.ignored.filter(|_| transfer.from.is_none()) else {
        return;
    };
    let verb = if matches!(at.instruction.kind, Kind::Add(_)) {
        "Add"
    } else {
        "Copy"
    };
    for source in &transfer.sources {
        let Ok(expanded) = expand(walk.file, &source.value, &state.env) else {
            return;
        };
        if is_remote(&expanded.text) {
            continue;
        }
        let cleaned = path::clean(&expanded.text);
        if ignored(&cleaned) {
            report.add(
                at,
                Finding {
                    rule: "CopyIgnoredFile",
                    span: at.span(source.span),
                    message: format!(
                        "Attempting to {verb} file {} that is excluded by .dockerignore",
                        quote(&cleaned)
                    ),
                    hint: "change .dockerignore, or copy something else",
                    fix: None,
                },
            );
        }
    }
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@", "github.com/"]
        .iter()
        .any(|start| source.starts_with(start))
}
