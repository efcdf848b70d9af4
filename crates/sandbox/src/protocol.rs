//! What caller and helper process say to each other.

use crate::error::SandboxError;
use crate::spawn::Ended;
use crate::spec::{Exec, Running, Spec};
use crate::stubs::Stub;
use serde::{Deserialize, Serialize};

/// The caller's one message, after its streams.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// A sandbox of its own.
    Spawn(Spec),
    /// A process in a sandbox that runs.
    Exec(Running, Exec),
}

impl Request {
    pub(crate) fn outlives_caller(&self) -> bool {
        match self {
            Self::Spawn(spec) => spec.outlives_caller,
            Self::Exec(_, exec) => exec.outlives_caller,
        }
    }
}

/// What comes back: in order of time, `Terminal` and `Stubs` at most once, then `Failed`, or `Started` and `Ended`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// With the caller's end of the terminal.
    Terminal,
    /// What was made so that something could be mounted there.
    Stubs(Vec<Stub>),
    /// Nothing runs.
    Failed(SandboxError),
    /// The program runs; with a descriptor of the process.
    Started(Running),
    /// All of it has ended.
    Ended(Ended),
}
