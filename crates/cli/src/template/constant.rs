//! Numbers and texts as they are written in a template.

use super::Value;
use super::lex::{Token, TokenKind};

/// What a constant means. A number is whole unless it is written with a point or an exponent.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn constant(token: &Token) -> Result<Value, String> {
    let text = token.text.as_str();
    match token.kind {
        TokenKind::Raw => Ok(Value::from(&text[1..text.len() - 1])),
        TokenKind::Quoted => unquote(&text[1..text.len() - 1])
            .map(Value::Text)
            .ok_or_else(|| "invalid syntax".to_owned()),
        TokenKind::Letter => match unquote(&text[1..text.len() - 1]).map(|inner| inner.chars().collect::<Vec<_>>()) {
            Some(chars) if chars.len() == 1 => Ok(Value::Int(i64::from(u32::from(chars[0])))),
            _ => Err(format!("malformed character constant: {text}")),
        },
        _ => number(text).ok_or_else(|| format!("bad number syntax: {}", dockerfile::quote(text))),
    }
}

fn number(text: &str) -> Option<Value> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = digits.replace('_', "");
    let prefixed = |radix: &str| {
        plain
            .strip_prefix(&format!("0{radix}"))
            .or(plain.strip_prefix(&format!("0{}", radix.to_uppercase())))
    };
    for (name, radix) in [("x", 16), ("o", 8), ("b", 2)] {
        if let Some(rest) = prefixed(name) {
            return i64::from_str_radix(&format!("{sign}{rest}"), radix)
                .ok()
                .map(Value::Int);
        }
    }
    if plain.contains(['.', 'e', 'E']) {
        return format!("{sign}{plain}")
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(Value::Float);
    }
    let radix = if plain.len() > 1 && plain.starts_with('0') {
        8
    } else {
        10
    };
    i64::from_str_radix(&format!("{sign}{plain}"), radix)
        .ok()
        .map(Value::Int)
}

/// Go's escapes.
fn unquote(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let coded = |chars: &mut std::str::Chars<'_>, count: usize, radix: u32| {
            let head: String = chars.as_str().chars().take(count).collect();
            if head.len() != count {
                return None;
            }
            chars.nth(count - 1);
            u32::from_str_radix(&head, radix).ok().and_then(char::from_u32)
        };
        out.push(match chars.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => coded(&mut chars, 2, 16)?,
            'u' => coded(&mut chars, 4, 16)?,
            'U' => coded(&mut chars, 8, 16)?,
            same @ ('\\' | '\'' | '"') => same,
            _ => return None,
        });
    }
    Some(out)
}
