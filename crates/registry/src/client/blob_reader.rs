//! A blob as it comes: hashed on the way, and gone on with where the connection broke off.

use super::error::{Asked, RegistryError};
use super::exchange::{Ask, Incoming, PROGRESS_STEP, as_transport};
use super::host::{Event, LayerState, Spared, SparedReason};
use super::session::Line;
use super::url::Url;
use crate::{Method, TransportError};
use oci::{Digest, Digester};
use std::io::Read;
use std::time::Duration;

/// How often a blob is asked for before it is given up, as Docker has it.
const MAX_ATTEMPTS: u32 = 5;
/// An attempt that brings so many bytes does not count.
const FAIR_ATTEMPT: u64 = 1 << 20;
/// The longest wait that a registry may ask for.
const MAX_RETRY_AFTER: u64 = 60;

/// A blob that is wanted.
pub(crate) struct Wanted {
    /// What it is, for errors.
    pub(crate) what: &'static str,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its name in events, if it is a layer.
    pub(crate) layer: Option<String>,
}

/// A blob as it comes, over as many connections as it takes.
pub(crate) struct BlobReader<'r, 'l, 'a> {
    line: &'r mut Line<'l, 'a>,
    url: Url,
    wanted: Wanted,
    open: Option<Incoming>,
    /// Bytes that came and were handed on.
    offset: u64,
    digester: Digester,
    attempts: u32,
    /// Bytes that came over the open connection.
    since_open: u64,
    /// The offset at the last event.
    told: u64,
    /// Whether size and digest were checked.
    is_whole: bool,
    failure: Option<RegistryError>,
}

impl Read for BlobReader<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() || self.is_whole {
            return Ok(0);
        }
        match self.read_some(buffer) {
            Ok(count) => Ok(count),
            Err(failure) => {
                self.failure = Some(failure);
                Err(std::io::ErrorKind::InvalidData.into())
            }
        }
    }
}

impl<'r, 'l, 'a> BlobReader<'r, 'l, 'a> {
    pub(crate) fn new(line: &'r mut Line<'l, 'a>, url: Url, wanted: Wanted) -> BlobReader<'r, 'l, 'a> {
        BlobReader {
            line,
            url,
            wanted,
            open: None,
            offset: 0,
            digester: Digester::new(),
            attempts: 0,
            since_open: 0,
            told: 0,
            is_whole: false,
            failure: None,
        }
    }

    /// What came of it: `taken` is what the reader's reader says.
    pub(crate) fn finish(mut self, taken: Result<(), RegistryError>) -> Result<(), RegistryError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        taken?;
        // Whoever takes a blob reads to its end; the check there must not depend on it.
        if self.is_whole { Ok(()) } else { self.drain() }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, RegistryError> {
        loop {
            let Some(incoming) = &mut self.open else {
                self.connect()?;
                continue;
            };
            let missing = self.wanted.size - self.offset;
            if missing == 0 {
                self.check_end()?;
                return Ok(0);
            }
            let room = (buffer.len() as u64).min(missing) as usize;
            match incoming.body.read(&mut buffer[..room]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) => self.broke(TransportError::Closed)?,
                Err(error) => self.broke(as_transport(&error))?,
                Ok(count) => {
                    self.digester.update(&buffer[..count]);
                    self.offset += count as u64;
                    self.since_open += count as u64;
                    incoming.exchange.received += count as u64;
                    self.tell()?;
                    return Ok(count);
                }
            }
        }
    }

    /// After the last byte: that it was the last, and that all of them are those that were wanted.
    fn check_end(&mut self) -> Result<(), RegistryError> {
        let Wanted { what, digest, size, .. } = self.wanted;
        if let Some(mut incoming) = self.open.take() {
            let more = matches!(incoming.body.read(&mut [0]), Ok(1));
            self.line.finish(incoming)?;
            if more {
                return Err(RegistryError::Size {
                    digest,
                    expected: size,
                    found: size + 1,
                });
            }
        }
        if let Some(id) = &self.wanted.layer {
            self.line.client.layer(id, LayerState::VerifyingChecksum)?;
        }
        let found = std::mem::take(&mut self.digester).finish();
        if found != digest {
            return Err(RegistryError::Digest {
                what,
                expected: digest,
                found,
            });
        }
        self.is_whole = true;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), RegistryError> {
        let mut buffer = [0; 4096];
        while !self.is_whole {
            self.read_some(&mut buffer)?;
        }
        Ok(())
    }

    /// Asks for what is missing.
    fn connect(&mut self) -> Result<(), RegistryError> {
        self.attempts += 1;
        let mut ask = Ask::new(Method::Get, self.url.clone());
        if self.offset > 0 {
            ask = ask.header("Range", format!("bytes={}-", self.offset));
        }
        self.since_open = 0;
        let incoming = match self.line.send(ask) {
            Err(error) if error.retryable() => return self.try_again(error, None),
            incoming => incoming?,
        };
        match incoming.status {
            200 | 206 => self.take(incoming),
            _ => {
                let retry_after = incoming
                    .headers
                    .get("Retry-After")
                    .and_then(|text| text.trim().parse().ok());
                let is_limited = incoming.status == 429;
                let error = self.line.unwanted(incoming);
                // Who is told that it was too much, and not until when, does not knock again.
                if error.retryable() && (!is_limited || retry_after.is_some()) {
                    return self.try_again(error, retry_after);
                }
                Err(error)
            }
        }
    }

    /// Takes an answer that holds the blob, or what is missing of it.
    fn take(&mut self, mut incoming: Incoming) -> Result<(), RegistryError> {
        let size = self.wanted.size;
        let is_part = incoming.status == 206;
        if is_part && !starts_at(incoming.headers.get("Content-Range"), self.offset, size) {
            let found = incoming.headers.get("Content-Range").unwrap_or("none").to_owned();
            let last = size.saturating_sub(1);
            let error = incoming.protocol(format!(
                "expected Content-Range: bytes {}-{last}/{size}, found {found:?}",
                self.offset
            ));
            self.line.finish(incoming)?;
            return Err(error);
        }
        let announced = incoming
            .headers
            .get("Content-Length")
            .and_then(|text| text.parse::<u64>().ok());
        let expected = if is_part { size - self.offset } else { size };
        if let Some(announced) = announced.filter(|announced| *announced != expected) {
            let found = if is_part {
                announced.saturating_add(self.offset)
            } else {
                announced
            };
            self.line.finish(incoming)?;
            return Err(RegistryError::Size {
                digest: self.wanted.digest,
                expected: size,
                found,
            });
        }
        if is_part {
            let (digest, bytes) = (self.wanted.digest, self.offset);
            let reason = SparedReason::Resumed;
            self.line
                .client
                .event(Event::Spared(Spared { digest, bytes, reason }))?;
        } else if self.offset > 0 {
            // This registry knows no ranges: what is here already comes again and is passed over.
            let mut again = incoming.body.by_ref().take(self.offset);
            let passed = std::io::copy(&mut again, &mut std::io::sink());
            incoming.exchange.received = self.offset;
            self.open = Some(incoming);
            return match passed {
                Ok(count) if count == self.offset => Ok(()),
                Ok(_) => self.broke(TransportError::Closed),
                Err(error) => self.broke(as_transport(&error)),
            };
        }
        self.open = Some(incoming);
        Ok(())
    }

    /// The connection ended before the blob did.
    fn broke(&mut self, source: TransportError) -> Result<(), RegistryError> {
        let asked = Asked::new(Method::Get, &self.url);
        if let Some(incoming) = self.open.take() {
            self.line.finish(incoming)?;
        }
        if self.since_open >= FAIR_ATTEMPT {
            self.attempts = 0;
        }
        self.try_again(RegistryError::Transport { asked, source }, None)
    }

    /// Waits before the next attempt, or gives up.
    fn try_again(&mut self, error: RegistryError, retry_after: Option<u64>) -> Result<(), RegistryError> {
        if self.attempts >= MAX_ATTEMPTS || retry_after.is_some_and(|secs| secs > MAX_RETRY_AFTER) {
            if self.offset == 0 {
                return Err(error);
            }
            return Err(RegistryError::Broken {
                digest: self.wanted.digest,
                expected: self.wanted.size,
                found: self.offset,
                source: Box::new(error),
            });
        }
        let secs = retry_after.unwrap_or(u64::from(self.attempts.max(1)) * 5);
        if let Some(id) = &self.wanted.layer {
            self.line.client.layer(id, LayerState::Retrying { secs })?;
        }
        self.line.client.wait(Duration::from_secs(secs))
    }

    fn tell(&mut self) -> Result<(), RegistryError> {
        let (current, total) = (self.offset, self.wanted.size);
        let Some(id) = &self.wanted.layer else {
            return Ok(());
        };
        if current - self.told < PROGRESS_STEP && current != total {
            return Ok(());
        }
        self.told = current;
        self.line.client.layer(id, LayerState::Downloading { current, total })
    }
}

/// Whether `Content-Range` says `bytes START-END/SIZE` for the rest of a blob from `offset` on.
fn starts_at(header: Option<&str>, offset: u64, size: u64) -> bool {
    let parts = header.and_then(|text| text.trim().strip_prefix("bytes "));
    let Some((range, whole)) = parts.and_then(|text| text.split_once('/')) else {
        return false;
    };
    let last = size.checked_sub(1).map(|last| last.to_string());
    let (start, end) = range.split_once('-').unwrap_or_default();
    start == offset.to_string() && Some(end) == last.as_deref() && (whole == "*" || whole == size.to_string())
}
