//! The client: pulls, pushes and looks around, the way the Docker daemon does, over a [`Transport`](crate::Transport).
//!
//! Opens no socket and waits for nobody: transport, time and names are the [`Host`]'s, logins are looked up in
//! [`Credentials`], and what `daemon.json` says is a [`RegistryConfig`]. Every request, answer and spared byte is an
//! [`Event`].
//!
//! ```
//! use registry::client::{Anonymous, Bare, Client, RegistryConfig};
//! use registry::{Answer, Call, Transport, TransportError};
//!
//! struct Nobody;
//!
//! impl Transport for Nobody {
//!     fn send(&mut self, _: Call<'_>) -> Result<Answer, TransportError> {
//!         Err(TransportError::Refused { address: "127.0.0.1:5000".to_owned() })
//!     }
//! }
//!
//! let mut client = Client {
//!     transport: &mut Nobody,
//!     host: &mut Bare,
//!     credentials: &Anonymous,
//!     config: &RegistryConfig::default(),
//! };
//! let error = client.tags(&"localhost:5000/app".parse().unwrap()).unwrap_err();
//! let words = "Get \"http://localhost:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused";
//! assert_eq!(error.to_string(), words);
//! ```

// What the daemon and its command line are told.
mod certs;
mod config_file;
mod credentials;
mod daemon;
mod daemon_keys;
mod go_json;
mod host;
// Where to ask, and as whom.
mod auth;
mod challenge;
mod endpoint;
mod session;
mod token;
mod url;
// Asking.
mod attempt;
mod blob_reader;
mod error;
mod exchange;
mod fetch;
mod lanes;
mod refusal;
mod upload;
// What for.
mod cache;
mod list;
mod login;
mod platform;
mod pull;
mod push;
mod resolve;
mod search;

pub use cache::{CREATED_AT, CacheDocument, CacheHome, FoundCache, cache_image, is_cache, told_layers};
pub use certs::{CERTS_DIR, CertsError, certs_dir, read_certs};
pub use config_file::{ConfigFile, ConfigFileError, HUB_KEY};
pub use credentials::{Anonymous, CredentialError, Credentials, Login};
pub use daemon::{DAEMON_JSON, DaemonConfig, DaemonError, DaemonProblem, Network, RegistryConfig};
pub use endpoint::{Direction, Endpoint, HUB, endpoints, is_hub};
pub use error::{ApiError, Asked, LocationError, RegistryError};
pub use go_json::JsonProblem;
pub use host::{Bare, Event, Exchange, Host, LayerEvent, LayerState, Spared, SparedReason, UploadKey};
pub use lanes::{Fetching, Lanes, Pushing};
pub use platform::choose;
pub use pull::{PullOptions, Pulled, Resolved};
pub use push::{PushOptions, Pushed};
pub use resolve::Document;
pub use search::{SearchResult, SearchResults};
pub use session::{Client, Session};
pub use url::{Scheme, Url, UrlError};

#[cfg(test)]
mod tests;
