//! Where a request goes: a URL cut into what a socket, TLS and a request line want of it.

use registry::TransportError;
use registry::client::{Scheme, Url};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    /// Name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// As in the URL: the port stands there unless it is the scheme's own.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// Reads a URL.
    pub(super) fn parse(text: &str) -> Result<Target, TransportError> {
        let url = Url::parse(text).map_err(|error| TransportError::Io(error.to_string()))?;
        let path = match url.query() {
            "" => url.path().to_owned(),
            query => format!("{}?{query}", url.path()),
        };
        Ok(Target {
            scheme: url.scheme(),
            host: url.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port(),
            authority: url.authority(),
            path,
        })
    }

    /// Host and port, as a dialler and a proxy want it.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Host, without brackets, and port of an authority.
pub(super) fn split(authority: &str) -> (&str, Option<u16>) {
    if let Some(rest) = authority.strip_prefix('[')
        && let Some((host, port)) = rest.split_once(']')
    {
        return (host, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_cut_into_host_port_and_path() {
        let target = |text: &str| {
            let Target { host, port, path, .. } = Target::parse(text).unwrap();
            (host, port, path)
        };
        let cut = |host: &str, port, path: &str| (host.to_owned(), port, path.to_owned());
        assert_eq!(target("https://r.example/v2/"), cut("r.example", 443, "/v2/"));
        assert_eq!(
            target("http://localhost:5000/v2/a?n=1"),
            cut("localhost", 5000, "/v2/a?n=1")
        );
        assert_eq!(target("http://[::1]:5000/v2/"), cut("::1", 5000, "/v2/"));
        assert_eq!(Target::parse("http://[::1]:5000/").unwrap().address(), "[::1]:5000");
        assert!(Target::parse("ftp://r.example/").is_err());
    }
}
