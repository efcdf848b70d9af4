//! SSH agents of this machine, for steps that mount one: bytes passed on in both directions, keys never.

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Sockets of agents by their names.
pub(super) struct Agents(pub(super) BTreeMap<String, PathBuf>);

/// The agent that a step means if it names none.
const USUAL: &str = "default";
/// In which header a worker names an agent.
const ID: &str = "buildkit.ssh.id";
const PIECE: usize = 32 << 10;

impl Agents {
    fn find(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { USUAL } else { id };
        self.0
            .get(id)
            .ok_or_else(|| Status::not_found(format!("unset ssh forward key {id}")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    async fn check_agent(&self, request: Request<CheckAgentRequest>) -> Result<Response<CheckAgentResponse>, Status> {
        self.find(&request.into_inner().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = ReceiverStream<Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request
            .metadata()
            .get(ID)
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        let socket = self.find(id)?;
        let stream = UnixStream::connect(socket)
            .await
            .map_err(|error| Status::unavailable(format!("could not reach the SSH agent: {error}")))?;
        let (mut read, mut write) = stream.into_split();
        let mut asked = request.into_inner();
        let (answers, answered) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok(Some(piece)) = asked.message().await {
                if write.write_all(&piece.data).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            let mut buffer = vec![0; PIECE];
            while let Ok(count @ 1..) = read.read(&mut buffer).await {
                let data = buffer[..count].to_vec();
                if answers.send(Ok(BytesMessage { data })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answered)))
    }
}
