//! One registry at one of its endpoints, and what was learned there: how to say who one is, and with which tokens.

use super::challenge::Challenge;
use super::credentials::{Credentials, Login};
use super::daemon::RegistryConfig;
use super::endpoint::Endpoint;
use super::error::RegistryError;
use super::host::{Event, Host, LayerEvent, LayerState};
use super::url::Url;
use crate::Transport;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

/// What a client needs to talk to registries. Made anew wherever it is needed; what lasts is in a [`Session`].
pub struct Client<'a> {
    /// Carries the requests.
    pub transport: &'a mut dyn Transport,
    /// Waits and watches.
    pub host: &'a mut dyn Host,
    /// Where logins are.
    pub credentials: &'a dyn Credentials,
    /// The daemon's configuration.
    pub config: &'a RegistryConfig,
}

/// A registry at one of its endpoints, with challenges and tokens.
///
/// Cloned, it serves other clients over other transports: several layers are fetched at once that way.
#[derive(Clone)]
pub struct Session {
    pub(crate) endpoint: Endpoint,
    /// As references name it.
    pub(crate) registry: String,
    pub(crate) login: Option<Login>,
    /// What tokens are asked for in any case.
    pub(crate) scopes: Vec<String>,
    pub(crate) challenges: Vec<Challenge>,
    /// Tokens by their scopes, joined by blanks.
    pub(crate) tokens: BTreeMap<String, String>,
    /// What tokens are for: a login asks for a refresh token too.
    pub(crate) purpose: Purpose,
    /// A refresh token that the token server gave.
    pub(crate) refresh_token: Option<String>,
    /// Hosts of token servers that may see the login, as the credentials said.
    pub(crate) trusted_realms: BTreeSet<String>,
    pub(crate) n_exchanges: u64,
    /// Whether an answer came: then TLS or the lack of it is as it should be.
    pub(crate) is_confirmed: bool,
}

/// What tokens are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To pull or push.
    Access,
    /// To see whether a login is right.
    Login,
}

/// Neither login nor tokens are shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("endpoint", &self.endpoint.url)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(registry: &str, endpoint: Endpoint, login: Option<Login>, scopes: Vec<String>) -> Session {
        Session {
            endpoint,
            registry: registry.to_owned(),
            login,
            scopes,
            challenges: Vec::new(),
            tokens: BTreeMap::new(),
            purpose: Purpose::Access,
            refresh_token: None,
            trusted_realms: BTreeSet::new(),
            n_exchanges: 0,
            is_confirmed: false,
        }
    }

    /// Where the registry is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The URL of `path` below `/v2/`.
    pub(crate) fn url(&self, path: &str) -> Url {
        let base = self.endpoint.url.path().trim_end_matches('/');
        self.endpoint.url.with_path(&format!("{base}/v2/{path}"))
    }
}

/// A client in a session.
pub(crate) struct Line<'l, 'a> {
    pub(crate) client: &'l mut Client<'a>,
    pub(crate) session: &'l mut Session,
}

impl<'a> Client<'a> {
    pub(crate) fn line<'l>(&'l mut self, session: &'l mut Session) -> Line<'l, 'a> {
        Line { client: self, session }
    }

    pub(crate) fn event(&mut self, event: Event) -> Result<(), RegistryError> {
        go_on(self.host.event(event))
    }

    pub(crate) fn layer(&mut self, id: &str, state: LayerState) -> Result<(), RegistryError> {
        let id = id.to_owned();
        self.event(Event::Layer(LayerEvent { id, state }))
    }

    pub(crate) fn wait(&mut self, time: Duration) -> Result<(), RegistryError> {
        go_on(self.host.wait(time))
    }
}

fn go_on(flow: ControlFlow<()>) -> Result<(), RegistryError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RegistryError::Cancelled),
    }
}
