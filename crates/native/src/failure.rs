//! What went wrong, as the program says it before it ends.

use crate::excerpt::{excerpt, printable};
use std::fmt::Display;

/// A failure of the whole program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One sentence.
    pub message: String,
    /// The place in the Dockerfile as BuildKit shows it; empty if there is none.
    pub place: String,
    /// What to do, each a sentence.
    pub hints: Vec<String>,
    /// What the program ends with.
    pub exit: Exit,
}

/// What the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It could not be done.
    Failed,
    /// It was asked in a way that makes no sense.
    Usage,
}

impl Exit {
    /// The exit code: 1, or 2 as for arguments that cannot be read.
    pub fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
        }
    }
}

impl Failure {
    /// The program was asked for something it cannot do.
    pub fn usage(message: impl Display) -> Failure {
        Failure {
            message: message.to_string(),
            place: String::new(),
            hints: Vec::new(),
            exit: Exit::Usage,
        }
    }

    /// Something outside the Dockerfile went wrong.
    pub fn new(message: impl Display) -> Failure {
        Failure {
            exit: Exit::Failed,
            ..Failure::usage(message)
        }
    }

    /// The build failed; worded as BuildKit's client words it.
    pub fn solve(message: impl Display) -> Failure {
        Failure::new(format!("failed to solve: {message}"))
    }

    /// With the place in the Dockerfile.
    #[must_use]
    pub fn at(mut self, file: &str, source: &str, lines: (usize, usize)) -> Failure {
        self.place = excerpt(file, source, lines);
        self
    }

    /// The text for standard error: the place, the hints, and last `error: …`.
    pub fn render(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("hint: {}\n", printable(hint)));
        // A message of several lines would not be one line that begins with `error: `.
        let message: Vec<&str> = self.message.lines().collect();
        format!(
            "{}{}error: {}\n",
            self.place,
            hints.collect::<String>(),
            printable(&message.join(" "))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_stands_last_and_the_place_before_it() {
        let mut failure = Failure::solve("it broke\nbadly").at("Dockerfile", "FROM a\nRUN b\n", (2, 2));
        failure.hints.push("mend it".to_owned());
        let text = failure.render();
        assert!(text.starts_with("Dockerfile:2\n"), "{text}");
        assert!(
            text.ends_with("hint: mend it\nerror: failed to solve: it broke badly\n"),
            "{text}"
        );
    }
}
