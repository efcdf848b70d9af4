//! Pushing: layers, then the config, then the manifest; nothing that is there already.

use super::endpoint::Direction;
use super::error::RegistryError;
use super::exchange::{Ask, Payload};
use super::host::{Event, LayerState, Spared, SparedReason};
use super::lanes::Pushing;
use super::session::{Client, Line, Session};
use super::upload::Source;
use super::url::Url;
use crate::Method;
use oci::{Descriptor, Digest, Reference, media_type};
use std::collections::BTreeSet;
use store::{BlobStore, Image, Layer};

/// How many other repositories are tried before a blob is sent.
const MAX_MOUNTS: usize = 4;

/// How a push goes about it.
pub struct PushOptions<'o> {
    /// Repositories of the same registry that may hold a blob, best first: those it was pulled from or pushed to.
    pub sources: &'o dyn Fn(&Digest) -> Vec<String>,
    /// The most bytes that go in one request; `None` sends a blob in one.
    pub chunk_bytes: Option<u64>,
}

/// A manifest that was pushed: Docker prints `latest: digest: sha256:… size: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The tag.
    pub tag: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's bytes.
    pub size: u64,
    /// Bytes of layers that were sent.
    pub sent: u64,
}

impl Client<'_> {
    /// Pushes an image under the tag of `reference`, `latest` if it has none. Its blobs go as its manifest lists them:
    /// [`Image::gzipped`] makes of an image that was built what Docker would push.
    ///
    /// Several layers go at once if the transport has [`Lanes`](super::Lanes), else one after the other.
    ///
    /// # Errors
    ///
    /// [`RegistryError`], worded as Docker words it. The tag stands for what it stood for before; blobs that were sent stay.
    pub fn push(
        &mut self,
        image: &Image,
        reference: &Reference,
        options: &PushOptions<'_>,
        blobs: &dyn BlobStore,
    ) -> Result<Pushed, RegistryError> {
        if reference.digest().is_some() {
            return Err(RegistryError::Reference("cannot push a digest reference"));
        }
        let reference = reference.clone().or_latest();
        let name = reference.name();
        self.event(Event::Pushing { name })?;
        let mut listed = BTreeSet::new();
        for layer in image.layers.iter().rev().filter(|layer| listed.insert(layer.diff_id)) {
            self.layer(&layer.diff_id.0.short(), LayerState::Preparing)?;
        }
        self.each_endpoint(&reference, Direction::Push, |client, session| {
            client.line(session).ping()?;
            client.push_at(image, &reference, session, options, blobs)
        })
        .map_err(plain)
    }

    /// A session with the right to push to the repository of `reference`.
    ///
    /// # Errors
    ///
    /// As [`push`](Client::push).
    pub fn push_session(&mut self, reference: &Reference) -> Result<Session, RegistryError> {
        self.each_endpoint(reference, Direction::Push, |client, session| {
            client.line(session).ping()?;
            Ok(session.clone())
        })
    }

    /// Pushes one layer; returns how many bytes had to be sent.
    ///
    /// # Errors
    ///
    /// As [`push`](Client::push).
    pub fn push_layer(
        &mut self,
        layer: &Layer,
        repository: &str,
        session: &mut Session,
        options: &PushOptions<'_>,
        blobs: &dyn BlobStore,
    ) -> Result<u64, RegistryError> {
        let Descriptor { digest, size, .. } = layer.descriptor;
        let id = layer.diff_id.0.short();
        let mut line = self.line(session);
        let spared = |reason| {
            Event::Spared(Spared {
                digest,
                bytes: size,
                reason,
            })
        };
        if line.has_blob(repository, &digest)? {
            line.client.layer(&id, LayerState::LayerAlreadyExists)?;
            line.client.event(spared(SparedReason::There))?;
            return Ok(0);
        }
        let mut upload = None;
        let sources = (options.sources)(&digest);
        for from in sources.iter().filter(|from| *from != repository).take(MAX_MOUNTS) {
            match line.mount(repository, &digest, from)? {
                Mount::Done => {
                    let repository = from.clone();
                    line.client.layer(&id, LayerState::MountedFrom { repository })?;
                    let from = from.clone();
                    line.client.event(spared(SparedReason::Mounted { from }))?;
                    return Ok(0);
                }
                // An upload was opened instead; it is used if no other repository has the blob.
                Mount::Upload(location) => {
                    if let Some(unused) = upload.replace(location) {
                        line.cancel_upload(unused)?;
                    }
                }
                Mount::Refused => {}
            }
        }
        let source = Source::Layer { layer, blobs };
        line.upload(
            repository,
            &source,
            &layer.descriptor,
            upload,
            options.chunk_bytes,
            Some(&id),
        )?;
        line.client.layer(&id, LayerState::Pushed)?;
        Ok(size)
    }

    /// Pushes config and manifest of an image whose layers are there, under the tag of `reference`.
    ///
    /// # Errors
    ///
    /// As [`push`](Client::push).
    pub fn push_manifest(
        &mut self,
        image: &Image,
        reference: &Reference,
        session: &mut Session,
    ) -> Result<Pushed, RegistryError> {
        let (repository, tag) = (reference.repository(), reference.tag().unwrap_or("latest"));
        let mut line = self.line(session);
        let config = &image.manifest.config;
        if !line.has_blob(repository, &config.digest)? {
            let source = Source::Bytes(&image.config_bytes);
            line.upload(repository, &source, config, None, None, None)?;
        }
        let digest = image.digest();
        let Image {
            manifest,
            manifest_bytes,
            ..
        } = image;
        line.put_manifest(repository, tag, &manifest.media_type, manifest_bytes, digest)?;
        Ok(Pushed {
            tag: tag.to_owned(),
            digest,
            size: manifest_bytes.len() as u64,
            sent: 0,
        })
    }

    fn push_at(
        &mut self,
        image: &Image,
        reference: &Reference,
        session: &mut Session,
        options: &PushOptions<'_>,
        blobs: &dyn BlobStore,
    ) -> Result<Pushed, RegistryError> {
        let repository = reference.repository();
        let mut sent = 0;
        let mut seen = BTreeSet::new();
        // Docker sends the top layer first and so lists it.
        let layers = image.layers.iter().rev();
        let layers = layers.filter(|layer| seen.insert(layer.descriptor.digest));
        if let Some(mut lanes) = self.transport.lanes() {
            let layers: Vec<(Layer, Vec<String>)> = layers
                .map(|layer| (layer.clone(), (options.sources)(&layer.descriptor.digest)))
                .collect();
            let work = Pushing {
                session,
                repository,
                layers: &layers,
                chunk_bytes: options.chunk_bytes,
                config: self.config,
            };
            sent = lanes.push(&work, self.host)?;
        } else {
            for layer in layers {
                sent += self.push_layer(layer, repository, session, options, blobs)?;
            }
        }
        let pushed = self.push_manifest(image, reference, session)?;
        Ok(Pushed { sent, ..pushed })
    }
}

/// Where a login is missing, the daemon's push does not say which request it was for.
fn plain(error: RegistryError) -> RegistryError {
    match error {
        RegistryError::Before { source, .. }
            if matches!(*source, RegistryError::NoBasicAuth | RegistryError::NoToken) =>
        {
            *source
        }
        error => error,
    }
}

/// What came of asking to mount a blob.
enum Mount {
    /// The repository has it.
    Done,
    /// It must be sent; an upload is open.
    Upload(Url),
    /// Not from there.
    Refused,
}

impl Line<'_, '_> {
    /// Whether a repository has a blob, as far as it tells: who may not look will be told why when sending it.
    pub(crate) fn has_blob(&mut self, repository: &str, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.session.url(&format!("{repository}/blobs/{digest}"));
        let incoming = self.retrying(|line| line.send(Ask::new(Method::Head, url.clone())))?;
        match incoming.status {
            200 => self.finish(incoming).map(|()| true),
            401 | 403 | 404 => self.finish(incoming).map(|()| false),
            _ => Err(self.unwanted(incoming)),
        }
    }

    fn mount(&mut self, repository: &str, digest: &Digest, from: &str) -> Result<Mount, RegistryError> {
        let url = self.session.url(&format!("{repository}/blobs/uploads/"));
        let url = url
            .with_parameter("mount", &digest.to_string())
            .with_parameter("from", from);
        let mut ask = Ask::new(Method::Post, url);
        ask.scopes.push(format!("repository:{from}:pull"));
        let incoming = self.send(ask)?;
        match incoming.status {
            201 => self.finish(incoming).map(|()| Mount::Done),
            202 => {
                let location = incoming.location()?;
                self.finish(incoming)?;
                Ok(Mount::Upload(location))
            }
            // Not allowed to look there, or no such repository: it is sent instead.
            _ => self.finish(incoming).map(|()| Mount::Refused),
        }
    }

    fn put_manifest(
        &mut self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<(), RegistryError> {
        let media_type = if media_type.is_empty() {
            media_type::OCI_MANIFEST
        } else {
            media_type
        };
        let url = self.session.url(&format!("{repository}/manifests/{tag}"));
        let incoming = self.retrying(|line| {
            let ask = Ask {
                payload: Payload::Bytes(bytes),
                ..Ask::new(Method::Put, url.clone())
            };
            line.send(ask.header("Content-Type", media_type))
        })?;
        if !(200..300).contains(&incoming.status) {
            return Err(self.unwanted(incoming));
        }
        let told = incoming.headers.get("Docker-Content-Digest").map(str::to_owned);
        if let Some(told) = told.filter(|told| *told != digest.to_string()) {
            let problem = format!("expected the registry to take manifest {digest}, it says it took {told:?}");
            let error = incoming.protocol(problem);
            self.finish(incoming)?;
            return Err(error);
        }
        self.finish(incoming)
    }
}
