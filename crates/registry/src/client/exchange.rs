//! One request and its answer: redirects followed, bodies counted, nothing secret sent elsewhere.

use super::endpoint::tls_policy;
use super::error::{Asked, LocationError, RegistryError};
use super::host::{Event, Exchange, Host, LayerEvent, LayerState};
use super::session::Line;
use super::url::{Scheme, Url};
use crate::{Call, Headers, Method, TransportError};
use std::io::Read;

/// How often an answer may lead elsewhere.
const MAX_REDIRECTS: usize = 10;
/// The largest body of an error that is read, in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;
/// How much goes or comes between two events that say so, in bytes.
pub(crate) const PROGRESS_STEP: u64 = 512 << 10;
/// How the client names itself.
const USER_AGENT: &str = concat!("layerlab/", env!("CARGO_PKG_VERSION"));

/// A request.
pub(crate) struct Ask<'b> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) payload: Payload<'b>,
    /// What the token must allow beyond the session's scopes.
    pub(crate) scopes: Vec<String>,
}

/// What a request sends.
pub(crate) enum Payload<'b> {
    /// Nothing.
    None,
    /// These bytes, again if need be.
    Bytes(&'b [u8]),
    /// Bytes that are read once.
    Stream {
        source: &'b mut dyn Read,
        length: u64,
        /// What to tell while they go, if they are of a layer.
        progress: Option<Progress<'b>>,
    },
}

/// How far a layer is when a piece of it begins to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Progress<'b> {
    pub(crate) id: &'b str,
    /// Bytes that are there already.
    pub(crate) before: u64,
    pub(crate) total: u64,
}

impl Ask<'_> {
    pub(crate) fn new(method: Method, url: Url) -> Ask<'static> {
        Ask {
            method,
            url,
            headers: Headers::default(),
            payload: Payload::None,
            scopes: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.set(name, value);
        self
    }
}

/// An answer on its way in.
pub(crate) struct Incoming {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Box<dyn Read>,
    /// Where it came from in the end.
    pub(crate) url: Url,
    /// What was asked in the beginning.
    pub(crate) asked: Asked,
    pub(crate) exchange: Exchange,
}

impl Incoming {
    /// The error that this answer says what it must not.
    pub(crate) fn protocol(&self, problem: impl Into<String>) -> RegistryError {
        RegistryError::Protocol {
            asked: self.asked.clone(),
            problem: problem.into(),
        }
    }

    /// Where `Location` leads.
    pub(crate) fn location(&self) -> Result<Url, RegistryError> {
        let location = |reason| RegistryError::Location {
            asked: self.asked.clone(),
            reason,
        };
        let text = self
            .headers
            .get("Location")
            .ok_or_else(|| location(LocationError::Missing))?;
        let url = self.url.join(text).map_err(|error| location(error.into()))?;
        if self.url.scheme() == Scheme::Https && url.scheme() == Scheme::Http {
            return Err(location(LocationError::Downgrade));
        }
        Ok(url)
    }
}

impl Line<'_, '_> {
    /// Sends a request with this `Authorization`, and follows where it leads if it reads only.
    pub(crate) fn exchange(
        &mut self,
        ask: &mut Ask<'_>,
        authorization: Option<&str>,
    ) -> Result<Incoming, RegistryError> {
        let origin = ask.url.origin();
        let asked = Asked::new(ask.method, &ask.url);
        let mut url = ask.url.clone();
        let may_follow = matches!(ask.method, Method::Get | Method::Head);
        for _ in 0..=MAX_REDIRECTS {
            // Another host must not see who asks here.
            let shown = authorization.filter(|_| url.origin() == origin);
            let incoming = self.exchange_once(ask, &asked, &url, shown)?;
            if !may_follow || !matches!(incoming.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(incoming);
            }
            url = incoming.location()?;
            self.finish(incoming)?;
        }
        Err(RegistryError::Redirects {
            asked,
            limit: MAX_REDIRECTS,
        })
    }

    fn exchange_once(
        &mut self,
        ask: &mut Ask<'_>,
        asked: &Asked,
        url: &Url,
        authorization: Option<&str>,
    ) -> Result<Incoming, RegistryError> {
        let mut headers = ask.headers.clone();
        headers.set("User-Agent", USER_AGENT);
        if let Some(authorization) = authorization {
            headers.set("Authorization", authorization);
        }
        let endpoint = &self.session.endpoint;
        let tls = if url.origin() == endpoint.url.origin() {
            endpoint.tls.clone()
        } else {
            tls_policy(&url.authority(), self.client.config, self.client.host)
        };
        let mut bytes: &[u8] = &[];
        let (source, length, progress): (&mut dyn Read, u64, _) = match &mut ask.payload {
            Payload::None => (&mut bytes, 0, None),
            Payload::Bytes(payload) => {
                bytes = payload;
                let length = bytes.len() as u64;
                (&mut bytes, length, None)
            }
            Payload::Stream {
                source,
                length,
                progress,
            } => (&mut **source, *length, *progress),
        };
        let mut body = Outgoing {
            source,
            sent: 0,
            told: 0,
            progress,
            host: self.client.host,
            is_cancelled: false,
        };
        let result = self.client.transport.send(Call {
            method: ask.method,
            url: &url.to_string(),
            headers: &headers,
            body: &mut body,
            length: Some(length),
            tls: &tls,
        });
        let Outgoing { sent, is_cancelled, .. } = body;
        self.session.n_exchanges += 1;
        let mut exchange = Exchange {
            id: self.session.n_exchanges,
            method: ask.method,
            url: url.redacted(),
            status: None,
            failure: None,
            sent,
            received: 0,
            done: false,
        };
        if is_cancelled {
            return Err(RegistryError::Cancelled);
        }
        match result {
            Ok(answer) => {
                self.session.is_confirmed = true;
                exchange.status = Some(answer.status);
                self.client.event(Event::Exchange(exchange.clone()))?;
                Ok(Incoming {
                    status: answer.status,
                    headers: answer.headers,
                    body: answer.body,
                    url: url.clone(),
                    asked: asked.clone(),
                    exchange,
                })
            }
            Err(source) => {
                exchange.failure = Some(source.to_string());
                exchange.done = true;
                self.client.event(Event::Exchange(exchange))?;
                Err(RegistryError::Transport {
                    asked: Asked::new(ask.method, url),
                    source,
                })
            }
        }
    }

    /// Says that an answer was taken as far as it is wanted.
    pub(crate) fn finish(&mut self, incoming: Incoming) -> Result<(), RegistryError> {
        let mut exchange = incoming.exchange;
        exchange.done = true;
        self.client.event(Event::Exchange(exchange))
    }

    /// Reads a body that fits into memory.
    ///
    /// `what` names it if it does not.
    pub(crate) fn read_body(
        &mut self,
        mut incoming: Incoming,
        what: &'static str,
        limit: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        let read = incoming.body.by_ref().take(limit + 1).read_to_end(&mut bytes);
        incoming.exchange.received = bytes.len() as u64;
        let announced = incoming
            .headers
            .get("Content-Length")
            .and_then(|text| text.parse::<u64>().ok());
        let broken = match read {
            Err(error) => Some(as_transport(&error)),
            Ok(_) if announced.is_some_and(|length| (bytes.len() as u64) < length.min(limit)) => {
                Some(TransportError::Closed)
            }
            Ok(_) => None,
        };
        let asked = incoming.asked.clone();
        self.finish(incoming)?;
        match broken {
            Some(source) => Err(RegistryError::Transport { asked, source }),
            None if bytes.len() as u64 > limit => Err(RegistryError::TooLarge { what, limit }),
            None => Ok(bytes),
        }
    }

    /// The error that an answer of a status nobody wanted means.
    pub(crate) fn refusal(&mut self, mut incoming: Incoming) -> RegistryError {
        let mut body = Vec::new();
        if incoming.exchange.method != Method::Head {
            // Whatever can be read is better than nothing.
            let _ = incoming.body.by_ref().take(MAX_ERROR_BYTES).read_to_end(&mut body);
        }
        incoming.exchange.received = body.len() as u64;
        let error = RegistryError::of_answer(incoming.asked.clone(), incoming.status, &incoming.headers, &body);
        match self.finish(incoming) {
            Ok(()) => error,
            Err(cancelled) => cancelled,
        }
    }
}

/// What a body that broke off says of the connection.
pub(crate) fn as_transport(error: &std::io::Error) -> TransportError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => TransportError::Closed,
        ErrorKind::TimedOut => TransportError::Timeout,
        _ => TransportError::Io(error.to_string()),
    }
}

/// A body on its way out: counted, and told of.
struct Outgoing<'s> {
    source: &'s mut dyn Read,
    sent: u64,
    /// Bytes that were sent at the last event.
    told: u64,
    progress: Option<Progress<'s>>,
    host: &'s mut dyn Host,
    is_cancelled: bool,
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.sent += count as u64;
        if let Some(Progress { id, before, total }) = self.progress
            && self.sent - self.told >= PROGRESS_STEP
        {
            self.told = self.sent;
            let current = before + self.sent;
            let state = LayerState::Pushing { current, total };
            let id = id.to_owned();
            if self.host.event(Event::Layer(LayerEvent { id, state })).is_break() {
                self.is_cancelled = true;
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(count)
    }
}
