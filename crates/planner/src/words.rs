//! Words of instructions over an environment.

use crate::env::Env;
use dockerfile::expand;
use std::cell::Cell;

/// How much a plan may hold and look at, in bytes and names. Variables in variables and stages on stages multiply.
const MOST: usize = 32 << 20;

/// What is left of a plan's size.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Budget {
        Budget(Cell::new(MOST))
    }
}

/// Expands the words of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// The file's escape character.
    pub(crate) escape: char,
    /// What all its words may still cost.
    pub(crate) budget: &'a Budget,
}

impl Words<'_> {
    /// Takes `cost` from what is left.
    ///
    /// # Errors
    ///
    /// Nothing is left.
    pub(crate) fn spend(self, cost: usize) -> Result<(), String> {
        let left = self.budget.0.get().saturating_sub(cost);
        self.budget.0.set(left);
        if left == 0 {
            return Err(format!("expected a plan of at most {MOST} bytes, found more"));
        }
        Ok(())
    }

    /// One word, quotes removed, variables replaced.
    pub(crate) fn word(self, text: &str, env: &Env) -> Result<String, String> {
        let word = self.expand(text, env)?;
        self.spend(word.len() + 1 + env.pairs().len() * text.matches('$').count())?;
        Ok(word)
    }

    fn expand(self, text: &str, env: &Env) -> Result<String, String> {
        let expanded = expand::word(text, self.escape, &|name| env.get(name).map(ToOwned::to_owned));
        expanded.map(|word| word.text).map_err(|error| error.to_string())
    }

    /// As [`word`](Words::word), split at blanks.
    pub(crate) fn split(self, text: &str, env: &Env) -> Result<Vec<String>, String> {
        expand::words(text, self.escape, &|name| env.get(name).map(ToOwned::to_owned))
            .map_err(|error| error.to_string())
    }

    /// A heredoc's body.
    pub(crate) fn heredoc(body: &str, env: &Env) -> Result<String, String> {
        let expanded = expand::heredoc_body(body, &|name| env.get(name).map(ToOwned::to_owned));
        expanded.map(|body| body.text).map_err(|error| error.to_string())
    }

    /// A RUN as progress prints it.
    pub(crate) fn shown(self, text: &str, env: &Env) -> String {
        expand::display(text, self.escape, &|name| env.get(name).map(ToOwned::to_owned))
    }
}
