//! The JSON of the documents: written byte for byte as Go writes it, read with a limit.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io;

/// The largest manifest, index or config that is read, in bytes. Registries refuse larger ones too.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// Why bytes are not the document they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is too long to be read.
    #[error("expected {what} of at most {MAX_DOCUMENT_BYTES} bytes, found {size}")]
    TooLarge {
        /// Which kind of document.
        what: &'static str,
        /// Its length.
        size: usize,
    },
    /// It is not JSON, or not of the shape the specification gives.
    #[error("expected {what}, found invalid JSON: {reason}")]
    Json {
        /// Which kind of document.
        what: &'static str,
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// It is JSON, but a value in it is not allowed.
    #[error("expected {what} with {expected}, found {found:?}")]
    Value {
        /// Which kind of document.
        what: &'static str,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}

/// Reads a document of at most [`MAX_DOCUMENT_BYTES`]; nesting is limited to 128. Unknown fields are dropped.
pub(crate) fn read<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DocumentError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge {
            what,
            size: bytes.len(),
        });
    }
    serde_json::from_slice(bytes).map_err(|error| DocumentError::Json {
        what,
        reason: error.to_string(),
    })
}

/// `value` as JSON without blanks, escaped as Go's `encoding/json` escapes: `<`, `>`, `&`, U+2028 and U+2029 too.
///
/// # Panics
///
/// If `value` has a map whose keys are no texts.
pub fn go_json(value: &impl Serialize) -> Vec<u8> {
    write(value, GoEscapes(CompactFormatter))
}

/// As [`go_json`], each value on a line of its own, indented by two blanks a level.
pub(crate) fn write_indented(value: &impl Serialize) -> Vec<u8> {
    write(value, GoEscapes(PrettyFormatter::with_indent(b"  ")))
}

fn write<F: Formatter>(value: &impl Serialize, formatter: F) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, formatter);
    value
        .serialize(&mut serializer)
        .expect("the documents have text keys, and a vector takes every byte");
    bytes
}

struct GoEscapes<F>(F);

macro_rules! delegate {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl<F: Formatter> Formatter for GoEscapes<F> {
    delegate! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, character) in fragment.char_indices() {
            if matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
                writer.write_all(&fragment.as_bytes()[plain..at])?;
                write!(writer, "\\u{:04x}", u32::from(character))?;
                plain = at + character.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

/// Reads `null` as the empty value, as Go does for lists and maps.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    use serde::Deserialize;
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        let text = "a<b>&\"\\\n\t\r\u{8}\u{c}\u{1}\u{7f}\u{2028}é/'";
        let expected = r#""a\u003cb\u003e\u0026\"\\\n\t\r\b\f\u0001"#.to_owned() + "\u{7f}" + r"\u2028é/'" + "\"";
        assert_eq!(String::from_utf8(go_json(&text)).as_deref(), Ok(expected.as_str()));
    }

    #[test]
    fn a_document_that_is_too_large_is_not_even_looked_at() {
        let bytes = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        assert!(matches!(
            read::<String>("a text", &bytes),
            Err(DocumentError::TooLarge { .. })
        ));
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        let bytes = b"[".repeat(100_000);
        assert!(matches!(
            read::<serde_json::Value>("a value", &bytes),
            Err(DocumentError::Json { .. })
        ));
    }
}
