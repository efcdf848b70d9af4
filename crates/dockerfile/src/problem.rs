//! What is wrong with one logical line, before it is known where that line stands in the source.

use std::ops::Range;

use crate::lines::Logical;
use crate::{Diagnostic, Fix, Phase, Severity};

/// A finding about a range of the joined text.
#[derive(Debug)]
pub(crate) struct Problem {
    code: &'static str,
    phase: Phase,
    range: Range<usize>,
    message: String,
    hints: Vec<String>,
    fix: Option<(String, Range<usize>, String)>,
}

impl Problem {
    /// What BuildKit finds while it splits the file into instructions and words.
    pub(crate) fn parse(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            code,
            phase: Phase::Parse,
            range,
            message: message.into(),
            hints: Vec::new(),
            fix: None,
        }
    }

    /// What BuildKit finds while it reads an instruction's flags and arguments.
    pub(crate) fn instruction(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            phase: Phase::Instruction,
            ..Problem::parse(code, range, message)
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn fix(mut self, title: impl Into<String>, range: Range<usize>, text: impl Into<String>) -> Problem {
        self.fix = Some((title.into(), range, text.into()));
        self
    }

    /// Whether the parser itself stops at it.
    pub(crate) fn is_parse(&self) -> bool {
        self.phase == Phase::Parse
    }

    /// The finding in the terms of the source; `line` is the first of the instruction.
    pub(crate) fn locate(self, logical: &Logical, line: usize) -> Diagnostic {
        let message = match self.phase {
            Phase::Instruction => format!("dockerfile parse error on line {line}: {}", self.message),
            Phase::Parse | Phase::Plan => self.message,
        };
        Diagnostic {
            code: self.code,
            severity: Severity::Error,
            phase: self.phase,
            span: logical.span(self.range),
            line: Some(line),
            message,
            hints: self.hints,
            fix: self.fix.map(|(title, range, text)| Fix {
                title,
                edits: vec![(logical.span(range), text)],
            }),
        }
    }
}
