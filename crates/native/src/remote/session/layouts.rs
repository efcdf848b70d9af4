//! The blobs of OCI layouts that a worker may read: containerd's content service, as much of it as a worker asks for.
//!
//! Source: containerd, `api/services/content/v1/content.proto`; BuildKit, `session/content/attachable.go`.

use crate::layout::{blob_file, check_file};
use oci::Digest;
use prost::Message;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The header that says which layout is meant.
const STORE: &str = "buildkit-attachable-store-id";
/// So much of a blob is sent at once, in bytes.
const PIECE: u64 = 1 << 20;
/// So many pieces wait for the worker to take them.
const WAITING: usize = 4;

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct InfoRequest {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) info: Option<Info>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Info {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadRequest {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) offset: i64,
    /// How much of it; 0 for the rest.
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadResponse {
    #[prost(int64, tag = "1")]
    pub(super) offset: i64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

/// Answers what a worker asks of layouts, which are folders by the names they were told under.
#[derive(Debug, Clone)]
pub(super) struct Layouts(pub(super) Arc<BTreeMap<String, PathBuf>>);

impl Layouts {
    /// The blob that a request names, and its size.
    fn open<T>(&self, request: &Request<T>, digest: &str) -> Result<(File, u64), Status> {
        let store = request.metadata().get(STORE).and_then(|value| value.to_str().ok());
        let store = store.unwrap_or_default();
        let folder = store.strip_prefix("oci:").and_then(|name| self.0.get(name));
        let folder = folder.ok_or_else(|| Status::not_found(format!("no layout {store:?} was offered")))?;
        let digest: Digest = digest
            .parse()
            .map_err(|error| Status::invalid_argument(format!("{error}")))?;
        let path = blob_file(folder, &digest);
        let missing = |error: &dyn std::fmt::Display| Status::not_found(error.to_string());
        check_file(&path).map_err(|error| missing(&error))?;
        let file = File::open(&path).map_err(|error| missing(&error))?;
        let size = file.metadata().map_err(|error| missing(&error))?.len();
        Ok((file, size))
    }
}

impl UnaryService<InfoRequest> for Layouts {
    type Response = InfoResponse;
    type Future = BoxFuture<Response<InfoResponse>, Status>;

    fn call(&mut self, request: Request<InfoRequest>) -> Self::Future {
        let digest = request.get_ref().digest.clone();
        let found = self.open(&request, &digest).map(|(_, size)| {
            let info = Some(Info {
                digest,
                size: size.cast_signed(),
            });
            Response::new(InfoResponse { info })
        });
        Box::pin(std::future::ready(found))
    }
}

impl ServerStreamingService<ReadRequest> for Layouts {
    type Response = ReadResponse;
    type ResponseStream = ReceiverStream<Result<ReadResponse, Status>>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<ReadRequest>) -> Self::Future {
        let asked = request.get_ref().clone();
        let opened = self.open(&request, &asked.digest).and_then(|(file, size)| {
            let outside = || Status::out_of_range(format!("expected a part of {size} bytes"));
            let start = u64::try_from(asked.offset).map_err(|_| outside())?;
            let wanted = u64::try_from(asked.size).map_err(|_| outside())?;
            let rest = size.checked_sub(start).ok_or_else(outside)?;
            if wanted > rest {
                return Err(outside());
            }
            let (pieces, stream) = tokio::sync::mpsc::channel(WAITING);
            let length = if wanted == 0 { rest } else { wanted };
            tokio::task::spawn_blocking(move || {
                if let Err(error) = send(file, start, length, &pieces) {
                    // Nobody is left to be told if this cannot be sent either.
                    let _ = pieces.blocking_send(Err(Status::data_loss(error.to_string())));
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        });
        Box::pin(std::future::ready(opened))
    }
}

/// Sends `length` bytes of a file, from `start` on.
fn send(
    mut file: File,
    start: u64,
    length: u64,
    pieces: &tokio::sync::mpsc::Sender<Result<ReadResponse, Status>>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    let mut sent = 0;
    while sent < length {
        let mut data = Vec::new();
        let count = PIECE.min(length - sent);
        (&mut file).take(count).read_to_end(&mut data)?;
        if data.len() as u64 != count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let offset = (start + sent).cast_signed();
        sent += count;
        // A worker that has gone away wants no more.
        if pieces.blocking_send(Ok(ReadResponse { offset, data })).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

impl NamedService for Layouts {
    const NAME: &'static str = "containerd.services.content.v1.Content";
}

impl Service<http::Request<Body>> for Layouts {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let layouts = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Info") => {
                    Grpc::new(ProstCodec::<InfoResponse, InfoRequest>::default())
                        .unary(layouts, request)
                        .await
                }
                Some("Read") => {
                    let mut grpc = Grpc::new(ProstCodec::<ReadResponse, ReadRequest>::default());
                    grpc.server_streaming(layouts, request).await
                }
                _ => Status::unimplemented("expected Info or Read").into_http(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use hyper_util::rt::TokioIo;
    use tokio_stream::StreamExt as _;
    use tonic::client;
    use tonic::codegen::http::uri::PathAndQuery;
    use tonic::transport::{Channel, Endpoint, Server};

    async fn served(layouts: Layouts) -> client::Grpc<Channel> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let incoming = tokio_stream::once(Ok::<_, io::Error>(ours)).chain(tokio_stream::pending());
        tokio::spawn(Server::builder().add_service(layouts).serve_with_incoming(incoming));
        let mut once = Some(TokioIo::new(theirs));
        let connector = tower::service_fn(move |_| {
            std::future::ready(
                once.take()
                    .ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset)),
            )
        });
        let channel = Endpoint::from_static("http://here")
            .connect_with_connector(connector)
            .await;
        client::Grpc::new(channel.unwrap())
    }

    fn named<T>(message: T, store: &str) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(STORE, store.parse().unwrap());
        request
    }

    fn method(name: &str) -> PathAndQuery {
        format!("/{}/{name}", Layouts::NAME).parse().unwrap()
    }

    async fn info(client: &mut client::Grpc<Channel>, store: &str, digest: &str) -> Result<Option<Info>, Status> {
        client.ready().await.unwrap();
        let codec = ProstCodec::<InfoRequest, InfoResponse>::default();
        let request = InfoRequest {
            digest: digest.to_owned(),
        };
        let answer = client.unary(named(request, store), method("Info"), codec).await?;
        Ok(answer.into_inner().info)
    }

    async fn read(client: &mut client::Grpc<Channel>, request: ReadRequest) -> Result<Vec<u8>, Status> {
        client.ready().await.unwrap();
        let codec = ProstCodec::<ReadRequest, ReadResponse>::default();
        let request = named(request, "oci:layout0");
        let answer = client.server_streaming(request, method("Read"), codec).await?;
        let (mut pieces, mut bytes) = (answer.into_inner(), Vec::new());
        while let Some(piece) = pieces.message().await? {
            bytes.extend(piece.data);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_worker_reads_the_blobs_of_the_layouts_that_were_offered_and_nothing_else() {
        let scratch = Scratch::new();
        let bytes: Vec<u8> = (0..(2 << 20) + 5).map(|at| (at % 251) as u8).collect();
        let digest = Digest::of(&bytes);
        scratch.write(&format!("layout/blobs/sha256/{}", digest.hex()), &bytes);
        let other = Digest::of(b"secret");
        let secret = scratch.write("secret", "secret");
        std::os::unix::fs::symlink(secret, scratch.path(&format!("layout/blobs/sha256/{}", other.hex()))).unwrap();
        let layouts = BTreeMap::from([("layout0".to_owned(), scratch.path("layout"))]);
        let mut client = served(Layouts(Arc::new(layouts))).await;
        let text = digest.to_string();
        let found = info(&mut client, "oci:layout0", &text).await.unwrap().unwrap();
        assert_eq!((found.digest, found.size), (text.clone(), bytes.len() as i64));
        let part = |offset, size| ReadRequest {
            digest: text.clone(),
            offset,
            size,
        };
        assert!(read(&mut client, part(0, 0)).await.unwrap() == bytes);
        assert!(read(&mut client, part(3, (1 << 20) + 2)).await.unwrap() == bytes[3..(1 << 20) + 5]);
        let end = bytes.len() as i64;
        assert!(read(&mut client, part(end, 0)).await.unwrap().is_empty());
        for (offset, size) in [(-1, 0), (end + 1, 0), (1, end), (0, -1)] {
            let refused = read(&mut client, part(offset, size)).await.unwrap_err();
            assert_eq!(refused.code(), tonic::Code::OutOfRange, "{offset} {size}");
        }
        let missing = Digest::of(b"").to_string();
        for (store, digest) in [
            ("oci:layout1", &text),
            ("layout0", &text),
            ("oci:layout0", &missing),
            ("oci:layout0", &other.to_string()),
        ] {
            let refused = info(&mut client, store, digest).await.unwrap_err();
            assert_eq!(refused.code(), tonic::Code::NotFound, "{store} {digest}");
        }
        let refused = info(&mut client, "oci:layout0", "sha256:../../secret")
            .await
            .unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
