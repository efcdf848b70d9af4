//! Looking around in a registry: its repositories, their tags; taking one away.

use super::endpoint::Direction;
use super::error::RegistryError;
use super::exchange::Ask;
use super::session::{Client, Line};
use super::url::Url;
use crate::{Headers, Method};
use oci::Reference;
use serde::Deserialize;

/// How many entries are asked for at once.
const PAGE: usize = 1000;
/// How many pages are read.
const MAX_PAGES: usize = 1000;
/// How many entries are kept.
const MAX_ENTRIES: usize = 1_000_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

impl Client<'_> {
    /// The tags of the repository of `reference`, in the registry's order.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; [`RegistryError::Pages`] if the list has no end.
    pub fn tags(&mut self, reference: &Reference) -> Result<Vec<String>, RegistryError> {
        self.each_endpoint(reference, Direction::Pull, |client, session| {
            let mut line = client.line(session);
            line.ping()?;
            let url = line.session.url(&format!("{}/tags/list", reference.repository()));
            line.pages(url, |page| page.tags)
        })
    }

    /// The repositories of a registry, `host[:port]`, in the registry's order.
    ///
    /// # Errors
    ///
    /// As [`tags`](Client::tags).
    pub fn catalog(&mut self, registry: &str) -> Result<Vec<String>, RegistryError> {
        self.each_endpoint_of(
            registry,
            Direction::Pull,
            vec!["registry:catalog:*".to_owned()],
            |client, session| {
                let mut line = client.line(session);
                line.ping()?;
                let url = line.session.url("_catalog");
                line.pages(url, |page| page.repositories)
            },
        )
    }

    /// Takes a manifest away, and with it the tags that stand for it. A tag is looked up first.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]: most registries refuse, with `unsupported: The operation is unsupported.`
    pub fn delete(&mut self, reference: &Reference) -> Result<(), RegistryError> {
        let reference = reference.clone().exact();
        let repository = reference.repository();
        let scopes = vec![format!("repository:{repository}:pull,push,delete")];
        self.each_endpoint_of(reference.registry(), Direction::Push, scopes, |client, session| {
            let mut line = client.line(session);
            line.ping()?;
            let (digest, _) = line.find(&reference)?;
            let url = line.session.url(&format!("{repository}/manifests/{digest}"));
            let incoming = line.send(Ask::new(Method::Delete, url))?;
            match incoming.status {
                200 | 202 | 204 => line.finish(incoming),
                _ => Err(line.unwanted(incoming)),
            }
        })
    }

    /// Whether somebody speaks the protocol at a registry, and lets this user in.
    ///
    /// # Errors
    ///
    /// What the transport says; [`RegistryError::Refused`] if it is somebody else's.
    pub fn ping(&mut self, registry: &str) -> Result<(), RegistryError> {
        self.each_endpoint_of(registry, Direction::Pull, Vec::new(), |client, session| {
            let mut line = client.line(session);
            line.ping()?;
            let url = line.session.url("");
            let incoming = line.send(Ask::new(Method::Get, url))?;
            match incoming.status {
                200 => line.finish(incoming),
                _ => Err(line.unwanted(incoming)),
            }
        })
    }
}

impl Line<'_, '_> {
    /// A list over all of its pages, each of which names the next in `Link`.
    fn pages(
        &mut self,
        start: Url,
        entries: impl Fn(Page) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, RegistryError> {
        let mut found = Vec::new();
        let mut url = start.with_parameter("n", &PAGE.to_string());
        for _ in 0..MAX_PAGES {
            let (headers, bytes) = self.get_document(&url, "application/json", "a list")?;
            let page = serde_json::from_slice(&bytes).map_err(|error| oci::DocumentError::Json {
                what: "a list",
                reason: error.to_string(),
            })?;
            let listed = entries(page).unwrap_or_default();
            let is_empty = listed.is_empty();
            found.extend(listed);
            let next = next_page(&headers, &url);
            match next {
                Some(next) if !is_empty && next != url && found.len() <= MAX_ENTRIES => url = next,
                Some(_) if !is_empty => break,
                _ => return Ok(found),
            }
        }
        Err(RegistryError::Pages { limit: MAX_PAGES })
    }
}

/// The next page: `Link: </v2/…?last=…&n=…>; rel="next"`, on the same registry.
///
/// Source: OCI distribution-spec, "Listing Tags"; RFC 5988.
fn next_page(headers: &Headers, url: &Url) -> Option<Url> {
    let (target, relation) = headers.get("Link")?.trim().strip_prefix('<')?.split_once('>')?;
    if !relation.replace(['"', ' '], "").contains("rel=next") {
        return None;
    }
    url.join(target).ok().filter(|next| next.origin() == url.origin())
}
