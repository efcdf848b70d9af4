//! Words with their quotes removed and their variables replaced.

mod lexer;
mod pattern;
mod splitting;

use std::collections::BTreeSet;
use std::fmt;

use crate::quote;
use lexer::{Lexer, Style};

/// What became of a word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expanded {
    /// The word without quotes, variables replaced.
    pub text: String,
    /// The variables that were looked up and had a value.
    pub used: BTreeSet<String>,
    /// The variables that were looked up and had none, whether or not a default stood in.
    pub unmatched: BTreeSet<String>,
}

/// Why a word cannot be expanded. Its text is BuildKit's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError {
    /// The whole word.
    pub word: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A `'` without its second.
    SingleQuote,
    /// A `"` without its second.
    DoubleQuote,
    /// `${` without `}`.
    MissingBrace,
    /// `${name/pattern` without a second `/`.
    MissingSlash,
    /// `${}` and its like.
    BadSubstitution,
    /// A modifier that does not exist, `:0` in `${name:0:3}`.
    Modifier(String),
    /// `${name?message}` of a name without value.
    Required {
        /// The variable.
        name: String,
        /// What the Dockerfile says of it, or why it is wrong.
        message: String,
    },
    /// A pattern that cannot be read.
    Pattern {
        /// The pattern.
        pattern: String,
        /// The character that must not be escaped.
        escaped: char,
    },
    /// More braces inside braces than we follow; BuildKit has no limit.
    TooDeep,
    /// More text than a word can sensibly become; BuildKit has no limit.
    TooLong,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const END: &str = "unexpected end of statement while looking for matching";
        match self {
            Reason::SingleQuote => write!(f, "{END} single-quote"),
            Reason::DoubleQuote => write!(f, "{END} double-quote"),
            Reason::MissingBrace => f.write_str("syntax error: missing '}'"),
            Reason::MissingSlash => f.write_str("syntax error: missing '/' in ${}"),
            Reason::BadSubstitution => f.write_str("syntax error: bad substitution"),
            Reason::Modifier(modifier) => write!(f, "unsupported modifier ({modifier}) in substitution"),
            Reason::Required { name, message } => write!(f, "{name}: {message}"),
            Reason::Pattern { pattern, escaped } => {
                write!(
                    f,
                    "invalid pattern ({pattern}) in substitution: invalid escape '\\{escaped}'"
                )
            }
            Reason::TooDeep => write!(f, "substitutions nested deeper than {}", lexer::MAX_DEPTH),
            Reason::TooLong => write!(f, "text longer than {} bytes", lexer::MAX_BYTES),
        }
    }
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to process {}: {}", quote(&self.word), self.reason)
    }
}

impl std::error::Error for ExpandError {}

/// Removes the quotes of `word` and replaces its variables by what `env` gives.
///
/// `escape` is [`crate::Dockerfile::escape`]. The result is one word, whatever blanks the variables hold.
///
/// # Errors
///
/// An unclosed quote or brace, an unknown modifier, a pattern that cannot be read, a required variable without value.
///
/// # Example
///
/// ```
/// use dockerfile::expand;
///
/// let env = |name: &str| (name == "DIR").then(|| "/srv".to_owned());
/// let word = expand::word(r#""$DIR"/${FILE:-index}.html"#, '\\', &env)?;
/// assert_eq!(word.text, "/srv/index.html");
/// assert!(word.used.contains("DIR") && word.unmatched.contains("FILE"));
/// # Ok::<(), expand::ExpandError>(())
/// ```
///
/// Source: Dockerfile reference, "Environment replacement".
pub fn word(word: &str, escape: char, env: &dyn Fn(&str) -> Option<String>) -> Result<Expanded, ExpandError> {
    run(
        word,
        env,
        Style {
            escape,
            ..Style::default()
        },
    )
    .map(|(expanded, _)| expanded)
}

/// Like [`word`], split at blanks that stand outside quotes, those in variables' values included. Only EXPOSE does that.
///
/// # Errors
///
/// As [`word`].
pub fn words(word: &str, escape: char, env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, ExpandError> {
    run(
        word,
        env,
        Style {
            escape,
            ..Style::default()
        },
    )
    .map(|(_, words)| words)
}

/// Replaces the variables of a heredoc's body: quotes are text, and `\` escapes whatever the file's escape character is.
///
/// # Errors
///
/// As [`word`].
pub fn heredoc_body(body: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Expanded, ExpandError> {
    run(
        body,
        env,
        Style {
            quotes_are_text: true,
            ..Style::default()
        },
    )
    .map(|(expanded, _)| expanded)
}

/// The text of an instruction as progress prints it: known variables replaced, all else left as written. Never fails.
pub fn display(text: &str, escape: char, env: &dyn Fn(&str) -> Option<String>) -> String {
    let style = Style {
        escape,
        keep_quotes: true,
        keep_unset: true,
        ..Style::default()
    };
    run(text, env, style).map_or_else(|_| text.to_owned(), |(expanded, _)| expanded.text)
}

/// The words of a line with everything left as written: what is searched for heredocs. Empty if a quote is unclosed.
pub(crate) fn raw_words(line: &str) -> Vec<String> {
    let style = Style {
        keep_quotes: true,
        keep_escapes: true,
        keep_unset: true,
        ..Style::default()
    };
    run(line, &|_| None, style).map(|(_, words)| words).unwrap_or_default()
}

/// The words of a heredoc's opener without quotes, and with them.
pub(crate) fn heredoc_words(opener: &str) -> Result<(Vec<String>, Vec<String>), ExpandError> {
    let plain = Style {
        keep_unset: true,
        ..Style::default()
    };
    let quoted = Style {
        keep_quotes: true,
        ..plain
    };
    Ok((run(opener, &|_| None, plain)?.1, run(opener, &|_| None, quoted)?.1))
}

fn run(text: &str, env: &dyn Fn(&str) -> Option<String>, style: Style) -> Result<(Expanded, Vec<String>), ExpandError> {
    Lexer::new(text, env, style).run().map_err(|reason| ExpandError {
        word: text.to_owned(),
        reason,
    })
}
