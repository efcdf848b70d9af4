//! Fetching: documents with a limit, blobs in pieces.

use super::blob_reader::{BlobReader, Wanted};
use super::error::RegistryError;
use super::exchange::{Ask, Incoming};
use super::host::LayerState;
use super::session::{Client, Line, Session};
use super::url::Url;
use crate::{Headers, Method};
use oci::{Descriptor, MAX_DOCUMENT_BYTES};
use std::io::Read;
use std::time::Duration;
use store::{BlobStore, StoreError};

/// How often a document is asked for.
const MAX_DOCUMENT_ATTEMPTS: u32 = 3;

impl Client<'_> {
    /// Fetches a layer's blob into `blobs`, in pieces, its size and digest checked, and tells how far it is.
    ///
    /// Nothing is kept of a blob that is not what `descriptor` says. A connection that breaks is made anew and goes on
    /// where it ended, five times; an attempt that brought a mebibyte does not count.
    ///
    /// To fetch several blobs at once, give each thread a client of its own and a clone of the session.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Broken`] if the connection kept breaking, [`RegistryError::Digest`] and [`RegistryError::Size`] if
    /// other bytes came, what the registry or `blobs` says.
    pub fn fetch(
        &mut self,
        session: &mut Session,
        repository: &str,
        descriptor: &Descriptor,
        blobs: &mut dyn BlobStore,
    ) -> Result<(), RegistryError> {
        self.fetch_to(session, repository, descriptor, &mut |reader| {
            blobs.put_from(reader).map(|_| ())
        })
    }

    /// As [`fetch`](Client::fetch), with the bytes read by `take` as they come. Whether they are the right ones is known only when
    /// this returns: what `take` made of them is to be thrown away if it fails.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Client::fetch), and what `take` returns.
    pub fn fetch_to(
        &mut self,
        session: &mut Session,
        repository: &str,
        descriptor: &Descriptor,
        take: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), RegistryError> {
        let id = descriptor.digest.short();
        let wanted = Wanted {
            what: "filesystem layer",
            digest: descriptor.digest,
            size: descriptor.size,
            layer: Some(id.clone()),
        };
        self.line(session).fetch_blob(repository, wanted, take)?;
        self.layer(&id, LayerState::DownloadComplete)
    }
}

impl Line<'_, '_> {
    /// A blob that fits into memory: a config.
    pub(crate) fn fetch_config(&mut self, repository: &str, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        if descriptor.size > MAX_DOCUMENT_BYTES as u64 {
            return Err(RegistryError::TooLarge {
                what: "an image config",
                limit: MAX_DOCUMENT_BYTES as u64,
            });
        }
        let wanted = Wanted {
            what: "image config",
            digest: descriptor.digest,
            size: descriptor.size,
            layer: None,
        };
        let mut bytes = Vec::new();
        self.fetch_blob(repository, wanted, &mut |reader| {
            reader.read_to_end(&mut bytes).map(|_| ()).map_err(StoreError::Source)
        })?;
        Ok(bytes)
    }

    fn fetch_blob(
        &mut self,
        repository: &str,
        wanted: Wanted,
        take: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), RegistryError> {
        let url = self.session.url(&format!("{repository}/blobs/{}", wanted.digest));
        let mut reader = BlobReader::new(self, url, wanted);
        let taken = take(&mut reader);
        reader.finish(taken.map_err(RegistryError::from))
    }

    /// A document, asked for again if the registry is unwell.
    ///
    /// Returns the answer's head with its body. A status of 400 and more is an error.
    pub(crate) fn get_document(
        &mut self,
        url: &Url,
        accept: &str,
        what: &'static str,
    ) -> Result<(Headers, Vec<u8>), RegistryError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.get_document_once(url, accept, what) {
                Err(error) if error.retryable() && error.status() != Some(429) && attempt < MAX_DOCUMENT_ATTEMPTS => {
                    self.client.wait(Duration::from_millis(250 << (attempt - 1)))?;
                }
                result => return result,
            }
        }
    }

    fn get_document_once(
        &mut self,
        url: &Url,
        accept: &str,
        what: &'static str,
    ) -> Result<(Headers, Vec<u8>), RegistryError> {
        let ask = Ask::new(Method::Get, url.clone()).header("Accept", accept);
        let incoming = self.send(ask)?;
        if incoming.status != 200 {
            return Err(self.unwanted(incoming));
        }
        let headers = incoming.headers.clone();
        let limit = MAX_DOCUMENT_BYTES as u64;
        Ok((headers, self.read_body(incoming, what, limit)?))
    }

    /// The error that an answer means whose status is neither wanted nor, perhaps, an error.
    pub(crate) fn unwanted(&mut self, incoming: Incoming) -> RegistryError {
        if incoming.status >= 400 {
            return self.refusal(incoming);
        }
        let (asked, status) = (incoming.asked.clone(), incoming.status);
        match self.finish(incoming) {
            Ok(()) => RegistryError::Status { asked, status },
            Err(cancelled) => cancelled,
        }
    }
}
