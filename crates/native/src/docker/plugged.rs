//! What a command has beyond this machine's files: how it reaches registries, and what runs processes.

use builder::{ExecuteError, Executor, RunOutcome, RunRequest};
use registry::client::RegistryConfig;
use registry::{Answer, Call, Transport, TransportError};
use store::{BlobStore, Tree};

/// Carries requests to registries.
pub(super) fn transport() -> Box<dyn Transport> {
    Box::new(NoTransport)
}

/// What is known of registries.
pub(super) fn registries() -> RegistryConfig {
    RegistryConfig::default()
}

/// Runs processes.
pub(super) fn executor() -> Box<dyn Executor> {
    Box::new(NoExecutor)
}

/// Reaches nobody, and says so.
struct NoTransport;

impl Transport for NoTransport {
    fn send(&mut self, _: Call<'_>) -> Result<Answer, TransportError> {
        Err(TransportError::Io("registries cannot be reached from here".to_owned()))
    }
}

/// Runs nothing, and says so.
struct NoExecutor;

impl Executor for NoExecutor {
    fn run(&mut self, request: &RunRequest, _: &Tree, _: &mut dyn BlobStore) -> Result<RunOutcome, ExecuteError> {
        Err(ExecuteError::Unsupported {
            what: request.argv.join(" "),
        })
    }
}
