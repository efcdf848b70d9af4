//! The flags of an instruction, held against those it knows.

use std::ops::Range;

use crate::lines::Logical;
use crate::problem::Problem;
use crate::suggest::suggest;
use crate::words::Word;
use crate::{Flag, Spanned, Takes};

/// The flags of one instruction as they stand in the joined text.
pub(crate) struct Flags<'a> {
    words: &'a [Word],
    logical: &'a Logical,
}

impl<'a> Flags<'a> {
    pub(crate) fn new(words: &'a [Word], logical: &'a Logical) -> Flags<'a> {
        Flags { words, logical }
    }

    /// All of them, known or not.
    pub(crate) fn all(&self) -> Vec<Flag> {
        self.words
            .iter()
            .map(|word| {
                let (name, value) = parts(word);
                let (name_range, value_range) = self.ranges(word);
                Flag {
                    name: Spanned {
                        value: name.to_owned(),
                        span: self.logical.span(name_range),
                    },
                    value: value.map(|value| Spanned {
                        value: value.to_owned(),
                        span: self.logical.span(value_range),
                    }),
                }
            })
            .collect()
    }

    /// Checks them as BuildKit does: name, repetition, value, one flag after the other.
    pub(crate) fn check(&self, known: &[(&str, Takes)]) -> Result<(), Problem> {
        for (i, word) in self.words.iter().enumerate() {
            let (name, value) = parts(word);
            let (name_range, value_range) = self.ranges(word);
            let Some((_, takes)) = known.iter().find(|(known, _)| *known == name) else {
                return Err(unknown(name, name_range, word.range.clone(), known));
            };
            if *takes != Takes::Texts && self.words[..i].iter().any(|earlier| parts(earlier).0 == name) {
                let message = format!("duplicate flag specified: --{name}");
                return Err(Problem::instruction("duplicate-flag", word.range.clone(), message)
                    .hint(format!("keep one --{name}")));
            }
            let missing = match takes {
                Takes::Switch => value == Some(""),
                Takes::Text | Takes::Texts => value.is_none(),
            };
            if missing {
                let message = format!("missing a value on flag: --{name}");
                return Err(Problem::instruction("flag-without-value", word.range.clone(), message));
            }
            if *takes == Takes::Switch
                && let Some(value) = value
                && !matches!(value.to_lowercase().as_str(), "true" | "false")
            {
                let message = format!("expecting boolean value for flag --{name}, not: {value}");
                return Err(Problem::instruction("flag-not-boolean", value_range, message)
                    .hint(format!("write --{name} or --{name}=false")));
            }
        }
        Ok(())
    }

    /// The value of a text flag.
    pub(crate) fn text(&self, name: &str) -> Option<Spanned<String>> {
        self.texts(name).pop()
    }

    /// The values of a text flag, in order.
    pub(crate) fn texts(&self, name: &str) -> Vec<Spanned<String>> {
        let named = self.words.iter().filter(|word| parts(word).0 == name);
        named
            .map(|word| Spanned {
                value: parts(word).1.unwrap_or_default().to_owned(),
                span: self.logical.span(self.ranges(word).1),
            })
            .collect()
    }

    /// A switch; `None` if it is not there.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        let word = self.words.iter().rfind(|word| parts(word).0 == name)?;
        Some(parts(word).1.is_none_or(|value| !value.eq_ignore_ascii_case("false")))
    }

    /// Where the value of a flag stands, for what is wrong with it.
    pub(crate) fn value_range(&self, name: &str) -> Range<usize> {
        self.words
            .iter()
            .rfind(|word| parts(word).0 == name)
            .map_or(0..0, |word| self.ranges(word).1)
    }

    fn ranges(&self, word: &Word) -> (Range<usize>, Range<usize>) {
        ranges(&self.logical.text, word)
    }
}

/// Name and value of a flag.
fn parts(word: &Word) -> (&str, Option<&str>) {
    let text = word.value.strip_prefix("--").unwrap_or(&word.value);
    text.split_once('=')
        .map_or((text, None), |(name, value)| (name, Some(value)))
}

/// Where name and value stand.
pub(crate) fn ranges(text: &str, word: &Word) -> (Range<usize>, Range<usize>) {
    let Range { start, end } = word.range;
    match text[start..end].find('=') {
        Some(equals) => (start + 2..start + equals, start + equals + 1..end),
        None => (start + 2..end, end..end),
    }
}

fn unknown(name: &str, name_range: Range<usize>, range: Range<usize>, known: &[(&str, Takes)]) -> Problem {
    let message = format!("unknown flag: --{name}");
    let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    if let Some(near) = suggest(name, names.iter().copied()) {
        return Problem::instruction("unknown-flag", range, format!("{message} (did you mean {near}?)"))
            .hint(format!("write --{near}"))
            .fix(format!("write --{near}"), name_range, near);
    }
    let problem = Problem::instruction("unknown-flag", range, message);
    if names.is_empty() {
        problem.hint("this instruction takes no flags")
    } else {
        problem.hint(format!("the flags here are --{}", names.join(", --")))
    }
}
