//! Percent-encoded text: paths, query parameters, and their way back.

use std::fmt::Write;

/// How many parameters of a query are looked at.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query, decoded, in order. Those that are no text are left out.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`.
    pub(super) fn parse(text: &str) -> Query {
        let decode = |part: &str| percent_decode(&part.replace('+', " "));
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name)?, decode(value)?))
        };
        Query(text.split('&').take(MAX_PARAMETERS).filter_map(pair).collect())
    }

    /// The first parameter of this name, unless it is empty.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// All parameters of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Decodes `%41`; `None` for a bad escape or bytes that are no UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Encodes all but letters, digits and `-_.~`, as Go's `url.QueryEscape` does, with `%20` for a blank.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("digest=sha256%3Aab&from=a%2Fb&x&tag=1&tag=2&bad=%zz&n=");
        assert_eq!(query.get("digest"), Some("sha256:ab"));
        assert_eq!(query.get("from"), Some("a/b"));
        assert_eq!((query.get("x"), query.get("n"), query.get("bad")), (None, None, None));
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["1", "2"]);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in any::<String>()) {
            let encoded = percent_encode(&text);
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic()));
            prop_assert_eq!(percent_decode(&encoded), Some(text));
        }

        #[test]
        fn no_escape_makes_the_reader_fail(text in any::<String>()) {
            let _ = percent_decode(&text);
            let _ = Query::parse(&text);
        }
    }
}
