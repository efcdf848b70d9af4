//! Places in the file, and findings about them.

use dockerfile::{Diagnostic, Instruction, Phase, Severity, Span};

/// The text that something concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) span: Span,
    pub(crate) lines: (usize, usize),
}

impl Place {
    pub(crate) fn of(instruction: &Instruction) -> Place {
        Place {
            span: instruction.span,
            lines: instruction.lines,
        }
    }

    /// An error about this place, in BuildKit's words.
    pub(crate) fn error(self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            phase: Phase::Plan,
            span: self.span,
            line: Some(self.lines.0),
            message: message.into(),
            hints: Vec::new(),
            fix: None,
        }
    }

    /// An error about this place for which BuildKit names no line.
    pub(crate) fn error_without_line(self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            line: None,
            ..self.error(code, message)
        }
    }
}

/// `diagnostic` with one more sentence of advice.
pub(crate) fn hint(mut diagnostic: Diagnostic, text: impl Into<String>) -> Diagnostic {
    diagnostic.hints.push(text.into());
    diagnostic
}
