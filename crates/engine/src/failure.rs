//! Why a build cannot begin.

use crate::WorldError;
use builder::{BuildError, ContextError};
use dockerfile::{Diagnostic, Severity};

/// Why a build cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The Dockerfile is wrong. The first one is what BuildKit reports.
    #[error("{}", .0.first().map_or("", |problem| problem.message.as_str()))]
    Text(Vec<Diagnostic>),
    /// The context cannot be read.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// Something that no line of the Dockerfile names cannot be had.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A source of the plan is missing.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Failure {
    /// The errors of the text, what BuildKit reports first; empty if the text is not to blame.
    pub fn problems(&self) -> &[Diagnostic] {
        match self {
            Failure::Text(problems) => problems,
            _ => &[],
        }
    }

    /// The errors among `found`, `first` before the others.
    pub(crate) fn of_parse(found: &[Diagnostic]) -> Option<Failure> {
        let first = dockerfile::first_error(found)?;
        let others = found
            .iter()
            .filter(|other| other.severity == Severity::Error && *other != first);
        Some(Failure::Text(std::iter::once(first).chain(others).cloned().collect()))
    }
}
