//! What a keeper is told to do: one process, and what becomes of it.

use super::ports::Forward;
use oci::Healthcheck;
use sandbox::{Exec, Running, Spec};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A process to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// What is run.
    pub task: Task,
    /// What it reads.
    pub input: Input,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    /// The first process of a container.
    First(Box<First>),
    /// Another process in a container that runs.
    Exec {
        /// The container.
        running: Box<Running>,
        /// The process.
        exec: Box<Exec>,
    },
}

/// The first process of a container, and what its options say of its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct First {
    /// The container's folder.
    pub folder: PathBuf,
    /// The process.
    pub spec: Spec,
    /// `--restart`, as it is written.
    pub restart: String,
    /// Bytes of one file of the log.
    pub log_bytes: Option<u64>,
    /// Files of the log.
    pub log_files: u32,
    /// Ports of the machine that lead to it.
    pub ports: Vec<Forward>,
    /// Its health check, with the command and the environment that it is run with.
    pub health: Option<HealthJob>,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HealthJob {
    /// Its times.
    pub check: Healthcheck,
    /// What is run.
    pub exec: Exec,
}

/// What a process reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Input {
    /// Nothing.
    Nothing,
    /// What the one who started it sends; its input ends when that does.
    Starter,
    /// What whoever attaches sends; its input does not end.
    Anybody,
}
