//! What went wrong, and what to do about it.

use std::fmt;

/// A step that could not be done.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    advice: String,
}

impl Failure {
    /// `what` went wrong; `advice` is what a person can do.
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Failure {
        Failure {
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// A file or directory could not be read or written.
    pub(crate) fn io(doing: impl fmt::Display, error: &std::io::Error) -> Failure {
        Failure::new(
            format!("{doing}: {error}"),
            "check that the path is there, that it may be written, and that the disk has room",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  help: {}", self.what, self.advice)
    }
}
