//! What is wrong with one logical line, before it is known where that line stands in the source.

use std::ops::Range;

use crate::lines::Logical;
use crate::{Diagnostic, Fix, Phase, Severity};

/// A finding about a range of the joined text.
#[derive(Debug)]
pub(crate) struct Problem(Box<Finding>);

#[derive(Debug)]
struct Finding {
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
        let finding = Finding {
            code,
            phase: Phase::Parse,
            range,
            message: message.into(),
            hints: Vec::new(),
            fix: None,
        };
        Problem(Box::new(finding))
    }

    /// What BuildKit finds while it reads an instruction's flags and arguments.
    pub(crate) fn instruction(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Problem {
        let mut problem = Problem::parse(code, range, message);
        problem.0.phase = Phase::Instruction;
        problem
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.0.hints.push(hint.into());
        self
    }

    pub(crate) fn fix(mut self, title: impl Into<String>, range: Range<usize>, text: impl Into<String>) -> Problem {
        self.0.fix = Some((title.into(), range, text.into()));
        self
    }

    /// Whether the parser itself stops at it.
    pub(crate) fn is_parse(&self) -> bool {
        self.0.phase == Phase::Parse
    }

    /// What becomes of it where the trigger of an ONBUILD has it: that builds, and no image made from it does.
    pub(crate) fn locate_in_trigger(mut self, logical: &Logical, line: usize) -> Diagnostic {
        self.0.phase = Phase::Parse;
        self.0.hints.push("every build from this image will fail".to_owned());
        Diagnostic {
            severity: Severity::Warning,
            phase: Phase::Instruction,
            ..self.locate(logical, line)
        }
    }

    /// The finding in the terms of the source; `line` is the first of the instruction.
    pub(crate) fn locate(self, logical: &Logical, line: usize) -> Diagnostic {
        let finding = *self.0;
        let message = match finding.phase {
            Phase::Instruction => format!("dockerfile parse error on line {line}: {}", finding.message),
            Phase::Parse | Phase::Plan => finding.message,
        };
        let fix = |(title, range, text)| Fix {
            title,
            edits: vec![(logical.span(range), text)],
        };
        Diagnostic {
            code: finding.code,
            severity: Severity::Error,
            phase: finding.phase,
            span: logical.span(finding.range),
            line: Some(line),
            message,
            hints: finding.hints,
            fix: finding.fix.map(fix),
        }
    }
}
