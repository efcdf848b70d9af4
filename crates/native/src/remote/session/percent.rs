//! What a worker escapes in headers: `%` and two digits for each byte that is no printable ASCII.

/// The text that `escaped` stands for; what is no escape stays as it is.
pub(super) fn decode(escaped: &str) -> String {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = rest
            .get(at + 1..at + 3)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = &rest[if byte.is_some() { at + 3 } else { at + 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn escapes_become_their_bytes_and_the_rest_stays() {
        assert_eq!(decode("caf%C3%A9/100%"), "café/100%");
        assert_eq!(decode("%zz%+1%2"), "%zz%+1%2");
        assert_eq!(decode("é%41"), "éA");
    }
}
