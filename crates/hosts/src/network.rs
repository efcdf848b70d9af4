//! The network between the machines, as a registry's client sees it from one of them.

use crate::certificate::check;
use crate::claims::Claims;
use crate::hub::{Hub, body_bytes};
use crate::names::{Destination, PLACES, look_up};
use crate::services::{Listener, Services};
use crate::wire::{Exchange, Wire, purpose};
use cli::units::size;
use oci::{Digest, Time};
use registry::client::{Scheme, Url};
use registry::{Answer, Call, Headers, Method, Request, Response, TlsPolicy, Transport, TransportError};
use std::io::{Cursor, Read};
use store::BlobStore;

/// What a program in a container answers whose web pages are not simulated.
pub(crate) const NOT_SIMULATED: &str = "502 the answers of this program are not simulated\n";

/// The network, seen from machine `from`.
pub(crate) struct Network<'a> {
    pub(crate) from: usize,
    pub(crate) services: &'a mut Services,
    pub(crate) hub: &'a mut Hub,
    pub(crate) wire: &'a mut Wire,
    pub(crate) claims: &'a mut Claims,
    pub(crate) now: Time,
    /// What a person should know of the connections that were made, each once.
    pub(crate) notes: &'a mut Vec<String>,
}

impl Transport for Network<'_> {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        let url = Url::parse(call.url).map_err(|error| TransportError::Io(error.to_string()))?;
        let method = call.method;
        let mut sent = 0;
        let result = self.deliver(&url, call, &mut sent);
        let exchange = Exchange {
            number: 0,
            client: PLACES[self.from].name.to_owned(),
            server: self.server_name(url.host()),
            method: Some(method),
            url: url.redacted(),
            status: result.as_ref().map_or(0, |(response, _)| response.status),
            sent_bytes: sent,
            received_bytes: match &result {
                Ok((_, bytes)) if method != Method::Head => bytes.len() as u64,
                _ => 0,
            },
            spared: result
                .as_ref()
                .ok()
                .and_then(|(response, bytes)| spared(method, &url, response, bytes)),
            note: match &result {
                Ok((response, bytes)) => self.note(method, &url, response, bytes),
                Err(error) => error.to_string(),
            },
        };
        self.wire.add(exchange);
        let (response, bytes) = result?;
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            body: if method == Method::Head {
                Box::new(std::io::empty())
            } else {
                Box::new(Cursor::new(bytes))
            },
        })
    }
}

impl Network<'_> {
    fn deliver(&mut self, url: &Url, call: Call<'_>, sent: &mut u64) -> Result<(Response, Vec<u8>), TransportError> {
        let unknown = || TransportError::UnknownHost {
            host: url.host().to_owned(),
        };
        let mut headers = call.headers.clone();
        if let Some(length) = call.length {
            headers.set("Content-Length", length.to_string());
        }
        let mut body = Counted {
            inner: call.body,
            count: sent,
        };
        let request = Request {
            method: call.method,
            path: url.path().to_owned(),
            query: url.query().to_owned(),
            headers,
            remote: format!("{}:{}", PLACES[self.from].address, 40_000),
            body: &mut body,
        };
        match look_up(url.host(), self.from).ok_or_else(unknown)? {
            Destination::Hub if !is_tls(url) => Err(TransportError::Refused {
                address: format!("{}:{}", url.host(), url.port()),
            }),
            Destination::Hub => Ok(self.hub.handle(url.host(), request, self.now)),
            Destination::Machine(machine) => self.ask_machine(machine, url, request, call.tls),
        }
    }

    fn ask_machine(
        &mut self,
        machine: usize,
        url: &Url,
        request: Request<'_>,
        tls: &TlsPolicy,
    ) -> Result<(Response, Vec<u8>), TransportError> {
        let now = self.now;
        match self.services.listener(machine, url.port()) {
            Listener::Nobody => Err(TransportError::Refused {
                address: format!("{}:{}", PLACES[machine].address, url.port()),
            }),
            Listener::Program if is_tls(url) => Err(TransportError::HttpForHttps),
            Listener::Program => Ok((plain(502, NOT_SIMULATED), NOT_SIMULATED.as_bytes().to_vec())),
            Listener::Registry(service) => {
                match (&service.certificate, is_tls(url)) {
                    (None, true) => return Err(TransportError::HttpForHttps),
                    (Some(_), false) => {
                        let text = "Client sent an HTTP request to an HTTPS server.\n";
                        return Ok((plain(400, text), text.as_bytes().to_vec()));
                    }
                    (Some(pem), true) => {
                        if let Some(note) = check(pem, url.host(), tls, now)?
                            && !self.notes.contains(&note)
                        {
                            self.notes.push(note);
                        }
                    }
                    (None, false) => {}
                }
                let response = service.server.handle(request, now, &mut service.blobs);
                let bytes = body_bytes(&response, &service.blobs);
                Ok((response, bytes))
            }
        }
    }

    /// What an exchange is for, and what its blob stands for if that is simulated.
    fn note(&mut self, method: Method, url: &Url, response: &Response, bytes: &[u8]) -> String {
        let purpose = purpose(method, url.path(), url.query());
        let claimed = match (method, response.status) {
            (Method::Get, 200) => named(url.path()).and_then(|digest| self.claims.of(digest, bytes)),
            (Method::Put, 201) => self.pushed(url),
            (Method::Head, 200) => named(url.path()).and_then(|digest| self.claims.get(&digest)),
            _ => None,
        };
        match claimed {
            Some(claimed) => format!("{purpose} Simulated: it stands for {}.", size(claimed)),
            None => purpose.to_owned(),
        }
    }

    /// What the blob claims that a request has just completed.
    fn pushed(&mut self, url: &Url) -> Option<u64> {
        let digest = url.query().split('&').find_map(|pair| pair.strip_prefix("digest="))?;
        let digest = digest.replace("%3A", ":").parse().ok()?;
        let Some(Destination::Machine(machine)) = look_up(url.host(), self.from) else {
            return None;
        };
        let Listener::Registry(service) = self.services.listener(machine, url.port()) else {
            return None;
        };
        let bytes = service.blobs.get(&digest).ok()?;
        self.claims.of(digest, &bytes)
    }

    fn server_name(&self, host: &str) -> String {
        match look_up(host, self.from) {
            Some(Destination::Hub) => "Docker Hub (simulated)".to_owned(),
            Some(Destination::Machine(machine)) => PLACES[machine].name.to_owned(),
            None => host.to_owned(),
        }
    }
}

fn is_tls(url: &Url) -> bool {
    url.scheme() == Scheme::Https
}

/// The digest of the blob that a path names.
fn named(path: &str) -> Option<Digest> {
    path.rsplit_once("/blobs/")?.1.parse().ok()
}

pub(crate) fn plain(status: u16, text: &str) -> Response {
    let mut headers = Headers::default();
    headers.set("Content-Type", "text/plain; charset=utf-8");
    Response {
        status,
        headers,
        body: registry::Body::Bytes(text.as_bytes().to_vec()),
    }
}

/// Why bytes did not have to travel, told by the exchange itself.
fn spared(method: Method, url: &Url, response: &Response, body: &[u8]) -> Option<(String, u64)> {
    let length = || {
        let stated = response
            .headers
            .get("Content-Length")
            .and_then(|text| text.parse().ok());
        stated.unwrap_or(body.len() as u64)
    };
    match (method, response.status) {
        (Method::Head, 200) if url.path().contains("/blobs/") => Some(("layer already exists".to_owned(), length())),
        (Method::Post, 201) => {
            let from = url.query().split('&').find_map(|pair| pair.strip_prefix("from="))?;
            Some((format!("mounted from {}", from.replace("%2F", "/")), 0))
        }
        (Method::Get, 304) => Some(("not modified".to_owned(), 0)),
        _ => None,
    }
}

/// Counts what is read of a request's body.
struct Counted<'a> {
    inner: &'a mut dyn Read,
    count: &'a mut u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        *self.count += n as u64;
        Ok(n)
    }
}
