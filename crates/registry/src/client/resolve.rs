//! From a name to a manifest: the first requests of a pull.

use super::endpoint::Direction;
use super::error::RegistryError;
use super::exchange::Ask;
use super::host::Event;
use super::platform::choose;
use super::pull::translate;
use super::session::{Client, Line};
use crate::{Headers, Method};
use oci::{Descriptor, Digest, Index, Manifest, Platform, Reference, media_type};

/// What a client takes for a manifest, in Docker's order.
pub(crate) const ACCEPT: &str = concat!(
    "application/vnd.docker.distribution.manifest.v2+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, ",
    "application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.oci.image.index.v1+json"
);
/// How deep an index may hold indexes.
const MAX_INDEX_DEPTH: usize = 3;

/// A manifest or index as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub media_type: String,
    /// All of it; its digest is theirs.
    pub bytes: Vec<u8>,
}

impl Client<'_> {
    /// The manifest or index that a name stands for, as it is: what `docker manifest inspect` shows.
    ///
    /// # Errors
    ///
    /// [`RegistryError`], as of a pull.
    pub fn manifest(&mut self, reference: &Reference) -> Result<Document, RegistryError> {
        let exact = reference.clone().exact();
        self.each_endpoint(&exact, Direction::Pull, |client, session| {
            let mut line = client.line(session);
            line.ping()?;
            match line.find(&exact)? {
                (_, Some(document)) => Ok(document),
                (digest, None) => line.get_manifest(exact.repository(), digest, None),
            }
        })
        .map_err(|error| translate(error, reference))
    }
}

impl Line<'_, '_> {
    /// The digest of what a name stands for, and the document itself if it had to be asked for.
    pub(crate) fn find(&mut self, exact: &Reference) -> Result<(Digest, Option<Document>), RegistryError> {
        match exact.digest() {
            Some(digest) => Ok((digest, None)),
            None => self.find_tag(exact.repository(), exact.tag().unwrap_or("latest")),
        }
    }

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

    /// The digest that a tag stands for. A registry that does not tell, or names it in another way than we do, is asked
    /// for the manifest itself, which is returned too.
    pub(crate) fn find_tag(
        &mut self,
        repository: &str,
        tag: &str,
    ) -> Result<(Digest, Option<Document>), RegistryError> {
        let url = self.session.url(&format!("{repository}/manifests/{tag}"));
        let ask = Ask::new(Method::Head, url.clone()).header("Accept", ACCEPT);
        let incoming = self.send(ask)?;
        let is_success = incoming.status == 200;
        let told = incoming.headers.get("Docker-Content-Digest").map(str::to_owned);
        self.finish(incoming)?;
        if let Some(digest) = told.filter(|_| is_success).and_then(|text| text.parse().ok()) {
            return Ok((digest, None));
        }
        let (headers, bytes) = self.get_document(&url, ACCEPT, "a manifest")?;
        let media_type = manifest_type(&headers, &bytes)?;
        Ok((Digest::of(&bytes), Some(Document { media_type, bytes })))
    }

    /// The manifest named `digest`, which may be known already; if that is an index, the one in it for `platform`.
    pub(crate) fn find_manifest(
        &mut self,
        repository: &str,
        digest: Digest,
        known: Option<Document>,
        name: &str,
        platform: &Platform,
    ) -> Result<(Manifest, Vec<u8>), RegistryError> {
        let mut document = match known {
            Some(document) => document,
            None => self.get_manifest(repository, digest, None)?,
        };
        let (tag, path) = (name.to_owned(), repository.to_owned());
        self.client.event(Event::Pulling { tag, repository: path })?;
        for _ in 0..=MAX_INDEX_DEPTH {
            let Document { media_type, bytes } = document;
            if !media_type::is_index(&media_type) {
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
            document = self.get_manifest(repository, chosen.digest, Some(chosen.size))?;
        }
        Err(RegistryError::TooLarge {
            what: "a manifest list",
            limit: MAX_INDEX_DEPTH as u64,
        })
    }

    /// A manifest or index by its digest, with its media type.
    pub(crate) fn get_manifest(
        &mut self,
        repository: &str,
        digest: Digest,
        size: Option<u64>,
    ) -> Result<Document, RegistryError> {
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
        let media_type = manifest_type(&headers, &bytes)?;
        Ok(Document { media_type, bytes })
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
