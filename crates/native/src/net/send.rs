//! One request and the head of its answer.

use super::Shared;
use super::body::{Arriving, Outgoing, Piece};
use super::connect::{self, Sender};
use super::proxy::Proxy;
use super::target::Target;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, Response};
use registry::client::Scheme;
use registry::{Answer, Call, Headers, Method, TlsPolicy, TransportError};
use std::io::{ErrorKind, Read};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;

/// So much of a body is read at once, in bytes.
const PIECE: usize = 1 << 18;
/// So many pieces wait for the socket.
const N_WAITING: usize = 2;

/// Where a connection leads, and whom it trusted on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    scheme: Scheme,
    host: String,
    port: u16,
    proxy: Option<Proxy>,
    tls: Option<TlsPolicy>,
}

/// A connection that is between two requests, or whose answer is being read.
pub(super) struct Connection {
    place: Place,
    sender: Sender,
    /// What is left of the request's body: as long as it is here, the body has not ended.
    unsent: Option<mpsc::Sender<Piece>>,
}

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(super) fn leads_to(&self, place: &Place) -> bool {
        self.place == *place
    }

    /// Whether the whole request went out.
    pub(super) fn is_done(&self) -> bool {
        self.unsent.is_none() && self.is_open()
    }
}

/// Sends a request and returns its answer.
pub(super) fn send(shared: &Arc<Shared>, call: Call<'_>) -> Result<Answer, TransportError> {
    let target = Target::parse(call.url)?;
    let proxy = shared.proxies.find(&target)?;
    if let Some(problem) = &call.tls.broken {
        return Err(TransportError::Io(problem.clone()));
    }
    let place = Place {
        scheme: target.scheme,
        host: target.host.clone(),
        port: target.port,
        tls: (target.scheme == Scheme::Https).then(|| call.tls.clone()),
        proxy,
    };
    let mut body = Watched {
        source: call.body,
        is_touched: false,
    };
    let request = Outline {
        target: &target,
        place: &place,
        method: call.method,
        headers: call.headers,
        length: call.length,
    };
    if let Some(kept) = shared.take(&place) {
        match request.exchange(shared, kept, &mut body) {
            // The other side hung up while nobody used the connection: that says nothing of this request.
            Err(TransportError::Closed) if !body.is_touched => {}
            result => return result,
        }
    }
    let connection = open(shared, &target, place.clone())?;
    request.exchange(shared, connection, &mut body)
}

fn open(shared: &Shared, target: &Target, place: Place) -> Result<Connection, TransportError> {
    let tls = match &place.tls {
        Some(policy) => Some(shared.trust.config(policy)?),
        None => None,
    };
    let connecting = connect::connect(target, place.proxy.as_ref(), tls, &shared.patience);
    let sender = shared.runtime.block_on(connecting)?;
    Ok(Connection {
        place,
        sender,
        unsent: None,
    })
}

/// A request without its body.
struct Outline<'r> {
    target: &'r Target,
    place: &'r Place,
    method: Method,
    headers: &'r Headers,
    length: Option<u64>,
}

impl Outline<'_> {
    /// Sends it over `connection`, its body read from `source` as the other side takes it.
    fn exchange(
        &self,
        shared: &Arc<Shared>,
        mut connection: Connection,
        source: &mut Watched<'_>,
    ) -> Result<Answer, TransportError> {
        let (pieces, receiver) = mpsc::channel(N_WAITING);
        let has_body = self.length != Some(0);
        let body = if has_body {
            Outgoing::of(receiver, self.length)
        } else {
            Outgoing::nothing()
        };
        let request = self.request(body)?;
        let unsent = has_body.then_some(pieces);
        let talk = talk(shared, &mut connection.sender, request, source, unsent);
        let (response, unsent) = shared.runtime.block_on(talk)?;
        connection.unsent = unsent;
        let mut headers = Headers::default();
        for (name, value) in response.headers() {
            headers.add(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers,
            body: Box::new(Arriving::new(Arc::clone(shared), response.into_body(), connection)),
        })
    }

    fn request(&self, body: Outgoing) -> Result<Request<Outgoing>, TransportError> {
        let Target { path, authority, .. } = self.target;
        let by_proxy = self.place.proxy.as_ref().filter(|_| self.target.scheme == Scheme::Http);
        let uri = match by_proxy {
            // A proxy must be told of whom it should ask.
            Some(_) => format!("http://{authority}{path}"),
            None => path.clone(),
        };
        let wrong = |what: &str| TransportError::Io(format!("net/http: invalid {what}"));
        let mut request = Request::new(body);
        *request.uri_mut() = uri.parse().map_err(|_| wrong("request URL"))?;
        *request.method_mut() =
            hyper::Method::from_bytes(self.method.as_str().as_bytes()).map_err(|_| wrong("method"))?;
        let fields = request.headers_mut();
        let text = |text: &str| HeaderValue::from_str(text).map_err(|_| wrong("header field value"));
        fields.insert(HOST, text(authority)?);
        for (name, value) in self.headers.iter() {
            let name = HeaderName::try_from(name).map_err(|_| wrong("header field name"))?;
            fields.append(name, text(value)?);
        }
        if let Some(length) = self.length
            && (length > 0 || matches!(self.method, Method::Post | Method::Put | Method::Patch))
        {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let Some(authorization) = by_proxy.and_then(|proxy| proxy.authorization.as_deref()) {
            fields.insert(PROXY_AUTHORIZATION, text(authorization)?);
        }
        Ok(request)
    }
}

/// Sends a request while its answer is awaited: a registry may answer before it has seen all of the body.
///
/// Returns with the answer what is left of the body.
async fn talk(
    shared: &Shared,
    sender: &mut Sender,
    request: Request<Outgoing>,
    source: &mut Watched<'_>,
    mut unsent: Option<mpsc::Sender<Piece>>,
) -> Result<(Response<hyper::body::Incoming>, Option<mpsc::Sender<Piece>>), TransportError> {
    sender.ready().await.map_err(|_| TransportError::Closed)?;
    let mut answer = pin!(sender.send_request(request));
    loop {
        match wait(shared, &mut answer, unsent.as_ref()).await {
            Waited::Answer(Ok(response)) => return Ok((response, unsent)),
            Waited::Answer(Err(error)) => return Err(explain(&error)),
            Waited::Over => return Err(TransportError::Timeout),
            Waited::Gone => unsent = None,
            Waited::Room => match source.piece() {
                Ok(piece) if piece.is_empty() => unsent = None,
                piece => {
                    // Nobody else sends pieces, so the room is still there; who takes no more is asked for an answer next.
                    let _ = unsent.as_ref().map(|pieces| pieces.try_send(piece));
                }
            },
        }
    }
}

/// What came first while a request was on its way.
enum Waited {
    Answer(hyper::Result<Response<hyper::body::Incoming>>),
    /// There is room for a piece of the body.
    Room,
    /// Nobody takes any more of the body.
    Gone,
    /// The end of the patience.
    Over,
}

async fn wait(
    shared: &Shared,
    answer: &mut (impl Future<Output = hyper::Result<Response<hyper::body::Incoming>>> + Unpin),
    unsent: Option<&mpsc::Sender<Piece>>,
) -> Waited {
    let Some(pieces) = unsent else {
        let answer = tokio::time::timeout(shared.patience.answer, answer).await;
        return answer.map_or(Waited::Over, Waited::Answer);
    };
    tokio::select! {
        biased;
        answer = answer => Waited::Answer(answer),
        room = pieces.reserve() => room.map_or(Waited::Gone, |_| Waited::Room),
        () = tokio::time::sleep(shared.patience.piece) => Waited::Over,
    }
}

/// A body of which one knows whether anything was taken from it.
struct Watched<'b> {
    source: &'b mut dyn Read,
    is_touched: bool,
}

impl Watched<'_> {
    /// The next piece; empty at the end.
    fn piece(&mut self) -> Piece {
        self.is_touched = true;
        let mut piece = Vec::with_capacity(PIECE);
        self.source.take(PIECE as u64).read_to_end(&mut piece)?;
        Ok(Bytes::from(piece))
    }
}

/// Why no answer came.
fn explain(error: &hyper::Error) -> TransportError {
    if error.is_parse_too_large() {
        let limit = connect::MAX_HEAD;
        return TransportError::Io(format!(
            "net/http: server response headers exceeded {limit} bytes; aborted"
        ));
    }
    if error.is_parse() {
        return TransportError::Io(
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response".to_owned(),
        );
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match source {
        Some(source) if source.kind() == ErrorKind::Other => TransportError::Io(source.to_string()),
        Some(source) => connect::explain(source, ""),
        None => TransportError::Closed,
    }
}
