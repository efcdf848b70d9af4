//! `docker search`: asked of Docker Hub, and of others in vain, in the protocol that only the Hub still speaks.

use super::auth::basic;
use super::daemon::host_of;
use super::endpoint::{Endpoint, HUB, tls_policy};
use super::error::RegistryError;
use super::exchange::Ask;
use super::session::{Client, Session};
use super::url::Url;
use crate::Method;
use serde::{Deserialize, Serialize};

/// Where Docker Hub is searched.
const HUB_INDEX: &str = "https://index.docker.io";
/// The largest answer that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// One repository that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResult {
    /// As it is pulled.
    pub name: String,
    /// One line about it.
    #[serde(default)]
    pub description: String,
    /// How many people like it.
    #[serde(default)]
    pub star_count: i64,
    /// Whether Docker vouches for it.
    #[serde(default)]
    pub is_official: bool,
    /// Long out of use; always false.
    #[serde(default)]
    pub is_automated: bool,
}

/// What a search answers: the body of `/v1/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResults {
    /// What was searched for.
    #[serde(default)]
    pub query: String,
    /// How many there are.
    #[serde(default)]
    pub num_results: i64,
    /// Those that are listed.
    #[serde(default)]
    pub results: Vec<SearchResult>,
}

impl Client<'_> {
    /// Searches for `term`, which may start with a registry: `registry.example:5000/ubuntu`. At most `limit`, 25 if 0.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Search`] in the daemon's words: a registry that is none of Docker's answers
    /// `Unexpected status code 404`.
    ///
    /// Source: moby, `registry/search_session.go` and `search_endpoint_v1.go`.
    pub fn search(&mut self, term: &str, limit: u32) -> Result<Vec<SearchResult>, RegistryError> {
        if term.contains("://") {
            let problem = "invalid repository name: repository name (registry) must not contain a scheme";
            return Err(RegistryError::Search(problem.to_owned()));
        }
        let limit = if limit == 0 { 25 } else { limit };
        if limit > 100 {
            return Err(RegistryError::Search(format!(
                "limit {limit} is outside the range of [1, 100]"
            )));
        }
        let (registry, term) = split(term);
        let mut session = self.search_session(registry)?;
        let url = v1(&session.endpoint.url, "search");
        let url = url.with_parameter("q", term).with_parameter("n", &limit.to_string());
        let login = session.login.take();
        let shown = login.filter(|login| !login.username.is_empty());
        let shown = shown.map(|login| basic(&login.username, &login.password));
        let mut line = self.line(&mut session);
        let mut ask = Ask::new(Method::Get, url).header("X-Docker-Token", "true");
        let incoming = line.exchange(&mut ask, shown.as_deref())?;
        if incoming.status != 200 {
            let status = incoming.status;
            line.finish(incoming)?;
            return Err(RegistryError::Search(format!("Unexpected status code {status}")));
        }
        let bytes = line.read_body(incoming, "search results", MAX_BYTES)?;
        let mut found: SearchResults = serde_json::from_slice(&bytes)
            .map_err(|error| RegistryError::Search(format!("error decoding registry search results: {error}")))?;
        found.results.truncate(limit as usize);
        for result in &mut found.results {
            result.name.retain(|c| !c.is_control());
            result.description.retain(|c| !c.is_control());
        }
        Ok(found.results)
    }

    /// Where a registry is searched: over TLS if it answers there, in the clear if it may.
    fn search_session(&mut self, registry: &str) -> Result<Session, RegistryError> {
        let at = |text: &str, client: &Self| {
            let url = Url::parse(text).map_err(|error| RegistryError::Search(error.to_string()))?;
            let tls = tls_policy(&url.authority(), client.config, client.host);
            Ok::<_, RegistryError>(Endpoint {
                url,
                mirror: false,
                tls,
            })
        };
        let login = self.credentials.login(registry)?;
        if registry == HUB {
            let endpoint = at(HUB_INDEX, self)?;
            return Ok(Session::new(registry, endpoint, login, Vec::new()));
        }
        let tried = at(&format!("https://{registry}"), self)?;
        let may_fall_back = tried.tls.skip_verify;
        let mut session = Session::new(registry, tried, login.clone(), Vec::new());
        let shown = v1(&session.endpoint.url, "");
        let Err(first) = self.ping_v1(&mut session) else {
            return Ok(session);
        };
        if !may_fall_back {
            return Err(RegistryError::Search(format!(
                "invalid registry endpoint {shown}: {first}. If this private registry supports only HTTP or HTTPS with an unknown CA certificate, please add `--insecure-registry {registry}` to the daemon's arguments. In the case of HTTPS, if you have access to the registry's CA certificate, no need for the flag; simply place the CA certificate at /etc/docker/certs.d/{registry}/ca.crt"
            )));
        }
        // In the clear the login is not shown: whoever searches there finds nothing anyhow.
        let tried = at(&format!("http://{registry}"), self)?;
        let n_exchanges = session.n_exchanges;
        let mut session = Session::new(registry, tried, None, Vec::new());
        session.n_exchanges = n_exchanges;
        let shown = v1(&session.endpoint.url, "");
        match self.ping_v1(&mut session) {
            Ok(()) => Ok(session),
            Err(second) => Err(RegistryError::Search(format!(
                "invalid registry endpoint \"{shown}\". HTTPS attempt: {first}. HTTP attempt: {second}"
            ))),
        }
    }

    fn ping_v1(&mut self, session: &mut Session) -> Result<(), RegistryError> {
        let url = v1(&session.endpoint.url, "_ping");
        let mut line = self.line(session);
        let incoming = line.exchange(&mut Ask::new(Method::Get, url), None)?;
        line.finish(incoming)
    }
}

fn v1(base: &Url, path: &str) -> Url {
    base.with_path(&format!("/v1/{path}"))
}

/// Registry and term. The first part is a registry if it looks like a host.
fn split(term: &str) -> (&str, &str) {
    match term.split_once('/') {
        Some(("docker.io" | "index.docker.io", rest)) => (HUB, rest.strip_prefix("library/").unwrap_or(rest)),
        Some((host, rest)) if host.contains(['.', ':']) || host_of(host) == "localhost" => (host, rest),
        _ => (HUB, term.strip_prefix("library/").unwrap_or(term)),
    }
}
