//! Connections: HTTP/1.1 in, answers out.

use super::answer::{Asked, Shared};
use super::spool::Spool;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many connections are open at once. More wait until one ends.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take for its header fields, and for each piece of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait after a failed accept: without descriptors, the next one fails as well.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, remote)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    serve(stream, remote, shared).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, remote: SocketAddr, shared: Arc<Shared>) {
    // Without it, the end of an answer waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, remote, Arc::clone(&shared)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off has nobody left to be told.
    let _ = connection.await;
}

async fn respond(
    request: Request<Incoming>,
    remote: SocketAddr,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Hashing a blob or a password takes a while: not on the threads that serve the connections.
    let door = Arc::clone(&shared);
    let admitted = tokio::task::spawn_blocking(move || (door.admit(&head, remote), head)).await;
    let (limit, head) = match admitted {
        Ok((Ok(limit), head)) => (limit, head),
        Ok((Err(refused), _)) => return Ok(refused),
        Err(_) => return Ok(status(StatusCode::INTERNAL_SERVER_ERROR)),
    };
    let Some((body, is_whole)) = receive(body, limit).await else {
        return Ok(status(StatusCode::INTERNAL_SERVER_ERROR));
    };
    let asked = Asked {
        head,
        body,
        is_whole,
        remote,
    };
    let answered = tokio::task::spawn_blocking(move || shared.answer(asked)).await;
    Ok(answered.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR)))
}

/// Puts the body aside, up to `limit` bytes; whether it is whole. `None` if there is no place for it.
async fn receive(mut body: Incoming, limit: u64) -> Option<(Spool, bool)> {
    let mut spool = Spool::new();
    let mut left = limit;
    while left > 0 {
        let frame = match tokio::time::timeout(PATIENCE, body.frame()).await {
            Ok(None) => return Some((spool, true)),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Some((spool, false)),
        };
        if let Some(bytes) = frame.data_ref() {
            let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            spool.push(&bytes[..count]).ok()?;
            left -= count as u64;
        }
    }
    Some((spool, true))
}

/// An answer of the transport itself.
pub(super) fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
