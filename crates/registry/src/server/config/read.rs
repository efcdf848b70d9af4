//! From YAML and variables to a [`Config`].

use super::overlay::overlay;
use super::shape::{BESIDE_STORAGE, ROOT, read_duration};
use super::yaml::{Node, Value};
use super::{
    AuthConfig, CollectionConfig, Config, Formatter, HttpConfig, Level, LogConfig, StorageConfig, TlsConfig, Validation,
};
use std::collections::BTreeMap;

/// Why there is no configuration, worded as the reference implementation words it where it does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Sections that are read and come to nothing here.
const WITHOUT_EFFECT: [&str; 4] = ["middleware", "notifications", "redis", "reporting"];

/// How many repositories a page of the catalogue has if nobody says.
const CATALOG_ENTRIES: usize = 1000;

/// When unfinished uploads are given up if nobody says: after a week.
const UPLOAD_AGE_SECS: u64 = 168 * 60 * 60;

impl Config {
    /// Reads a `registry:2` configuration file, and the variables of the environment whose names begin with `REGISTRY_`.
    ///
    /// Keys that nobody knows are left out without a word, as the reference implementation does; variables that nobody
    /// knows are named in [`warnings`](Config::warnings).
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the YAML cannot be read, a value does not fit, or something is asked for that is not here.
    ///
    /// # Example
    ///
    /// ```
    /// use registry::{Config, Level, REGISTRY_2_CONFIG};
    ///
    /// let variables = [("REGISTRY_LOG_LEVEL".to_owned(), "debug".to_owned())];
    /// let config = Config::read(REGISTRY_2_CONFIG, &variables).unwrap();
    /// assert_eq!((config.http.address.as_str(), config.log.level), (":5000", Level::Debug));
    /// ```
    pub fn read(yaml: &str, variables: &[(String, String)]) -> Result<Config, ConfigError> {
        let mut root = Node::parse(yaml).map_err(ConfigError)?;
        let version = root.get("version").and_then(Node::text).unwrap_or_default();
        if version != "0.1" {
            return Err(ConfigError(format!("unsupported version: {version:?}")));
        }
        ROOT.check(&root).map_err(ConfigError)?;
        let warnings = overlay(&mut root, &ROOT, variables).map_err(ConfigError)?;
        extract(&root, warnings).map_err(ConfigError)
    }
}

fn extract(root: &Node, mut warnings: Vec<String>) -> Result<Config, String> {
    let used = |section: &&str| root.get(section).is_some_and(|node| node.value != Value::Null);
    for section in WITHOUT_EFFECT.iter().filter(|section| used(section)) {
        warnings.push(format!("{section} is configured and has no effect in this registry"));
    }
    if !text(root, &["proxy", "remoteurl"]).is_empty() {
        return Err("expected no proxy.remoteurl: this registry is no pull-through cache".to_owned());
    }
    let max_entries = root.at(&["catalog", "maxentries"]).and_then(Node::int).unwrap_or(0);
    Ok(Config {
        log: log(root)?,
        storage: storage(root)?,
        auth: auth(root)?,
        http: http(root)?,
        catalog_entries: match usize::try_from(max_entries) {
            Ok(0) | Err(_) => CATALOG_ENTRIES,
            Ok(entries) => entries,
        },
        validation: Validation {
            enabled: truth(root, &["validation", "enabled"]) || !truth(root, &["validation", "disabled"]),
            complete_indexes: text(root, &["validation", "manifests", "indexes", "platforms"]) != "none",
        },
        warnings,
    })
}

fn log(root: &Node) -> Result<LogConfig, String> {
    let level = [&["log", "level"][..], &["loglevel"]];
    let level = level.iter().find_map(|path| super::read_level(text(root, path)));
    let formatter = match text(root, &["log", "formatter"]) {
        "" | "text" => Formatter::Text,
        "json" => Formatter::Json,
        "logstash" => Formatter::Logstash,
        other => {
            return Err(format!(
                "error configuring logger: unsupported logging formatter: {other:?}"
            ));
        }
    };
    let fields = root.at(&["log", "fields"]).map_or(&[][..], Node::entries);
    Ok(LogConfig {
        level: level.unwrap_or(Level::Info),
        formatter,
        access_log: !truth(root, &["log", "accesslog", "disabled"]),
        fields: fields
            .iter()
            .map(|(name, value)| (name.clone(), in_go(value)))
            .collect(),
    })
}

/// A value as Go's `%v` prints it.
fn in_go(node: &Node) -> String {
    let items = |items: Vec<String>| items.join(" ");
    match &node.value {
        Value::Null => "<nil>".to_owned(),
        Value::Scalar { text, .. } => text.clone(),
        Value::List(list) => format!("[{}]", items(list.iter().map(in_go).collect())),
        Value::Map(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name}:{}", in_go(value)));
            format!("map[{}]", items(pairs.collect()))
        }
    }
}

/// The kinds that a section names, without the keys beside them.
fn kinds<'n>(section: Option<&'n Node>, beside: &[&str]) -> Vec<(&'n str, Option<&'n Node>)> {
    let Some(section) = section else {
        return Vec::new();
    };
    if let Some(name) = section.text() {
        return vec![(name, None)];
    }
    let entries = section.entries().iter().map(|(name, node)| (name.as_str(), Some(node)));
    entries.filter(|(name, _)| !beside.contains(name)).collect()
}

fn storage(root: &Node) -> Result<StorageConfig, String> {
    let kinds = kinds(root.get("storage"), BESIDE_STORAGE);
    let (driver, parameters) = match kinds.as_slice() {
        [] => return Err("no storage configuration provided".to_owned()),
        [only] => *only,
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            return Err(format!(
                "multiple storage drivers specified in configuration or environment: {names}"
            ));
        }
    };
    let parameters = parameters.map_or(&[][..], Node::entries).iter();
    let parameters = parameters.filter_map(|(name, node)| Some((name.clone(), node.text()?.to_owned())));
    let read_only = root.at(&["storage", "maintenance", "readonly", "enabled"]);
    if read_only.is_some_and(|node| node.truth().is_none()) {
        return Err("readonly's enabled config key must have a boolean value".to_owned());
    }
    let purging = &["storage", "maintenance", "uploadpurging"];
    let is_purging = root
        .at(purging)
        .and_then(|node| node.get("enabled"))
        .is_none_or(|node| node.truth() != Some(false));
    let age = root.at(purging).and_then(|node| node.get("age")).and_then(Node::text);
    let age = match age.map(|text| read_duration(text).ok_or(text)) {
        None => UPLOAD_AGE_SECS,
        Some(Ok(millis)) => millis / 1000,
        Some(Err(text)) => return Err(format!("unable to parse upload purging configuration: age {text:?}")),
    };
    let cache = ["blobdescriptor", "layerinfo"].map(|key| text(root, &["storage", "cache", key]));
    Ok(StorageConfig {
        driver: driver.to_owned(),
        parameters: parameters.collect::<BTreeMap<_, _>>(),
        delete: truth(root, &["storage", "delete", "enabled"]),
        read_only: read_only.and_then(Node::truth).unwrap_or(false),
        upload_age_secs: is_purging.then_some(age),
        collection: collection(root.at(&["storage", "maintenance", "garbagecollection"]))?,
        cache: cache.into_iter().find(|text| !text.is_empty()).map(str::to_owned),
        redirect_disabled: truth(root, &["storage", "redirect", "disable"]),
    })
}

/// Garbage is collected unless `enabled` says no.
fn collection(section: Option<&Node>) -> Result<Option<CollectionConfig>, String> {
    let usual = CollectionConfig::default();
    let Some(section) = section else {
        return Ok(Some(usual));
    };
    let secs = |key: &str, usual: u64| match section.get(key).and_then(Node::text) {
        None => Ok(usual),
        Some(text) => match read_duration(text) {
            Some(millis) if millis >= 1000 => Ok(millis / 1000),
            _ => Err(format!(
                "expected storage.maintenance.garbagecollection.{key} of a second or more, found {text:?}"
            )),
        },
    };
    let collection = CollectionConfig {
        interval_secs: secs("interval", usual.interval_secs)?,
        grace_secs: secs("grace", usual.grace_secs)?,
    };
    Ok((section.get("enabled").and_then(Node::truth) != Some(false)).then_some(collection))
}

fn auth(root: &Node) -> Result<AuthConfig, String> {
    let kinds = kinds(root.get("auth"), &[]);
    match kinds.as_slice() {
        [] => Ok(AuthConfig::None),
        [(name, _)] if name.eq_ignore_ascii_case("none") => Ok(AuthConfig::None),
        [("htpasswd", _)] => {
            let set = |key: &str| match text(root, &["auth", "htpasswd", key]) {
                "" => Err(format!(
                    "unable to configure authorization (htpasswd): {key:?} must be set for htpasswd access controller"
                )),
                value if value.chars().any(char::is_control) => {
                    Err(format!("expected auth.htpasswd.{key} without control characters"))
                }
                value => Ok(value.to_owned()),
            };
            Ok(AuthConfig::Htpasswd {
                realm: set("realm")?,
                path: set("path")?,
            })
        }
        [(name, _)] => Err(format!(
            "unable to configure authorization ({name}): expected htpasswd or none"
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "must provide exactly one type. Provided: [{}]",
                names.join(" ")
            ))
        }
    }
}

fn http(root: &Node) -> Result<HttpConfig, String> {
    let own = |key: &str| text(root, &["http", key]).to_owned();
    let drain = root.at(&["http", "draintimeout"]);
    let metrics = &["http", "debug", "prometheus"];
    let metrics_path = match text(root, &[metrics[0], metrics[1], metrics[2], "path"]) {
        "" => "/metrics",
        path => path,
    };
    let has_metrics = root.at(metrics).is_some_and(|node| truth(node, &["enabled"]));
    Ok(HttpConfig {
        address: own("addr"),
        net: own("net"),
        host: host(text(root, &["http", "host"]))?,
        prefix: prefix(text(root, &["http", "prefix"]))?,
        has_secret: !text(root, &["http", "secret"]).is_empty(),
        drain_timeout_millis: drain.map_or(0, millis),
        tls: tls(root)?,
        headers: headers(root)?,
        debug_address: text(root, &["http", "debug", "addr"]).to_owned(),
        metrics_path: has_metrics.then(|| metrics_path.to_owned()),
        http2_disabled: truth(root, &["http", "http2", "disabled"]),
    })
}

/// A number alone is nanoseconds.
fn millis(node: &Node) -> u64 {
    let nanos = node.int().and_then(|nanos| u64::try_from(nanos).ok());
    nanos.map_or_else(
        || node.text().and_then(read_duration).unwrap_or(0),
        |nanos| nanos / 1_000_000,
    )
}

/// Scheme and host of a URL; what follows them is left out.
fn host(url: &str) -> Result<Option<String>, String> {
    if url.is_empty() {
        return Ok(None);
    }
    let invalid = || format!("could not parse http \"host\" parameter: {url:?}");
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_clean = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b));
    if !matches!(scheme, "http" | "https") || host.is_empty() || !is_clean {
        return Err(invalid());
    }
    Ok(Some(format!("{scheme}://{host}")))
}

/// Without a `/` at its start and with one at its end.
fn prefix(text: &str) -> Result<String, String> {
    let inner = text.trim_matches('/');
    let is_clean = |part: &str| {
        !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    match inner {
        "" => Ok(String::new()),
        inner if inner.split('/').all(is_clean) => Ok(format!("{inner}/")),
        _ => Err(format!("expected http.prefix to be a path, found {text:?}")),
    }
}

fn headers(root: &Node) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (name, values) in root.at(&["http", "headers"]).map_or(&[][..], Node::entries) {
        let is_token = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        for value in values.items() {
            let value = value.text().unwrap_or_default();
            let is_clean = value.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\t');
            if !is_token || !is_clean {
                return Err(format!(
                    "expected http.headers to be header fields, found {name:?}: {value:?}"
                ));
            }
            headers.push((name.clone(), value.to_owned()));
        }
    }
    Ok(headers)
}

fn tls(root: &Node) -> Result<TlsConfig, String> {
    let at = |key: &'static str| text(root, &["http", "tls", key]);
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let list = |key: &'static str| {
        let items = root.at(&["http", "tls", key]).map_or(&[][..], Node::items);
        items.iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    if !text(root, &["http", "tls", "letsencrypt", "cachefile"]).is_empty() {
        return Err("expected http.tls.certificate: certificates are not fetched from Let's Encrypt here".to_owned());
    }
    let minimum = at("minimumtls");
    if !matches!(minimum, "" | "tls1.0" | "tls1.1" | "tls1.2" | "tls1.3") {
        return Err(format!(
            "unknown minimum TLS level '{}' specified for http.tls.minimumtls",
            minimum.escape_debug()
        ));
    }
    Ok(TlsConfig {
        certificate: filled(at("certificate")),
        key: filled(at("key")),
        client_cas: list("clientcas"),
        minimum: filled(minimum),
        cipher_suites: list("ciphersuites"),
    })
}

fn text<'n>(root: &'n Node, path: &[&str]) -> &'n str {
    root.at(path).and_then(Node::text).unwrap_or_default()
}

fn truth(root: &Node, path: &[&str]) -> bool {
    root.at(path).and_then(Node::truth).unwrap_or(false)
}
