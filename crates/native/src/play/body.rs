//! What is answered: whole texts, and streams that go on while a child runs.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use messages::Refusal;
use serde::Serialize;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// How many pieces of a stream wait for the client before the child has to.
const WAITING: usize = 32;

/// The body of an answer.
pub(super) enum Answered {
    /// All of it.
    Whole(Option<Bytes>),
    /// Pieces as they come. An error breaks the connection: then the client knows that something is missing.
    Stream(mpsc::Receiver<io::Result<Bytes>>),
}

/// The other end of a stream.
pub(super) type Pieces = mpsc::Sender<io::Result<Bytes>>;

impl Body for Answered {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Answered::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Answered::Stream(pieces) => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Answered::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answered::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Answered::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer of these bytes.
pub(super) fn whole(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response<Answered> {
    let bytes = bytes.into();
    let mut response = Response::new(Answered::Whole((!bytes.is_empty()).then_some(bytes)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    protect(&mut response);
    response
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Answered> {
    let text = serde_json::to_vec(value).expect("strings and numbers have a JSON form");
    whole(StatusCode::OK, "application/json", text)
}

/// Why something was not done, one line each.
pub(super) fn refuse(status: StatusCode, why: impl Into<String>) -> Response<Answered> {
    let text = serde_json::to_vec(&Refusal { error: why.into() }).expect("a string has a JSON form");
    let mut response = whole(status, "application/json", text);
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The method is not that of the address.
pub(super) fn only(method: &'static str) -> Response<Answered> {
    let mut response = refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("expected {method}, found another method"),
    );
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}

/// A stream and where its pieces go.
pub(super) fn stream(kind: &'static str) -> (Pieces, Response<Answered>) {
    let (pieces, receiver) = mpsc::channel(WAITING);
    let mut response = Response::new(Answered::Stream(receiver));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    protect(&mut response);
    (pieces, response)
}

/// What every answer carries: nothing is guessed, framed or handed to other sites. There is no CORS field anywhere.
fn protect(response: &mut Response<Answered>) {
    let fields = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in fields {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
