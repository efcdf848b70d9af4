//! Why a sandbox could not be made, and what was being done then.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// Why a process did not start. It crosses from the process that failed to the one that asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SandboxError {
    /// No directory of `PATH` has the program: a shell would say 127.
    #[error("exec: {program:?}: executable file not found in $PATH")]
    NotFound {
        /// As it was asked for.
        program: String,
    },
    /// The path of a program names nothing: a shell would say 127.
    #[error("exec: {program:?}: no such file or directory")]
    Missing {
        /// As it was asked for.
        program: String,
    },
    /// The program may not be run by this user, or is a directory: a shell would say 126.
    #[error("exec: {program:?}: permission denied")]
    Denied {
        /// As it was asked for.
        program: String,
    },
    /// The kernel does not take the program for one: another platform's, or a script without its first line.
    #[error("exec: {program:?}: exec format error")]
    Format {
        /// As it was asked for.
        program: String,
    },
    /// The filesystem or the specification holds what is not accepted.
    #[error("{path:?}: expected {expected}, found {found}")]
    Refused {
        /// Where.
        path: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The kernel refused something.
    #[error("{doing}: {}", errno_text(*errno))]
    System {
        /// What was being done.
        doing: String,
        /// The kernel's number for the reason.
        errno: i32,
    },
    /// The helper process ended without an answer.
    #[error("the sandbox's helper process ended without an answer")]
    Lost,
}

impl SandboxError {
    /// The exit code that a shell and Docker have for this: 127 not found, 126 cannot be run, 125 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } | Self::Missing { .. } => 127,
            Self::Denied { .. } | Self::Format { .. } => 126,
            _ => 125,
        }
    }

    /// The kernel's reason while `doing` something.
    pub(crate) fn system(doing: impl Into<String>, errno: Errno) -> Self {
        Self::System {
            doing: doing.into(),
            errno: errno.raw_os_error(),
        }
    }
}

/// Says what was being done when the kernel refused it.
pub(crate) trait Doing<T> {
    /// `doing` as in "mount overlay".
    fn doing(self, doing: &str) -> Result<T, SandboxError>;
    /// The same, for a text that costs something.
    fn doing_with(self, doing: impl FnOnce() -> String) -> Result<T, SandboxError>;
}

impl<T> Doing<T> for Result<T, Errno> {
    fn doing(self, doing: &str) -> Result<T, SandboxError> {
        self.map_err(|errno| SandboxError::system(doing, errno))
    }

    fn doing_with(self, doing: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|errno| SandboxError::system(doing(), errno))
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, doing: &str) -> Result<T, SandboxError> {
        self.doing_with(|| doing.to_owned())
    }

    fn doing_with(self, doing: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|error| SandboxError::System {
            doing: doing(),
            errno: error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()),
        })
    }
}

/// The kernel's reason in words, lower case and without its number.
fn errno_text(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_done_and_why_it_failed() {
        let error = SandboxError::system("mount overlay", Errno::NOENT);
        assert_eq!(error.to_string(), "mount overlay: no such file or directory");
        assert_eq!(error.exit_code(), 125);
    }

    #[test]
    fn a_missing_program_is_127_and_a_forbidden_one_126() {
        let program = || "foo".to_owned();
        let missing = SandboxError::NotFound { program: program() };
        assert_eq!(missing.to_string(), "exec: \"foo\": executable file not found in $PATH");
        assert_eq!(missing.exit_code(), 127);
        assert_eq!(SandboxError::Denied { program: program() }.exit_code(), 126);
    }
}
