//! The server: a [`Request`] becomes a [`Response`].

mod auth;
mod blobs;
mod config;
mod document;
mod entrance;
mod ids;
mod lists;
mod log;
mod manifests;
mod names;
mod password;
mod pushes;
mod query;
mod records;
mod refusal;
mod route;
mod startup;
mod uploads;
mod visit;

pub use auth::{Accounts, HtpasswdError};
pub use config::{
    AuthConfig, CollectionConfig, Config, ConfigError, Formatter, HttpConfig, Level, LogConfig, REGISTRY_2_CONFIG,
    StorageConfig, TlsConfig, Validation,
};
pub use document::manifest_parts;
pub use log::{LogLine, LogStream};
pub use password::htpasswd_line;
pub use records::{Change, ManifestRecord, MemoryRecords, Records, Tables};
pub use uploads::{MemoryUploads, Upload, Uploads};

use crate::{Body, Headers, Method, Request, Response};
use auth::Gate;
use entrance::Entered;
use ids::Ids;
use log::Log;
use oci::Time;
use query::Query;
use refusal::Refusal;
use route::Route;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::BlobStore;
use visit::Visit;

/// A registry. It opens no socket and reads no clock: its host does both, and keeps the blobs.
///
/// # Example
///
/// ```
/// use oci::Time;
/// use registry::{Config, Headers, Identity, Limits, Method, Request, Server};
/// use store::MemoryBlobs;
///
/// let server = Server::new(Config::in_memory(), Identity::new("1.0"), Limits::default(), [0; 32]);
/// let mut blobs = MemoryBlobs::default();
/// let request = Request {
///     method: Method::Get,
///     path: "/v2/".to_owned(),
///     query: String::new(),
///     headers: Headers::default(),
///     remote: "10.0.0.1:40000".to_owned(),
///     body: &mut std::io::empty(),
/// };
/// assert_eq!(server.handle(request, Time::of_secs(0), &mut blobs).status, 200);
/// ```
pub struct Server {
    config: Config,
    limits: Limits,
    records: Box<dyn Records>,
    uploads: Box<dyn Uploads>,
    gate: Option<Gate>,
    ids: Ids,
    log: Mutex<Log>,
    /// The uploads that a request is changing.
    busy: Mutex<BTreeSet<String>>,
    /// Whether it stands in for another program, and says what that one would say.
    is_stand_in: bool,
}

/// Who the server says it is, in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its version.
    pub version: String,
    /// For one that stands in for a program written in Go: that Go's version.
    pub go_version: Option<String>,
}

impl Identity {
    /// A server of this version.
    pub fn new(version: &str) -> Identity {
        Identity {
            version: version.to_owned(),
            go_version: None,
        }
    }

    /// The server in the image `registry:2`, for a simulation of it.
    pub fn registry_2() -> Identity {
        Identity {
            version: "2.8.3".to_owned(),
            go_version: Some("go1.20.8".to_owned()),
        }
    }
}

/// What one server takes on. Manifests are limited by the protocol, to 4 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many uploads may be open.
    pub uploads: usize,
    /// How large a blob may be, in bytes.
    pub blob_bytes: u64,
}

/// A thousand uploads, and blobs of any size.
impl Default for Limits {
    fn default() -> Limits {
        Limits {
            uploads: 1000,
            blob_bytes: u64::MAX,
        }
    }
}

/// What came of a request.
type Answered = Result<Response, Refusal>;

/// A request on its way through the server, and what it works on.
struct Call<'c, 'r> {
    method: Method,
    repository: String,
    query: Query,
    headers: &'c Headers,
    body: &'c mut (dyn Read + 'r),
    blobs: &'c mut dyn BlobStore,
    now: Time,
    /// What happened, for the log at `debug`.
    steps: Vec<&'static str>,
}

impl<'c, 'r> Call<'c, 'r> {
    fn new(
        method: Method,
        query: &str,
        headers: &'c Headers,
        body: &'c mut (dyn Read + 'r),
        blobs: &'c mut dyn BlobStore,
        now: Time,
    ) -> Call<'c, 'r> {
        Call {
            method,
            repository: String::new(),
            query: Query::parse(query),
            headers,
            body,
            blobs,
            now,
            steps: Vec::new(),
        }
    }

    fn say(&mut self, step: &'static str) {
        self.steps.push(step);
    }
}

impl Server {
    /// A registry without a repository, kept in memory but for its blobs.
    ///
    /// `seed` makes identifiers that nobody guesses: a host takes it from the system's randomness, and never twice. If the
    /// configuration asks for accounts, nobody comes in before [`set_accounts`](Server::set_accounts).
    pub fn new(config: Config, identity: Identity, limits: Limits, seed: [u8; 32]) -> Server {
        let (records, uploads) = (MemoryRecords::default(), MemoryUploads::default());
        Server::with_state(config, identity, limits, seed, Box::new(records), Box::new(uploads))
    }

    /// As [`new`](Server::new), with records and uploads that are kept elsewhere.
    pub fn with_state(
        config: Config,
        identity: Identity,
        limits: Limits,
        seed: [u8; 32],
        records: Box<dyn Records>,
        uploads: Box<dyn Uploads>,
    ) -> Server {
        let ids = Ids::new(seed);
        let mut own = config.log.fields.clone();
        let is_stand_in = identity.go_version.is_some();
        own.extend(identity.go_version.map(|version| ("go.version".to_owned(), version)));
        own.insert("instance.id".to_owned(), ids.uuid());
        own.insert("version".to_owned(), identity.version);
        let gate = match config.auth {
            AuthConfig::None => None,
            AuthConfig::Htpasswd { .. } => {
                let nobody = Accounts::parse("").expect("no line is no bad line");
                Some(Gate::new(nobody, ids.key()))
            }
        };
        Server {
            log: Mutex::new(Log::new(config.log.clone(), own)),
            busy: Mutex::default(),
            config,
            limits,
            records,
            uploads,
            gate,
            ids,
            is_stand_in,
        }
    }

    /// Takes these accounts from now on, if the configuration asks for accounts. Who was wrong how often stays known.
    pub fn set_accounts(&self, accounts: Accounts) {
        if let Some(gate) = &self.gate {
            gate.set_accounts(accounts);
        }
    }

    /// What it keeps, for a server that goes on from here.
    pub fn into_state(self) -> (Box<dyn Records>, Box<dyn Uploads>) {
        (self.records, self.uploads)
    }

    /// The links of its repositories.
    pub fn records(&self) -> &dyn Records {
        self.records.as_ref()
    }

    /// What the server was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The lines that were logged since they were last taken.
    pub fn take_log(&self) -> Vec<LogLine> {
        self.log().take()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request. What the body of the response names is read from `blobs`, by the host.
    ///
    /// Several requests may be answered at once. Nothing of a body is read before it is clear that its sender may send it; so a
    /// host can hand over a body that is still on its way.
    ///
    /// `Content-Length` is set on every response that has a body; a host adds `Date` and what its transport needs. Of the
    /// request's body, what was not read is the host's to drop.
    pub fn handle(&self, request: Request<'_>, now: Time, blobs: &mut dyn BlobStore) -> Response {
        let mut visit = Visit::new(&request, self.ids.uuid());
        let (headers, path, remote) = (request.headers, request.path, request.remote);
        let mut call = Call::new(request.method, &request.query, &headers, request.body, blobs, now);
        let outcome = self.answer(&mut call, &path, &remote, &mut visit);
        let refusal = outcome.as_ref().err().cloned();
        let mut response = outcome.unwrap_or_else(Refusal::into_response);
        self.complete(&mut response, &visit);
        visit.write(&mut self.log(), now, &call.steps, &response, refusal.as_ref());
        response
    }

    /// From grammar to permission to the thing itself.
    fn answer(&self, call: &mut Call<'_, '_>, path: &str, remote: &str, visit: &mut Visit) -> Answered {
        let route = match self.enter(call, path, remote, visit)? {
            Entered::At(route) => route,
            Entered::Done(response) => return Ok(response),
        };
        match route {
            Route::Tags => self.tags(call),
            Route::Catalog => self.catalog(call),
            Route::Manifest(target) => self.manifest(call, &target),
            Route::Blob(name) => self.blob(call, name),
            Route::Uploads => self.start_upload(call),
            Route::Upload(id) => self.upload(call, &id),
            Route::Referrers(subject) => self.referrers(call, subject),
            Route::Base | Route::Alive | Route::Moved => Ok(base()),
        }
    }

    /// Where the routes begin, with `http.prefix`.
    fn base(&self) -> String {
        format!("/{}v2/", self.config.http.prefix.trim_start_matches('/'))
    }

    /// The address of something in a repository. Relative, unless `http.host` says where we are: what the request says
    /// about it may be forged.
    fn location(&self, repository: &str, rest: &str) -> String {
        let host = self.config.http.host.as_deref().unwrap_or_default();
        format!("{host}{}{repository}/{rest}", self.base())
    }

    /// Adds what every response carries.
    fn complete(&self, response: &mut Response, visit: &Visit) {
        let headers = &mut response.headers;
        if visit.is_api() {
            headers.set("Docker-Distribution-API-Version", "registry/2.0");
            for (name, value) in &self.config.http.headers {
                headers.add(name, value);
            }
        }
        if !matches!(response.status, 204 | 304) {
            let length = match &response.body {
                Body::Bytes(bytes) => bytes.len() as u64,
                Body::Blob { length, .. } => *length,
            };
            headers.set("Content-Length", length.to_string());
        }
    }
}

fn base() -> Response {
    let mut response = blobs::empty(200);
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.body = Body::Bytes(b"{}".to_vec());
    response
}
