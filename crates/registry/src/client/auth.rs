//! Saying who one is: anonymous, by password, by token.

use super::challenge::{Challenge, challenges};
use super::error::{Asked, RegistryError};
use super::exchange::{Ask, Incoming, Payload};
use super::session::Line;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many scopes a registry may ask for at once.
const MAX_SCOPES: usize = 16;
/// Longest scope that is asked for, in bytes.
const MAX_SCOPE: usize = 1024;

/// How to say who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scheme {
    None,
    Basic,
    Bearer(Challenge),
}

impl Line<'_, '_> {
    /// Sends a request as the session's user. A token that is not taken is fetched anew, once.
    ///
    /// The answer may have any status. A body that can be read only once is not sent again: the answer is then 401, and the
    /// next request goes with a new token.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Before`] if there is no password or no token; what the transport says.
    pub(crate) fn send(&mut self, mut ask: Ask<'_>) -> Result<Incoming, RegistryError> {
        let asked = Asked::new(ask.method, &ask.url);
        let is_ours = ask.url.origin() == self.session.endpoint.url.origin();
        if !is_ours {
            return self.exchange(&mut ask, None);
        }
        let shown = self.authorization(&asked, &ask.scopes)?;
        let incoming = self.exchange(&mut ask, shown.as_deref())?;
        let came_from_here = incoming.url.origin() == self.session.endpoint.url.origin();
        if incoming.status != 401 || !came_from_here || !self.learn(&incoming, shown.is_some(), &mut ask.scopes) {
            return Ok(incoming);
        }
        if matches!(ask.payload, Payload::Stream { .. }) {
            return Ok(incoming);
        }
        self.finish(incoming)?;
        let shown = self.authorization(&asked, &ask.scopes)?;
        self.exchange(&mut ask, shown.as_deref())
    }

    /// Takes what an answer of 401 teaches. Whether it is worth asking again.
    fn learn(&mut self, incoming: &Incoming, was_shown: bool, scopes: &mut Vec<String>) -> bool {
        let learned = challenges(&incoming.headers);
        let Some(challenge) = learned.iter().find(|one| one.scheme == "bearer") else {
            if was_shown || !learned.iter().any(|one| one.scheme == "basic") {
                return false;
            }
            self.session.challenges = learned;
            return true;
        };
        let mut is_news = !was_shown;
        for scope in challenge.get("scope").split_ascii_whitespace().take(MAX_SCOPES) {
            let known = self
                .session
                .scopes
                .iter()
                .chain(scopes.iter())
                .any(|known| known == scope);
            if !known && scope.len() <= MAX_SCOPE {
                scopes.push(scope.to_owned());
                is_news = true;
            }
        }
        // A token for just this was given and is not enough: another one will not be either.
        if !is_news && challenge.get("error") == "insufficient_scope" {
            return false;
        }
        self.session.challenges = learned;
        self.session.tokens.clear();
        true
    }

    /// The value of `Authorization` for a request, if one is wanted.
    fn authorization(&mut self, asked: &Asked, scopes: &[String]) -> Result<Option<String>, RegistryError> {
        let before = |source| RegistryError::Before {
            asked: asked.clone(),
            source: Box::new(source),
        };
        match self.scheme() {
            Scheme::None => Ok(None),
            Scheme::Basic => match self.basic() {
                Some(value) => Ok(Some(value)),
                None => Err(before(RegistryError::NoBasicAuth)),
            },
            Scheme::Bearer(challenge) => {
                let mut wanted: Vec<String> = self.session.scopes.iter().chain(scopes).cloned().collect();
                wanted.sort();
                wanted.dedup();
                let key = wanted.join(" ");
                if !self.session.tokens.contains_key(&key) {
                    let token = match self.fetch_token(&challenge, &wanted) {
                        Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
                        token => token.map_err(before)?,
                    };
                    self.session.tokens.insert(key.clone(), token);
                }
                Ok(self.session.tokens.get(&key).map(|token| format!("Bearer {token}")))
            }
        }
    }

    fn scheme(&self) -> Scheme {
        let of = |scheme: &str| self.session.challenges.iter().find(|one| one.scheme == scheme);
        match (of("bearer"), of("basic")) {
            (Some(challenge), _) => Scheme::Bearer(challenge.clone()),
            (None, Some(_)) => Scheme::Basic,
            (None, None) => Scheme::None,
        }
    }

    /// Whether the registry wants tokens.
    pub(crate) fn has_bearer(&self) -> bool {
        matches!(self.scheme(), Scheme::Bearer(_))
    }

    fn basic(&self) -> Option<String> {
        let login = self.session.login.as_ref().filter(|login| !login.username.is_empty())?;
        Some(basic(&login.username, &login.password))
    }
}

/// `Basic` and user and password in base64.
pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}
