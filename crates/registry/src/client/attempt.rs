//! One endpoint after the other, until one of them does it.

use super::endpoint::{Direction, Endpoint, endpoints};
use super::error::RegistryError;
use super::session::{Client, Session};
use super::url::Scheme;
use oci::Reference;
use std::collections::BTreeSet;

impl Client<'_> {
    /// Does something at the first endpoint where it can be done.
    ///
    /// An endpoint in the clear is passed over once TLS was spoken with its host. The last error counts.
    ///
    /// Source: moby, `distribution/pull.go`.
    pub(crate) fn each_endpoint<T>(
        &mut self,
        reference: &Reference,
        direction: Direction,
        work: impl FnMut(&mut Self, &mut Session) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let actions = match direction {
            Direction::Pull => "pull",
            Direction::Push => "pull,push",
        };
        let scopes = vec![format!("repository:{}:{actions}", reference.repository())];
        self.each_endpoint_of(reference.registry(), direction, scopes, work)
    }

    /// As [`each_endpoint`](Client::each_endpoint), for a registry and with other scopes.
    pub(crate) fn each_endpoint_of<T>(
        &mut self,
        registry: &str,
        direction: Direction,
        scopes: Vec<String>,
        mut work: impl FnMut(&mut Self, &mut Session) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let login = self.credentials.login(registry)?;
        let mut speaks_tls = BTreeSet::new();
        let mut n_exchanges = 0;
        let mut last = RegistryError::NoEndpoint {
            reference: registry.to_owned(),
        };
        for endpoint in endpoints(registry, direction, self.config, self.host)? {
            let Endpoint { url, mirror, .. } = endpoint.clone();
            if url.scheme() == Scheme::Http && speaks_tls.contains(&url.authority()) {
                continue;
            }
            // A mirror is another house: it does not see the login for Docker Hub.
            let login = login.clone().filter(|_| !mirror);
            let mut session = Session::new(registry, endpoint, login, scopes.clone());
            session.n_exchanges = n_exchanges;
            let result = work(self, &mut session);
            n_exchanges = session.n_exchanges;
            match result {
                Err(error) if goes_on(&error, mirror) => {
                    if session.is_confirmed && url.scheme() == Scheme::Https {
                        speaks_tls.insert(url.authority());
                    }
                    last = error;
                }
                result => return result,
            }
        }
        Err(last)
    }
}

/// Whether another endpoint may do better.
fn goes_on(error: &RegistryError, mirror: bool) -> bool {
    match error {
        RegistryError::Cancelled => false,
        RegistryError::Transport { .. } | RegistryError::Status { .. } | RegistryError::Unreadable { .. } => true,
        _ => mirror,
    }
}
