//! What Go's `encoding/json` says of a text that is no JSON: the daemon's words for a broken `daemon.json`.

use std::fmt;

/// Deepest nesting, as Go has it.
const MAX_DEPTH: usize = 10_000;

/// What is wrong with a text, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonProblem {
    /// It ends too early.
    End,
    /// A character stands where it must not.
    Character {
        /// Which.
        found: char,
        /// Where, as Go says it.
        place: &'static str,
    },
    /// It is nested without end.
    Depth,
    /// It is JSON, but holds what cannot be kept: a number that is too large, half a character.
    Value(String),
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonProblem::End => f.write_str("unexpected end of JSON input"),
            JsonProblem::Depth => f.write_str("exceeded max depth"),
            JsonProblem::Value(problem) => write!(f, "json: {problem}"),
            JsonProblem::Character { found, place } => {
                let shown = match found {
                    '\'' => r"'\''".to_owned(),
                    '"' => "'\"'".to_owned(),
                    '\n' => r"'\n'".to_owned(),
                    '\r' => r"'\r'".to_owned(),
                    '\t' => r"'\t'".to_owned(),
                    '\\' => r"'\\'".to_owned(),
                    c if u32::from(*c) < 0x20 => format!(r"'\x{:02x}'", u32::from(*c)),
                    c => format!("'{c}'"),
                };
                write!(f, "invalid character {shown} {place}")
            }
        }
    }
}

/// Whether `text` is one JSON value.
///
/// # Errors
///
/// [`JsonProblem`], the first that Go's scanner meets.
///
/// Source: Go, `encoding/json/scanner.go`.
pub(super) fn check(text: &str) -> Result<(), JsonProblem> {
    let mut scanner = Scanner {
        rest: text,
        open: Vec::new(),
    };
    scanner.value()?;
    scanner.blanks();
    match scanner.rest.chars().next() {
        None => Ok(()),
        Some(found) => Err(JsonProblem::Character {
            found,
            place: "after top-level value",
        }),
    }
}

struct Scanner<'a> {
    rest: &'a str,
    /// What is open, innermost last: objects are `true`, arrays `false`.
    open: Vec<bool>,
}

impl Scanner<'_> {
    fn value(&mut self) -> Result<(), JsonProblem> {
        loop {
            self.blanks();
            if self.open_container()? {
                continue;
            }
            if !self.close()? {
                return Ok(());
            }
        }
    }

    /// Reads a value as far as its first part: `true` if a container was opened and something must follow in it.
    fn open_container(&mut self) -> Result<bool, JsonProblem> {
        let place = "looking for beginning of value";
        let first = self.take(place, |c| {
            matches!(c, '{' | '[' | '"' | '-' | '0'..='9' | 't' | 'f' | 'n')
        })?;
        match first {
            '{' => {
                self.enter(true)?;
                self.blanks();
                if self.rest.starts_with('}') {
                    return Ok(false);
                }
                self.key()?;
                Ok(true)
            }
            '[' => {
                self.enter(false)?;
                self.blanks();
                Ok(!self.rest.starts_with(']'))
            }
            '"' => self.string().map(|()| false),
            't' => self.literal(
                &[
                    "in literal true (expecting 'r')",
                    "in literal true (expecting 'u')",
                    "in literal true (expecting 'e')",
                ],
                "rue",
            ),
            'f' => self.literal(
                &[
                    "in literal false (expecting 'a')",
                    "in literal false (expecting 'l')",
                    "in literal false (expecting 's')",
                    "in literal false (expecting 'e')",
                ],
                "alse",
            ),
            'n' => self.literal(
                &[
                    "in literal null (expecting 'u')",
                    "in literal null (expecting 'l')",
                    "in literal null (expecting 'l')",
                ],
                "ull",
            ),
            digit => self.number(digit).map(|()| false),
        }
    }

    /// After a value: `true` if another one follows.
    fn close(&mut self) -> Result<bool, JsonProblem> {
        while let Some(is_object) = self.open.last().copied() {
            self.blanks();
            let (end, place) = if is_object {
                ('}', "after object key:value pair")
            } else {
                (']', "after array element")
            };
            if self.take(place, |c| c == ',' || c == end)? == end {
                self.open.pop();
                continue;
            }
            if is_object {
                self.blanks();
                self.key()?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), JsonProblem> {
        self.take("looking for beginning of object key string", |c| c == '"')?;
        self.string()?;
        self.blanks();
        self.take("after object key", |c| c == ':')?;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonProblem> {
        loop {
            match self.take("in string literal", |c| u32::from(c) >= 0x20)? {
                '"' => return Ok(()),
                '\\' => {
                    let escape = |c| matches!(c, 'b' | 'f' | 'n' | 'r' | 't' | '\\' | '/' | '"' | 'u');
                    if self.take("in string escape code", escape)? == 'u' {
                        for _ in 0..4 {
                            self.take("in \\u hexadecimal character escape", |c| c.is_ascii_hexdigit())?;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn literal(&mut self, places: &[&'static str], letters: &str) -> Result<bool, JsonProblem> {
        for (place, letter) in places.iter().zip(letters.chars()) {
            self.take(place, |c| c == letter)?;
        }
        Ok(false)
    }

    fn number(&mut self, first: char) -> Result<(), JsonProblem> {
        let is_digit = |c: char| c.is_ascii_digit();
        let mut lead = first;
        if first == '-' {
            lead = self.take("in numeric literal", is_digit)?;
        }
        if lead != '0' {
            self.digits();
        }
        if self.skip('.') {
            self.take("after decimal point in numeric literal", is_digit)?;
            self.digits();
        }
        if self.skip('e') || self.skip('E') {
            let sign = self.take("in exponent of numeric literal", |c| {
                c.is_ascii_digit() || matches!(c, '+' | '-')
            })?;
            if !sign.is_ascii_digit() {
                self.take("in exponent of numeric literal", is_digit)?;
            }
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
    }

    fn skip(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn enter(&mut self, is_object: bool) -> Result<(), JsonProblem> {
        self.open.push(is_object);
        if self.open.len() > MAX_DEPTH {
            return Err(JsonProblem::Depth);
        }
        Ok(())
    }

    fn take(&mut self, place: &'static str, fits: impl Fn(char) -> bool) -> Result<char, JsonProblem> {
        let mut chars = self.rest.chars();
        match chars.next() {
            None => Err(JsonProblem::End),
            Some(found) if !fits(found) => Err(JsonProblem::Character { found, place }),
            Some(found) => {
                self.rest = chars.as_str();
                Ok(found)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn json_is_json() {
        for text in [
            "{}",
            "[]",
            " { \"a\" : [ 1 , -2.5e+3 , 0, true, false, null, \"x\\u00e9\\n\" ] , \"b\":{} } ",
            "\"\"",
            "0",
            "1E5",
            "[[[]],{\"a\":[{}]}]",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_go() {
        for (text, problem) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{\"a\":[\"b\"]", "unexpected end of JSON input"),
            (
                "{'a':1}",
                r"invalid character '\'' looking for beginning of object key string",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            (
                "{a:1}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\": [\"b\"] \"c\"}",
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("{\"a\n\":1}", r"invalid character '\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("tru1", "invalid character '1' in literal true (expecting 'e')"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("01", "invalid character '1' after top-level value"),
            ("“", "invalid character '“' looking for beginning of value"),
        ] {
            let found = check(text).map_err(|problem| problem.to_string());
            assert_eq!(found, Err(problem.to_owned()), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
        assert!(check(&"[".repeat(20_000)).is_err());
    }
}
