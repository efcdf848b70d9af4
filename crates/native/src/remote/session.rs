//! What a worker may ask of this side while it builds: files, secrets, a place for the result, whether we are still there.
//!
//! It is gRPC the other way round: the worker calls, over a stream of bytes inside of the connection to it.
//!
//! Source: BuildKit, `session/session.go` and `session/grpc.go`.

use super::context::{Shared, Wanted};
use super::transfer;
use agents::Agents;
use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::{FileSync, FileSyncServer};
use bollard_buildkit_proto::moby::filesync::v1::BytesMessage;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::{FileSend, FileSendServer};
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use layouts::Layouts;
use percent::decode;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::DuplexStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Empty, Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

mod agents;
mod layouts;
mod logins;
mod percent;

pub(super) use logins::Registries;

/// What this side lets a worker have.
pub(super) struct Offer {
    /// Folders by their names.
    pub(super) folders: BTreeMap<String, Shared>,
    /// OCI layouts by their names.
    pub(super) layouts: BTreeMap<String, PathBuf>,
    /// Secrets by their names.
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// SSH agents by their names: the sockets where they listen.
    pub(super) agents: BTreeMap<String, PathBuf>,
    /// Logins for registries.
    pub(super) registries: Registries,
    /// Where the result is written.
    pub(super) result: File,
}

/// The calls that a session says it answers.
pub(super) const METHODS: [&str; 9] = [
    "/containerd.services.content.v1.Content/Info",
    "/containerd.services.content.v1.Content/Read",
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSend/DiffCopy",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// So many packets wait for the worker to take them.
const WAITING: usize = 16;

/// A message with a piece of a file is no larger, in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// Answers the calls that come over `stream` until it ends.
pub(super) async fn serve(stream: DuplexStream, offer: Offer) {
    let result = Arc::new(Mutex::new(Some(offer.result)));
    let served = Server::builder()
        .add_service(HealthServer::new(Alive))
        .add_service(FileSyncServer::new(Files(Arc::new(offer.folders))).max_decoding_message_size(MAX_MESSAGE))
        .add_service(FileSendServer::new(Results(result)).max_decoding_message_size(MAX_MESSAGE))
        .add_service(AuthServer::new(offer.registries))
        .add_service(SecretsServer::new(Known(offer.secrets)))
        .add_service(SshServer::new(Agents(offer.agents)))
        .add_service(Layouts(Arc::new(offer.layouts)))
        // The one stream there is; then wait, as a server without listeners would end.
        .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(stream)).chain(tokio_stream::pending()));
    // The worker notices a session that ends, and says so.
    let _ = served.await;
}

struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("expected Check"))
    }

    type WatchStream = Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("expected Check"))
    }
}

struct Files(Arc<BTreeMap<String, Shared>>);

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = ReceiverStream<Result<Packet, Status>>;

    async fn diff_copy(&self, request: Request<Streaming<Packet>>) -> Result<Response<Self::DiffCopyStream>, Status> {
        let headers = request.metadata();
        let name = values(headers, "dir-name").pop().unwrap_or_default();
        let folder = self.0.get(&name).cloned();
        let folder = folder.ok_or_else(|| Status::not_found(format!("no folder {name:?} was offered")))?;
        let mut followed = values(headers, "followpaths");
        followed.extend(values(headers, "include-patterns"));
        let wanted = Wanted {
            excluded: values(headers, "exclude-patterns"),
            followed,
        };
        let listed = tokio::task::spawn_blocking(move || folder.list(&wanted)).await;
        let items = listed
            .map_err(|_| Status::internal("listing the folder was broken off"))?
            .map_err(|error| Status::failed_precondition(error.to_string()))?;
        let (packets, stream) = tokio::sync::mpsc::channel(WAITING);
        tokio::spawn(transfer::send(items, request.into_inner(), packets));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    type TarStreamStream = Empty<Result<Packet, Status>>;

    async fn tar_stream(&self, _: Request<Streaming<Packet>>) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("expected DiffCopy"))
    }
}

/// The values of a header. A worker escapes what is no ASCII, and says so in a header beside it.
fn values(headers: &MetadataMap, key: &str) -> Vec<String> {
    let is_encoded = headers.contains_key(format!("{key}-encoded").as_str());
    let texts = headers.get_all(key).iter().filter_map(|value| value.to_str().ok());
    texts
        .map(|text| if is_encoded { decode(text) } else { text.to_owned() })
        .collect()
}

struct Results(Arc<Mutex<Option<File>>>);

#[tonic::async_trait]
impl FileSend for Results {
    type DiffCopyStream = std::pin::Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let taken = self.0.lock().map(|mut place| place.take());
        let file = taken.ok().flatten();
        let mut file = file.ok_or_else(|| Status::already_exists("expected one result, found another"))?;
        let mut pieces = request.into_inner();
        while let Some(piece) = pieces.message().await? {
            let written = tokio::task::block_in_place(|| file.write_all(&piece.data));
            written.map_err(|error| Status::resource_exhausted(format!("could not keep the result: {error}")))?;
        }
        Ok(Response::new(Box::pin(tokio_stream::empty())))
    }
}

struct Known(BTreeMap<String, Vec<u8>>);

#[tonic::async_trait]
impl Secrets for Known {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.0.get(&id) {
            Some(data) => Ok(Response::new(GetSecretResponse { data: data.clone() })),
            None => Err(Status::not_found(format!("secret {id} not found"))),
        }
    }
}
