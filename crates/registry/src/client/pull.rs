//! Pulling: manifest, config, and the layers that are not here yet.

use super::endpoint::Direction;
use super::error::RegistryError;
use super::host::{Event, LayerState, Spared, SparedReason};
use super::lanes::{Fetching, Lanes};
use super::session::{Client, Session};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Platform, Reference};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, Image, Layer, LayerError, Limits};

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
    /// The blobs that [`missing`](Resolved::missing) found missing.
    wanted: BTreeSet<Digest>,
}

impl Client<'_> {
    /// Pulls an image: what `blobs` lacks is fetched, several layers at once if the transport has [`Lanes`], else one after the other.
    ///
    /// A host that wants something in between calls [`resolve`](Client::resolve), [`Resolved::missing`], [`fetch`](Client::fetch) and
    /// [`Resolved::assemble`] itself.
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
        check_name(reference)?;
        self.each_endpoint(reference, Direction::Pull, |client, endpoint| {
            let mut resolved = client.resolve_at(reference, options, endpoint)?;
            let missing = resolved.missing(client, options, blobs)?;
            let fetched = missing.iter().map(|descriptor| descriptor.size).sum();
            let digest = resolved.digest;
            let image = if let Some(mut lanes) = client.transport.lanes() {
                let read = resolved.fetch_in(lanes.as_mut(), client, &missing, options)?;
                let known = |digest: &Digest| read.get(digest).cloned().or_else(|| (options.known)(digest));
                let options = PullOptions {
                    known: &known,
                    ..*options
                };
                resolved.assemble(client, &options, blobs)?
            } else {
                for descriptor in &missing {
                    let Resolved {
                        session, repository, ..
                    } = &mut resolved;
                    client.fetch(session, repository, descriptor, blobs)?;
                }
                resolved.assemble(client, options, blobs)?
            };
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
        check_name(reference)?;
        self.each_endpoint(reference, Direction::Pull, |client, endpoint| {
            client.resolve_at(reference, options, endpoint)
        })
        .map_err(|error| translate(error, reference))
    }

    /// Fetches and reads layers side by side; returns them by the digests of their blobs.
    pub(super) fn fetch_in(
        &mut self,
        lanes: &mut dyn Lanes,
        session: &Session,
        repository: &str,
        layers: &[(Descriptor, DiffId)],
        limits: &Limits,
    ) -> Result<BTreeMap<Digest, Layer>, RegistryError> {
        let work = Fetching {
            session,
            repository,
            layers,
            limits,
            config: self.config,
        };
        let read = lanes.fetch(&work, self.host)?;
        Ok(read.into_iter().map(|layer| (layer.descriptor.digest, layer)).collect())
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
        let name = match reference.digest() {
            Some(digest) => digest.to_string(),
            None => reference.tag().unwrap_or("latest").to_owned(),
        };
        let (digest, known) = line.find(&reference)?;
        let (manifest, manifest_bytes) = line.find_manifest(&repository, digest, known, &name, options.platform)?;
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
            wanted: BTreeSet::new(),
        })
    }
}

impl Resolved {
    /// The blobs of layers that are neither known nor in `blobs`, each once; says of every layer which it is.
    ///
    /// # Errors
    ///
    /// [`LayerError::Limit`] if a blob is larger than a layer may be.
    pub fn missing(
        &mut self,
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
            self.wanted.insert(digest);
            missing.push(descriptor.clone());
        }
        Ok(missing)
    }

    /// Fetches and reads layers side by side; returns them by the digests of their blobs.
    fn fetch_in(
        &self,
        lanes: &mut dyn Lanes,
        client: &mut Client<'_>,
        missing: &[Descriptor],
        options: &PullOptions<'_>,
    ) -> Result<BTreeMap<Digest, Layer>, RegistryError> {
        let named: BTreeMap<Digest, DiffId> = self
            .manifest
            .layers
            .iter()
            .zip(&self.config.diff_ids)
            .map(|(descriptor, diff_id)| (descriptor.digest, *diff_id))
            .collect();
        let layers: Vec<(Descriptor, DiffId)> = missing
            .iter()
            .filter_map(|descriptor| Some((descriptor.clone(), *named.get(&descriptor.digest)?)))
            .collect();
        client.fetch_in(lanes, &self.session, &self.repository, &layers, options.limits)
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
                if self.wanted.contains(&descriptor.digest) {
                    client.layer(&id, LayerState::PullComplete)?;
                }
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

/// The empty image cannot be pulled.
fn check_name(reference: &Reference) -> Result<(), RegistryError> {
    match reference.familiar_name().as_str() {
        "scratch" => Err(RegistryError::Reference("'scratch' is a reserved name")),
        _ => Ok(()),
    }
}

/// The error of a pull as the daemon words it.
///
/// Source: moby, `distribution/errors.go`.
pub(crate) fn translate(error: RegistryError, reference: &Reference) -> RegistryError {
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
