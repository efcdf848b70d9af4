//! Connections: to the host itself or through a proxy, with TLS above it where the URL says so.

use super::Patience;
use super::body::Outgoing;
use super::proxy::Proxy;
use super::target::Target;
use super::tls;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use registry::TransportError;
use registry::client::Scheme;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The most bytes of an answer's head.
pub(super) const MAX_HEAD: usize = 64 << 10;
/// The most fields in an answer's head.
const MAX_FIELDS: usize = 200;
/// So much of a body is read or written at once at most.
const MAX_PIECE: usize = 1 << 19;

/// A connection that speaks HTTP.
pub(super) type Sender = SendRequest<Outgoing>;

/// Connects to where a request goes.
pub(super) async fn connect(
    target: &Target,
    proxy: Option<&Proxy>,
    tls: Option<Arc<ClientConfig>>,
    patience: &Patience,
) -> Result<Sender, TransportError> {
    let Some(config) = tls.filter(|_| target.scheme == Scheme::Https) else {
        return match proxy {
            None => shake_hands(dial(&target.host, target.port, patience).await?).await,
            Some(proxy) => shake_hands(dial(&proxy.host, proxy.port, patience).await?).await,
        };
    };
    match proxy {
        None => {
            let stream = dial(&target.host, target.port, patience).await?;
            shake_hands(encrypt(stream, target, config, patience).await?).await
        }
        Some(proxy) => {
            let stream = dial(&proxy.host, proxy.port, patience).await?;
            let tunnel = patient(patience, tunnel(stream, target, proxy)).await?;
            shake_hands(encrypt(tunnel, target, config, patience).await?).await
        }
    }
}

async fn patient<T>(
    patience: &Patience,
    work: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let result = tokio::time::timeout(patience.connect, work).await;
    result.unwrap_or(Err(TransportError::Timeout))
}

/// Connects to the first of a name's addresses that answers.
async fn dial(host: &str, port: u16, patience: &Patience) -> Result<TcpStream, TransportError> {
    let addresses: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(_) => Vec::new(),
    };
    let mut last = TransportError::UnknownHost { host: host.to_owned() };
    for address in addresses {
        let connected = patient(patience, async {
            TcpStream::connect(address)
                .await
                .map_err(|error| explain(&error, &address.to_string()))
        });
        match connected.await {
            Ok(stream) => {
                // Without it, the end of a request waits for an acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Asks a proxy for a way to the target.
async fn tunnel(
    stream: TcpStream,
    target: &Target,
    proxy: &Proxy,
) -> Result<TokioIo<hyper::upgrade::Upgraded>, TransportError> {
    let failed = |error: hyper::Error| TransportError::Io(format!("proxyconnect tcp: {error}"));
    let (mut sender, connection) = Builder::new()
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    tokio::spawn(connection.with_upgrades());
    let address = target.address();
    let mut request = hyper::Request::connect(&address).header("Host", &address);
    if let Some(authorization) = &proxy.authorization {
        request = request.header("Proxy-Authorization", authorization);
    }
    let request = request.body(Empty::new());
    let request = request.map_err(|error| TransportError::Io(format!("proxyconnect tcp: {error}")))?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(TransportError::Io(format!("proxyconnect tcp: {}", answer.status())));
    }
    Ok(TokioIo::new(hyper::upgrade::on(answer).await.map_err(failed)?))
}

async fn encrypt<S>(
    stream: S,
    target: &Target,
    config: Arc<ClientConfig>,
    patience: &Patience,
) -> Result<tokio_rustls::client::TlsStream<Listened<S>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(target.host.clone());
    let name = name.map_err(|_| TransportError::UnknownHost {
        host: target.host.clone(),
    })?;
    let listened = Listened {
        stream,
        first: Vec::new(),
    };
    let mut shaking = TlsConnector::from(config).connect(name, listened).into_fallible();
    match tokio::time::timeout(patience.connect, &mut shaking).await {
        Err(_) => Err(TransportError::Timeout),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err((_, listened))) if listened.first.starts_with(b"HTTP/") => Err(TransportError::HttpForHttps),
        Ok(Err((error, _))) => Err(tls::explain(&error, &target.host)),
    }
}

async fn shake_hands<S>(stream: S) -> Result<Sender, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = Builder::new()
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_PIECE)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| TransportError::Io(error.to_string()))?;
    // It goes on whenever somebody waits for an answer. How it ends, whoever waits is told.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// What the system said of a connection to `address`.
pub(super) fn explain(error: &io::Error, address: &str) -> TransportError {
    match error.kind() {
        ErrorKind::ConnectionRefused => TransportError::Refused {
            address: address.to_owned(),
        },
        ErrorKind::TimedOut => TransportError::Timeout,
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => TransportError::Closed,
        ErrorKind::HostUnreachable => TransportError::Io(format!("dial tcp {address}: connect: no route to host")),
        ErrorKind::NetworkUnreachable => {
            TransportError::Io(format!("dial tcp {address}: connect: network is unreachable"))
        }
        _ => TransportError::Io(error.to_string()),
    }
}

/// A stream that remembers how what came over it began: a server that speaks no TLS says so in plain text.
struct Listened<S> {
    stream: S,
    first: Vec<u8>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listened<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        let missing = 5_usize.saturating_sub(self.first.len());
        if missing > 0 {
            let came = &into.filled()[before..];
            let came = came[..came.len().min(missing)].to_vec();
            self.first.extend(came);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listened<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
