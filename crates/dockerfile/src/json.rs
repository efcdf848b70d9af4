//! The JSON form of an instruction's words: one list of strings.

use std::ops::Range;

use crate::words::Word;

/// How deep Go's reader goes; deeper is not JSON.
const MAX_DEPTH: usize = 10_000;

/// What a text is, read as a JSON list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// A list of strings; the ranges include the quotes.
    Strings(Vec<Word>),
    /// A list that holds something else.
    Others,
    /// Not a JSON list.
    No,
}

/// Reads all of `range` as a JSON list.
pub(crate) fn read(text: &str, range: Range<usize>) -> Json {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    if !text[start..range.end].starts_with('[') {
        return Json::No;
    }
    let mut reader = Reader {
        text: &text[..range.end],
        at: start,
    };
    match reader.list() {
        Some(result) if reader.blanks().is_none() => result,
        _ => Json::No,
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                out.push_str("\\u00");
                out.push(if c < '\u{10}' { '0' } else { '1' });
                out.extend(char::from_digit(c as u32 % 16, 16));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips blanks and returns what follows.
    fn blanks(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn list(&mut self) -> Option<Json> {
        let mut words = Vec::new();
        let mut others = false;
        self.at += 1;
        if self.blanks()? == b']' {
            self.at += 1;
            return Some(Json::Strings(words));
        }
        loop {
            if self.blanks()? == b'"' {
                let start = self.at;
                let value = self.string()?;
                words.push(Word {
                    range: start..self.at,
                    value,
                });
            } else {
                others = true;
                self.skip_value()?;
            }
            let next = self.blanks()?;
            self.at += 1;
            match next {
                b',' => {}
                b']' => return Some(if others { Json::Others } else { Json::Strings(words) }),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut value = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c| c == '"' || c == '\\' || c < ' ')?;
            value.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Some(value),
                b'\\' => value.push(self.escaped()?),
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                let after = self.at;
                if (0xd800..0xdc00).contains(&first) && self.text[after..].starts_with("\\u") {
                    self.at += 2;
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                    }
                    self.at = after;
                }
                // Half a pair stands for no character.
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Skips one value that is not a string of the outer list, without recursion.
    fn skip_value(&mut self) -> Option<()> {
        // The closing brackets that are awaited.
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.blanks()? {
                bracket @ (b'[' | b'{') => {
                    let close = if bracket == b'[' { b']' } else { b'}' };
                    self.at += 1;
                    if self.blanks()? != close {
                        open.push(close);
                        if open.len() >= MAX_DEPTH {
                            return None;
                        }
                        self.key(close)?;
                        continue;
                    }
                    self.at += 1;
                }
                b'"' => {
                    self.string()?;
                }
                _ => self.skip_word()?,
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Some(());
                };
                let next = self.blanks()?;
                self.at += 1;
                if next == b',' {
                    self.key(close)?;
                    break;
                }
                if next != close {
                    return None;
                }
                open.pop();
            }
        }
    }

    /// The key of an object's member; nothing in a list.
    fn key(&mut self, close: u8) -> Option<()> {
        if close == b'}' {
            if self.blanks()? != b'"' {
                return None;
            }
            self.string()?;
            if self.blanks()? != b':' {
                return None;
            }
            self.at += 1;
        }
        Some(())
    }

    /// `true`, `false`, `null` or a number.
    fn skip_word(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        for word in ["true", "false", "null"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Some(());
            }
        }
        let len = number_len(rest.as_bytes())?;
        self.at += len;
        Some(())
    }
}

/// How long the number is that a text starts with.
fn number_len(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::{Json, read};

    fn check(text: &str) -> Json {
        read(text, 0..text.len())
    }

    #[test]
    fn a_list_of_strings_is_the_json_form() {
        let Json::Strings(words) = check(r#" [ "a b" , "c\n\"é\u00e9\ud83d\ude00" ] "#) else {
            panic!("a list")
        };
        assert_eq!(words[0].value, "a b");
        assert_eq!(words[0].range, 3..8);
        assert_eq!(words[1].value, "c\n\"éé😀");
        assert_eq!(check("[]"), Json::Strings(vec![]));
    }

    #[test]
    fn other_elements_are_noticed_and_other_text_is_not_json() {
        for text in ["[1]", "[null]", r#"["a", ["b"], {"c": [1.5e-3, {}]}]"#, "[[],true]"] {
            assert_eq!(check(text), Json::Others, "{text}");
        }
        for text in [
            "['a']",
            "[\"a\"] b",
            "[\"a\",]",
            "[01]",
            "[\"a\" \"b\"]",
            "\"a\"",
            "[",
            "[\"\t\"]",
            "[{1:2}]",
            "[\"\\x\"]",
        ] {
            assert_eq!(check(text), Json::No, "{text}");
        }
    }
}
