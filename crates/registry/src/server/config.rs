//! The server's configuration, as data.

mod overlay;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod yaml;

pub use read::ConfigError;

use std::collections::BTreeMap;

/// The configuration in the image `registry:2`, at `/etc/docker/registry/config.yml`.
pub const REGISTRY_2_CONFIG: &str = "\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// What the server and its host do: a `registry:2` configuration, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where things are kept; what may be changed.
    pub storage: StorageConfig,
    /// Who may come in.
    pub auth: AuthConfig,
    /// Where to listen; what every response carries.
    pub http: HttpConfig,
    /// `catalog.maxentries`: how many repositories one page of the catalogue may have.
    pub catalog_entries: usize,
    /// What is checked in manifests.
    pub validation: Validation,
    /// Remarks on what was read, such as variables that mean nothing. The server logs them first.
    pub warnings: Vec<String>,
}

/// `log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `log.level`.
    pub level: Level,
    /// `log.formatter`.
    pub formatter: Formatter,
    /// Whether requests are logged in the combined format: not `log.accesslog.disabled`.
    pub access_log: bool,
    /// `log.fields`: on every line of the server itself.
    pub fields: BTreeMap<String, String>,
}

/// How much is logged: from this on, and what is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What happened.
    Info,
    /// Each step.
    Debug,
}

impl Level {
    /// As a line of the log spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// A level's name in a configuration.
fn read_level(text: &str) -> Option<Level> {
    match text.to_lowercase().as_str() {
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        _ => None,
    }
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formatter {
    /// `time="..." level=info msg="..."`.
    Text,
    /// A JSON object.
    Json,
    /// A JSON object with the field names of logstash.
    Logstash,
}

/// `storage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// `filesystem`, `inmemory` or the name of another driver. The host says which it has.
    pub driver: String,
    /// The driver's parameters, such as `rootdirectory`; those that are no plain text are left out.
    pub parameters: BTreeMap<String, String>,
    /// `storage.delete.enabled`.
    pub delete: bool,
    /// `storage.maintenance.readonly.enabled`.
    pub read_only: bool,
    /// `storage.maintenance.uploadpurging`: the age in seconds at which unfinished uploads are given up, if they are.
    pub upload_age_secs: Option<u64>,
    /// `storage.maintenance.garbagecollection`, which `registry:2` does not have: when garbage is collected while the registry
    /// serves, if it is.
    pub collection: Option<CollectionConfig>,
    /// `storage.cache.blobdescriptor`: only logged.
    pub cache: Option<String>,
    /// `storage.redirect.disable`: only logged, since nothing is redirected.
    pub redirect_disabled: bool,
}

/// `storage.maintenance.garbagecollection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionConfig {
    /// `interval`, in seconds: how often.
    pub interval_secs: u64,
    /// `grace`, in seconds: blobs that somebody asked for since then stay, referred to or not.
    pub grace_secs: u64,
}

/// An hour, and a day.
impl Default for CollectionConfig {
    fn default() -> CollectionConfig {
        CollectionConfig {
            interval_secs: 60 * 60,
            grace_secs: 24 * 60 * 60,
        }
    }
}

/// `auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthConfig {
    /// Everybody may do everything.
    None,
    /// Accounts in a file.
    Htpasswd {
        /// What the challenge says.
        realm: String,
        /// The file. The host reads it.
        path: String,
    },
}

/// `http`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpConfig {
    /// `http.addr`, such as `:5000`. Empty lets the system choose a port.
    pub address: String,
    /// `http.net`: `tcp` or `unix`; empty means `tcp`.
    pub net: String,
    /// `http.host`: scheme and host that `Location` fields begin with. Without it they are relative.
    pub host: Option<String>,
    /// `http.prefix`: what paths begin with, with a `/` at its end; empty for none.
    pub prefix: String,
    /// `http.secret`. Uploads are known by random identifiers here, so it is only looked at for the warning.
    pub has_secret: bool,
    /// `http.draintimeout`, in milliseconds: how long a stop waits for requests that are under way.
    pub drain_timeout_millis: u64,
    /// `http.tls`.
    pub tls: TlsConfig,
    /// `http.headers`: on every response. Names and values are checked.
    pub headers: Vec<(String, String)>,
    /// `http.debug.addr`; empty for none.
    pub debug_address: String,
    /// `http.debug.prometheus`: the path of the metrics, if there are any.
    pub metrics_path: Option<String>,
    /// `http.http2.disabled`.
    pub http2_disabled: bool,
}

/// `http.tls`: paths of files that the host reads. Without a certificate, the server speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// `http.tls.certificate`.
    pub certificate: Option<String>,
    /// `http.tls.key`.
    pub key: Option<String>,
    /// `http.tls.clientcas`: whoever comes must show a certificate of one of these.
    pub client_cas: Vec<String>,
    /// `http.tls.minimumtls`.
    pub minimum: Option<String>,
    /// `http.tls.ciphersuites`.
    pub cipher_suites: Vec<String>,
}

/// `validation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Whether what a manifest names must be there: not `validation.disabled`.
    pub enabled: bool,
    /// Whether every manifest that an index names must be there: `validation.manifests.indexes.platforms` is not `none`.
    pub complete_indexes: bool,
}

impl Config {
    /// A registry in memory that lets everybody in and logs at `info`: what `storage: inmemory` alone says.
    pub fn in_memory() -> Config {
        Config {
            log: LogConfig {
                level: Level::Info,
                formatter: Formatter::Text,
                access_log: true,
                fields: BTreeMap::new(),
            },
            storage: StorageConfig {
                driver: "inmemory".to_owned(),
                parameters: BTreeMap::new(),
                delete: false,
                read_only: false,
                upload_age_secs: Some(168 * 60 * 60),
                collection: Some(CollectionConfig::default()),
                cache: None,
                redirect_disabled: false,
            },
            auth: AuthConfig::None,
            http: HttpConfig::default(),
            catalog_entries: 1000,
            validation: Validation {
                enabled: true,
                complete_indexes: true,
            },
            warnings: Vec::new(),
        }
    }
}
