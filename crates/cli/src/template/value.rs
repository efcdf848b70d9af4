//! What a template is filled with.

use super::json;

/// A value of Go, as far as it shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// None.
    Null(Null),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A slice.
    List(Vec<Value>),
    /// A map, sorted by key wherever it is shown.
    Map(Vec<(String, Value)>),
    /// A struct. Its fields have an order; another field than these is an error.
    Struct(Vec<(String, Value)>),
    /// A row of a list, whose type Docker names when a field is missing: `*formatter.imageContext`.
    Row(&'static str, Vec<(String, Value)>),
    /// A field whose value is zero and which JSON leaves out.
    Omitted(Box<Value>),
}

/// What there is none of: it decides how that is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// Anything: `<no value>`.
    Any,
    /// A pointer: `<nil>`.
    Pointer,
    /// A slice: `[]`.
    List,
    /// A map: `map[]`.
    Map,
}

impl Value {
    /// A struct of these fields.
    pub fn structure<const N: usize>(fields: [(&str, Value); N]) -> Value {
        Value::Struct(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    /// `value`, or left out of JSON if it is zero.
    pub fn unless_zero(value: Value) -> Value {
        if value.truth() {
            value
        } else {
            Value::Omitted(Box::new(value))
        }
    }

    /// A map of texts; none of them is `map[]`, and `null` in JSON.
    pub fn texts<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
        let pairs = pairs.into_iter();
        Value::Map(
            pairs
                .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
                .collect(),
        )
    }

    /// What JSON says.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null(Null::Any),
            serde_json::Value::Bool(on) => Value::Bool(*on),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), Value::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// As JSON on one line.
    pub fn to_json(&self) -> String {
        json::compact(self)
    }

    /// As JSON in lines, four blanks a level: what `docker inspect` prints.
    pub fn to_json_lines(&self) -> String {
        json::indented(self)
    }

    /// The field or entry of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) | Value::Struct(entries) | Value::Row(_, entries) => entries
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.plain()),
            Value::Omitted(inner) => inner.get(name),
            _ => None,
        }
    }

    /// The value, wherever it stands.
    pub(super) fn plain(&self) -> &Value {
        match self {
            Value::Omitted(inner) => inner.plain(),
            other => other,
        }
    }

    /// Whether `if` takes it for true.
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Null(_) => false,
            Value::Bool(on) => *on,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(entries) => !entries.is_empty(),
            Value::Struct(_) | Value::Row(..) => true,
            Value::Omitted(inner) => inner.truth(),
        }
    }

    /// The name of its type in Go.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Null(_) => "interface {}",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "[]interface {}",
            Value::Map(_) | Value::Struct(_) => "map[string]interface {}",
            Value::Row(name, _) => name,
            Value::Omitted(inner) => inner.type_name(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Value {
        Value::List(texts.into_iter().map(Value::Text).collect())
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Value {
        Value::Bool(on)
    }
}
