//! `docker login`: whether a registry takes a login.

use super::credentials::Login;
use super::endpoint::{Direction, endpoints};
use super::error::RegistryError;
use super::exchange::Ask;
use super::session::{Client, Purpose, Session};
use super::url::Scheme;
use crate::Method;
use std::collections::BTreeSet;

impl Client<'_> {
    /// Shows a login to a registry, `host[:port]` or `docker.io`, and returns what is to be kept of it: with a refresh token
    /// in place of the password, if the token server gave one.
    ///
    /// Once TLS was spoken with a host, the login is not shown to it in the clear.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Login`] if it is refused, as
    /// `login attempt to https://registry.example:5000/v2/ failed with status: 401 Unauthorized`; what transport and token
    /// server say.
    ///
    /// Source: moby, `registry/auth.go`.
    pub fn login(&mut self, registry: &str, login: &Login) -> Result<Login, RegistryError> {
        let mut speaks_tls = BTreeSet::new();
        let mut n_exchanges = 0;
        let mut last = RegistryError::NoEndpoint {
            reference: registry.to_owned(),
        };
        for endpoint in endpoints(registry, Direction::Push, self.config, self.host)? {
            let url = endpoint.url.clone();
            if url.scheme() == Scheme::Http && speaks_tls.contains(&url.authority()) {
                continue;
            }
            let mut session = Session::new(registry, endpoint, Some(login.clone()), Vec::new());
            session.purpose = Purpose::Login;
            session.n_exchanges = n_exchanges;
            let result = self.login_at(&mut session);
            n_exchanges = session.n_exchanges;
            match result {
                Ok(()) => {
                    let kept = login.clone();
                    return Ok(match session.refresh_token {
                        None => kept,
                        Some(token) => Login {
                            password: String::new(),
                            identity_token: Some(token),
                            ..kept
                        },
                    });
                }
                Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
                Err(error) => {
                    if session.is_confirmed {
                        speaks_tls.insert(url.authority());
                    }
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn login_at(&mut self, session: &mut Session) -> Result<(), RegistryError> {
        let mut line = self.line(session);
        line.ping()?;
        let url = line.session.url("");
        let incoming = line.send(Ask::new(Method::Get, url.clone()))?;
        let status = incoming.status;
        line.finish(incoming)?;
        if status != 200 {
            let url = url.redacted();
            return Err(RegistryError::Login { url, status });
        }
        Ok(())
    }
}
