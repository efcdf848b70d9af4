//! One build on one worker: what is to be built goes there, its status and its result come back.

use super::address::Builder;
use super::connect::connect;
use super::session::{self, METHODS, Offer};
use crate::args::CacheSpec;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{
    BytesMessage, CacheOptions, CacheOptionsEntry, InfoRequest, ListWorkersRequest, SolveRequest, StatusRequest,
    StatusResponse,
};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

/// A connection to a worker that has answered.
pub(super) struct Worker {
    channel: Channel,
}

/// What a worker is told to build.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// What the Dockerfile's frontend is told.
    pub(super) frontend: BTreeMap<String, String>,
    /// In which form the result is wanted, and what that form is told.
    pub(super) exporter: (&'static str, BTreeMap<String, String>),
    /// Where caches come from.
    pub(super) cache_from: Vec<CacheSpec>,
    /// Where caches go.
    pub(super) cache_to: Vec<CacheSpec>,
    /// What a step may have beyond the usual.
    pub(super) entitlements: Vec<String>,
    /// Identifies the build and its session, for this worker.
    pub(super) id: String,
    /// Equal for builds of the same folders, so that the worker finds what it was sent before.
    pub(super) shared_key: String,
}

/// So much may be under way before the other side has taken it, in bytes: for one call, and for all together.
const WINDOW: (u32, u32) = (4 << 20, 16 << 20);
/// A message of a worker is no larger, in bytes.
const MAX_MESSAGE: usize = 64 << 20;
/// How long a worker may take to say that a build that ended has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
const PIECE: usize = 64 << 10;

impl Worker {
    /// Connects, and makes sure that what answers is a worker.
    ///
    /// # Errors
    ///
    /// If nobody answers, or something else.
    pub(super) async fn reach(builder: &Builder) -> io::Result<Worker> {
        // Connected here and not when it is first used, so that its error is that of the connection.
        let stream = connect(builder).await?;
        let once = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
        let connector = tower::service_fn(move |_| {
            let stream = once.lock().ok().and_then(|mut stream| stream.take());
            // A build does not go on over another connection: its session was on the first.
            std::future::ready(stream.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset)))
        });
        let endpoint = Endpoint::from_static("http://worker")
            .initial_stream_window_size(WINDOW.0)
            .initial_connection_window_size(WINDOW.1);
        let channel = endpoint
            .connect_with_connector(connector)
            .await
            .map_err(|error| io::Error::other(innermost(&error)))?;
        let worker = Worker { channel };
        match worker.control().list_workers(ListWorkersRequest::default()).await {
            Ok(_) => Ok(worker),
            Err(status) => {
                let why = status.source().map_or_else(|| status.message().to_owned(), innermost);
                Err(io::Error::other(format!("expected a BuildKit worker: {why}")))
            }
        }
    }

    /// Whether it is BuildKit 0.11 or newer, which says what it is.
    pub(super) async fn is_recent(&self) -> bool {
        match self.control().info(InfoRequest {}).await {
            Ok(_) => true,
            Err(status) => status.code() != Code::Unimplemented,
        }
    }

    /// Builds. `watch` is told what happens; what comes back is what the exporter has to say.
    ///
    /// # Errors
    ///
    /// The worker's, with its details.
    pub(super) async fn build(
        &self,
        order: Order,
        offer: Offer,
        watch: &mut dyn FnMut(StatusResponse),
    ) -> Result<BTreeMap<String, String>, Status> {
        let session = self.open_session(&order, offer)?;
        let (mut control, mut watcher) = (self.control(), self.control());
        let reference = order.id.clone();
        let solving = control.solve(solve_request(order));
        let statuses = watcher.status(StatusRequest { r#ref: reference });
        tokio::pin!(solving);
        let mut statuses: Streaming<StatusResponse> = match tokio::select! {
            opened = statuses => opened,
            // A build that cannot even begin has no status.
            done = &mut solving => {
                session.abort();
                return done.map(|done| done.into_inner().exporter_response.into_iter().collect());
            }
        } {
            Ok(opened) => opened.into_inner(),
            Err(status) => {
                session.abort();
                return Err(status);
            }
        };
        let done = loop {
            tokio::select! {
                done = &mut solving => break done,
                status = statuses.message() => match status {
                    Ok(Some(status)) => watch(status),
                    // Progress that breaks off does not end the build.
                    Ok(None) | Err(_) => break solving.await,
                },
            }
        };
        while let Ok(Ok(Some(status))) = tokio::time::timeout(LAST_WORDS, statuses.message()).await {
            watch(status);
        }
        session.abort();
        done.map(|done| done.into_inner().exporter_response.into_iter().collect())
    }

    fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Lets the worker call this side: a connection the other way round, inside of this one.
    fn open_session(&self, order: &Order, offer: Offer) -> Result<tokio::task::JoinHandle<()>, Status> {
        let (ours, theirs) = tokio::io::duplex(PIECE * 4);
        let (mut read, mut write) = tokio::io::split(theirs);
        let (pieces, outgoing) = tokio::sync::mpsc::channel(4);
        let sending = async move {
            let mut buffer = vec![0; PIECE];
            while let Ok(count @ 1..) = read.read(&mut buffer).await {
                let data = buffer[..count].to_vec();
                if pieces.send(BytesMessage { data }).await.is_err() {
                    return;
                }
            }
        };
        let mut request = Request::new(ReceiverStream::new(outgoing));
        let headers = request.metadata_mut();
        let value = |text: &str| {
            AsciiMetadataValue::try_from(text)
                .map_err(|_| Status::invalid_argument("expected a session's name in ASCII"))
        };
        headers.insert("x-docker-expose-session-uuid", value(&order.id)?);
        headers.insert("x-docker-expose-session-name", value("layerlab")?);
        headers.insert("x-docker-expose-session-sharedkey", value(&order.shared_key)?);
        for method in METHODS {
            headers.append("x-docker-expose-session-grpc-method", value(method)?);
        }
        let serving = session::serve(ours, offer);
        let mut control = self.control();
        Ok(tokio::spawn(async move {
            let receiving = async move {
                let Ok(incoming) = control.session(request).await else {
                    return;
                };
                let mut incoming = incoming.into_inner();
                while let Ok(Some(piece)) = incoming.message().await {
                    if write.write_all(&piece.data).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(sending, receiving, serving);
        }))
    }
}

/// What went wrong at first: the outermost only says that the connection broke.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn solve_request(order: Order) -> SolveRequest {
    let (exporter, attributes) = order.exporter;
    let entries = |caches: Vec<CacheSpec>| -> Vec<CacheOptionsEntry> {
        let entry = |cache: CacheSpec| CacheOptionsEntry {
            r#type: cache.kind,
            attrs: cache.attributes.into_iter().collect(),
        };
        caches.into_iter().map(entry).collect()
    };
    let mut frontend: HashMap<String, String> = order.frontend.into_iter().collect();
    if !order.cache_from.is_empty() {
        // The frontend asks for them itself.
        let told = order
            .cache_from
            .iter()
            .map(|cache| serde_json::json!({ "Type": cache.kind, "Attrs": cache.attributes }));
        frontend.insert(
            "cache-imports".to_owned(),
            told.collect::<serde_json::Value>().to_string(),
        );
    }
    SolveRequest {
        r#ref: order.id.clone(),
        session: order.id,
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: frontend,
        cache: Some(CacheOptions {
            imports: entries(order.cache_from),
            exports: entries(order.cache_to),
            ..CacheOptions::default()
        }),
        // The names that every worker knows; newer ones take them as their list of one.
        exporter_deprecated: exporter.to_owned(),
        exporter_attrs_deprecated: attributes.into_iter().collect(),
        entitlements: order.entitlements,
        ..SolveRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_and_its_frontend_are_told_of_caches() {
        let spec = |text: &str| text.parse::<CacheSpec>().unwrap();
        let order = Order {
            frontend: BTreeMap::new(),
            exporter: ("oci", BTreeMap::new()),
            cache_from: vec![spec("team/cache")],
            cache_to: vec![spec("type=inline"), spec("type=s3,bucket=b,mode=max")],
            entitlements: Vec::new(),
            id: "id".to_owned(),
            shared_key: String::new(),
        };
        let request = solve_request(order);
        let cache = request.cache.unwrap();
        assert_eq!(
            (&*cache.imports[0].r#type, &*cache.imports[0].attrs["ref"]),
            ("registry", "team/cache")
        );
        assert_eq!((&*cache.exports[0].r#type, cache.exports[0].attrs.len()), ("inline", 0));
        assert_eq!(cache.exports[1].attrs["mode"], "max");
        assert_eq!(
            request.frontend_attrs["cache-imports"],
            r#"[{"Attrs":{"ref":"team/cache"},"Type":"registry"}]"#
        );
    }
}
