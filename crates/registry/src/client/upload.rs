//! Uploads: a blob goes in pieces, and goes on where the registry says it broke off.

use super::error::RegistryError;
use super::exchange::{Ask, Incoming, Payload, Progress};
use super::host::{Event, LayerState, Spared, SparedReason, UploadKey};
use super::session::Line;
use super::url::{Scheme, Url};
use crate::Method;
use oci::Descriptor;
use std::io::Read;
use std::time::Duration;
use store::{BlobStore, Layer, LayerError};

/// How often a request that failed is tried in all.
const MAX_ATTEMPTS: u32 = 5;
/// A smaller blob is sent again sooner than its upload is found, in bytes.
const WORTH_KEEPING: u64 = 1 << 20;

/// Where a blob's bytes come from; they can be had again.
pub(crate) enum Source<'s> {
    /// These.
    Bytes(&'s [u8]),
    /// A layer's blob.
    Layer { layer: &'s Layer, blobs: &'s dyn BlobStore },
}

impl<'s> Source<'s> {
    fn open(&self) -> Result<Box<dyn Read + 's>, RegistryError> {
        match self {
            Source::Bytes(bytes) => Ok(Box::new(*bytes)),
            Source::Layer { layer, blobs } => Ok(layer.open_blob(*blobs)?),
        }
    }

    /// The bytes from `offset` on.
    fn open_at(&self, offset: u64) -> Result<Box<dyn Read + 's>, RegistryError> {
        let mut source = self.open()?;
        let passed = std::io::copy(&mut source.by_ref().take(offset), &mut std::io::sink());
        match passed {
            Ok(count) if count == offset => Ok(source),
            Ok(_) => Err(LayerError::Read(std::io::ErrorKind::UnexpectedEof.into()).into()),
            Err(error) => Err(LayerError::Read(error).into()),
        }
    }
}

/// An upload that is under way.
struct Upload<'u, 's> {
    repository: &'u str,
    source: &'u Source<'s>,
    descriptor: &'u Descriptor,
    location: Url,
    /// Bytes that the registry has.
    offset: u64,
    attempts: u32,
    chunk_bytes: u64,
    /// The layer's name in events.
    layer: Option<&'u str>,
}

/// What becomes of an upload that somebody may go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Open,
    Over,
}

impl Line<'_, '_> {
    /// Sends a blob, over an upload that is open already or a new one.
    pub(crate) fn upload(
        &mut self,
        repository: &str,
        source: &Source<'_>,
        descriptor: &Descriptor,
        open: Option<Url>,
        chunk_bytes: Option<u64>,
        layer: Option<&str>,
    ) -> Result<(), RegistryError> {
        let (location, is_kept) = match open {
            Some(location) => (location, false),
            None => match layer.and_then(|_| self.kept_upload(repository, descriptor)) {
                Some(location) => (location, true),
                None => (self.begin_upload(repository)?, false),
            },
        };
        let mut upload = Upload {
            repository,
            source,
            descriptor,
            location,
            offset: 0,
            attempts: 0,
            chunk_bytes: chunk_bytes.unwrap_or(u64::MAX).max(1),
            layer,
        };
        if is_kept {
            self.take_up(&mut upload)?;
        }
        self.keep_upload(&upload, Kept::Open);
        let sent = self.upload_all(&mut upload);
        // Whoever breaks off goes on later; what cannot go on is forgotten.
        if !matches!(&sent, Err(error) if error.retryable() || matches!(error, RegistryError::Cancelled)) {
            self.keep_upload(&upload, Kept::Over);
        }
        sent
    }

    fn upload_all(&mut self, upload: &mut Upload<'_, '_>) -> Result<(), RegistryError> {
        let Upload {
            repository, descriptor, ..
        } = *upload;
        loop {
            let sent = self.send_rest(upload);
            match self.or_resume(upload, sent)? {
                Some(()) => {}
                None => continue,
            }
            let closed = self.close_upload(upload);
            match self.or_resume(upload, closed)? {
                Some(()) => return Ok(()),
                // It may be that the registry has it all, and only its answer was lost.
                None if upload.offset == 0 && self.has_blob(repository, &descriptor.digest)? => return Ok(()),
                None => {}
            }
        }
    }

    /// Goes on with an upload that an earlier process left, if the registry still knows of it; else begins anew.
    fn take_up(&mut self, upload: &mut Upload<'_, '_>) -> Result<(), RegistryError> {
        match self.find_offset(upload) {
            Ok(()) => Ok(()),
            Err(RegistryError::Cancelled) => Err(RegistryError::Cancelled),
            // Some registries do not tell how far an upload is, and some give up one that broke off.
            Err(_) => self.begin_anew(upload),
        }
    }

    fn kept_upload(&self, repository: &str, descriptor: &Descriptor) -> Option<Url> {
        let origin = self.session.endpoint.url.origin();
        let kept = self.client.host.kept_upload(UploadKey {
            origin: &origin,
            repository,
            digest: &descriptor.digest,
        })?;
        let url = Url::parse(&kept).ok()?;
        let is_downgrade = self.session.endpoint.url.scheme() == Scheme::Https && url.scheme() == Scheme::Http;
        (!is_downgrade).then_some(url)
    }

    fn keep_upload(&mut self, upload: &Upload<'_, '_>, kept: Kept) {
        if upload.layer.is_none() || upload.descriptor.size < WORTH_KEEPING {
            return;
        }
        let origin = self.session.endpoint.url.origin();
        let location = upload.location.to_string();
        let key = UploadKey {
            origin: &origin,
            repository: upload.repository,
            digest: &upload.descriptor.digest,
        };
        let location = (kept == Kept::Open).then_some(location.as_str());
        self.client.host.keep_upload(key, location);
    }

    fn begin_upload(&mut self, repository: &str) -> Result<Url, RegistryError> {
        let url = self.session.url(&format!("{repository}/blobs/uploads/"));
        let incoming = self.retrying(|line| line.send(Ask::new(Method::Post, url.clone())))?;
        if incoming.status != 202 {
            return Err(self.unwanted(incoming));
        }
        let location = incoming.location();
        self.finish(incoming)?;
        location
    }

    /// Gives an upload up; whatever the registry says to that.
    pub(crate) fn cancel_upload(&mut self, location: Url) -> Result<(), RegistryError> {
        match self.send(Ask::new(Method::Delete, location)) {
            Ok(incoming) => self.finish(incoming),
            Err(RegistryError::Cancelled) => Err(RegistryError::Cancelled),
            Err(_) => Ok(()),
        }
    }

    /// Sends what the registry does not have yet, a chunk at a time.
    fn send_rest(&mut self, upload: &mut Upload<'_, '_>) -> Result<(), RegistryError> {
        let total = upload.descriptor.size;
        if upload.offset == total {
            return Ok(());
        }
        let mut source = upload.source.open_at(upload.offset)?;
        while upload.offset < total {
            let length = (total - upload.offset).min(upload.chunk_bytes);
            let mut chunk = Chunk {
                source: source.as_mut(),
                left: length,
                failure: None,
            };
            let mut ask = Ask {
                payload: Payload::Stream {
                    source: &mut chunk,
                    length,
                    progress: upload.layer.map(|id| Progress {
                        id,
                        before: upload.offset,
                        total,
                    }),
                },
                ..Ask::new(Method::Patch, upload.location.clone())
            }
            .header("Content-Type", "application/octet-stream");
            // Who goes on says where, lest a byte be taken twice.
            if length < total || upload.attempts > 0 {
                let (first, last) = (upload.offset, upload.offset + length - 1);
                ask = ask.header("Content-Range", format!("{first}-{last}"));
            }
            let result = self.send(ask);
            // What goes wrong here is not the registry's fault, and does not go right by trying again.
            if let Some(failure) = chunk.failure.take() {
                return Err(LayerError::Read(failure).into());
            }
            let incoming = result?;
            if incoming.status != 202 && incoming.status != 201 && incoming.status != 204 {
                return Err(self.unwanted(incoming));
            }
            let (location, last) = (incoming.location(), range_last(&incoming));
            let end = upload.offset + length;
            if let Some(last) = last.filter(|last| *last != end - 1) {
                let error = incoming.protocol(format!("expected Range: 0-{}, found 0-{last}", end - 1));
                self.finish(incoming)?;
                return Err(error);
            }
            self.finish(incoming)?;
            upload.location = location?;
            upload.offset = end;
            upload.attempts = 0;
            self.keep_upload(upload, Kept::Open);
            self.tell(upload)?;
        }
        Ok(())
    }

    fn close_upload(&mut self, upload: &Upload<'_, '_>) -> Result<(), RegistryError> {
        let digest = upload.descriptor.digest.to_string();
        let url = upload.location.with_parameter("digest", &digest);
        let incoming = self.send(Ask::new(Method::Put, url))?;
        match incoming.status {
            201 | 204 => self.finish(incoming),
            _ => Err(self.unwanted(incoming)),
        }
    }

    /// What came of a step of an upload. After a failure that may pass, waits and asks the registry how far it got:
    /// `None` then, and the upload goes on from there.
    fn or_resume(
        &mut self,
        upload: &mut Upload<'_, '_>,
        result: Result<(), RegistryError>,
    ) -> Result<Option<()>, RegistryError> {
        let Err(mut error) = result else {
            return Ok(Some(()));
        };
        loop {
            let is_out_of_step = error.status() == Some(416);
            let is_stale = error.status() == Some(401) && self.session.tokens.is_empty() && self.has_bearer();
            upload.attempts += 1;
            if upload.attempts >= MAX_ATTEMPTS || !(error.retryable() || is_out_of_step || is_stale) {
                return Err(error);
            }
            if error.retryable() {
                let secs = u64::from(upload.attempts) * 5;
                if let Some(id) = upload.layer {
                    self.client.layer(id, LayerState::Retrying { secs })?;
                }
                self.client.wait(Duration::from_secs(secs))?;
            }
            let before = upload.offset;
            match self.find_offset(upload) {
                // The registry does not say what it has, or not clearly: `0-0` is nothing and one byte.
                Ok(()) if is_out_of_step && upload.offset == before => self.begin_anew(upload)?,
                Ok(()) => {}
                Err(again) if again.retryable() => {
                    error = again;
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            return Ok(None);
        }
    }

    fn begin_anew(&mut self, upload: &mut Upload<'_, '_>) -> Result<(), RegistryError> {
        upload.offset = 0;
        upload.location = self.begin_upload(upload.repository)?;
        self.keep_upload(upload, Kept::Open);
        Ok(())
    }

    /// Asks how far an upload got; one that is gone begins anew.
    fn find_offset(&mut self, upload: &mut Upload<'_, '_>) -> Result<(), RegistryError> {
        let location = upload.location.clone();
        let incoming = self.send(Ask::new(Method::Get, location))?;
        match incoming.status {
            204 | 202 | 200 => {
                // A registry that has nothing says `0-0`, as for one byte; then the one byte is sent again.
                let last = range_last(&incoming).filter(|last| *last > 0);
                let offset = last.map_or(0, |last| last.saturating_add(1));
                if offset > upload.descriptor.size {
                    let error = incoming.protocol(format!(
                        "expected at most {} bytes to be there, found {offset}",
                        upload.descriptor.size
                    ));
                    self.finish(incoming)?;
                    return Err(error);
                }
                if incoming.headers.get("Location").is_some() {
                    upload.location = incoming.location()?;
                }
                self.finish(incoming)?;
                upload.offset = offset;
                if offset > 0 {
                    let digest = upload.descriptor.digest;
                    self.client.event(Event::Spared(Spared {
                        digest,
                        bytes: offset,
                        reason: SparedReason::Resumed,
                    }))?;
                }
                self.tell(upload)
            }
            404 => {
                self.finish(incoming)?;
                self.begin_anew(upload)
            }
            _ => Err(self.unwanted(incoming)),
        }
    }

    fn tell(&mut self, upload: &Upload<'_, '_>) -> Result<(), RegistryError> {
        let (current, total) = (upload.offset, upload.descriptor.size);
        match upload.layer {
            Some(id) => self.client.layer(id, LayerState::Pushing { current, total }),
            None => Ok(()),
        }
    }

    /// Asks again as long as it may help: for requests that do the same however often they are made.
    pub(crate) fn retrying(
        &mut self,
        mut ask: impl FnMut(&mut Self) -> Result<Incoming, RegistryError>,
    ) -> Result<Incoming, RegistryError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match ask(self) {
                Ok(incoming) if incoming.status < 500 => return Ok(incoming),
                Ok(incoming) => self.unwanted(incoming),
                Err(error) => error,
            };
            if attempt >= MAX_ATTEMPTS || !error.retryable() {
                return Err(error);
            }
            self.client.wait(Duration::from_millis(250 << attempt))?;
        }
    }
}

/// The last byte that a registry has, from `Range: 0-LAST`.
fn range_last(incoming: &Incoming) -> Option<u64> {
    let text = incoming.headers.get("Range")?.trim();
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    text.strip_prefix("0-")?.parse().ok()
}

/// A piece of a blob on its way out, which must be as long as was said.
struct Chunk<'c> {
    source: &'c mut dyn Read,
    left: u64,
    failure: Option<std::io::Error>,
}

impl Read for Chunk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = self.left.min(buffer.len() as u64) as usize;
        if room == 0 {
            return Ok(0);
        }
        let result = match self.source.read(&mut buffer[..room]) {
            Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            result => result,
        };
        result.inspect(|count| self.left -= *count as u64).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }
}
