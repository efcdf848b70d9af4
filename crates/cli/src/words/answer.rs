//! What is said instead of executing a command.

use super::{At, Place};
use crate::grammar::{self, Arguments, Spec};

/// What is printed, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For the standard output.
    pub stdout: String,
    /// For the standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

/// Docker's exit code for a flag that is wrong.
const WRONG_FLAG: u8 = 125;

impl Answer {
    /// What was asked for.
    pub(super) fn help(text: String) -> Answer {
        Answer {
            stdout: text,
            stderr: String::new(),
            code: 0,
        }
    }

    /// What was asked for by `-h`.
    pub(super) fn deprecated_help(text: String) -> Answer {
        Answer::help(format!("Flag shorthand -h has been deprecated, use --help\n{text}"))
    }

    /// Something is wrong.
    pub(super) fn error(code: u8, text: String) -> Answer {
        Answer {
            stdout: String::new(),
            stderr: text,
            code,
        }
    }

    /// A flag is wrong.
    pub(super) fn flag(place: Place<'_>, message: &str) -> Answer {
        let program = place.program.name;
        let (usage, name) = match place.at {
            At::Top => (format!("{program} [OPTIONS] COMMAND [ARG...]"), program.to_owned()),
            At::Group(group) => (format!("{program} {group}"), format!("{program} {group}")),
            At::Command(spec, name) => (usage(program, spec, name), format!("{program} {name}")),
        };
        Answer::error(
            WRONG_FLAG,
            format!("{message}\n\nUsage:  {usage}\n\nRun '{name} --help' for more information\n"),
        )
    }

    /// The number of arguments is wrong.
    pub(super) fn arguments(program: &str, spec: &Spec, name: &str, message: &str) -> Answer {
        let run = match spec.arguments {
            Arguments::AtLeast(_) => "See",
            _ => "Run",
        };
        Answer::error(
            1,
            format!(
                "{program}: '{program} {name}' {message}\n\nUsage:  {}\n\n{run} '{program} {name} --help' for more information\n",
                usage(program, spec, name)
            ),
        )
    }

    /// There is no such command.
    pub(super) fn unknown_command(program: &str, group: &str, word: &str) -> Answer {
        let gap = if group.is_empty() { "" } else { " " };
        let usage = if group.is_empty() {
            String::new()
        } else {
            format!("Usage:  {program} {group}\n\n")
        };
        let words = grammar::members(group).into_iter().map(|(word, _)| word);
        let groups = grammar::GROUPS.iter().map(|(group, _)| *group);
        let known: Vec<&str> = words.chain(groups.filter(|_| group.is_empty())).collect();
        let meant = dockerfile::suggest(word, known)
            .filter(|meant| meant.chars().next() == word.chars().next())
            .map(|meant| format!("Did you mean this?\n\t{meant}\n\n"))
            .unwrap_or_default();
        Answer::error(
            1,
            format!(
                "{program}: unknown command: {program} {group}{gap}{word}\n\n{meant}{usage}Run '{program} {group}{gap}--help' for more information\n"
            ),
        )
    }
}

fn usage(program: &str, spec: &Spec, name: &str) -> String {
    format!("{program} {name} {}", spec.usage).trim_end().to_owned()
}

/// What is wrong with `count` arguments, if anything.
pub(super) fn miscount(arguments: Arguments, count: usize) -> Option<String> {
    match arguments {
        Arguments::None => (count != 0).then(|| "accepts no arguments".to_owned()),
        Arguments::Exactly(wanted) => (count != wanted).then(|| format!("requires {}", some(wanted))),
        Arguments::AtLeast(least) => (count < least).then(|| format!("requires at least {}", some(least))),
        Arguments::AtMost(most) => (count > most).then(|| format!("requires at most {}", some(most))),
        Arguments::Between(least, most) => {
            (count < least || count > most).then(|| format!("requires at least {least} and at most {}", some(most)))
        }
    }
}

fn some(count: usize) -> String {
    format!("{count} argument{}", if count == 1 { "" } else { "s" })
}
