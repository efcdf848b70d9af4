//! What the program has around it: streams, environment, clock.

use crate::failure::Failure;
use std::io::{self, Read, Write};
use store::Time;

/// Everything of the machine that is no file, so that tests can give their own.
pub struct Terminal<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output: results.
    pub stdout: &'a mut dyn Write,
    /// Standard error: progress, warnings, errors.
    pub stderr: &'a mut dyn Write,
    /// Whether standard error is a terminal that shows colours.
    pub colour: bool,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// When the program began.
    pub now: Time,
}

impl Terminal<'_> {
    /// Prints a result.
    ///
    /// # Errors
    ///
    /// [`Failure`] if nobody can read it.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints a result that need not be text: an archive, what a process wrote.
    ///
    /// # Errors
    ///
    /// As [`print`](Terminal::print).
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let done = self.stdout.write_all(bytes).and_then(|()| self.stdout.flush());
        match done {
            // Who stops reading has read enough: `layerlab preview . | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| failed(&error)),
        }
    }

    /// Prints a remark beside the result. One that cannot be printed is lost, as nothing depends on it.
    pub fn remark(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{text}");
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(format!("could not write to standard output: {error}"))
}
