//! The functions that a template may call: Go's and Docker's.
//!
//! Source: Go, `text/template/funcs.go`; docker/cli, `templates/templates.go`.

use super::{Null, Value, compare, json, printf, push};

/// What may be given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Any,
    Text,
    Int,
    Texts,
}

/// A function.
pub(super) struct Function {
    /// Fewest arguments.
    least: usize,
    /// The last parameter may be given any number of times.
    repeats: bool,
    parameters: &'static [Parameter],
    /// `and` and `or` stop at the first argument that is false or true.
    pub stops_at: Option<bool>,
    /// Whether it does nothing to the header of a table.
    pub leaves_headers: bool,
    pub run: fn(&[Value]) -> Result<Value, String>,
}

impl Function {
    /// What the argument at `index` must be.
    pub(super) fn parameter(&self, index: usize) -> Parameter {
        let last = self.parameters.len().saturating_sub(1);
        self.parameters.get(index.min(last)).copied().unwrap_or(Parameter::Any)
    }

    /// What is wrong with the number of arguments.
    pub(super) fn miscount(&self, name: &str, count: usize) -> Option<String> {
        if self.repeats {
            let least = self.least;
            return (count < least)
                .then(|| format!("wrong number of args for {name}: want at least {least} got {count}"));
        }
        let want = self.parameters.len();
        (count != want).then(|| format!("wrong number of args for {name}: want {want} got {count}"))
    }
}

use Parameter::{Any, Int, Text, Texts};

const fn fixed(parameters: &'static [Parameter], run: fn(&[Value]) -> Result<Value, String>) -> Function {
    Function {
        least: 0,
        repeats: false,
        parameters,
        stops_at: None,
        leaves_headers: false,
        run,
    }
}

const fn many(least: usize, parameters: &'static [Parameter], run: fn(&[Value]) -> Result<Value, String>) -> Function {
    Function {
        least,
        repeats: true,
        parameters,
        stops_at: None,
        leaves_headers: false,
        run,
    }
}

/// One of Docker's own functions.
const fn own(parameters: &'static [Parameter], run: fn(&[Value]) -> Result<Value, String>) -> Function {
    Function {
        leaves_headers: true,
        ..fixed(parameters, run)
    }
}

const fn until(stops_at: bool) -> Function {
    Function {
        least: 1,
        repeats: true,
        parameters: &[Any],
        stops_at: Some(stops_at),
        leaves_headers: false,
        run: |_| Ok(Value::Null(Null::Any)),
    }
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("and", until(false)),
    ("eq", many(1, &[Any], compare::equal)),
    ("ge", fixed(&[Any, Any], |of| compare::less(&of[1], &of[0], true))),
    ("gt", fixed(&[Any, Any], |of| compare::less(&of[1], &of[0], false))),
    ("html", many(0, &[Any], |of| Ok(Value::Text(html(&printf::print(of)))))),
    ("index", many(1, &[Any], index)),
    (
        "join",
        own(&[Texts, Text], |of| Ok(Value::Text(texts(&of[0]).join(text(&of[1]))))),
    ),
    (
        "js",
        many(0, &[Any], |of| Ok(Value::Text(javascript(&printf::print(of))))),
    ),
    ("json", own(&[Any], |of| Ok(Value::Text(json::compact(&of[0]))))),
    ("le", fixed(&[Any, Any], |of| compare::less(&of[0], &of[1], true))),
    ("len", fixed(&[Any], length)),
    ("lower", own(&[Text], |of| Ok(Value::Text(text(&of[0]).to_lowercase())))),
    ("lt", fixed(&[Any, Any], |of| compare::less(&of[0], &of[1], false))),
    (
        "ne",
        fixed(&[Any, Any], |of| {
            compare::equal(of).map(|same| Value::Bool(!same.truth()))
        }),
    ),
    ("not", fixed(&[Any], |of| Ok(Value::Bool(!of[0].truth())))),
    ("or", until(true)),
    ("pad", own(&[Text, Int, Int], pad)),
    ("print", many(0, &[Any], |of| Ok(Value::Text(printf::print(of))))),
    (
        "printf",
        many(1, &[Text, Any], |of| {
            Ok(Value::Text(printf::format(text(&of[0]), &of[1..])))
        }),
    ),
    ("println", many(0, &[Any], |of| Ok(Value::Text(printf::println(of))))),
    ("slice", many(1, &[Any], slice)),
    ("split", own(&[Text, Text], split)),
    ("title", own(&[Text], |of| Ok(Value::Text(title(text(&of[0])))))),
    ("truncate", own(&[Text, Int], truncate)),
    ("upper", own(&[Text], |of| Ok(Value::Text(text(&of[0]).to_uppercase())))),
    (
        "urlquery",
        many(0, &[Any], |of| Ok(Value::Text(query(&printf::print(of))))),
    ),
];

/// Whether there is such a function.
pub(super) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, function)| function)
}

/// More than this many characters or items are not made.
const TOO_MANY: usize = 1 << 16;

fn text(value: &Value) -> &str {
    match value.plain() {
        Value::Text(text) => text,
        _ => "",
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value.plain() {
        Value::List(items) => items.iter().map(text).collect(),
        _ => Vec::new(),
    }
}

fn index(of: &[Value]) -> Result<Value, String> {
    let mut item = of[0].plain().clone();
    for key in &of[1..] {
        item = match (&item, key.plain()) {
            (Value::Null(Null::Any | Null::Pointer), _) => return Err("index of untyped nil".to_owned()),
            (Value::List(items), key) => items[position(key, items.len(), "index")?].plain().clone(),
            (Value::Null(Null::List), key) => {
                position(key, 0, "index")?;
                Value::Null(Null::Any)
            }
            (Value::Text(text), key) => Value::Int(i64::from(text.as_bytes()[position(key, text.len(), "index")?])),
            (Value::Map(_) | Value::Struct(_) | Value::Row(..) | Value::Null(Null::Map), Value::Text(key)) => {
                item.get(key).map_or_else(|| zero(&item), |found| found.plain().clone())
            }
            (Value::Map(_) | Value::Struct(_) | Value::Row(..) | Value::Null(Null::Map), Value::Null(_)) => {
                return Err("value is nil; should be of type string".to_owned());
            }
            (Value::Map(_) | Value::Struct(_) | Value::Row(..) | Value::Null(Null::Map), key) => {
                return Err(format!("value has type {}; should be string", key.type_name()));
            }
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

/// What a map gives for a key that it does not have: nothing of the kind that it holds.
fn zero(map: &Value) -> Value {
    match map {
        Value::Map(entries) if entries.iter().any(|(_, value)| !matches!(value, Value::Text(_))) => {
            Value::Null(Null::Any)
        }
        Value::Struct(_) | Value::Row(..) => Value::Null(Null::Any),
        _ => Value::Text(String::new()),
    }
}

fn position(key: &Value, length: usize, doing: &str) -> Result<usize, String> {
    match key.plain() {
        Value::Int(number) => usize::try_from(*number)
            .ok()
            .filter(|at| *at < length || (doing == "slice" && *at == length))
            .ok_or_else(|| format!("index out of range: {number}")),
        Value::Null(_) => Err(format!("cannot {doing} slice/array with nil")),
        other => Err(format!("cannot {doing} slice/array with type {}", other.type_name())),
    }
}

fn slice(of: &[Value]) -> Result<Value, String> {
    let length = match of[0].plain() {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Null(Null::List) => 0,
        Value::Null(_) => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if of.len() > 3 {
        return Err(format!("too many slice indexes: {}", of.len() - 1));
    }
    let from = of.get(1).map_or(Ok(0), |at| position(at, length, "slice"))?;
    let to = of.get(2).map_or(Ok(length), |at| position(at, length, "slice"))?;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match of[0].plain() {
        Value::Text(text) => Value::Text(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()),
        Value::List(items) => Value::List(items[from..to].to_vec()),
        _ => Value::Null(Null::List),
    })
}

fn length(of: &[Value]) -> Result<Value, String> {
    let length = match of[0].plain() {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) | Value::Struct(entries) => entries.len(),
        Value::Null(Null::List | Null::Map) => 0,
        Value::Null(Null::Pointer) => return Err("len of nil pointer".to_owned()),
        Value::Null(Null::Any) => return Err("len of untyped nil".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

fn split(of: &[Value]) -> Result<Value, String> {
    let (text, by) = (text(&of[0]), text(&of[1]));
    let parts: Vec<String> = if by.is_empty() {
        text.chars().take(TOO_MANY + 1).map(String::from).collect()
    } else {
        text.split(by).take(TOO_MANY + 1).map(str::to_owned).collect()
    };
    if parts.len() > TOO_MANY {
        return Err(format!("more than {TOO_MANY} parts"));
    }
    Ok(Value::from(parts))
}

fn whole(value: &Value) -> Result<usize, String> {
    match value {
        Value::Int(number) => usize::try_from(*number)
            .ok()
            .filter(|count| *count <= TOO_MANY)
            .ok_or_else(|| format!("expected a number from 0 to {TOO_MANY}, found {number}")),
        other => Err(format!("expected an integer, found {}", other.type_name())),
    }
}

fn pad(of: &[Value]) -> Result<Value, String> {
    let text = text(&of[0]);
    let (before, after) = (whole(&of[1])?, whole(&of[2])?);
    Ok(Value::Text(if text.is_empty() {
        String::new()
    } else {
        format!("{}{text}{}", " ".repeat(before), " ".repeat(after))
    }))
}

fn truncate(of: &[Value]) -> Result<Value, String> {
    let text = text(&of[0]);
    let length = whole(&of[1])?.min(text.len());
    Ok(Value::from(&text[..text.floor_char_boundary(length)]))
}

/// Source: Go, `strings.Title`.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let separates = if before.is_ascii() {
            !(before.is_ascii_alphanumeric() || before == '_')
        } else {
            before.is_whitespace()
        };
        if separates {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        before = c;
    }
    out
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn javascript(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' => push(&mut out, format_args!("\\u{:04X}", c as u32)),
            c if c.is_control() => push(&mut out, format_args!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// Source: Go, `net/url.QueryEscape`.
fn query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => push(&mut out, format_args!("%{byte:02X}")),
        }
    }
    out
}
