//! Connections: sockets and TLS in, HTTP/1.1 answers out.

use super::answer::{Shared, status};
use super::payload::{Arriving, PATIENCE, Payload};
use super::stop::{Stopping, asked};
use super::tls::Tls;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How many connections are open at once. More wait until one ends.
pub(super) const MAX_CONNECTIONS: u32 = 400;

/// How many bytes of header fields a request may have, and how much of a body is read at once.
const BUFFER_BYTES: usize = 256 << 10;

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

/// Accepts connections until it is time to stop, and returns the places of those that are still open.
pub(super) async fn accept(listener: Listener, shared: Arc<Shared>, stopping: Stopping) -> Arc<Semaphore> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let mut until = stopping.clone();
    let accepting = async {
        loop {
            // Nobody closes the semaphore.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (shared, stopping) = (Arc::clone(&shared), stopping.clone());
            match &listener {
                Listener::Tcp(listener, tls) => match listener.accept().await {
                    Ok((stream, remote)) => {
                        let tls = tls.clone();
                        tokio::spawn(async move {
                            welcome(stream, remote.to_string(), tls, shared, stopping).await;
                            drop(place);
                        });
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                Listener::Unix(listener) => match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(async move {
                            serve(stream, "@".to_owned(), shared, stopping).await;
                            drop(place);
                        });
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = asked(&mut until) => {}
    }
    places
}

/// Speaks TLS, if that is spoken here.
async fn welcome(
    mut stream: TcpStream,
    remote: String,
    tls: Option<Arc<Tls>>,
    shared: Arc<Shared>,
    stopping: Stopping,
) {
    // Without it, the end of an answer waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(stream, remote, shared, stopping).await;
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
        serve(stream, remote, shared, stopping).await;
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

async fn serve<S>(stream: S, remote: String, shared: Arc<Shared>, mut stopping: Stopping)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(request, remote.clone(), Arc::clone(&shared)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that breaks off has nobody left to be told.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = asked(&mut stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(
    request: Request<Incoming>,
    remote: String,
    shared: Arc<Shared>,
) -> Result<Response<Payload>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Arriving::new(Handle::current(), body);
    // Hashing, syncing and waiting for a body take a while: not on the threads that serve the connections.
    let answered = tokio::task::spawn_blocking(move || shared.answer(&head, remote, body)).await;
    Ok(answered.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR)))
}
