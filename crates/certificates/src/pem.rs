//! The armour of PEM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Most characters of a body that are read.
const MAX_BODY: usize = 64 << 10;

/// `text` in armour.
pub(crate) fn write(label: &str, text: &str) -> String {
    let body = STANDARD.encode(text);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.extend(["-----END ", label, "-----\n"]);
    out
}

/// The texts in armour with this label; bodies that are no text come as empty ones.
pub(crate) fn read<'a>(label: &str, text: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(&begin)? + begin.len();
        let length = rest[start..].find(&end)?;
        let body = &rest[start..start + length];
        rest = &rest[start + length + end.len()..];
        let body: String = body.chars().filter(|c| !c.is_whitespace()).take(MAX_BODY).collect();
        let text = STANDARD
            .decode(body)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        Some(text.unwrap_or_default())
    })
}
