//! What surrounds a client: it waits, knows names and certificates, and sees all that goes over the wire.

use crate::{Method, TlsPolicy};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

/// The client's surroundings. Nothing in it needs to be there.
pub trait Host {
    /// Waits, natively; in the page time passes as the page likes. [`ControlFlow::Break`] ends the work.
    fn wait(&mut self, time: Duration) -> ControlFlow<()> {
        let _ = time;
        ControlFlow::Continue(())
    }

    /// Sees what happens. [`ControlFlow::Break`] ends the work before the next request or piece of a body.
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        let _ = event;
        ControlFlow::Continue(())
    }

    /// Where an upload goes on that was begun and neither finished nor given up, perhaps by a process that is gone: the URL last
    /// given to [`keep_upload`](Host::keep_upload).
    fn kept_upload(&self, upload: UploadKey<'_>) -> Option<String> {
        let _ = upload;
        None
    }

    /// Keeps where an upload goes on; `None` if it is over. The URL may hold a secret of the registry.
    fn keep_upload(&mut self, upload: UploadKey<'_>, location: Option<&str>) {
        let _ = (upload, location);
    }

    /// The addresses of a name, for `insecure-registries` that are networks. Empty if it is not known.
    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let _ = name;
        Vec::new()
    }

    /// What `/etc/docker/certs.d` says for a registry, `host[:port]`: see [`read_certs`](super::read_certs).
    fn certs(&self, registry: &str) -> TlsPolicy {
        let _ = registry;
        TlsPolicy::default()
    }
}

/// Which upload: it can be taken up again by another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadKey<'k> {
    /// Scheme, host and port of the registry.
    pub origin: &'k str,
    /// The repository's path there.
    pub repository: &'k str,
    /// The blob that goes there.
    pub digest: &'k oci::Digest,
}

/// A host that does not wait and does not look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bare;

impl Host for Bare {}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request or its answer, seen twice: when the answer's head is there, and when its body was read.
    Exchange(Exchange),
    /// Bytes that did not have to be sent or fetched.
    Spared(Spared),
    /// How far a layer is.
    Layer(LayerEvent),
    /// A pull knows what it pulls: `latest: Pulling from library/alpine`.
    Pulling {
        /// Tag or digest.
        tag: String,
        /// The repository's path.
        repository: String,
    },
    /// A push knows where to: `The push refers to repository [docker.io/user/app]`.
    Pushing {
        /// Registry and repository.
        name: String,
    },
}

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The same for both sights of one request; counts up from 1 in a pull, a push, a login, …
    /// Clones of a [`Session`](super::Session) count on from where they were cloned, each for itself.
    pub id: u64,
    /// What was asked.
    pub method: Method,
    /// Of whom, without what must stay secret.
    pub url: String,
    /// The answer's status; `None` if none came.
    pub status: Option<u16>,
    /// Why no answer came.
    pub failure: Option<String>,
    /// Bytes of body that were sent.
    pub sent: u64,
    /// Bytes of body that were received; 0 at the first sight.
    pub received: u64,
    /// Whether this is the last sight.
    pub done: bool,
}

/// Bytes that did not have to go over the wire, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spared {
    /// The blob.
    pub digest: oci::Digest,
    /// How many bytes.
    pub bytes: u64,
    /// Why.
    pub reason: SparedReason,
}

/// Why bytes did not have to go over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SparedReason {
    /// They are here already.
    Here,
    /// The registry's repository has them already.
    There,
    /// The registry has them in another repository and took them from there.
    Mounted {
        /// The other repository.
        from: String,
    },
    /// They came over before the connection broke.
    Resumed,
}

/// How far a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEvent {
    /// Twelve digits: of the blob's digest in a pull, of the DiffID in a push, as Docker shows them.
    pub id: String,
    /// What happens to it.
    pub state: LayerState,
}

/// What happens to a layer. [`Display`](std::fmt::Display) gives Docker's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerState {
    /// It will be pulled.
    PullingFsLayer,
    /// It is here already.
    AlreadyExists,
    /// So much of it came.
    Downloading {
        /// Bytes that are here.
        current: u64,
        /// Bytes in all.
        total: u64,
    },
    /// All of it came; it is hashed.
    VerifyingChecksum,
    /// All of it came and is what it should be.
    DownloadComplete,
    /// Its files are read.
    Extracting {
        /// Bytes of the blob.
        total: u64,
    },
    /// It is done.
    PullComplete,
    /// It will be pushed.
    Preparing,
    /// So much of it went.
    Pushing {
        /// Bytes that are there.
        current: u64,
        /// Bytes in all.
        total: u64,
    },
    /// It is there.
    Pushed,
    /// It was there already.
    LayerAlreadyExists,
    /// The registry took it from another repository.
    MountedFrom {
        /// Which.
        repository: String,
    },
    /// Something broke; it goes on after this time.
    Retrying {
        /// How long.
        secs: u64,
    },
}

impl std::fmt::Display for LayerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LayerState::PullingFsLayer => "Pulling fs layer",
            LayerState::AlreadyExists => "Already exists",
            LayerState::Downloading { .. } => "Downloading",
            LayerState::VerifyingChecksum => "Verifying Checksum",
            LayerState::DownloadComplete => "Download complete",
            LayerState::Extracting { .. } => "Extracting",
            LayerState::PullComplete => "Pull complete",
            LayerState::Preparing => "Preparing",
            LayerState::Pushing { .. } => "Pushing",
            LayerState::Pushed => "Pushed",
            LayerState::LayerAlreadyExists => "Layer already exists",
            LayerState::MountedFrom { repository } => return write!(f, "Mounted from {repository}"),
            LayerState::Retrying { secs: 1 } => "Retrying in 1 second",
            LayerState::Retrying { secs } => return write!(f, "Retrying in {secs} seconds"),
        })
    }
}
