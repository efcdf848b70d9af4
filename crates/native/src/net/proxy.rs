//! Proxies: what `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, read as Go's programs read them.

use super::target::{Target, split};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry::TransportError;
use registry::client::{Network, Scheme};
use std::fmt;
use std::net::IpAddr;

/// Which requests go through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    direct: Vec<Direct>,
}

/// What is reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    Everything,
    Network(Network),
    /// A host and, unless it begins with a dot, the hosts below it; on this port or any.
    Name {
        name: String,
        is_below: bool,
        port: Option<u16>,
    },
}

/// A proxy. [`Debug`](fmt::Debug) does not show who one is to it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands in `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Proxies {
    /// What the environment says. Of two spellings the lower one counts less, as with Go.
    ///
    /// Source: golang.org/x/net, `http/httpproxy`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let either = |upper: &str, lower: &str| {
            let found = variable(upper).filter(|text| !text.is_empty());
            found.or_else(|| variable(lower)).filter(|text| !text.trim().is_empty())
        };
        let direct = either("NO_PROXY", "no_proxy").unwrap_or_default();
        Proxies {
            http: either("HTTP_PROXY", "http_proxy"),
            https: either("HTTPS_PROXY", "https_proxy"),
            direct: direct.split(',').filter_map(read_direct).collect(),
        }
    }

    /// The proxy for a target; none if it is reached without.
    pub(super) fn find(&self, target: &Target) -> Result<Option<Proxy>, TransportError> {
        let text = match target.scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let Some(text) = text.as_ref().filter(|_| !self.is_direct(target)) else {
            return Ok(None);
        };
        read_proxy(text).map(Some)
    }

    fn is_direct(&self, target: &Target) -> bool {
        let host = target.host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        // This host is never behind a proxy.
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.direct.iter().any(|direct| match direct {
            Direct::Everything => true,
            Direct::Network(network) => address.is_some_and(|address| network.contains(address)),
            Direct::Name { name, is_below, port } => {
                let is_host = !is_below && *name == host;
                let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (is_host || below) && port.is_none_or(|port| port == target.port)
            }
        })
    }
}

fn read_direct(text: &str) -> Option<Direct> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if text == "*" {
        return Some(Direct::Everything);
    }
    if let Some(network) = Network::parse(&text) {
        return Some(Direct::Network(network));
    }
    let (name, port) = split(&text);
    let name = name
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(name);
    let (name, is_below) = match name.strip_prefix('.') {
        Some(name) => (name, true),
        None => (name, false),
    };
    (!name.is_empty()).then(|| Direct::Name {
        name: name.to_owned(),
        is_below,
        port,
    })
}

fn read_proxy(text: &str) -> Result<Proxy, TransportError> {
    let text = text.trim();
    let rest = match text.split_once("://") {
        None => text,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) => {
            let scheme: String = scheme.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            return Err(TransportError::Io(format!(
                "proxyconnect tcp: expected a proxy at http://HOST:PORT, found one of scheme {scheme:?}"
            )));
        }
    };
    let rest = rest.split('/').next().unwrap_or(rest);
    let (user, authority) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(user, at)| (Some(user), at));
    let (host, port) = split(authority);
    if host.is_empty() {
        let problem = "proxyconnect tcp: expected a proxy at http://HOST:PORT, found none in the environment";
        return Err(TransportError::Io(problem.to_owned()));
    }
    let authorization = user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", decode(name), decode(password)))
        )
    });
    Ok(Proxy {
        host: host.to_owned(),
        port: port.unwrap_or(80),
        authorization,
    })
}

/// A part of a URL without its percent signs; one that is none stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            found.push(byte);
            at += 3;
        } else {
            found.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(found).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn found(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.find(&Target::parse(url).unwrap()).unwrap();
        proxy.map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn each_scheme_has_its_proxy_and_this_host_has_none() {
        let proxies = proxies(&[
            ("HTTP_PROXY", "http://one:3128/"),
            ("http_proxy", "http://wrong:1"),
            ("https_proxy", "two"),
        ]);
        assert_eq!(found(&proxies, "http://r.example/v2/").as_deref(), Some("one:3128"));
        assert_eq!(found(&proxies, "https://r.example/v2/").as_deref(), Some("two:80"));
        for here in ["http://localhost:5000/", "https://127.0.0.9/", "http://[::1]/"] {
            assert_eq!(found(&proxies, here), None);
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_ports_and_networks() {
        let no_proxy = "a.example, .b.example,*.d.example,c.example:5000 ,10.0.0.0/8,192.168.1.2";
        let proxies = proxies(&[("HTTP_PROXY", "p:1"), ("NO_PROXY", no_proxy)]);
        for direct in [
            "a.example",
            "x.a.example",
            "x.b.example",
            "x.d.example",
            "c.example:5000",
            "10.2.3.4",
            "192.168.1.2",
        ] {
            assert_eq!(found(&proxies, &format!("http://{direct}/")), None, "{direct}");
        }
        for through in [
            "ba.example",
            "b.example",
            "d.example",
            "c.example",
            "11.0.0.1",
            "192.168.1.3",
        ] {
            assert!(found(&proxies, &format!("http://{through}/")).is_some(), "{through}");
        }
    }

    #[test]
    fn a_proxy_may_want_a_password_which_is_not_shown() {
        let proxy = read_proxy("http://me:p%40ss@proxy:8080").unwrap();
        assert_eq!(proxy.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(format!("{proxy:?}"), "proxy:8080");
        let error = read_proxy("socks5://me:secret@proxy").unwrap_err().to_string();
        assert!(error.contains("socks5") && !error.contains("secret"), "{error}");
    }
}
