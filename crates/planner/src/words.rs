//! Words of instructions over an environment.

use crate::env::Env;
use dockerfile::expand;

/// Expands the words of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// The file's escape character.
    pub(crate) escape: char,
}

impl Words {
    /// One word, quotes removed, variables replaced.
    pub(crate) fn word(self, text: &str, env: &Env) -> Result<String, String> {
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
