//! ARG, ENV and LABEL: names and values.

use std::ops::Range;

use super::Node;
use crate::problem::Problem;
use crate::words::{self, Word, quoted};
use crate::{ArgName, KeyValue, Kind, Spanned, quote};

impl Node<'_> {
    pub(super) fn arg(&self) -> Result<Kind, Problem> {
        let words = quoted(&self.logical.text, self.rest.clone(), self.escape);
        if words.is_empty() {
            return Err(self.at_least_one("ARG").hint("write ARG name or ARG name=default"));
        }
        let mut names = Vec::with_capacity(words.len());
        for word in words {
            let (name, default) = self.split_pair(&word);
            if name.value.is_empty() && default.is_some() {
                return Err(Problem::instruction(
                    "blank-name",
                    word.range,
                    "ARG names can not be blank",
                ));
            }
            names.push(ArgName { name, default });
        }
        Ok(Kind::Arg(names))
    }

    /// The pairs of ENV and LABEL, in the form that the first word decides.
    pub(super) fn pairs(&self, name: &str) -> Result<Vec<KeyValue>, Problem> {
        let text = self.logical.text.as_str();
        let words = quoted(text, self.rest.clone(), self.escape);
        let mut pairs = Vec::with_capacity(words.len());
        match words.first() {
            None => {}
            Some(first) if !first.value.contains('=') => {
                let (key, value) = words::split_first(text, self.rest.clone());
                let Some(value) = value else {
                    let message = format!("{name} must have two arguments");
                    return Err(Problem::parse("argument-count", self.rest.clone(), message)
                        .hint(format!("write {name} {}=value", &text[key])));
                };
                let word = |range: Range<usize>| Word {
                    value: text[range.clone()].to_owned(),
                    range,
                };
                pairs.push(KeyValue {
                    key: self.spanned(word(key)),
                    value: self.spanned(word(value)),
                    equals: false,
                });
            }
            Some(_) => {
                for word in words {
                    let (key, Some(value)) = self.split_pair(&word) else {
                        let message = format!(
                            "Syntax error - can't find = in {}. Must be of the form: name=value",
                            quote(&word.value)
                        );
                        return Err(Problem::parse("missing-equals", word.range, message)
                            .hint("put double quotes around a value that holds blanks"));
                    };
                    pairs.push(KeyValue {
                        key,
                        value,
                        equals: true,
                    });
                }
            }
        }
        self.flag_reader().check(&[])?;
        if pairs.is_empty() {
            return Err(self.at_least_one(name).hint(format!("write {name} name=value")));
        }
        if pairs.iter().any(|pair| pair.key.value.is_empty()) {
            return Err(Problem::instruction(
                "blank-name",
                self.rest.clone(),
                format!("{name} names can not be blank"),
            ));
        }
        Ok(pairs)
    }

    /// `key=value` at its first `=`.
    fn split_pair(&self, word: &Word) -> (Spanned<String>, Option<Spanned<String>>) {
        let Range { start, end } = word.range;
        let Some(equals) = word.value.find('=') else {
            return (self.spanned(word.clone()), None);
        };
        let key = Word {
            range: start..start + equals,
            value: word.value[..equals].to_owned(),
        };
        let value = Word {
            range: start + equals + 1..end,
            value: word.value[equals + 1..].to_owned(),
        };
        (self.spanned(key), Some(self.spanned(value)))
    }
}
