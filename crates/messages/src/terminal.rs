//! A host's terminal: what goes in, what comes out, and what it waits for.

use serde::{Deserialize, Serialize};

/// What a person gives to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A line, without its line break: a command, or what a program asked for.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// What a terminal waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Wants {
    /// A command. The prompt is drawn before the line that is typed: `~/registry $ `.
    Prompt(String),
    /// The rest of a command that is not complete: an open quote, a here-document, a line that ends in `\`. With its prompt, `> `.
    More(String),
    /// A line for the program that runs.
    Line {
        /// What it asks, drawn before the line that is typed: `Password: `.
        prompt: String,
        /// False for a secret: neither shown nor kept.
        echo: bool,
    },
    /// Nothing: a program is still running. It can be interrupted.
    #[default]
    Nothing,
}

/// What a terminal shows next, and what it waits for then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TerminalView {
    /// Index of the host in [`crate::Answer::Machines`].
    pub host: usize,
    /// To append, as it is: text with `\n` as the only line break, no control characters but SGR sequences (colours). What was typed is not
    /// repeated: the page has drawn it, with the prompt it was typed at, when it sent [`Input::Line`].
    pub text: String,
    /// True if the screen is to be emptied first, as `clear` does.
    pub clear: bool,
    /// What it waits for after that.
    pub wants: Wants,
}
