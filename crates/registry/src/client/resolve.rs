//! From a name to a manifest: the first requests of a pull.

use super::error::RegistryError;
use super::exchange::Ask;
use super::host::Event;
use super::platform::choose;
use super::session::Line;
use crate::{Headers, Method};
use oci::{Descriptor, Digest, Index, Manifest, Platform, media_type};

/// What a client takes for a manifest, in Docker's order.
pub(crate) const ACCEPT: &str = concat!(
    "application/vnd.docker.distribution.manifest.v2+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, ",
    "application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.oci.image.index.v1+json"
);
/// How deep an index may hold indexes.
const MAX_INDEX_DEPTH: usize = 3;

impl Line<'_, '_> {
    /// Asks whether somebody speaks the protocol, and how one says there who one is.
    ///
    /// # Errors
    ///
    /// What the transport says; any answer will do, as with Docker.
    pub(crate) fn ping(&mut self) -> Result<(u16, Headers), RegistryError> {
        let mut ask = Ask::new(Method::Get, self.session.url(""));
        let incoming = self.exchange(&mut ask, None)?;
        let (status, headers) = (incoming.status, incoming.headers.clone());
        if status == 401 {
            self.session.challenges = super::challenge::challenges(&headers);
        }
        // The body says nothing, but a connection is used again only if it was read.
        match self.read_body(incoming, "an answer", 64 << 10) {
            Err(RegistryError::Cancelled) => Err(RegistryError::Cancelled),
            _ => Ok((status, headers)),
        }
    }

    /// The digest that a tag stands for. A registry that does not tell is asked for the manifest.
    pub(crate) fn find_tag(&mut self, repository: &str, tag: &str) -> Result<Digest, RegistryError> {
        let url = self.session.url(&format!("{repository}/manifests/{tag}"));
        let ask = Ask::new(Method::Head, url.clone()).header("Accept", ACCEPT);
        let incoming = self.send(ask)?;
        let is_success = incoming.status == 200;
        let told = incoming.headers.get("Docker-Content-Digest").map(str::to_owned);
        self.finish(incoming)?;
        if let Some(digest) = told.filter(|_| is_success).and_then(|text| text.parse().ok()) {
            return Ok(digest);
        }
        let (_, bytes) = self.get_document(&url, ACCEPT, "a manifest")?;
        Ok(Digest::of(&bytes))
    }

    /// The manifest named `digest`; if that is an index, the one in it for `platform`.
    pub(crate) fn find_manifest(
        &mut self,
        repository: &str,
        digest: Digest,
        tag: &str,
        platform: &Platform,
    ) -> Result<(Manifest, Vec<u8>), RegistryError> {
        let mut wanted = digest;
        let mut size = None;
        for depth in 0..=MAX_INDEX_DEPTH {
            let (found, bytes) = self.get_manifest(repository, wanted, size)?;
            if depth == 0 {
                let (tag, repository) = (tag.to_owned(), repository.to_owned());
                self.client.event(Event::Pulling { tag, repository })?;
            }
            if !media_type::is_index(&found) {
                let manifest = Manifest::parse(&bytes)?;
                if !media_type::is_config(&manifest.config.media_type) {
                    let media_type = shorten(&manifest.config.media_type);
                    return Err(RegistryError::MediaType { media_type });
                }
                return Ok((manifest, bytes));
            }
            let index = Index::parse(&bytes)?;
            let chosen: &Descriptor = choose(&index, platform).ok_or_else(|| RegistryError::NoPlatform {
                platform: platform.to_string(),
            })?;
            wanted = chosen.digest;
            size = Some(chosen.size);
        }
        Err(RegistryError::TooLarge {
            what: "a manifest list",
            limit: MAX_INDEX_DEPTH as u64,
        })
    }

    /// A manifest or index by its digest, with its media type.
    fn get_manifest(
        &mut self,
        repository: &str,
        digest: Digest,
        size: Option<u64>,
    ) -> Result<(String, Vec<u8>), RegistryError> {
        let url = self.session.url(&format!("{repository}/manifests/{digest}"));
        let (headers, bytes) = self.get_document(&url, ACCEPT, "a manifest")?;
        let found = Digest::of(&bytes);
        if found != digest {
            return Err(RegistryError::Digest {
                what: "manifest",
                expected: digest,
                found,
            });
        }
        if let Some(expected) = size.filter(|size| *size != bytes.len() as u64) {
            return Err(RegistryError::Size {
                digest,
                expected,
                found: bytes.len() as u64,
            });
        }
        Ok((manifest_type(&headers, &bytes)?, bytes))
    }
}

/// What a manifest is: what it says itself, or else what the header says.
fn manifest_type(headers: &Headers, bytes: &[u8]) -> Result<String, RegistryError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        #[serde(default)]
        media_type: String,
    }
    let header = headers.get("Content-Type").unwrap_or_default();
    let header = header.split(';').next().unwrap_or_default().trim();
    let said = serde_json::from_slice::<Typed>(bytes)
        .map(|typed| typed.media_type)
        .unwrap_or_default();
    let found = if said.is_empty() { header.to_owned() } else { said };
    if media_type::is_index(&found) || media_type::is_manifest(&found) {
        return Ok(found);
    }
    if found.is_empty() || found == "application/json" {
        return Ok(media_type::OCI_MANIFEST.to_owned());
    }
    Err(RegistryError::MediaType {
        media_type: shorten(&found),
    })
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
