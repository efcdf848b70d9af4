//! What a command prints to, and what it is answered.

use std::io::{self, Write};

/// Standard output, standard error, and the answers that were given so far.
///
/// A command that has asked something is run again with the answer. What it printed before the question was printed then: it is
/// swallowed until the last answer is taken.
pub(crate) struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    answers: &'a [String],
    failure: Option<io::Error>,
}

impl<'a> Console<'a> {
    pub(super) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, answers: &'a [String]) -> Console<'a> {
        Console {
            out,
            err,
            answers,
            failure: None,
        }
    }

    /// Prints to the standard output.
    pub(crate) fn print(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Prints a line to the standard output.
    pub(crate) fn line(&mut self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes bytes to the standard output.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.answers.is_empty() && self.failure.is_none() {
            self.failure = self.out.write_all(bytes).err();
        }
    }

    /// Prints to the standard error.
    pub(crate) fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// Writes bytes to the standard error.
    pub(crate) fn error_bytes(&mut self, bytes: &[u8]) {
        if self.answers.is_empty() && self.failure.is_none() {
            self.failure = self.err.write_all(bytes).err();
        }
    }

    /// The standard output, for what writes itself.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// The next answer, if it was given.
    pub(crate) fn answer(&mut self) -> Option<&'a str> {
        let (first, rest) = self.answers.split_first()?;
        self.answers = rest;
        Some(first)
    }

    /// Prints whatever comes from here on: answers that nobody asked for hold nothing back.
    pub(super) fn stop_swallowing(&mut self) {
        self.answers = &[];
    }

    /// Whether something could not be written.
    pub(crate) fn is_broken(&self) -> bool {
        self.failure.is_some()
    }
}
