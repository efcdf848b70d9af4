//! Why a build ends before its image is made.

use crate::copy::CopyError;
use crate::execute::ExecuteError;
use dockerfile::Span;
use planner::{Plan, Step};
use std::fmt;
use store::{LayerError, StoreError, TreeError};

/// Why a build ends, and where.
#[derive(Debug)]
pub struct BuildError {
    /// The step that failed; `None` if none was reached.
    pub step: Option<usize>,
    /// The text of the Dockerfile it concerns.
    pub span: Span,
    /// The first line of that text, from 1; `None` if no line is concerned.
    pub line: Option<usize>,
    /// What is wrong.
    pub kind: BuildErrorKind,
}

/// What is wrong. The wording is BuildKit's where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A command failed.
    #[error(
        "process {} did not complete successfully: exit code: {code}",
        dockerfile::quote(command)
    )]
    Exit {
        /// Program and arguments, joined by blanks.
        command: String,
        /// Its exit code.
        code: i32,
        /// What it wrote.
        log: String,
    },
    /// Files could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A secret that is required is not given.
    #[error("secret {id}: not found")]
    Secret {
        /// Its identity.
        id: String,
    },
    /// An SSH agent that is required is not given.
    #[error("no SSH key {id:?} forwarded from the client")]
    Agent {
        /// Its identity.
        id: String,
    },
    /// A source of the plan is not given.
    #[error("{what}")]
    Source {
        /// What is missing.
        what: String,
    },
    /// The next step is a command, and there is no executor.
    #[error("expected an executor for the command, found none")]
    NoExecutor,
    /// The command could not be run at all.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A layer could not be written or read.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Bytes could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A filesystem could not be changed.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl BuildError {
    /// A source is missing.
    pub(crate) fn source(what: String) -> BuildError {
        BuildError {
            step: None,
            span: Span::default(),
            line: None,
            kind: BuildErrorKind::Source { what },
        }
    }

    /// Something went wrong in a step.
    pub(crate) fn at(plan: &Plan, step: usize, kind: impl Into<BuildErrorKind>) -> BuildError {
        let Step { span, lines, .. } = &plan.steps[step];
        BuildError {
            step: Some(step),
            span: *span,
            line: Some(lines.0),
            kind: kind.into(),
        }
    }

    /// What the failed command wrote.
    pub fn log(&self) -> Option<&str> {
        match &self.kind {
            BuildErrorKind::Exit { log, .. } => Some(log),
            _ => None,
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl std::error::Error for BuildError {}
