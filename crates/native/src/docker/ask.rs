//! Questions at the terminal.

use crate::terminal::Terminal;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io;

/// Asks for a line; with `hidden`, what is typed is not shown. `None` if there is none any more.
pub(super) fn line(prompt: &str, hidden: bool, terminal: &mut Terminal<'_>) -> Option<String> {
    // A question that nobody can read gets an answer all the same, or none.
    let _ = terminal.stdout.write_all(prompt.as_bytes());
    let _ = terminal.stdout.flush();
    let silence = hidden.then(Silence::begin).flatten();
    let mut line = String::new();
    let count = io::stdin().read_line(&mut line).unwrap_or(0);
    drop(silence);
    if hidden || count == 0 {
        // The line end was not shown either.
        let _ = terminal.stdout.write_all(b"\n");
    }
    (count > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that does not show what is typed, until it is dropped.
struct Silence(Termios);

impl Silence {
    /// `None` if the standard input is no terminal.
    fn begin() -> Option<Silence> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent).ok()?;
        Some(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nothing else that could be done.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
