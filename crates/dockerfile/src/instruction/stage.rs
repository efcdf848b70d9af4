//! FROM.

use super::Node;
use crate::problem::Problem;
use crate::words::{Word, blank_separated};
use crate::{Kind, quote};

impl Node<'_> {
    pub(super) fn from(&self) -> Result<Kind, Problem> {
        let mut words = blank_separated(&self.logical.text, self.rest.clone());
        let (alias, as_keyword) = match words.len() {
            1 => (None, None),
            3 if words[1].value.eq_ignore_ascii_case("as") => (words.pop(), words.pop()),
            _ => {
                return Err(self
                    .count_problem("FROM requires either one or three arguments".to_owned())
                    .hint("write FROM image, or FROM image AS name"));
            }
        };
        let written_alias = alias.as_ref().map(|word| word.value.clone());
        if let Some(word) = &alias
            && !is_stage_name(&word.value.to_lowercase())
        {
            let message = format!(
                "invalid name for build stage: {}, name can't start with a number or contain symbols",
                quote(&word.value)
            );
            return Err(Problem::instruction("stage-name", word.range.clone(), message)
                .hint("begin with a letter, and use letters, digits, \"-\", \"_\" and \".\""));
        }
        let flags = self.check_flags()?;
        let image = words.pop().expect("there are one or three words");
        Ok(Kind::From {
            image: self.spanned(image),
            alias: alias.map(|word| {
                self.spanned(Word {
                    value: word.value.to_lowercase(),
                    range: word.range,
                })
            }),
            as_keyword: as_keyword.map(|word| self.spanned(word)),
            written_alias,
            platform: flags.text("platform").filter(|platform| !platform.value.is_empty()),
        })
    }
}

/// `[a-z][a-z0-9-_.]*`
fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}
