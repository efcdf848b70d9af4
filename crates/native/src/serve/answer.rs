//! From hyper's values to the registry's and back.

use super::accounts::AccountFile;
use super::metrics::{Metrics, Sample};
use super::payload::{Arriving, Payload};
use super::storage::Blobs;
use super::tls::Renewed;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use registry::{Body, Headers, Level, LogStream, Method, Request, Server};
use std::io::{self, Read, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use store::Time;

/// The registry that all connections speak to.
pub(super) struct Shared {
    server: Server,
    blobs: Blobs,
    accounts: Option<AccountFile>,
    pub(super) metrics: Metrics,
}

impl Shared {
    pub(super) fn new(server: Server, blobs: Blobs, accounts: Option<AccountFile>) -> Shared {
        Shared {
            server,
            blobs,
            accounts,
            metrics: Metrics::default(),
        }
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(super) fn log_start(&self, address: &str) {
        self.server.log_start(now(), address);
        self.write_log();
    }

    /// Logs something that happened to the registry, not in a request.
    pub(super) fn log(&self, level: Level, message: &str) {
        self.server.log_event(now(), level, message);
        self.write_log();
    }

    /// Says what came of a certificate that changed.
    pub(super) fn log_renewed(&self, renewed: &Renewed) {
        match renewed {
            Renewed::Same => {}
            Renewed::New => self.log(Level::Info, "the TLS certificate changed and was read again"),
            Renewed::Kept(reason) => {
                let message = format!("the TLS certificate changed and cannot be used, the old one stays: {reason}");
                self.log(Level::Error, &message);
            }
        }
    }

    /// Answers a request; its body is read as far as the answer takes it.
    pub(super) fn answer(&self, head: &Parts, remote: String, mut body: Arriving) -> Response<Payload> {
        let begun = Instant::now();
        self.renew_accounts();
        let Some(request) = into_request(head, remote, &mut body) else {
            return status(StatusCode::NOT_IMPLEMENTED);
        };
        let method = request.method;
        let response = self.server.handle(request, now(), &mut self.blobs.clone());
        let length = response
            .headers
            .get("Content-Length")
            .and_then(|text| text.parse().ok());
        self.metrics.count(&Sample {
            path: head.uri.path(),
            method,
            status: response.status,
            received: body.count(),
            sent: length.filter(|_| method != Method::Head).unwrap_or(0),
            took: begun.elapsed(),
        });
        let answer = self.to_hyper(response, method);
        self.write_log();
        answer
    }

    /// Reads the accounts again if their file has changed.
    fn renew_accounts(&self) {
        let outcome = match &self.accounts {
            Some(file) => file.changed(),
            None => return,
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(accounts)) => {
                self.server.set_accounts(accounts);
                self.log(Level::Info, "the htpasswd file changed and was read again");
            }
            Err(reason) => {
                let message = format!("the htpasswd file changed and cannot be used, the old accounts stay: {reason}");
                self.log(Level::Error, &message);
            }
        }
    }

    fn write_log(&self) {
        for line in self.server.take_log() {
            // A log that nobody reads stops nothing.
            let _ = match line.stream {
                LogStream::Out => writeln!(io::stdout(), "{}", line.text),
                LogStream::Err => writeln!(io::stderr(), "{}", line.text),
            };
        }
    }

    fn to_hyper(&self, response: registry::Response, method: Method) -> Response<Payload> {
        let payload = match response.body {
            _ if method == Method::Head => Payload::from(Bytes::new()),
            Body::Bytes(bytes) => Payload::from(Bytes::from(bytes)),
            Body::Blob { digest, start, length } => match self.blobs.payload(&digest, start, length) {
                Ok(payload) => payload,
                Err(error) => {
                    self.server
                        .log_event(now(), Level::Error, &format!("could not read {digest}: {error}"));
                    return status(StatusCode::INTERNAL_SERVER_ERROR);
                }
            },
        };
        let mut answer = Response::new(payload);
        *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in response.headers.iter() {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                answer.headers_mut().append(name, value);
            }
        }
        answer
    }
}

/// `None` for a method that no registry knows.
fn into_request<'b>(head: &Parts, remote: String, body: &'b mut dyn Read) -> Option<Request<'b>> {
    let method = read_method(&head.method)?;
    let mut headers = Headers::default();
    for (name, value) in &head.headers {
        headers.add(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    Some(Request {
        method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        remote,
        body,
    })
}

fn read_method(method: &hyper::Method) -> Option<Method> {
    Some(match method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        _ => return None,
    })
}

/// An answer of the transport itself.
pub(super) fn status(status: StatusCode) -> Response<Payload> {
    let mut response = Response::new(Payload::from(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time {
        secs: since.as_secs() as i64,
        nanos: since.subsec_nanos(),
    }
}
