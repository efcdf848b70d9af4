//! Connections: sockets and TLS in, HTTP/1.1 answers out.

use super::answer::{Asked, Shared};
use super::spool::Spool;
use super::tls::Tls;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How many connections are open at once. More wait until one ends.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take for its handshake, for its header fields, and for each piece of its body.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait after a failed accept: without descriptors, the next one fails as well.
const PAUSE: Duration = Duration::from_millis(50);

/// The first byte of a TLS connection: a record with a handshake message.
///
/// Source: RFC 8446, section 5.1.
const HANDSHAKE: u8 = 0x16;

/// What Go's server says to who speaks HTTP where TLS is spoken.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Where connections come from.
pub(super) enum Listener {
    /// A port, perhaps with TLS.
    Tcp(TcpListener, Option<Arc<Tls>>),
    /// A socket in the file system.
    Unix(UnixListener),
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: Listener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let shared = Arc::clone(&shared);
        match &listener {
            Listener::Tcp(listener, tls) => match listener.accept().await {
                Ok((stream, remote)) => {
                    let tls = tls.clone();
                    tokio::spawn(async move {
                        welcome(stream, remote.to_string(), tls, shared).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Listener::Unix(listener) => match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(async move {
                        serve(stream, "@".to_owned(), shared).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

/// Speaks TLS, if that is spoken here.
async fn welcome(mut stream: TcpStream, remote: String, tls: Option<Arc<Tls>>, shared: Arc<Shared>) {
    // Without it, the end of an answer waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(stream, remote, shared).await;
    };
    let mut first = [0];
    match timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE => {}
        Ok(Ok(1)) if first[0].is_ascii_uppercase() => {
            let _ = timeout(PATIENCE, turn_away(&mut stream)).await;
            return;
        }
        _ => return,
    }
    let (config, renewed) = tls.current();
    shared.log_renewed(&renewed);
    if let Ok(Ok(stream)) = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
        serve(stream, remote, shared).await;
    }
}

/// Tells who speaks plain HTTP that TLS is spoken here.
async fn turn_away(stream: &mut TcpStream) -> io::Result<()> {
    // What was not read would reset the connection, and the answer with it.
    let mut request = vec![0; 16 << 10];
    let _ = stream.read(&mut request).await?;
    stream.write_all(NOT_TLS).await?;
    stream.shutdown().await?;
    while stream.read(&mut request).await? > 0 {}
    Ok(())
}

async fn serve<S>(stream: S, remote: String, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(request, remote.clone(), Arc::clone(&shared)));
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
    remote: String,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Hashing a blob or a password takes a while: not on the threads that serve the connections.
    let (door, from) = (Arc::clone(&shared), remote.clone());
    let admitted = tokio::task::spawn_blocking(move || (door.admit(&head, from), head)).await;
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
        let frame = match timeout(PATIENCE, body.frame()).await {
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
