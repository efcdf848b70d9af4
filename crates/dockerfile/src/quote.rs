//! Go's `%q`: how BuildKit quotes what it repeats from a Dockerfile.

use std::fmt::Write as _;

/// Returns `text` in double quotes, with `"`, `\` and whatever cannot be printed escaped as Go's `strconv.Quote` does.
///
/// # Example
///
/// ```
/// assert_eq!(dockerfile::quote("say \"hi\"\t"), r#""say \"hi\"\t""#);
/// ```
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => {
                write!(out, "\\x{:02x}", c as u32).expect("a String takes all text");
            }
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x10000 => {
                write!(out, "\\u{:04x}", c as u32).expect("a String takes all text");
            }
            c => write!(out, "\\U{:08x}", c as u32).expect("a String takes all text"),
        }
    }
    out.push('"');
    out
}

// Go prints letters, marks, numbers, punctuation, symbols and the ASCII space; the rest is controls, other blanks,
// format characters, surrogates and private use.
fn is_printable(c: char) -> bool {
    let format_or_private = matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}');
    c == ' ' || !(c.is_whitespace() || c.is_control() || format_or_private)
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(
            quote("a\u{0}b\u{7f}\u{a0}\u{200b}é\u{e000}"),
            "\"a\\x00b\\x7f\\u00a0\\u200bé\\ue000\""
        );
        assert_eq!(quote("\u{10ffff}\\"), "\"\\U0010ffff\\\\\"");
    }
}
