//! Go's `fmt`: how values are printed, and `printf`.
//!
//! Source: Go, `fmt/print.go` and `fmt/format.go`.

use super::{Null, Value, float, push};

/// Wider than this nothing is printed.
const MAX_WIDTH: usize = 10_000;

/// A value that stands alone between `{{` and `}}`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null(Null::Any) => "<no value>".to_owned(),
        other => plain(other),
    }
}

/// `%v`.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null(Null::Any | Null::Pointer) => "<nil>".to_owned(),
        Value::Null(Null::List) => "[]".to_owned(),
        Value::Null(Null::Map) => "map[]".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float::general(*number),
        Value::Text(text) => text.clone(),
        Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Row(..) => nested(value, &plain),
        Value::Omitted(inner) => plain(inner),
    }
}

/// What holds other values, each printed by `each`.
fn nested(value: &Value, each: &dyn Fn(&Value) -> String) -> String {
    match value {
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(each).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(entries) => {
            let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| key);
            let pairs = sorted.iter().map(|(key, value)| format!("{key}:{}", each(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        Value::Struct(fields) | Value::Row(_, fields) => {
            let values: Vec<String> = fields.iter().map(|(_, value)| each(value)).collect();
            format!("{{{}}}", values.join(" "))
        }
        other => each(other),
    }
}

/// `print`: a blank between two values of which neither is text.
pub(super) fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let is_text = |value: &Value| matches!(value.plain(), Value::Text(_));
    for (index, value) in values.iter().enumerate() {
        if index > 0 && !is_text(value) && !is_text(&values[index - 1]) {
            out.push(' ');
        }
        out.push_str(&plain(value));
    }
    out
}

/// `println`: a blank between all.
pub(super) fn println(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(plain).collect();
    format!("{}\n", values.join(" "))
}

/// How a verb of a format is to be printed.
#[derive(Default, Clone, Copy)]
struct Style {
    minus: bool,
    plus: bool,
    zero: bool,
    blank: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// `printf`.
pub(super) fn format(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut style = Style::default();
        while let Some(flag) = chars.next_if(|c| "-+# 0".contains(*c)) {
            match flag {
                '-' => style.minus = true,
                '+' => style.plus = true,
                '0' => style.zero = true,
                ' ' => style.blank = true,
                _ => style.sharp = true,
            }
        }
        style.width = number(&mut chars, values, &mut next).unwrap_or(0).min(MAX_WIDTH);
        if chars.next_if_eq(&'.').is_some() {
            let digits = number(&mut chars, values, &mut next).unwrap_or(0);
            style.precision = Some(digits.min(MAX_WIDTH));
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match values.get(next) {
                None => push(&mut out, format_args!("%!{verb}(MISSING)")),
                Some(value) => {
                    next += 1;
                    out.push_str(&padded(&one(verb, value, style), verb, value, style));
                }
            },
        }
    }
    if next < values.len() {
        let extra: Vec<String> = values[next..].iter().map(typed).collect();
        push(&mut out, format_args!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// Digits, or `*` for the next value.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, values: &[Value], next: &mut usize) -> Option<usize> {
    if chars.next_if_eq(&'*').is_some() {
        let value = values.get(*next)?;
        *next += 1;
        return match value {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        };
    }
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(MAX_WIDTH))
}

/// A value with its type, where it stands in the wrong place.
fn typed(value: &Value) -> String {
    match value.plain() {
        Value::Null(_) => "<nil>".to_owned(),
        other => format!("{}={}", other.type_name(), plain(other)),
    }
}

fn one(verb: char, value: &Value, style: Style) -> String {
    let value = value.plain();
    match (verb, value) {
        ('v', Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Row(..) | Value::Null(_)) => plain(value),
        ('T', Value::Null(_)) => "<nil>".to_owned(),
        ('T', other) => other.type_name().to_owned(),
        (verb, Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Row(..)) => {
            nested(value, &|inner| padded(&one(verb, inner, style), verb, inner, style))
        }
        ('v' | 's', Value::Text(text)) => match style.precision {
            Some(count) => text.chars().take(count).collect(),
            None => text.clone(),
        },
        ('q', Value::Text(text)) => dockerfile::quote(text),
        ('x', Value::Text(text)) => hex(text),
        ('X', Value::Text(text)) => hex(text).to_uppercase(),
        ('v' | 't', Value::Bool(on)) => on.to_string(),
        ('v' | 'd', Value::Int(number)) => sign(number.to_string(), style),
        ('x', Value::Int(number)) => radix(*number, style, "0x", |size| format!("{size:x}")),
        ('X', Value::Int(number)) => radix(*number, style, "0X", |size| format!("{size:X}")),
        ('o', Value::Int(number)) => radix(*number, style, "0", |size| format!("{size:o}")),
        ('b', Value::Int(number)) => radix(*number, style, "0b", |size| format!("{size:b}")),
        ('c', Value::Int(number)) => character(*number).to_string(),
        ('q', Value::Int(number)) => format!("'{}'", character(*number)),
        ('U', Value::Int(number)) => format!("U+{number:04X}"),
        ('v' | 'g', Value::Float(number)) => sign(float::general(*number), style),
        ('f' | 'F', Value::Float(number)) => sign(float::fixed(*number, style.precision.unwrap_or(6)), style),
        ('e', Value::Float(number)) => sign(float::exponent(*number, style.precision.unwrap_or(6)), style),
        (verb, other) => format!("%!{verb}({})", typed(other)),
    }
}

fn hex(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        push(&mut out, format_args!("{byte:02x}"));
    }
    out
}

fn sign(text: String, style: Style) -> String {
    if text.starts_with(['-', '+']) {
        text
    } else if style.plus {
        format!("+{text}")
    } else if style.blank {
        format!(" {text}")
    } else {
        text
    }
}

fn radix(number: i64, style: Style, prefix: &str, write: impl Fn(u64) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let prefix = if style.sharp { prefix } else { "" };
    format!("{sign}{prefix}{}", write(number.unsigned_abs()))
}

fn character(number: i64) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}')
}

fn padded(text: &str, verb: char, value: &Value, style: Style) -> String {
    // Each item of a list is as wide as was asked for, not the list.
    if matches!(value.plain(), Value::List(_) | Value::Map(_)) {
        return text.to_owned();
    }
    let missing = style.width.saturating_sub(text.chars().count());
    let is_number = matches!(value.plain(), Value::Int(_) | Value::Float(_)) && !matches!(verb, 'c' | 'q' | 'T');
    if style.minus {
        format!("{text}{}", " ".repeat(missing))
    } else if style.zero && is_number {
        let digits = text.trim_start_matches(['-', '+', ' ']);
        let sign = &text[..text.len() - digits.len()];
        format!("{sign}{}{digits}", "0".repeat(missing))
    } else {
        format!("{}{text}", " ".repeat(missing))
    }
}
