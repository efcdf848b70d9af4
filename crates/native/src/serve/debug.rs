//! The second address: metrics, and whether the registry is well.

use super::answer::{Shared, status};
use super::payload::{PATIENCE, Payload};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What is served there.
pub(super) struct Debug {
    pub(super) listener: TcpListener,
    /// The path of the metrics, if there are any.
    pub(super) metrics_path: Option<String>,
}

impl Debug {
    /// Answers for ever, one connection after the other: nobody but a program that measures comes here.
    pub(super) async fn run(self, shared: Arc<Shared>) {
        let Debug { listener, metrics_path } = self;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let service = service_fn(|request| {
                let answer = answer(&request, metrics_path.as_deref(), &shared);
                async { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(PATIENCE, connection).await;
        }
    }
}

fn answer(request: &Request<Incoming>, metrics_path: Option<&str>, shared: &Shared) -> Response<Payload> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let path = request.uri().path();
    if metrics_path == Some(path) {
        return text("text/plain; version=0.0.4", shared.metrics.render());
    }
    if path != "/debug/health" {
        return status(StatusCode::NOT_FOUND);
    }
    match shared.blobs().disk().map(|disk| disk.health()) {
        None | Some(Ok(())) => text("application/json", "{}".to_owned()),
        Some(Err(error)) => {
            let report = serde_json::json!({ "storagedriver_filesystem": error.to_string() });
            let mut response = text("application/json", report.to_string());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

fn text(content_type: &'static str, text: String) -> Response<Payload> {
    let mut response = Response::new(Payload::from(Bytes::from(text)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
