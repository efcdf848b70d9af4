//! Values as JSON, as Go's encoder writes it without escaping HTML.

use super::{Value, float, push};

/// On one line, without blanks.
pub(super) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// Indented by four blanks a level, as `docker inspect` prints it.
pub(super) fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

fn write(out: &mut String, value: &Value, level: Option<usize>) {
    match value {
        Value::Bool(on) => out.push_str(if *on { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) if number.is_finite() => out.push_str(&float::json(*number)),
        Value::Float(_) | Value::Null(_) => out.push_str("null"),
        Value::Text(text) => quote(out, text),
        Value::List(items) => {
            let inner = level.map(|level| level + 1);
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, inner);
                write(out, item, inner);
            }
            close(out, items.is_empty(), level);
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| key);
            object(out, &sorted, level);
        }
        Value::Struct(fields) => object(out, &shown(fields), level),
        Value::Row(_, fields) => {
            let mut sorted = shown(fields);
            sorted.sort_by_key(|(key, _)| key);
            // Docker encodes rows twice, the first time as for a page.
            let mut text = String::new();
            object(&mut text, &sorted, level);
            out.push_str(&escape_html(&text));
        }
        Value::Omitted(inner) => write(out, inner, level),
    }
}

fn shown(fields: &[(String, Value)]) -> Vec<&(String, Value)> {
    let is_shown = |field: &&(String, Value)| !matches!(field.1, Value::Omitted(_));
    fields.iter().filter(is_shown).collect()
}

/// These characters stand only within texts.
fn escape_html(json: &str) -> String {
    json.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

fn object(out: &mut String, entries: &[&(String, Value)], level: Option<usize>) {
    let inner = level.map(|level| level + 1);
    out.push('{');
    for (index, (key, value)) in entries.iter().enumerate() {
        separate(out, index, inner);
        quote(out, key);
        out.push(':');
        if level.is_some() {
            out.push(' ');
        }
        write(out, value, inner);
    }
    close(out, entries.is_empty(), level);
    out.push('}');
}

fn separate(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    line(out, level);
}

fn close(out: &mut String, is_empty: bool, level: Option<usize>) {
    if !is_empty {
        line(out, level);
    }
}

fn line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.push_str(&"    ".repeat(level));
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || matches!(c, '\u{2028}' | '\u{2029}') => {
                push(out, format_args!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
