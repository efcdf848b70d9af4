//! What `/etc/docker/daemon.json` says of registries, and the daemon's words if it cannot be read.

use super::daemon_keys::{FLAG_NAMES, OTHER_KEYS};
use super::go_json::{self, JsonProblem};
use super::url::{Scheme, Url, UrlError};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Where the daemon's configuration lies.
pub const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// The largest configuration that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// How registries are reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryConfig {
    /// Hosts, with port where it is not the scheme's own, that may speak HTTP or show any certificate.
    pub insecure: BTreeSet<String>,
    /// Networks whose hosts may too.
    pub insecure_networks: Vec<Network>,
    /// Asked before Docker Hub, in order: `https://mirror.example`.
    pub mirrors: Vec<String>,
}

/// `daemon.json` as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DaemonConfig {
    /// What it says of registries.
    pub registries: RegistryConfig,
    /// Keys that a daemon knows and that have nothing to do with registries.
    pub other_keys: Vec<String>,
    /// Keys that a daemon takes without complaint and that say nothing: `insecure-registry` for `insecure-registries`.
    pub without_effect: Vec<String>,
    /// What the daemon would log about it.
    pub warnings: Vec<String>,
}

/// A block of addresses: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why the daemon does not start with this configuration, in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to configure the Docker daemon with file {DAEMON_JSON}: {0}")]
pub struct DaemonError(pub DaemonProblem);

/// What is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonProblem {
    /// It is no JSON.
    #[error("{0}")]
    Json(JsonProblem),
    /// It is no object.
    #[error("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// It has keys that no daemon knows.
    #[error("the following directives don't match any configuration option: {}", .0.join(", "))]
    UnknownKeys(Vec<String>),
    /// A list of texts is something else.
    #[error("json: cannot unmarshal {found} into Go struct field Config.{key} of type {wanted}")]
    Kind {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: &'static str,
        /// What should.
        wanted: &'static str,
    },
    /// A mirror is no URL of a host.
    #[error("invalid mirror: {0}")]
    Mirror(String),
    /// An insecure registry is no host.
    #[error("insecure registry {host} is not valid: {reason}")]
    Insecure {
        /// What stands there.
        host: String,
        /// Why not.
        reason: String,
    },
    /// An insecure registry is a URL.
    #[error("insecure registry {host} should not contain '://'")]
    InsecureScheme {
        /// What stands there.
        host: String,
    },
    /// It is larger than any such file.
    #[error("the file is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

impl DaemonConfig {
    /// Reads the file. Nothing but blanks is a configuration that says nothing.
    ///
    /// # Errors
    ///
    /// [`DaemonError`], worded as the daemon words it when it is restarted.
    ///
    /// # Example
    ///
    /// ```
    /// use registry::client::DaemonConfig;
    ///
    /// let config = DaemonConfig::parse(r#"{"insecure-registries": ["registry.example:5000", "10.0.0.0/8"]}"#).unwrap();
    /// assert!(config.registries.is_insecure("registry.example:5000", &[]));
    /// let error = DaemonConfig::parse(r#"{"insecure_registries": []}"#).unwrap_err().to_string();
    /// assert!(error.ends_with("the following directives don't match any configuration option: insecure_registries"));
    /// ```
    ///
    /// Source: moby, `daemon/config` and `registry/config.go`.
    pub fn parse(text: &str) -> Result<DaemonConfig, DaemonError> {
        read(text).map_err(DaemonError)
    }
}

impl RegistryConfig {
    /// Whether `registry`, at `addresses`, may speak HTTP or show any certificate. Loopback always may.
    pub fn is_insecure(&self, registry: &str, addresses: &[IpAddr]) -> bool {
        if self.insecure.contains(registry) {
            return true;
        }
        let host = host_of(registry);
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let known = addresses.iter().copied().chain(literal);
        let mut known: Vec<IpAddr> = known.collect();
        if known.is_empty() && host == "localhost" {
            known.push(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        }
        let in_network = |address: &IpAddr| {
            address.is_loopback() || self.insecure_networks.iter().any(|network| network.contains(*address))
        };
        known.iter().any(in_network)
    }
}

impl Network {
    /// Reads `ADDRESS/PREFIX`.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(Network { address, prefix })
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, false),
            IpAddr::V6(v6) => (v6.to_bits(), true),
        };
        let ((mine, is_v6), (other, other_is_v6)) = (bits(self.address), bits(address));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        is_v6 == other_is_v6 && mine & mask == other & mask
    }
}

/// The host of `host[:port]`.
pub(crate) fn host_of(registry: &str) -> &str {
    match registry.rfind(':') {
        Some(colon) if !registry.ends_with(']') => &registry[..colon],
        _ => registry,
    }
}

fn read(text: &str) -> Result<DaemonConfig, DaemonProblem> {
    if text.len() > MAX_BYTES {
        return Err(DaemonProblem::TooLarge);
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(DaemonConfig::default());
    }
    go_json::check(text).map_err(DaemonProblem::Json)?;
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| DaemonProblem::Json(JsonProblem::Value(error.to_string())))?;
    let fields = match value {
        serde_json::Value::Object(fields) => fields.into_iter().collect::<BTreeMap<_, _>>(),
        serde_json::Value::Null => BTreeMap::new(),
        other => return Err(DaemonProblem::NotAnObject { found: kind(&other) }),
    };
    let is_ours = |key: &str| matches!(key, "insecure-registries" | "registry-mirrors");
    let is_flag = |key: &str| FLAG_NAMES.contains(&key);
    let is_known = |key: &str| is_ours(key) || OTHER_KEYS.contains(&key) || is_flag(key);
    let those = |fits: &dyn Fn(&str) -> bool| fields.keys().filter(|key| fits(key)).cloned().collect::<Vec<String>>();
    let unknown = those(&|key| !is_known(key));
    if !unknown.is_empty() {
        return Err(DaemonProblem::UnknownKeys(unknown));
    }
    let mut config = DaemonConfig {
        other_keys: those(&|key| !is_ours(key) && !is_flag(key)),
        without_effect: those(&is_flag),
        ..DaemonConfig::default()
    };
    for text in texts(&fields, "registry-mirrors")? {
        config.registries.mirrors.push(read_mirror(&text)?);
    }
    for text in texts(&fields, "insecure-registries")? {
        add_insecure(&text, &mut config)?;
    }
    Ok(config)
}

fn texts(fields: &BTreeMap<String, serde_json::Value>, key: &'static str) -> Result<Vec<String>, DaemonProblem> {
    let kind_error = |value: &serde_json::Value, wanted| DaemonProblem::Kind {
        key,
        found: kind(value),
        wanted,
    };
    match fields.get(key) {
        None | Some(serde_json::Value::Null) => Ok(Vec::new()),
        Some(serde_json::Value::Array(items)) => {
            let text = |item: &serde_json::Value| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| kind_error(item, "string"))
            };
            items.iter().map(text).collect()
        }
        Some(other) => Err(kind_error(other, "[]string")),
    }
}

/// What Go calls a JSON value.
fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    }
}

fn read_mirror(text: &str) -> Result<String, DaemonProblem> {
    let problem = |text: String| Err(DaemonProblem::Mirror(text));
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    match Url::parse(text) {
        Err(UrlError::Scheme) => problem(format!("unsupported scheme {scheme:?} in {text:?}")),
        Err(UrlError::User) => problem(format!("username/password not allowed in URI {:?}", without_user(text))),
        Err(_) => problem(format!("{text:?} is not a valid URI")),
        Ok(_) if text.contains(['?', '#']) => problem(format!("query or fragment at end of the URI {text:?}")),
        Ok(url) => Ok(url.to_string().trim_end_matches('/').to_owned()),
    }
}

fn without_user(text: &str) -> String {
    match (text.split_once("://"), text.rfind('@')) {
        (Some((scheme, _)), Some(at)) => format!("{scheme}://xxxxx@{}", &text[at + 1..]),
        _ => String::new(),
    }
}

fn add_insecure(text: &str, config: &mut DaemonConfig) -> Result<(), DaemonProblem> {
    let mut host = text;
    for scheme in ["http://", "https://"] {
        let has_scheme = text
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if has_scheme {
            host = &text[scheme.len()..];
            config.warnings.push(format!(
                "insecure registry {text} should not contain '{scheme}' and '{scheme}' has been removed from the insecure registry config"
            ));
        }
    }
    if host.contains("://") {
        return Err(DaemonProblem::InsecureScheme { host: host.to_owned() });
    }
    if let Some(network) = Network::parse(host) {
        config.registries.insecure_networks.push(network);
        return Ok(());
    }
    // The URL's reader knows what a host is.
    if host.contains(['/', '?', '#']) || Url::parse(&format!("{}://{host}", Scheme::Https.as_str())).is_err() {
        let reason = format!("invalid host {host:?}");
        return Err(DaemonProblem::Insecure {
            host: host.to_owned(),
            reason,
        });
    }
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    config.registries.insecure.insert(host.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let text = DaemonConfig::parse(text).expect_err("a bad configuration").to_string();
        let start = "unable to configure the Docker daemon with file /etc/docker/daemon.json: ";
        text.strip_prefix(start).expect("the daemon's words").to_owned()
    }

    #[test]
    fn the_course_is_understood() {
        let text =
            r#"{"insecure-registries" : ["registry.example:5000", "192.168.0.0/16", "fd00::/8"], "debug": true}"#;
        let config = DaemonConfig::parse(text).expect("a configuration");
        let registries = &config.registries;
        assert_eq!(config.other_keys, ["debug"]);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (host, addresses, insecure) in [
            ("registry.example:5000", vec![], true),
            ("registry.example", vec![], false),
            ("registry.example:443", vec![], false),
            ("other.example", vec![address("192.168.7.7")], true),
            ("other.example", vec![address("10.0.0.1")], false),
            ("192.168.1.2:5000", vec![], true),
            ("[fd00::1]:5000", vec![], true),
            ("[fe80::1]:5000", vec![], false),
            ("localhost:5000", vec![], true),
            ("127.1.2.3", vec![], true),
            ("[::1]:5000", vec![], true),
            ("localhost", vec![address("10.0.0.1")], false),
        ] {
            assert_eq!(registries.is_insecure(host, &addresses), insecure, "{host}");
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", " \n", "{}", "null", "\u{feff}{}"] {
            assert_eq!(DaemonConfig::parse(text), Ok(DaemonConfig::default()), "{text:?}");
        }
    }

    #[test]
    fn the_name_of_a_flag_is_taken_and_says_nothing() {
        let config = DaemonConfig::parse(r#"{"insecure-registry": ["r.example:5000"]}"#).expect("a configuration");
        assert_eq!(config.without_effect, ["insecure-registry"]);
        assert!(!config.registries.is_insecure("r.example:5000", &[]));
    }

    #[test]
    fn mirrors_lose_their_last_slash() {
        let config = DaemonConfig::parse(r#"{"registry-mirrors":["https://mirror.example/","http://m:5000/a/"]}"#);
        assert_eq!(
            config.expect("a configuration").registries.mirrors,
            ["https://mirror.example", "http://m:5000/a"]
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_daemon() {
        for (text, words) in [
            (
                r#"{"insecure_registries": ["a"], "x": 1}"#,
                "the following directives don't match any configuration option: insecure_registries, x",
            ),
            (
                r#"{"insecure-registries": "a:5000"}"#,
                "json: cannot unmarshal string into Go struct field Config.insecure-registries of type []string",
            ),
            (
                r#"{"insecure-registries": [1]}"#,
                "json: cannot unmarshal number into Go struct field Config.insecure-registries of type string",
            ),
            (
                "[]",
                "json: cannot unmarshal array into Go value of type map[string]interface {}",
            ),
            (r#"{"insecure-registries": ["a:5000"]"#, "unexpected end of JSON input"),
            (
                r#"{"insecure-registries": ["a:5000",]}"#,
                "invalid character ']' looking for beginning of value",
            ),
            (
                r#"{"registry-mirrors": ["mirror.example"]}"#,
                r#"invalid mirror: unsupported scheme "" in "mirror.example""#,
            ),
            (
                r#"{"registry-mirrors": ["https://a:b@m"]}"#,
                r#"invalid mirror: username/password not allowed in URI "https://xxxxx@m""#,
            ),
            (
                r#"{"registry-mirrors": ["https://m/?x=1"]}"#,
                r#"invalid mirror: query or fragment at end of the URI "https://m/?x=1""#,
            ),
            (
                r#"{"insecure-registries": ["ftp://a"]}"#,
                "insecure registry ftp://a should not contain '://'",
            ),
            (
                r#"{"insecure-registries": ["a b"]}"#,
                r#"insecure registry a b is not valid: invalid host "a b""#,
            ),
        ] {
            assert_eq!(error(text), words);
        }
    }

    #[test]
    fn a_scheme_before_an_insecure_registry_is_dropped_with_a_warning() {
        let config = DaemonConfig::parse(r#"{"insecure-registries":["http://a:5000"]}"#).expect("a configuration");
        assert!(config.registries.insecure.contains("a:5000"));
        assert_eq!(
            config.warnings,
            [
                "insecure registry http://a:5000 should not contain 'http://' and 'http://' has been removed from the insecure registry config"
            ]
        );
    }
}
