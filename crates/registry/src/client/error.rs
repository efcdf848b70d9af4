//! What can go wrong between a client and a registry, in the words people search for.

use super::credentials::CredentialError;
use super::url::{Url, UrlError};
use crate::{Method, TransportError};
use oci::{Digest, DocumentError};
use std::fmt;
use store::{LayerError, StoreError};

/// One error of a registry's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Such as `MANIFEST_UNKNOWN`.
    pub code: String,
    /// What the registry says to it.
    pub message: String,
}

/// `code: message`, the code in lower case and without underscores, as Docker prints it.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.to_lowercase().replace('_', " ");
        if self.message.is_empty() {
            return f.write_str(&code);
        }
        write!(f, "{code}: {}", self.message)
    }
}

/// A request by method and redacted URL, as Go's client names it in its errors: `Get "https://…"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What was asked.
    pub method: Method,
    /// Of whom, without what must stay secret.
    pub url: String,
}

impl Asked {
    pub(crate) fn new(method: Method, url: &Url) -> Asked {
        Asked {
            method,
            url: url.redacted(),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.method.as_str().split_at(1);
        write!(f, "{first}{} \"{}\"", rest.to_lowercase(), self.url)
    }
}

/// Why something was not had from a registry, worded as Docker words it. No password, token or signature stands in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No answer came.
    #[error("{asked}: {source}")]
    Transport {
        /// The request.
        asked: Asked,
        /// What happened instead.
        source: TransportError,
    },
    /// The registry said no and why.
    #[error("{}", first(.errors))]
    Refused {
        /// The request.
        asked: Asked,
        /// The status of the answer.
        status: u16,
        /// What it says; at least one.
        errors: Vec<ApiError>,
    },
    /// The registry said no, or something that no registry says.
    #[error("received unexpected HTTP status: {status} {}", reason(*.status))]
    Status {
        /// The request.
        asked: Asked,
        /// The status of the answer.
        status: u16,
    },
    /// The registry said no in a body that is no list of errors.
    #[error("error parsing HTTP {status} response body: {reason}: {body:?}")]
    Unreadable {
        /// The request.
        asked: Asked,
        /// The status of the answer.
        status: u16,
        /// What is wrong with the body.
        reason: String,
        /// How the body starts.
        body: String,
    },
    /// Before the request could be sent, something else went wrong: a token was wanted and not given.
    #[error("{asked}: {source}")]
    Before {
        /// The request.
        asked: Asked,
        /// What went wrong.
        source: Box<RegistryError>,
    },
    /// The registry wants a password and there is none.
    #[error("no basic auth credentials")]
    NoBasicAuth,
    /// The token server answered without a token, or with one that is none.
    #[error("authorization server did not include a token in the response")]
    NoToken,
    /// The password or token was shown and not taken.
    #[error("login attempt to {url} failed with status: {status} {}", reason(*.status))]
    Login {
        /// Where.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// A login stands in the configuration, but cannot be had.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The repository is not there, or not for this user.
    #[error("pull access denied for {name}, repository does not exist or may require 'docker login': {source}")]
    PullDenied {
        /// The repository as Docker shows it.
        name: String,
        /// What the registry said.
        source: Box<RegistryError>,
    },
    /// The repository has no such tag or digest.
    #[error("manifest for {reference} not found: {source}")]
    ManifestNotFound {
        /// The reference as Docker shows it.
        reference: String,
        /// What the registry said.
        source: Box<RegistryError>,
    },
    /// The registry has no such repository.
    #[error("repository {name} not found: {source}")]
    RepositoryNotFound {
        /// The repository as Docker shows it.
        name: String,
        /// What the registry said.
        source: Box<RegistryError>,
    },
    /// The index holds nothing for this platform.
    #[error("no matching manifest for {platform} in the manifest list entries")]
    NoPlatform {
        /// The platform that was asked for.
        platform: String,
    },
    /// What the tag names is no image.
    #[error("unsupported media type {media_type}")]
    MediaType {
        /// What it is.
        media_type: String,
    },
    /// The bytes are not those that the digest names.
    #[error("{what} verification failed for digest {expected}")]
    Digest {
        /// `manifest`, `image config`, `filesystem layer`.
        what: &'static str,
        /// The name.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// More or fewer bytes came than were announced.
    #[error("expected {expected} bytes of {digest}, found {found}")]
    Size {
        /// The blob.
        digest: Digest,
        /// What its descriptor says.
        expected: u64,
        /// What came; a lower bound if it was too much.
        found: u64,
    },
    /// The connection broke time and again.
    #[error("expected {expected} bytes of {digest}, the connection ended after {found}: {source}")]
    Broken {
        /// The blob.
        digest: Digest,
        /// What its descriptor says.
        expected: u64,
        /// How much of it came.
        found: u64,
        /// How it ended the last time.
        source: Box<RegistryError>,
    },
    /// An answer is larger than such an answer may be.
    #[error("expected {what} of at most {limit} bytes")]
    TooLarge {
        /// What was read.
        what: &'static str,
        /// How much is read of such.
        limit: u64,
    },
    /// A list goes on and on, or in a circle.
    #[error("expected a list of at most {limit} pages")]
    Pages {
        /// How many are read.
        limit: usize,
    },
    /// The answer led to other places too often.
    #[error("{asked}: stopped after {limit} redirects")]
    Redirects {
        /// The request.
        asked: Asked,
        /// How often is enough.
        limit: usize,
    },
    /// The answer leads to a place where one must not go.
    #[error("{asked}: {reason}")]
    Location {
        /// The request.
        asked: Asked,
        /// Why not.
        reason: LocationError,
    },
    /// The answer lacks what such an answer must have, or says what cannot be.
    #[error("{asked}: {problem}")]
    Protocol {
        /// The request.
        asked: Asked,
        /// Expected and found.
        problem: String,
    },
    /// A manifest, index or config is none.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Manifest and config disagree on how many layers there are.
    #[error("layers from manifest don't match image configuration")]
    LayerCount,
    /// A layer is broken or hostile.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Bytes could not be kept or read here.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reference cannot be used so.
    #[error("{0}")]
    Reference(&'static str),
    /// A search could not be made there.
    #[error("{0}")]
    Search(String),
    /// There is nowhere to ask.
    #[error("no endpoints found for {reference}")]
    NoEndpoint {
        /// What for.
        reference: String,
    },
    /// The host wanted no more.
    #[error("context canceled")]
    Cancelled,
}

/// Why a `Location` is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is none.
    #[error("http: no Location header in response")]
    Missing,
    /// It is no URL.
    #[error("failed to parse Location header: {0}")]
    Url(#[from] UrlError),
    /// It leaves TLS.
    #[error("refused to follow from https to http")]
    Downgrade,
}

impl RegistryError {
    /// The registry's own code, such as `MANIFEST_UNKNOWN`, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            RegistryError::Refused { errors, .. } => Some(&errors.first()?.code),
            _ => self.inner()?.code(),
        }
    }

    /// The status of the answer, if one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            RegistryError::Refused { status, .. }
            | RegistryError::Status { status, .. }
            | RegistryError::Unreadable { status, .. }
            | RegistryError::Login { status, .. } => Some(*status),
            _ => self.inner()?.status(),
        }
    }

    /// The URL that was asked, without what must stay secret.
    pub fn url(&self) -> Option<&str> {
        match self {
            RegistryError::Transport { asked, .. }
            | RegistryError::Refused { asked, .. }
            | RegistryError::Status { asked, .. }
            | RegistryError::Unreadable { asked, .. }
            | RegistryError::Before { asked, .. }
            | RegistryError::Redirects { asked, .. }
            | RegistryError::Location { asked, .. }
            | RegistryError::Protocol { asked, .. } => Some(&asked.url),
            RegistryError::Login { url, .. } => Some(url),
            _ => self.inner()?.url(),
        }
    }

    /// Whether the same request may succeed a little later: the connection broke, the registry is
    /// busy, unwell or being restarted.
    pub fn retryable(&self) -> bool {
        match self {
            RegistryError::Transport { source, .. } => matches!(
                source,
                TransportError::Closed
                    | TransportError::Timeout
                    | TransportError::Refused { .. }
                    | TransportError::Io(_)
            ),
            RegistryError::Broken { .. } => true,
            _ => self.status().is_some_and(|status| status == 429 || status >= 500),
        }
    }

    fn inner(&self) -> Option<&RegistryError> {
        match self {
            RegistryError::Before { source, .. }
            | RegistryError::PullDenied { source, .. }
            | RegistryError::ManifestNotFound { source, .. }
            | RegistryError::RepositoryNotFound { source, .. }
            | RegistryError::Broken { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The first error and, if there are more, the rest below it.
fn first(errors: &[ApiError]) -> String {
    match errors {
        [] => "unknown error".to_owned(),
        [one, ..] => one.to_string(),
    }
}

/// What Go calls a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        507 => "Insufficient Storage",
        _ => "",
    }
}
