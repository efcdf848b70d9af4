//! Pulling: manifest, config, and the layers that are not here yet.

use super::endpoint::{Direction, Endpoint, endpoints};
use super::error::RegistryError;
use super::exchange::Ask;
use super::host::{Event, LayerState, Spared, SparedReason};
use super::platform::choose;
use super::session::{Client, Line, Session};
use super::url::Scheme;
use crate::{Headers, Method};
use oci::{Descriptor, Digest, ImageConfig, Index, Manifest, Platform, Reference, media_type};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, Image, Layer, LayerError, Limits};

/// What a client takes for a manifest, in Docker's order.
pub(crate) const ACCEPT: &str = concat!(
    "application/vnd.docker.distribution.manifest.v2+json, ",
    "application/vnd.docker.distribution.manifest.list.v2+json, ",
    "application/vnd.oci.image.manifest.v1+json, ",
    "application/vnd.oci.image.index.v1+json"
);
/// How deep an index may hold indexes.
const MAX_INDEX_DEPTH: usize = 3;

/// What a pull asks for and may take.
pub struct PullOptions<'o> {
    /// For which machine, if the name stands for several images.
    pub platform: &'o Platform,
    /// How much of a layer is read before it is refused; no blob may be larger than its tar.
    pub limits: &'o Limits,
    /// A layer that is here already, by the digest of its blob.
    pub known: &'o dyn Fn(&Digest) -> Option<Layer>,
}

/// An image that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The image. Its config and manifest are not kept in the store yet: see [`Image::keep`].
    pub image: Image,
    /// What the name stood for, the digest of an index or of a manifest: Docker prints it after `Digest:`.
    pub digest: Digest,
    /// Bytes of layers that were fetched.
    pub fetched: u64,
}

/// An image before its layers are fetched.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The registry, with the right to pull.
    pub session: Session,
    /// The repository's path in the registry.
    pub repository: String,
    /// What the name stood for: the digest of an index or of a manifest.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub manifest_bytes: Vec<u8>,
    /// The config.
    pub config: ImageConfig,
    /// Its bytes.
    pub config_bytes: Vec<u8>,
}

impl Client<'_> {
    /// Pulls an image: what `blobs` lacks is fetched, one layer after the other.
    ///
    /// A host that can do several things at once calls [`resolve`](Client::resolve), [`Resolved::missing`],
    /// [`fetch`](Client::fetch) and [`Resolved::assemble`] itself.
    ///
    /// # Errors
    ///
    /// [`RegistryError`], worded as Docker words it. Blobs that were fetched stay; nothing refers to them.
    pub fn pull(
        &mut self,
        reference: &Reference,
        options: &PullOptions<'_>,
        blobs: &mut dyn BlobStore,
    ) -> Result<Pulled, RegistryError> {
        self.each_endpoint(reference, Direction::Pull, |client, endpoint| {
            let mut resolved = client.resolve_at(reference, options, endpoint)?;
            let missing = resolved.missing(client, options, blobs)?;
            for descriptor in &missing {
                let Resolved {
                    session, repository, ..
                } = &mut resolved;
                client.fetch(session, repository, descriptor, blobs)?;
            }
            let fetched = missing.iter().map(|descriptor| descriptor.size).sum();
            let digest = resolved.digest;
            let image = resolved.assemble(client, options, blobs)?;
            Ok(Pulled { image, digest, fetched })
        })
        .map_err(|error| translate(error, reference))
    }

    /// Finds what a name stands for: manifest and config, without the layers.
    ///
    /// # Errors
    ///
    /// As [`pull`](Client::pull).
    pub fn resolve(&mut self, reference: &Reference, options: &PullOptions<'_>) -> Result<Resolved, RegistryError> {
        self.each_endpoint(reference, Direction::Pull, |client, endpoint| {
            client.resolve_at(reference, options, endpoint)
        })
        .map_err(|error| translate(error, reference))
    }

    fn resolve_at(
        &mut self,
        reference: &Reference,
        options: &PullOptions<'_>,
        endpoint: &mut Session,
    ) -> Result<Resolved, RegistryError> {
        let reference = reference.clone().exact();
        let repository = reference.repository().to_owned();
        let mut line = self.line(endpoint);
        line.ping()?;
        let digest = match reference.digest() {
            Some(digest) => digest,
            None => line.find_tag(&repository, reference.tag().unwrap_or("latest"))?,
        };
        let tag = reference.tag().map_or_else(|| digest.to_string(), str::to_owned);
        let (manifest, manifest_bytes) = line.find_manifest(&repository, digest, &tag, options.platform)?;
        let config_bytes = line.fetch_config(&repository, &manifest.config)?;
        let config = ImageConfig::parse(&config_bytes)?;
        if config.diff_ids.len() != manifest.layers.len() {
            return Err(RegistryError::LayerCount);
        }
        Ok(Resolved {
            session: endpoint.clone(),
            repository,
            digest,
            manifest,
            manifest_bytes,
            config,
            config_bytes,
        })
    }

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
            match work(self, &mut session) {
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
    fn find_manifest(
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

impl Resolved {
    /// The blobs of layers that are neither known nor in `blobs`, each once; says of every layer which it is.
    ///
    /// # Errors
    ///
    /// [`LayerError::Limit`] if a blob is larger than a layer may be.
    pub fn missing(
        &self,
        client: &mut Client<'_>,
        options: &PullOptions<'_>,
        blobs: &dyn BlobStore,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let limit = options.limits.tar_bytes;
        let mut missing = Vec::new();
        let mut seen = BTreeSet::new();
        for descriptor in &self.manifest.layers {
            let Descriptor { digest, size, .. } = *descriptor;
            if size > limit {
                return Err(LayerError::Limit { what: "bytes", limit }.into());
            }
            let id = digest.short();
            if !seen.insert(digest) {
                continue;
            }
            if blobs.size(&digest) == Some(size) || (options.known)(&digest).is_some() {
                client.layer(&id, LayerState::AlreadyExists)?;
                client.event(Event::Spared(Spared {
                    digest,
                    bytes: size,
                    reason: SparedReason::Here,
                }))?;
                continue;
            }
            client.layer(&id, LayerState::PullingFsLayer)?;
            missing.push(descriptor.clone());
        }
        Ok(missing)
    }

    /// The image, its layers read from `blobs` and held against the DiffIDs of its config.
    ///
    /// # Errors
    ///
    /// [`LayerError`] if a layer is missing, broken or hostile, or not the one that the config names.
    pub fn assemble(
        self,
        client: &mut Client<'_>,
        options: &PullOptions<'_>,
        blobs: &mut dyn BlobStore,
    ) -> Result<Image, RegistryError> {
        let mut read: BTreeMap<Digest, Layer> = BTreeMap::new();
        let mut layers = Vec::new();
        for (descriptor, diff_id) in self.manifest.layers.iter().zip(&self.config.diff_ids) {
            let known = read
                .get(&descriptor.digest)
                .cloned()
                .or_else(|| (options.known)(&descriptor.digest));
            let layer = if let Some(known) = known.filter(|known| known.diff_id == *diff_id) {
                Layer {
                    descriptor: descriptor.clone(),
                    ..known
                }
            } else {
                let id = descriptor.digest.short();
                let total = descriptor.size;
                client.layer(&id, LayerState::Extracting { total })?;
                let layer = Layer::read(descriptor.clone(), Some(*diff_id), options.limits, blobs)?;
                client.layer(&id, LayerState::PullComplete)?;
                layer
            };
            read.insert(descriptor.digest, layer.clone());
            layers.push(layer);
        }
        Ok(Image {
            config: self.config,
            config_bytes: self.config_bytes,
            manifest: self.manifest,
            manifest_bytes: self.manifest_bytes,
            layers,
        })
    }
}

/// The error of a pull as the daemon words it.
///
/// Source: moby, `distribution/errors.go`.
fn translate(error: RegistryError, reference: &Reference) -> RegistryError {
    let reference = reference.clone().exact();
    let name = reference.familiar_name();
    let source = |error| Box::new(error);
    match error.code() {
        _ if !matches!(error, RegistryError::Refused { .. }) => error,
        Some("DENIED") => RegistryError::PullDenied {
            name,
            source: source(error),
        },
        Some("MANIFEST_UNKNOWN") => RegistryError::ManifestNotFound {
            reference: reference.familiar(),
            source: source(error),
        },
        Some("NAME_UNKNOWN") => RegistryError::RepositoryNotFound {
            name,
            source: source(error),
        },
        _ => error,
    }
}
