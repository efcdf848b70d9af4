//! What the daemon says when this machine refuses something.

use crate::snapshots::SnapshotError;
use engine::Refusal;
use sandbox::SandboxError;
use std::io;

pub(super) fn not_started(error: &SandboxError) -> Refusal {
    match error {
        SandboxError::System { .. } | SandboxError::Lost => of_sandbox(error),
        other => Refusal::NotStarted {
            reason: other.to_string(),
        },
    }
}

pub(super) fn of_sandbox(error: &SandboxError) -> Refusal {
    match error.to_string().split_once(": ") {
        Some((doing, reason)) => Refusal::System {
            doing: doing.to_owned(),
            reason: reason.to_owned(),
        },
        None => Refusal::System {
            doing: "run the container".to_owned(),
            reason: error.to_string(),
        },
    }
}

pub(super) fn system(doing: &str, error: &io::Error) -> Refusal {
    Refusal::System {
        doing: doing.to_owned(),
        reason: error.to_string(),
    }
}

pub(super) fn snapshot(doing: &str, error: SnapshotError) -> Refusal {
    match error {
        SnapshotError::Store(error) => error.into(),
        SnapshotError::Tree(error) => error.into(),
        other => Refusal::System {
            doing: doing.to_owned(),
            reason: other.to_string(),
        },
    }
}
