//! JSON with its keys in order: what `inspect` says, for printing and for templates.

use std::fmt::Write as _;

/// A JSON value whose objects keep the order of their keys, as Go's structs have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Json>),
    /// Keys and values, keys as Go has them: `RepoTags`.
    Object(Vec<(String, Json)>),
    /// As [`Json::Object`], but of a Go map: a template that asks for a key that is missing gets nothing, not an error.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// The value of a key of an object or map.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let (Json::Object(pairs) | Json::Map(pairs)) = self else {
            return None;
        };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value behind several keys, one in the other.
    pub fn at(&self, keys: &[&str]) -> Option<&Json> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// On one line, without blanks, escaped as Go's `encoding/json` escapes.
    pub fn compact(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None);
        text
    }

    /// Each value on a line of its own, indented by `indent` blanks a level: 4 as `docker inspect` prints it.
    pub fn indented(&self, indent: usize) -> String {
        let mut text = String::new();
        self.write(&mut text, Some((indent, 0)));
        text
    }

    fn write(&self, text: &mut String, layout: Option<(usize, usize)>) {
        match self {
            Json::Null => text.push_str("null"),
            Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Json::Number(value) => write!(text, "{value}").expect("memory takes it"),
            Json::Text(value) => quote(value, text),
            Json::List(values) => write_all(text, layout, ('[', ']'), values, |value, text, layout| {
                value.write(text, layout);
            }),
            Json::Object(pairs) | Json::Map(pairs) => {
                write_all(text, layout, ('{', '}'), pairs, |(key, value), text, layout| {
                    quote(key, text);
                    text.push_str(if layout.is_some() { ": " } else { ":" });
                    value.write(text, layout);
                });
            }
        }
    }
}

fn write_all<T>(
    text: &mut String,
    layout: Option<(usize, usize)>,
    (open, close): (char, char),
    items: &[T],
    write_one: impl Fn(&T, &mut String, Option<(usize, usize)>),
) {
    let line = |text: &mut String, depth: usize| {
        if let Some((indent, _)) = layout {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    let depth = layout.map_or(0, |(_, depth)| depth);
    text.push(open);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        line(text, depth + 1);
        write_one(item, text, layout.map(|(indent, depth)| (indent, depth + 1)));
    }
    if !items.is_empty() {
        line(text, depth);
    }
    text.push(close);
}

fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                write!(text, "\\u{:04x}", u32::from(character)).expect("memory takes it");
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Json {
        Json::Number(value)
    }
}

/// An object from pairs.
pub(crate) fn object<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    Json::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A map from pairs.
pub(crate) fn map(pairs: impl IntoIterator<Item = (String, Json)>) -> Json {
    Json::Map(pairs.into_iter().collect())
}

/// A list of texts.
pub(crate) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Json {
    Json::List(items.into_iter().map(|item| Json::Text(item.into())).collect())
}

/// A list of texts, `null` if there are none, as Go has a slice that was never set.
pub(crate) fn texts_or_null<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Json {
    match texts(items) {
        Json::List(items) if items.is_empty() => Json::Null,
        list => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_text_is_escaped_as_go_escapes_it() {
        let value = object([
            ("B", texts(["<a&b>\u{1}"])),
            ("A", map([("x".to_owned(), Json::Number(-1))])),
            ("E", Json::List(Vec::new())),
        ]);
        assert_eq!(
            value.compact(),
            r#"{"B":["\u003ca\u0026b\u003e\u0001"],"A":{"x":-1},"E":[]}"#
        );
        let expected = "{\n    \"B\": [\n        \"\\u003ca\\u0026b\\u003e\\u0001\"\n    ],\n    \"A\": {\n        \"x\": -1\n    },\n    \"E\": []\n}";
        assert_eq!(value.indented(4), expected);
        assert_eq!(value.at(&["A", "x"]), Some(&Json::Number(-1)));
        assert_eq!(value.at(&["A", "y"]), None);
    }
}
