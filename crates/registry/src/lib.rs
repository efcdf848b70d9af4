//! The OCI distribution protocol: a registry's server and its client, both without a socket.
//!
//! The server turns a [`Request`] into a [`Response`]; the client asks a [`Transport`] for the response to a request. What lies
//! between (sockets, TLS, a simulated network) is the host's.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod client;
mod http;
mod server;
mod transport;

pub use http::{Body, Headers, Method, Request, Response};
pub use server::{
    Accounts, AuthConfig, Change, CollectionConfig, Config, ConfigError, Formatter, HtpasswdError, HttpConfig,
    Identity, Level, Limits, LogConfig, LogLine, LogStream, ManifestRecord, MemoryRecords, MemoryUploads,
    REGISTRY_2_CONFIG, Records, Server, StorageConfig, Tables, TlsConfig, Upload, Uploads, Validation, htpasswd_line,
    manifest_parts,
};
pub use transport::{Answer, Call, TlsPolicy, Transport, TransportError};
