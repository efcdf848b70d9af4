//! Tokens: asked of the server that the registry names, and of no other with a password.

use super::auth::basic;
use super::challenge::Challenge;
use super::credentials::is_same_house;
use super::error::{Asked, LocationError, RegistryError};
use super::exchange::{Ask, Incoming, Payload};
use super::session::{Line, Purpose};
use super::url::{Scheme, Url, escape};
use crate::Method;
use serde::Deserialize;

/// The largest answer of a token server that is read, in bytes.
const MAX_TOKEN_BYTES: u64 = 1 << 20;
/// How Docker names itself to token servers, which know clients by it.
const CLIENT_ID: &str = "docker";

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Line<'_, '_> {
    /// A token for `scopes` from the server that `challenge` names.
    ///
    /// The login goes there only over TLS (or where the registry itself is asked in the clear), and only if the server is
    /// of the registry's house or trusted by name.
    ///
    /// Source: distribution, `docs/content/spec/auth/token.md` and `oauth.md`.
    pub(crate) fn fetch_token(&mut self, challenge: &Challenge, scopes: &[String]) -> Result<String, RegistryError> {
        let ping = Asked::new(Method::Get, &self.session.url(""));
        let location = |reason| RegistryError::Location {
            asked: ping.clone(),
            reason,
        };
        let realm = Url::parse(challenge.get("realm")).map_err(|error| location(error.into()))?;
        let endpoint = &self.session.endpoint.url;
        if endpoint.scheme() == Scheme::Https && realm.scheme() == Scheme::Http {
            return Err(location(LocationError::Downgrade));
        }
        let credentials = self.client.credentials;
        if credentials.trusts_realm(&self.session.registry, realm.host()) {
            // Clones of the session serve clients that know no credentials.
            self.session.trusted_realms.insert(realm.host().to_owned());
        }
        let is_trusted =
            is_same_house(endpoint.host(), realm.host()) || self.session.trusted_realms.contains(realm.host());
        let login = self.session.login.clone().filter(|_| is_trusted);
        let service = challenge.get("service");
        let refresh = login.as_ref().and_then(|login| login.identity_token.clone());
        let incoming = match (&refresh, &login) {
            (Some(refresh), _) => self.ask_with_refresh_token(realm, service, scopes, refresh)?,
            (None, login) => {
                let mut url = realm;
                if !service.is_empty() {
                    url = url.with_parameter("service", service);
                }
                for scope in scopes {
                    url = url.with_parameter("scope", scope);
                }
                if self.session.purpose == Purpose::Login {
                    url = url
                        .with_parameter("offline_token", "true")
                        .with_parameter("client_id", CLIENT_ID);
                }
                let mut authorization = None;
                if let Some(login) = login.as_ref().filter(|login| !login.username.is_empty()) {
                    url = url.with_parameter("account", &login.username);
                    authorization = Some(basic(&login.username, &login.password));
                }
                self.exchange(&mut Ask::new(Method::Get, url), authorization.as_deref())?
            }
        };
        self.take_token(incoming, is_trusted)
    }

    fn ask_with_refresh_token(
        &mut self,
        realm: Url,
        service: &str,
        scopes: &[String],
        refresh: &str,
    ) -> Result<Incoming, RegistryError> {
        let form = format!(
            "grant_type=refresh_token&client_id={CLIENT_ID}&service={}&scope={}&refresh_token={}",
            escape(service),
            escape(&scopes.join(" ")),
            escape(refresh)
        );
        let mut ask = Ask {
            payload: Payload::Bytes(form.as_bytes()),
            ..Ask::new(Method::Post, realm)
        }
        .header("Content-Type", "application/x-www-form-urlencoded");
        self.exchange(&mut ask, None)
    }

    fn take_token(&mut self, incoming: Incoming, is_trusted: bool) -> Result<String, RegistryError> {
        if incoming.status != 200 {
            if self.session.login.is_some() && !is_trusted {
                let problem = format!(
                    "the token server refused to answer without a login, and the login for {} is not sent to {}",
                    self.session.registry,
                    incoming.url.authority()
                );
                let error = incoming.protocol(problem);
                self.finish(incoming)?;
                return Err(error);
            }
            return Err(self.refusal(incoming));
        }
        let asked = incoming.asked.clone();
        let bytes = self.read_body(incoming, "a token", MAX_TOKEN_BYTES)?;
        let answer: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| RegistryError::Protocol {
            asked,
            problem: "unable to decode token response".to_owned(),
        })?;
        let is_token = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(refresh) = answer.refresh_token.filter(is_token) {
            self.session.refresh_token = Some(refresh);
        }
        let token = answer.access_token.filter(|text| !text.is_empty()).or(answer.token);
        token.filter(is_token).ok_or(RegistryError::NoToken)
    }
}
