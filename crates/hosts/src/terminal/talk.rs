//! What a person and a terminal give each other.

use builder::Echo;

/// What a person gives to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
    /// The editor was left; with the text if it was saved.
    Edited(Option<String>),
}

/// What a terminal waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Wants {
    /// A command, at this prompt.
    Prompt(String),
    /// The rest of an unfinished command.
    More,
    /// A line for the program that runs.
    Line {
        /// What stands before the cursor.
        prompt: String,
        /// Whether what is typed is seen.
        echo: Echo,
    },
    /// A file to be edited.
    Edit {
        /// Its absolute path.
        path: String,
        /// Its text.
        text: String,
    },
    /// Nothing: a program runs until it is interrupted.
    #[default]
    Nothing,
}

/// What a terminal shows next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Whether the screen is emptied first.
    pub clear: bool,
    /// What is added; `\n` ends lines.
    pub text: String,
    /// What it waits for then.
    pub wants: Wants,
    /// The exit code, if a command ended.
    pub exit: Option<i32>,
}
