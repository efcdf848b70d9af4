//! From hyper's values to the registry's and back.

use super::accounts::AccountFile;
use super::connection::status;
use super::spool::Spool;
use super::tls::Renewed;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use registry::{Body, Headers, Level, LogStream, Method, Request, Server};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{BlobStore, MemoryBlobs, Time};

/// The registry that all connections speak to, one request after the other.
pub(super) struct Shared {
    desk: Mutex<Desk>,
    accounts: Option<AccountFile>,
}

struct Desk {
    server: Server,
    blobs: MemoryBlobs,
}

/// A request with all of its body.
pub(super) struct Asked {
    pub(super) head: Parts,
    pub(super) body: Spool,
    /// Whether the body came to its end.
    pub(super) is_whole: bool,
    /// `address:port`.
    pub(super) remote: String,
}

impl Shared {
    pub(super) fn new(server: Server, accounts: Option<AccountFile>) -> Shared {
        Shared {
            accounts,
            desk: Mutex::new(Desk {
                server,
                blobs: MemoryBlobs::default(),
            }),
        }
    }

    pub(super) fn log_start(&self, address: &str) {
        self.with(|desk| desk.server.log_start(now(), address));
    }

    /// Says what came of a certificate that changed.
    pub(super) fn log_renewed(&self, renewed: &Renewed) {
        self.with(|desk| match renewed {
            Renewed::Same => {}
            Renewed::New => desk
                .server
                .log_event(now(), Level::Info, "the TLS certificate changed and was read again"),
            Renewed::Kept(reason) => {
                let message = format!("the TLS certificate changed and cannot be used, the old one stays: {reason}");
                desk.server.log_event(now(), Level::Error, &message);
            }
        });
    }

    /// Reads the accounts again if their file has changed.
    fn renew_accounts(&self) {
        let Some(file) = &self.accounts else { return };
        let outcome = file.changed();
        if let Ok(None) = outcome {
            return;
        }
        self.with(|desk| match outcome {
            Ok(None) => {}
            Ok(Some(accounts)) => {
                desk.server.set_accounts(accounts);
                desk.server
                    .log_event(now(), Level::Info, "the htpasswd file changed and was read again");
            }
            Err(reason) => {
                let message = format!("the htpasswd file changed and cannot be used, the old accounts stay: {reason}");
                desk.server.log_event(now(), Level::Error, &message);
            }
        });
    }

    /// How much of the body is worth reading, or the answer without it.
    pub(super) fn admit(&self, head: &Parts, remote: String) -> Result<u64, Response<Full<Bytes>>> {
        self.renew_accounts();
        let mut nothing = io::empty();
        let request = into_request(head, remote, &mut nothing).ok_or_else(|| status(StatusCode::NOT_IMPLEMENTED))?;
        self.with(|desk| {
            let admitted = desk.server.admit(request, now(), &mut desk.blobs);
            admitted.map_err(|response| into_hyper(response, &desk.blobs))
        })
    }

    pub(super) fn answer(&self, asked: Asked) -> Response<Full<Bytes>> {
        let Ok(reader) = asked.body.into_reader() else {
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut body = Ended {
            reader,
            is_whole: asked.is_whole,
        };
        let Some(request) = into_request(&asked.head, asked.remote, &mut body) else {
            return status(StatusCode::NOT_IMPLEMENTED);
        };
        self.with(|desk| {
            let response = desk.server.handle(request, now(), &mut desk.blobs);
            into_hyper(response, &desk.blobs)
        })
    }

    /// Does something with the registry, and then writes what it logged.
    fn with<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        // After a panic in a request, what it left is whole: every change of the records is.
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut desk);
        for line in desk.server.take_log() {
            // A log that nobody reads stops nothing.
            let _ = match line.stream {
                LogStream::Out => writeln!(io::stdout(), "{}", line.text),
                LogStream::Err => writeln!(io::stderr(), "{}", line.text),
            };
        }
        done
    }
}

/// A body that, if its connection broke, says so at its end.
struct Ended {
    reader: Box<dyn Read>,
    is_whole: bool,
}

impl Read for Ended {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        if count == 0 && !into.is_empty() && !self.is_whole {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

/// Bytes of a blob, without a copy.
struct Piece {
    bytes: Arc<[u8]>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
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

fn into_hyper(response: registry::Response, blobs: &MemoryBlobs) -> Response<Full<Bytes>> {
    let body = match response.body {
        Body::Bytes(bytes) => Bytes::from(bytes),
        Body::Blob { digest, start, length } => match piece(blobs, &digest, start, length) {
            Some(piece) => Bytes::from_owner(piece),
            None => return status(StatusCode::INTERNAL_SERVER_ERROR),
        },
    };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

fn piece(blobs: &MemoryBlobs, digest: &oci::Digest, start: u64, length: u64) -> Option<Piece> {
    let bytes = blobs.get(digest).ok()?;
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (end <= bytes.len()).then_some(Piece { bytes, start, end })
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

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time {
        secs: since.as_secs() as i64,
        nanos: since.subsec_nanos(),
    }
}
