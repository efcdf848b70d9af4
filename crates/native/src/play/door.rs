//! Who may ask the local API, and how: decided by the head of a request, before anything of its body is read.

use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use oci::Digest;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;

/// Where the API begins; everything else is the page.
pub(super) const API: &str = "/api/";

/// What a request has to show, for one server.
pub(super) struct Door {
    authorities: [String; 2],
    token: Token,
}

/// 256 bits that only the link tells, as 64 digits.
pub(super) struct Token(String);

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// The status.
    pub(super) status: StatusCode,
    /// `expected X, found Y`, without anything that the request said.
    pub(super) why: &'static str,
}

impl Token {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn new() -> io::Result<Token> {
        let mut seed = [0_u8; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        // Hashed once more, since a digest is what has digits.
        Ok(Token(Digest::of(&seed).hex()))
    }

    /// Its digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes as long for a wrong guess as for another: every digit is compared.
    fn is(&self, guess: &str) -> bool {
        let differ = |differ, (own, other): (u8, u8)| differ | (own ^ other);
        guess.len() == self.0.len() && self.0.bytes().zip(guess.bytes()).fold(0, differ) == 0
    }
}

impl Door {
    /// For a server on this address of the loopback.
    pub(super) fn new(address: SocketAddr, token: Token) -> Door {
        let port = address.port();
        Door {
            authorities: [address.to_string(), format!("localhost:{port}")],
            token,
        }
    }

    /// The token that opens it.
    pub(super) fn token(&self) -> &Token {
        &self.token
    }

    /// Lets a request in, or says why not.
    ///
    /// A name of this machine in Host keeps out pages whose own name was made to point here (DNS rebinding); Origin and
    /// `Sec-Fetch-Site` keep out what other pages send; the token keeps out everyone but the person who has the link.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub(super) fn admit(&self, head: &Parts) -> Result<(), Refused> {
        let host = self.check_host(head)?;
        check_origin(head, host)?;
        if !head.uri.path().starts_with(API) {
            return match head.method {
                Method::GET | Method::HEAD => Ok(()),
                _ => refused(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD"),
            };
        }
        match one(head, &HeaderName::from_static("sec-fetch-site"))? {
            None | Some("same-origin" | "none") => {}
            Some(_) => {
                return refused(
                    StatusCode::FORBIDDEN,
                    "expected a request of the page itself, found one of another",
                );
            }
        }
        let guess = one(head, &AUTHORIZATION)?.and_then(|value| value.strip_prefix("Bearer "));
        if !guess.is_some_and(|guess| self.token.is(guess)) {
            return refused(
                StatusCode::UNAUTHORIZED,
                "expected the token of the link that layerlab play printed, found none or another",
            );
        }
        if head.method == Method::POST {
            check_post(head)?;
        }
        Ok(())
    }

    fn check_host<'a>(&self, head: &'a Parts) -> Result<&'a str, Refused> {
        let wrong = || {
            refused(
                StatusCode::MISDIRECTED_REQUEST,
                "expected the address of this server in Host, found another",
            )
        };
        let is_own = |name: &str| self.authorities.iter().any(|own| own.eq_ignore_ascii_case(name));
        // A target with an address in it speaks for a proxy.
        if head
            .uri
            .authority()
            .is_some_and(|authority| !is_own(authority.as_str()))
        {
            return wrong();
        }
        match one(head, &HOST)? {
            Some(host) if is_own(host) => Ok(host),
            _ => wrong(),
        }
    }
}

fn check_origin(head: &Parts, host: &str) -> Result<(), Refused> {
    match one(head, &ORIGIN)? {
        None => Ok(()),
        Some(origin)
            if origin
                .strip_prefix("http://")
                .is_some_and(|rest| rest.eq_ignore_ascii_case(host)) =>
        {
            Ok(())
        }
        Some(_) => refused(StatusCode::FORBIDDEN, "expected this server in Origin, found another"),
    }
}

/// What a request that changes something has to show besides: a browser sends none of it across origins without asking first.
fn check_post(head: &Parts) -> Result<(), Refused> {
    if one(head, &ORIGIN)?.is_none() {
        return refused(StatusCode::FORBIDDEN, "expected Origin, found none");
    }
    let kind = one(head, &CONTENT_TYPE)?.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "expected Content-Type application/json, found another",
        );
    }
    Ok(())
}

/// The length that a request announces; `None` if it announces none.
pub(super) fn announced(head: &Parts) -> Option<u64> {
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The value of a field that must not stand there twice.
fn one<'a>(head: &'a Parts, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = head.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => refused(StatusCode::BAD_REQUEST, "expected text in a header field, found bytes"),
        },
        (Some(_), Some(_)) => refused(StatusCode::BAD_REQUEST, "expected a header field once, found it twice"),
    }
}

fn refused<T>(status: StatusCode, why: &'static str) -> Result<T, Refused> {
    Err(Refused { status, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    const PORT: u16 = 4711;

    fn door() -> Door {
        Door::new(SocketAddr::from(([127, 0, 0, 1], PORT)), Token("ab".repeat(32)))
    }

    /// Status of a request: the method, the target, and header fields instead of, or besides, those of the page.
    #[track_caller]
    fn check(method: &str, target: &str, fields: &[(&str, Option<&str>)], status: u16) {
        let bearer = format!("Bearer {}", "ab".repeat(32));
        let mut all = vec![
            ("host", "127.0.0.1:4711"),
            ("origin", "http://127.0.0.1:4711"),
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
        ];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in all {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let found = door()
            .admit(&head)
            .map_or_else(|refused| refused.status.as_u16(), |()| 200);
        assert_eq!(found, status, "{method} {target} {fields:?}");
    }

    #[test]
    fn the_page_with_the_link_is_let_in() {
        check("POST", "/api/plan", &[], 200);
        check(
            "POST",
            "/api/plan",
            &[("content-type", Some("Application/JSON; charset=utf-8"))],
            200,
        );
        check("GET", "/api/hello", &[("origin", None)], 200);
        check("GET", "/api/hello", &[("sec-fetch-site", Some("same-origin"))], 200);
        check("GET", "/", &[("authorization", None), ("origin", None)], 200);
        let by_name = [
            ("host", Some("localhost:4711")),
            ("origin", Some("http://localhost:4711")),
        ];
        check("POST", "/api/plan", &by_name, 200);
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_refused() {
        for host in [
            "evil.example:4711",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1.evil.example:4711",
            "[::1]:4711",
            "",
        ] {
            check("GET", "/", &[("host", Some(host))], 421);
            check("GET", "/api/hello", &[("host", Some(host))], 421);
        }
        check("GET", "/", &[("host", None)], 421);
        check("GET", "http://evil.example/api/hello", &[], 421);
        check(
            "GET",
            "/api/hello",
            &[("host", Some("127.0.0.1:4711")), ("host", Some("evil.example"))],
            400,
        );
    }

    #[test]
    fn what_another_page_sends_is_refused() {
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:4711",
            "http://127.0.0.1:4712",
            "http://localhost:4711",
            "http://127.0.0.1:4711.evil.example",
        ] {
            check("POST", "/api/plan", &[("origin", Some(origin))], 403);
            check("GET", "/api/images", &[("origin", Some(origin))], 403);
        }
        check("POST", "/api/plan", &[("origin", None)], 403);
        check(
            "GET",
            "/api/images",
            &[("origin", None), ("sec-fetch-site", Some("cross-site"))],
            403,
        );
        check(
            "GET",
            "/api/images",
            &[("origin", None), ("sec-fetch-site", Some("same-site"))],
            403,
        );
    }

    #[test]
    fn without_the_token_nothing_is_answered() {
        let token = "ab".repeat(32);
        for value in [
            None,
            Some(String::new()),
            Some("Bearer ".to_owned()),
            Some(format!("Bearer {}", "ac".repeat(32))),
            Some(format!("Bearer {token}0")),
            Some(format!("Bearer {}", &token[1..])),
            Some(format!("Basic {token}")),
            Some(token.clone()),
        ] {
            check("GET", "/api/hello", &[("authorization", value.as_deref())], 401);
            check("POST", "/api/go", &[("authorization", value.as_deref())], 401);
        }
        check(
            "GET",
            &format!("/api/hello?token={token}"),
            &[("authorization", None)],
            401,
        );
    }

    #[test]
    fn a_form_of_another_page_is_no_json() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonp",
            "",
        ] {
            check("POST", "/api/plan", &[("content-type", Some(kind))], 415);
        }
        check("POST", "/api/plan", &[("content-type", None)], 415);
        check("POST", "/index.html", &[], 405);
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_eq!(one.as_str().len(), 64);
        assert_ne!(one.as_str(), other.as_str());
    }
}
