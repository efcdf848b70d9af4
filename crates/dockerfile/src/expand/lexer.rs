//! The walk over one word, character by character.

use super::pattern::{Pattern, strip};
use super::splitting::Words;
use super::{Expanded, Reason};

/// How deep braces may be nested. DIFFERENCE: BuildKit has no limit; here a word must not exhaust the stack.
pub(super) const MAX_DEPTH: usize = 64;

/// How many bytes a word may become. DIFFERENCE: BuildKit has no limit; here `ENV A=$A$A`, repeated, must not exhaust memory.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// What is removed and what stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The escape character.
    pub(super) escape: char,
    /// Quotes hold together what they enclose, and stay.
    pub(super) keep_quotes: bool,
    /// Escape characters stay before what they escape.
    pub(super) keep_escapes: bool,
    /// Quotes are characters like any other.
    pub(super) quotes_are_text: bool,
    /// Variables without value stay as written.
    pub(super) keep_unset: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            escape: '\\',
            keep_quotes: false,
            keep_escapes: false,
            quotes_are_text: false,
            keep_unset: false,
        }
    }
}

/// What a walk up to a stop character gathers.
#[derive(Default)]
struct Gathered {
    text: String,
    words: Words,
}

pub(super) struct Lexer<'a> {
    rest: std::str::Chars<'a>,
    env: &'a dyn Fn(&str) -> Option<String>,
    style: Style,
    depth: usize,
    found: Expanded,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, env: &'a dyn Fn(&str) -> Option<String>, style: Style) -> Lexer<'a> {
        // A byte-order mark in front is dropped, as Go's scanner does.
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text).chars();
        Lexer {
            rest,
            env,
            style,
            depth: 0,
            found: Expanded::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<(Expanded, Vec<String>), Reason> {
        let Gathered { text, words } = self.until(None, self.style.keep_escapes)?;
        self.found.text = text;
        Ok((self.found, words.finish()))
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    /// Reads up to `stop`, which is consumed, or to the end.
    fn until(&mut self, stop: Option<char>, keep_escapes: bool) -> Result<Gathered, Reason> {
        if self.depth > MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.style.keep_escapes, keep_escapes);
        let gathered = self.gather(stop);
        self.style.keep_escapes = outer;
        self.depth -= 1;
        gathered
    }

    fn gather(&mut self, stop: Option<char>) -> Result<Gathered, Reason> {
        let mut out = Gathered::default();
        while let Some(c) = self.peek() {
            if stop == Some(c) {
                self.rest.next();
                return Ok(out);
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    out.text.push_str(&value);
                    for c in value.chars() {
                        out.words.push(c);
                    }
                }
                '\'' | '"' if !self.style.quotes_are_text => {
                    let text = if c == '"' {
                        self.double_quoted()?
                    } else {
                        self.single_quoted()?
                    };
                    out.text.push_str(&text);
                    out.words.push_raw_str(&text);
                }
                '<' => {
                    let text = self.less_than();
                    out.text.push_str(&text);
                    out.words.push_raw_str(&text);
                }
                _ => self.plain(&mut out),
            }
            if out.text.len() > MAX_BYTES {
                return Err(Reason::TooLong);
            }
        }
        if stop.is_none() {
            Ok(out)
        } else {
            Err(Reason::MissingBrace)
        }
    }

    /// One character that is neither a quote nor a variable, or two if it escapes the next.
    fn plain(&mut self, out: &mut Gathered) {
        let Some(c) = self.rest.next() else { return };
        if c != self.style.escape {
            out.words.push(c);
            out.text.push(c);
            return;
        }
        if self.style.keep_escapes {
            out.words.push_raw(c);
            out.text.push(c);
        }
        if let Some(escaped) = self.rest.next() {
            out.words.push_raw(escaped);
            out.text.push(escaped);
        }
    }

    /// `<`, or `<<` with the blanks after it: those belong to a heredoc's opener.
    fn less_than(&mut self) -> String {
        self.rest.next();
        if self.peek() != Some('<') {
            return "<".to_owned();
        }
        self.rest.next();
        let mut text = "<<".to_owned();
        while let Some(c @ (' ' | '\t' | '\r')) = self.peek() {
            self.rest.next();
            text.push(c);
        }
        text
    }

    fn single_quoted(&mut self) -> Result<String, Reason> {
        let mut text = String::new();
        let quote = self.rest.next();
        text.extend(quote.filter(|_| self.style.keep_quotes));
        loop {
            match self.rest.next() {
                None => return Err(Reason::SingleQuote),
                Some('\'') => {
                    text.extend(quote.filter(|_| self.style.keep_quotes));
                    return Ok(text);
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<String, Reason> {
        let mut text = String::new();
        let quote = self.rest.next();
        text.extend(quote.filter(|_| self.style.keep_quotes));
        loop {
            match self.peek() {
                None => return Err(Reason::DoubleQuote),
                Some('"') => {
                    self.rest.next();
                    text.extend(quote.filter(|_| self.style.keep_quotes));
                    return Ok(text);
                }
                Some('$') => text.push_str(&self.dollar()?),
                Some(c) => {
                    self.rest.next();
                    self.double_quoted_char(c, &mut text);
                }
            }
            if text.len() > MAX_BYTES {
                return Err(Reason::TooLong);
            }
        }
    }

    fn double_quoted_char(&mut self, c: char, text: &mut String) {
        if c != self.style.escape {
            text.push(c);
            return;
        }
        if self.style.keep_escapes {
            text.push(c);
        }
        match self.peek() {
            None => {}
            Some(next) if next == '"' || next == '$' || next == self.style.escape => {
                self.rest.next();
                text.push(next);
            }
            Some(_) => text.push(c),
        }
    }

    fn dollar(&mut self) -> Result<String, Reason> {
        self.rest.next();
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            let value = self.look_up(&name);
            return Ok(self.or_as_written(value, || format!("${name}")));
        }
        self.rest.next();
        match self.peek() {
            None => return Err(Reason::MissingBrace),
            Some('{' | '}' | ':') => return Err(Reason::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        match self.rest.next() {
            Some('}') => {
                let value = self.look_up(&name);
                Ok(self.or_as_written(value, || format!("${{{name}}}")))
            }
            Some(':') => {
                let modifier = self.rest.next();
                self.modified(&name, modifier, Empty::IsUnset)
            }
            Some(c @ ('+' | '-' | '?' | '#' | '%')) => self.modified(&name, Some(c), Empty::IsAValue),
            Some('/') => self.replaced(&name),
            other => Err(Reason::Modifier(
                other.unwrap_or(char::REPLACEMENT_CHARACTER).to_string(),
            )),
        }
    }

    /// `${name-word}` and its like, from after the modifier on.
    fn modified(&mut self, name: &str, modifier: Option<char>, empty: Empty) -> Result<String, Reason> {
        let colon = if empty == Empty::IsUnset { ":" } else { "" };
        let written = format!("{colon}{}", modifier.unwrap_or(char::REPLACEMENT_CHARACTER));
        let strips = matches!(modifier, Some('#' | '%'));
        if strips && empty == Empty::IsUnset {
            return Err(Reason::Modifier(written));
        }
        let word = self.inner('}', strips, Reason::MissingBrace)?;
        let value = self.look_up(name);
        if self.style.keep_unset && value.is_none() {
            return Ok(format!("${{{name}{written}{word}}}"));
        }
        let counts = value
            .as_ref()
            .is_some_and(|value| empty == Empty::IsAValue || !value.is_empty());
        match modifier {
            Some('-') => Ok(value.filter(|_| counts).unwrap_or(word)),
            Some('+') => Ok(if counts { word } else { String::new() }),
            Some('?') => match value {
                Some(value) if counts => Ok(value),
                value => {
                    let state = if value.is_some() { "empty" } else { "unset" };
                    let message = if word.is_empty() {
                        format!("is not allowed to be {state}")
                    } else {
                        word
                    };
                    Err(Reason::Required {
                        name: name.to_owned(),
                        message,
                    })
                }
            },
            Some(side @ ('#' | '%')) => {
                let (pattern, longest) = match word.strip_prefix(side) {
                    Some(pattern) => (pattern, true),
                    None => (word.as_str(), false),
                };
                strip(side, pattern, longest, &value.unwrap_or_default())
            }
            _ => Err(Reason::Modifier(written)),
        }
    }

    /// `${name/pattern/replacement}`, from after the first slash on.
    fn replaced(&mut self, name: &str) -> Result<String, Reason> {
        let all = self.peek() == Some('/');
        if all {
            self.rest.next();
        }
        let pattern = self.inner('/', true, Reason::MissingSlash)?;
        let replacement = self.inner('}', true, Reason::MissingBrace)?;
        let value = self.look_up(name);
        if self.style.keep_unset && value.is_none() {
            return Ok(format!("${{{name}/{pattern}/{replacement}}}"));
        }
        let value = value.unwrap_or_default();
        let pattern = Pattern::parse(&pattern)?;
        if all {
            pattern.replace_all(&value, &replacement)
        } else {
            pattern.replace_first(&value, &replacement)
        }
    }

    /// The text up to `stop`; whatever is wrong in it, a missing end is reported first.
    fn inner(&mut self, stop: char, keep_escapes: bool, missing: Reason) -> Result<String, Reason> {
        match self.until(Some(stop), keep_escapes) {
            Ok(gathered) => Ok(gathered.text),
            Err(reason @ (Reason::TooDeep | Reason::TooLong)) => Err(reason),
            Err(_) if self.peek().is_none() => Err(missing),
            Err(reason) => Err(reason),
        }
    }

    fn or_as_written(&self, value: Option<String>, written: impl Fn() -> String) -> String {
        match value {
            Some(value) => value,
            None if self.style.keep_unset => written(),
            None => String::new(),
        }
    }

    /// Letters, digits and `_`; a number; or one special character.
    fn name(&mut self) -> String {
        let rest = self.rest.as_str();
        let len = match rest.chars().next() {
            Some(c) if is_digit(c) => rest.find(|c| !is_digit(c)).unwrap_or(rest.len()),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            _ => rest
                .find(|c: char| !(c == '_' || c.is_alphabetic() || is_digit(c)))
                .unwrap_or(rest.len()),
        };
        let (name, rest) = rest.split_at(len);
        self.rest = rest.chars();
        name.to_owned()
    }

    fn look_up(&mut self, name: &str) -> Option<String> {
        let value = (self.env)(name);
        let seen = if value.is_some() {
            &mut self.found.used
        } else {
            &mut self.found.unmatched
        };
        if !seen.contains(name) {
            seen.insert(name.to_owned());
        }
        value
    }
}

/// What an empty value counts as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    IsUnset,
    IsAValue,
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}
