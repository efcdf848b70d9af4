//! What a command has beyond this machine's files: how it reaches registries, and what runs processes.

use crate::failure::Failure;
use crate::net::{Patience, Proxies, Sockets, Surroundings, Uploads};
use crate::state::State;
use builder::{ExecuteError, Executor, RunOutcome, RunRequest};
use cli::grammar::Verb;
use registry::{Answer, Call, Transport, TransportError};
use store::{BlobStore, Tree};

/// How a command reaches registries.
pub(super) struct Reach {
    /// Carries requests to them.
    pub(super) transport: Box<dyn Transport>,
    /// Waits, and knows what this machine's files say of them.
    pub(super) surroundings: Surroundings,
}

/// How `verb` reaches registries, with the files that say so read: one that has nothing to do with them must not fail by them.
///
/// # Errors
///
/// [`Failure`] if `daemon.json` cannot be understood, or the system has no sockets left.
pub(super) fn reach(verb: Verb, state: &State, environment: &dyn Fn(&str) -> Option<String>) -> Result<Reach, Failure> {
    let is_near = !matches!(
        verb,
        Verb::Build | Verb::Create | Verb::Login | Verb::Pull | Verb::Push | Verb::Run | Verb::Search
    );
    if is_near {
        return Ok(Reach {
            transport: Box::new(NoTransport),
            surroundings: Surroundings::default(),
        });
    }
    let mut surroundings = Surroundings::read(environment)?;
    if verb == Verb::Push {
        // Without it, an upload that broke off begins anew the next time.
        surroundings.uploads = Uploads::open(&state.uploads()).ok();
    }
    let sockets = Sockets::new(Proxies::of_environment(environment), Patience::default())
        .map_err(|error| Failure::new(format!("could not make a socket: {error}")))?;
    Ok(Reach {
        transport: Box::new(sockets.with_store(state.layout())),
        surroundings,
    })
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
