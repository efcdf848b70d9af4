//! What a registry wants to be shown: the `WWW-Authenticate` header.

use crate::Headers;
use std::collections::BTreeMap;

/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 16 << 10;

/// A way to say who one is.
///
/// Source: RFC 9110, section 11.6.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `basic` or `bearer`, in lower case.
    pub(crate) scheme: String,
    /// Names in lower case.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// A parameter, empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}

/// All challenges of an answer. What cannot be read ends its header, no more.
pub(crate) fn challenges(headers: &Headers) -> Vec<Challenge> {
    let mut found = Vec::new();
    for text in headers.all("WWW-Authenticate").filter(|text| text.len() <= MAX_HEADER) {
        read_header(text, &mut found);
    }
    found
}

fn read_header(text: &str, found: &mut Vec<Challenge>) {
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while let Some((scheme, after)) = split_token(rest) {
        // A parameter that could not be read is no scheme.
        if after.trim_start().starts_with('=') {
            return;
        }
        let mut challenge = Challenge {
            scheme: scheme.to_ascii_lowercase(),
            parameters: BTreeMap::new(),
        };
        rest = after.trim_start();
        while let Some((name, value, after)) = split_parameter(rest) {
            challenge.parameters.entry(name).or_insert(value);
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
        found.push(challenge);
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
}

/// A word of RFC 9110 and what follows.
fn split_token(text: &str) -> Option<(&str, &str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `name=value`, the value a word or quoted, and what follows.
fn split_parameter(text: &str) -> Option<(String, String, &str)> {
    let (name, rest) = split_token(text)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let name = name.to_ascii_lowercase();
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = split_token(rest)?;
        return Some((name, value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Challenge> {
        let mut headers = Headers::default();
        headers.add("www-authenticate", text);
        challenges(&headers)
    }

    #[test]
    fn challenges_are_read() {
        let found = read(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push",error="insufficient_scope""#,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scheme, "bearer");
        assert_eq!(found[0].get("realm"), "https://auth.docker.io/token");
        assert_eq!(found[0].get("scope"), "repository:a/b:pull,push");
        assert_eq!(found[0].get("error"), "insufficient_scope");
        assert_eq!(found[0].get("nothing"), "");
    }

    #[test]
    fn several_challenges_may_share_a_header() {
        let found = read(r#"Basic realm="a \"b\", c", Bearer realm=x , service = "s",Negotiate"#);
        let schemes: Vec<&str> = found.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["basic", "bearer", "negotiate"]);
        assert_eq!(found[0].get("realm"), r#"a "b", c"#);
        assert_eq!((found[1].get("realm"), found[1].get("service")), ("x", "s"));
    }

    #[test]
    fn broken_headers_end_without_harm() {
        for text in [
            "",
            "\"",
            "=",
            "Bearer realm=\"unterminated",
            "Bearer realm=\"x\\",
            ", , ,",
            "Bearer =x",
        ] {
            assert!(read(text).len() <= 1, "{text}");
        }
        assert_eq!(read(&format!("Basic realm=\"{}\"", "x".repeat(20_000))), []);
    }
}
