//! What may stand where in a configuration, and by which variable it is overridden.
//!
//! Source: distribution 2.8, `configuration/configuration.go`.

use super::yaml::{Node, Value};

/// What may stand in one place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    Truth,
    Int,
    /// `10s`, or nanoseconds.
    Duration,
    Level,
    Version,
    /// Items of one shape.
    List(&'static Shape),
    /// Keys that are free, values of one shape.
    Map(&'static Shape),
    /// Keys that are known. Others are left out, without a word.
    Struct(&'static [Field]),
    /// One kind with its parameters, or only its name; beside it some keys that mean something else.
    Kind {
        beside: &'static [&'static str],
        what: &'static str,
    },
    Any,
}

/// A known key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) key: &'static str,
    /// In the name of a variable.
    pub(super) variable: &'static str,
    pub(super) shape: Shape,
}

/// A key whose variable is its own name.
const fn field(key: &'static str, variable: &'static str, shape: Shape) -> Field {
    Field { key, variable, shape }
}

/// Fields whose variable is the key in capitals: `fields! { addr ADDR Text, ... }`.
macro_rules! fields {
    ($($key:ident $variable:ident $shape:expr),* $(,)?) => {
        Shape::Struct(&[$(field(stringify!($key), stringify!($variable), $shape)),*])
    };
}

use Shape::{Any, Duration, Int, Kind, Level, List, Map, Text, Truth, Version};

const TEXTS: Shape = List(&Text);
const HEADERS: Shape = Map(&TEXTS);

/// Keys of `storage` that name no driver.
pub(super) const BESIDE_STORAGE: &[&str] = &["maintenance", "cache", "delete", "redirect"];

/// The whole.
pub(super) const ROOT: Shape = fields! {
    version VERSION Version,
    log LOG LOG,
    loglevel LOGLEVEL Level,
    storage STORAGE Kind { beside: BESIDE_STORAGE, what: "storage type" },
    auth AUTH Kind { beside: &[], what: "type" },
    middleware MIDDLEWARE Map(&List(&fields! { name NAME Text, disabled DISABLED Truth, options OPTIONS Map(&Any) })),
    reporting REPORTING fields! {
        bugsnag BUGSNAG fields! { apikey APIKEY Text, releasestage RELEASESTAGE Text, endpoint ENDPOINT Text },
        newrelic NEWRELIC fields! { licensekey LICENSEKEY Text, name NAME Text, verbose VERBOSE Truth },
    },
    http HTTP HTTP,
    notifications NOTIFICATIONS fields! {
        events EVENTCONFIG fields! { includereferences INCLUDEREFERENCES Truth },
        endpoints ENDPOINTS List(&fields! {
            name NAME Text, disabled DISABLED Truth, url URL Text, headers HEADERS HEADERS, timeout TIMEOUT Duration,
            threshold THRESHOLD Int, backoff BACKOFF Duration, ignoredmediatypes IGNOREDMEDIATYPES TEXTS,
            ignore IGNORE fields! { mediatypes MEDIATYPES TEXTS, actions ACTIONS TEXTS },
        }),
    },
    redis REDIS fields! {
        addr ADDR Text, password PASSWORD Text, db DB Int, tls TLS fields! { enabled ENABLED Truth },
        dialtimeout DIALTIMEOUT Duration, readtimeout READTIMEOUT Duration, writetimeout WRITETIMEOUT Duration,
        pool POOL fields! { maxidle MAXIDLE Int, maxactive MAXACTIVE Int, idletimeout IDLETIMEOUT Duration },
    },
    health HEALTH HEALTH,
    catalog CATALOG fields! { maxentries MAXENTRIES Int },
    proxy PROXY fields! { remoteurl REMOTEURL Text, username USERNAME Text, password PASSWORD Text, ttl TTL Duration },
    compatibility COMPATIBILITY fields! {
        schema1 SCHEMA1 fields! { signingkeyfile TRUSTKEY Text, enabled ENABLED Truth },
    },
    validation VALIDATION fields! {
        enabled ENABLED Truth, disabled DISABLED Truth,
        manifests MANIFESTS fields! {
            urls URLS fields! { allow ALLOW TEXTS, deny DENY TEXTS },
            indexes INDEXES fields! { platforms PLATFORMS Text },
        },
    },
    policy POLICY fields! { repository REPOSITORY fields! { classes CLASSES TEXTS } },
};

const LOG: Shape = fields! {
    accesslog ACCESSLOG fields! { disabled DISABLED Truth },
    level LEVEL Level,
    formatter FORMATTER Text,
    fields FIELDS Map(&Any),
    hooks HOOKS List(&fields! {
        disabled DISABLED Truth, type TYPE Text, levels LEVELS TEXTS,
        options MAILOPTIONS fields! {
            smtp SMTP fields! { addr ADDR Text, username USERNAME Text, password PASSWORD Text, insecure INSECURE Truth },
            from FROM Text, to TO TEXTS,
        },
    }),
    reportcaller REPORTCALLER Truth,
};

const HTTP: Shape = fields! {
    addr ADDR Text,
    net NET Text,
    host HOST Text,
    prefix PREFIX Text,
    secret SECRET Text,
    relativeurls RELATIVEURLS Truth,
    draintimeout DRAINTIMEOUT Duration,
    tls TLS fields! {
        certificate CERTIFICATE Text, key KEY Text, clientcas CLIENTCAS TEXTS, minimumtls MINIMUMTLS Text,
        ciphersuites CIPHERSUITES TEXTS,
        letsencrypt LETSENCRYPT fields! {
            cachefile CACHEFILE Text, email EMAIL Text, hosts HOSTS TEXTS, directoryurl DIRECTORYURL Text,
        },
    },
    headers HEADERS HEADERS,
    debug DEBUG fields! { addr ADDR Text, prometheus PROMETHEUS fields! { enabled ENABLED Truth, path PATH Text } },
    http2 HTTP2 fields! { disabled DISABLED Truth },
};

const HEALTH: Shape = fields! {
    file FILECHECKERS List(&fields! { interval INTERVAL Duration, file FILE Text, threshold THRESHOLD Int }),
    http HTTPCHECKERS List(&fields! {
        timeout TIMEOUT Duration, statuscode STATUSCODE Int, interval INTERVAL Duration, uri URI Text,
        headers HEADERS HEADERS, threshold THRESHOLD Int,
    }),
    tcp TCPCHECKERS List(&fields! {
        timeout TIMEOUT Duration, interval INTERVAL Duration, addr ADDR Text, threshold THRESHOLD Int,
    }),
    storagedriver STORAGEDRIVER fields! { enabled ENABLED Truth, interval INTERVAL Duration, threshold THRESHOLD Int },
};

impl Shape {
    /// Holds a node against the shape. Nothing fits everywhere.
    ///
    /// # Errors
    ///
    /// What does not fit, in the words of the reference implementation, a line each.
    pub(super) fn check(&self, node: &Node) -> Result<(), String> {
        let mut misfits = Vec::new();
        self.collect(node, &mut misfits)?;
        if misfits.is_empty() {
            return Ok(());
        }
        Err(format!("yaml: unmarshal errors:\n  {}", misfits.join("\n  ")))
    }

    fn collect(&self, node: &Node, misfits: &mut Vec<String>) -> Result<(), String> {
        if node.value == Value::Null {
            return Ok(());
        }
        let fits = match self {
            Shape::Any => true,
            Shape::Text => node.text().is_some(),
            Shape::Truth => node.truth().is_some(),
            Shape::Int => node.int().is_some(),
            Shape::Duration => node.int().is_some() || node.text().and_then(read_duration).is_some(),
            Shape::Level => return check_level(node),
            Shape::Version => return check_version(node),
            Shape::List(inner) => {
                for item in node.items() {
                    inner.collect(item, misfits)?;
                }
                matches!(node.value, Value::List(_))
            }
            Shape::Map(inner) => {
                for (_, value) in node.entries() {
                    inner.collect(value, misfits)?;
                }
                matches!(node.value, Value::Map(_))
            }
            Shape::Struct(fields) => {
                for field in *fields {
                    if let Some(value) = node.get(field.key) {
                        field.shape.collect(value, misfits)?;
                    }
                }
                matches!(node.value, Value::Map(_))
            }
            Shape::Kind { beside, what } => return check_kind(node, beside, what, misfits),
        };
        if !fits {
            misfits.push(self.misfit(node));
        }
        Ok(())
    }

    fn misfit(&self, node: &Node) -> String {
        let name = match self {
            Shape::Truth => "bool",
            Shape::Int => "int",
            Shape::Duration => "time.Duration",
            Shape::List(_) => "[]string",
            Shape::Map(_) | Shape::Struct(_) | Shape::Kind { .. } => "map",
            Shape::Text | Shape::Level | Shape::Version | Shape::Any => "string",
        };
        format!("line {}: cannot unmarshal {} into {name}", node.line, node.described())
    }
}

fn check_kind(node: &Node, beside: &[&str], what: &str, misfits: &mut Vec<String>) -> Result<(), String> {
    if let Value::List(_) = node.value {
        misfits.push(format!("line {}: cannot unmarshal !!seq into string", node.line));
        return Ok(());
    }
    for (_, parameters) in node.entries() {
        Shape::Map(&Shape::Any).collect(parameters, misfits)?;
    }
    let kinds = node.entries().iter().map(|(key, _)| key.as_str());
    let kinds: Vec<&str> = kinds.filter(|kind| !beside.contains(kind)).collect();
    if kinds.len() > 1 {
        return Err(format!(
            "must provide exactly one {what}. Provided: [{}]",
            kinds.join(" ")
        ));
    }
    Ok(())
}

fn check_level(node: &Node) -> Result<(), String> {
    match node.text() {
        Some(text) if super::read_level(text).is_some() => Ok(()),
        text => Err(format!(
            "invalid loglevel {} Must be one of [error, warn, info, debug]",
            text.unwrap_or_default().to_lowercase().escape_debug()
        )),
    }
}

fn check_version(node: &Node) -> Result<(), String> {
    let is_number = |part: &str| part.parse::<u32>().is_ok();
    let parts = node.text().and_then(|text| text.split_once('.'));
    match parts {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(()),
        _ => Err(format!("unsupported version: {:?}", node.text().unwrap_or_default())),
    }
}

/// Milliseconds of a duration as Go writes it: `1h30m`, `1.5s`, `300ms`. What is less than none or no duration is `None`.
pub(super) fn read_duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut nanos = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        nanos += number * unit;
        rest = &rest[end..];
    }
    let fits = !text.is_empty() && nanos < 9.2e18;
    fits.then_some((nanos / 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, millis) in [
            ("10s", Some(10_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1_500)),
            ("300ms", Some(300)),
            ("168h", Some(604_800_000)),
            ("0", Some(0)),
            ("", None),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1s ", None),
            ("1..5s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(read_duration(text), millis, "{text}");
        }
    }

    #[test]
    fn no_key_has_a_separator_of_variables_in_it() {
        fn walk(shape: &Shape, n_seen: &mut usize) {
            match shape {
                Shape::Struct(fields) => {
                    for field in *fields {
                        assert!(!field.variable.contains('_') && !field.key.contains('_'));
                        assert_eq!(field.key, field.key.to_lowercase());
                        assert_eq!(field.variable, field.variable.to_uppercase());
                        *n_seen += 1;
                        walk(&field.shape, n_seen);
                    }
                }
                Shape::List(inner) | Shape::Map(inner) => walk(inner, n_seen),
                _ => {}
            }
        }
        let mut n_seen = 0;
        walk(&ROOT, &mut n_seen);
        assert!(n_seen > 100, "{n_seen}");
    }
}
