//! URLs of registries: parsed, joined, and shown without what must stay secret.

use std::fmt;

/// Longest URL that is read, in bytes.
const MAX_URL: usize = 8192;

/// Parameters whose values may be shown; all others can be a signature or a state.
const OPEN_PARAMETERS: [&str; 14] = [
    "account",
    "client_id",
    "digest",
    "from",
    "last",
    "mount",
    "n",
    "offline_token",
    "page",
    "page_size",
    "q",
    "query",
    "scope",
    "service",
];

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// An absolute URL over HTTP. It holds no user, no fragment and nothing but visible ASCII.
///
/// [`Display`](fmt::Display) gives all of it; [`redacted`](Url::redacted) is for people and logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    path: String,
    query: String,
}

/// Why a text is no URL that a client would follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It holds a blank, a control character, a backslash or something beyond ASCII.
    #[error("net/url: invalid control character in URL")]
    Character,
    /// It is neither `http` nor `https`.
    #[error("unsupported protocol scheme")]
    Scheme,
    /// It has no host, or one that is none.
    #[error("http: no Host in request URL")]
    Host,
    /// Its port is no number up to 65535.
    #[error("invalid port after host")]
    Port,
    /// A user or password stands in it.
    #[error("username/password not allowed in URI")]
    User,
    /// It is longer than any registry needs.
    #[error("URL too long")]
    Long,
}

impl Url {
    /// Reads an absolute URL; a fragment is dropped.
    ///
    /// # Errors
    ///
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        if text.len() > MAX_URL {
            return Err(UrlError::Long);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let (host, port) = split_port(authority)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Url {
            scheme,
            host,
            port: port.filter(|port| *port != scheme.port()),
            path: if path.is_empty() {
                "/".to_owned()
            } else {
                path.to_owned()
            },
            query: query.to_owned(),
        })
    }

    /// The URL that `location`, absolute or not, means in an answer from here.
    ///
    /// # Errors
    ///
    /// [`UrlError`].
    pub fn join(&self, location: &str) -> Result<Url, UrlError> {
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Url::parse(location);
        }
        let origin = self.origin();
        let above = &self.path[..=self.path.rfind('/').unwrap_or(0)];
        let text = match location.as_bytes() {
            [b'/', b'/', ..] => format!("{}:{location}", self.scheme.as_str()),
            [b'/', ..] => format!("{origin}{location}"),
            [b'?', ..] => format!("{origin}{}{location}", self.path),
            _ => format!("{origin}{above}{location}"),
        };
        Url::parse(&text)
    }

    /// This URL with another path, which starts with a slash, and no query.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Url {
        Url {
            path: path.to_owned(),
            query: String::new(),
            ..self.clone()
        }
    }

    /// This URL with one more parameter, escaped as Go's `url.QueryEscape` does.
    #[must_use]
    pub fn with_parameter(&self, key: &str, value: &str) -> Url {
        let join = if self.query.is_empty() { "" } else { "&" };
        Url {
            query: format!("{}{join}{key}={}", self.query, escape(value)),
            ..self.clone()
        }
    }

    /// With or without TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address, without the port; IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host, and the port if it is not the scheme's own.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The port, the scheme's own if none is given.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.port())
    }

    /// The path, still escaped.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without `?`, still escaped; empty for none.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Scheme, host and port: `https://example.com:5000`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// The URL for people: values of parameters that may be secret become `xxxxx`.
    pub fn redacted(&self) -> String {
        let mut text = format!("{}{}", self.origin(), self.path);
        for (index, parameter) in self.query.split('&').enumerate() {
            if parameter.is_empty() {
                continue;
            }
            text.push(if index == 0 { '?' } else { '&' });
            match parameter.split_once('=') {
                Some((key, _)) if !OPEN_PARAMETERS.contains(&key) => {
                    text.push_str(key);
                    text.push_str("=xxxxx");
                }
                _ => text.push_str(parameter),
            }
        }
        text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// Host in lower case and port.
fn split_port(authority: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, ""),
    };
    let is_name = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && is_name(host),
    };
    if !is_host {
        return Err(UrlError::Host);
    }
    let port = match port {
        "" if authority.ends_with(':') => return Err(UrlError::Port),
        "" => None,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().map_err(|_| UrlError::Port)?),
        _ => return Err(UrlError::Port),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// What stands in a query for `text`: letters, digits and `-_.~` stay, a blank becomes `+`.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            b' ' => escaped.push('+'),
            _ => {
                let digit = |n: u8| char::from(b"0123456789ABCDEF"[usize::from(n)]);
                escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn urls_are_read_and_written_back() {
        for (given, shown) in [
            ("https://Example.com", "https://example.com/"),
            ("https://example.com:443/v2/", "https://example.com/v2/"),
            ("http://localhost:5000/v2/?n=1#top", "http://localhost:5000/v2/?n=1"),
            ("http://[::1]:5000/a", "http://[::1]:5000/a"),
            ("HTTPS://a?x=1", "https://a/?x=1"),
        ] {
            assert_eq!(url(given).to_string(), shown);
        }
    }

    #[test]
    fn hostile_urls_are_refused() {
        for (given, error) in [
            ("ftp://a/", UrlError::Scheme),
            ("a/b", UrlError::Scheme),
            ("https:///v2/", UrlError::Host),
            ("https://user:secret@host/", UrlError::User),
            ("https://host:99999/", UrlError::Port),
            ("https://host:/", UrlError::Port),
            ("https://host:5000x/", UrlError::Port),
            ("https://ho st/", UrlError::Character),
            ("https://host/\r\nAuthorization: x", UrlError::Character),
            ("https://host\\@evil/", UrlError::Character),
            ("https://[::g]/", UrlError::Host),
            ("https://höst/", UrlError::Character),
        ] {
            assert_eq!(Url::parse(given), Err(error), "{given}");
        }
        assert_eq!(
            Url::parse(&format!("https://a/{}", "x".repeat(9000))),
            Err(UrlError::Long)
        );
    }

    #[test]
    fn locations_are_joined_to_where_they_come_from() {
        let base = url("https://r.example:5000/v2/a/blobs/uploads/");
        for (location, whole) in [
            (
                "/v2/a/blobs/uploads/1?s=2",
                "https://r.example:5000/v2/a/blobs/uploads/1?s=2",
            ),
            ("1?s=2", "https://r.example:5000/v2/a/blobs/uploads/1?s=2"),
            ("?s=2", "https://r.example:5000/v2/a/blobs/uploads/?s=2"),
            ("http://other/x", "http://other/x"),
            ("//other/x", "https://other/x"),
            (
                "/v2/?next=http://other/",
                "https://r.example:5000/v2/?next=http://other/",
            ),
        ] {
            assert_eq!(base.join(location).expect("a URL").to_string(), whole);
        }
        assert!(base.join("/x\nHost: evil").is_err());
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let signed = url("https://cdn.example/blob?digest=sha256:1&X-Amz-Signature=abc&_state=def&flag");
        let shown = "https://cdn.example/blob?digest=sha256:1&X-Amz-Signature=xxxxx&_state=xxxxx&flag";
        assert_eq!(signed.redacted(), shown);
        assert_eq!(format!("{signed:?}"), shown);
        assert!(signed.to_string().contains("abc"));
    }

    #[test]
    fn parameters_are_escaped_as_go_escapes_them() {
        let scope = url("https://auth.example/token?service=r").with_parameter("scope", "repository:a/b:pull,push");
        assert_eq!(
            scope.to_string(),
            "https://auth.example/token?service=r&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        );
        assert_eq!(escape("a b+ü"), "a+b%2B%C3%BC");
    }
}
