//! Why a command did not do what it was asked, and how it says so.

use super::{Console, Outcome};
use crate::template::TemplateError;
use crate::words::Call;
use engine::Refusal;

/// A message and an exit code, or a question.
#[derive(Debug)]
pub(crate) enum Fail {
    /// A message for the standard error, without a line end, and the exit code.
    Error { message: String, code: i32 },
    /// The same for `docker run`, which names itself and its help.
    Run { message: String, code: i32 },
    /// All is said; the exit code.
    Said(i32),
    /// A person has to be asked.
    Asks { prompt: String, hidden: bool },
}

impl Fail {
    /// A message, and exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Fail {
        Fail::Error {
            message: message.into(),
            code: 1,
        }
    }

    /// Prints what there is to say.
    pub(super) fn end(self, program: &str, call: &Call, console: &mut Console<'_>) -> Outcome {
        console.stop_swallowing();
        match self {
            Fail::Error { message, code } => {
                console.error(&format!("{message}\n"));
                Outcome::Exit(code)
            }
            Fail::Run { message, code } => {
                let name = &call.name;
                console.error(&format!(
                    "{program}: {message}\n\nRun '{program} {name} --help' for more information\n"
                ));
                Outcome::Exit(code)
            }
            Fail::Said(code) => Outcome::Exit(code),
            Fail::Asks { prompt, hidden } => Outcome::Asks { prompt, hidden },
        }
    }

    /// The same, said by `docker run`.
    pub(crate) fn of_run(self) -> Fail {
        match self {
            Fail::Error { message, .. } => Fail::Run { message, code: 125 },
            other => other,
        }
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Fail {
        Fail::new(daemon(&refusal))
    }
}

/// What Docker's client says of what the daemon answers.
pub(crate) fn daemon(refusal: &dyn std::fmt::Display) -> String {
    format!("Error response from daemon: {refusal}")
}

impl From<TemplateError> for Fail {
    fn from(error: TemplateError) -> Fail {
        Fail::new(format!("template parsing error: {error}"))
    }
}
