//! A stream of bytes to a worker: TCP, TLS, a socket of this machine, a Docker engine's upgrade, a program's pipes.

use super::address::{Builder, Route, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How long a worker may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of an answer is no longer, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// So much of what a program says on standard error is told, in bytes.
const MAX_COMPLAINT: u64 = 4 << 10;

/// Opens a stream that speaks a worker's gRPC.
pub(super) async fn connect(builder: &Builder) -> io::Result<Box<dyn Stream>> {
    in_time(async {
        match &builder.route {
            Route::DockerTcp(_) | Route::DockerUnix(_) => {
                let mut stream = dial(builder).await?;
                upgrade(&mut stream).await?;
                Ok(stream)
            }
            _ => dial(builder).await,
        }
    })
    .await
}

/// Opens a stream to the door of a builder: for a Docker engine, one that speaks HTTP.
pub(super) async fn dial(builder: &Builder) -> io::Result<Box<dyn Stream>> {
    match &builder.route {
        Route::Tcp(address) | Route::DockerTcp(address) => {
            let stream = in_time(TcpStream::connect(address)).await?;
            // Without it, small messages wait for an acknowledgement.
            stream.set_nodelay(true)?;
            match &builder.tls {
                Some(tls) => in_time(secure(stream, tls, address)).await,
                None => Ok(Box::new(stream)),
            }
        }
        Route::Unix(path) | Route::DockerUnix(path) => Ok(Box::new(in_time(UnixStream::connect(path)).await?)),
        Route::Pod { name, flags, kubectl } => {
            let mut command = Command::new(kubectl);
            command
                .args(flags)
                .args(["exec", "-i", name, "--", "buildctl", "dial-stdio"]);
            Pipes::start(command)
        }
    }
}

async fn in_time<T>(attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, attempt).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("no answer in {} s", PATIENCE.as_secs()),
        )),
    }
}

async fn secure(stream: TcpStream, tls: &Tls, address: &str) -> io::Result<Box<dyn Stream>> {
    let invalid = |error: rustls::Error| io::Error::new(ErrorKind::InvalidInput, error);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = tls.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| {
        io::Error::new(
            ErrorKind::InvalidInput,
            format!("expected a name for TLS, found {host:?}"),
        )
    })?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(&tls.authorities)? {
        roots.add(authority).map_err(invalid)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .with_root_certificates(roots);
    let mut config = match &tls.identity {
        Some((certificate, key)) => {
            let key_bytes = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, error))?;
            config
                .with_client_auth_cert(certificates(certificate)?, key_bytes)
                .map_err(invalid)?
        }
        None => config.with_no_client_auth(),
    };
    // Go's gRPC refuses a client that does not ask for it.
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Box::new(stream))
}

fn certificates(path: &std::path::Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| named(path, error))?;
    if found.is_empty() {
        return Err(named(path, "expected a certificate in PEM, found none"));
    }
    Ok(found)
}

fn named(path: &std::path::Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("{}: {error}", path.display()))
}

/// Asks a Docker engine to speak its BuildKit's gRPC on this stream.
async fn upgrade(stream: &mut Box<dyn Stream>) -> io::Result<()> {
    let request =
        "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::new();
    // Byte by byte: what comes after the head is no longer HTTP/1.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "expected a Docker engine, found a long answer",
            ));
        }
        head.push(stream.read_u8().await?);
    }
    let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).into_owned();
    match first.split(' ').nth(1) {
        Some("101") => Ok(()),
        _ => Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("expected a Docker engine with BuildKit, found {first:?}"),
        )),
    }
}

/// The standard streams of a program that passes them on. It ends when this is dropped.
struct Pipes {
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// What it says on standard error, when it has said all; `None` once `said` has it.
    complaint: Option<JoinHandle<String>>,
    said: String,
}

impl Pipes {
    fn start(mut command: Command) -> io::Result<Box<dyn Stream>> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("could not start {program}: {error}")))?;
        let stdin = child.stdin.take().expect("it was asked for as a pipe");
        let stdout = child.stdout.take().expect("it was asked for as a pipe");
        let stderr = child.stderr.take().expect("it was asked for as a pipe");
        Ok(Box::new(Pipes {
            _child: child,
            stdin,
            stdout,
            complaint: Some(tokio::spawn(read_complaint(stderr))),
            said: String::new(),
        }))
    }

    /// Why a program that ended did so, if it said it.
    fn poll_complaint(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        if let Some(complaint) = &mut self.complaint {
            self.said = ready!(Pin::new(complaint).poll(cx)).unwrap_or_default();
            self.complaint = None;
        }
        let told = || io::Error::new(ErrorKind::ConnectionAborted, self.said.clone());
        Poll::Ready((!self.said.is_empty()).then(told))
    }
}

/// Reads to the end, so that the program can go on to write, and returns how it began.
async fn read_complaint(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read has not been said.
    let _ = (&mut stderr).take(MAX_COMPLAINT).read_to_end(&mut said).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&said).trim().to_owned()
}

impl AsyncRead for Pipes {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stdout).poll_read(cx, into))?;
        if into.filled().len() > before || into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // It passes nothing on any more.
        Poll::Ready(ready!(self.poll_complaint(cx)).map_or(Ok(()), Err))
    }
}

impl AsyncWrite for Pipes {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stdin).poll_write(cx, bytes)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                Poll::Ready(Err(ready!(self.poll_complaint(cx)).unwrap_or(error)))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}
