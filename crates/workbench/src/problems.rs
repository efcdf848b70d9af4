//! What is wrong, in the page's terms.

use advice::Advice;
use builder::BuildError;
use dockerfile::{Diagnostic, Fix, Severity};
use engine::Failure;
use messages::{Edits, Problem};

/// A finding about the text.
pub(crate) fn of_diagnostic(found: &Diagnostic) -> Problem {
    Problem {
        severity: match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
        .to_owned(),
        code: found.code.to_owned(),
        line: found.line,
        span: Some((found.span.start, found.span.end)),
        message: found.message.clone(),
        hints: found.hints.clone(),
        fix: found.fix.as_ref().map(mend),
    }
}

/// A piece of advice.
pub(crate) fn of_advice(found: &Advice) -> Problem {
    Problem {
        severity: "advice".to_owned(),
        code: found.code.to_owned(),
        line: Some(found.line),
        span: Some((found.span.start, found.span.end)),
        message: found.message.clone(),
        hints: vec![found.hint.clone()],
        fix: found.fix.as_ref().map(mend),
    }
}

fn mend(fix: &Fix) -> (String, Edits) {
    let edits = fix.edits.iter();
    let edits = edits.map(|(span, text)| (span.start, span.end, text.clone()));
    (fix.title.clone(), edits.collect())
}

/// Why a build cannot begin; what BuildKit reports comes first.
pub(crate) fn of_failure(failure: &Failure) -> Vec<Problem> {
    match failure.problems() {
        [] => vec![plain("context", &failure.to_string())],
        found => found.iter().map(of_diagnostic).collect(),
    }
}

/// Why a build ended.
pub(crate) fn of_build(error: &BuildError) -> Problem {
    let span = (error.line.is_some()).then_some((error.span.start, error.span.end));
    Problem {
        line: error.line,
        span,
        ..plain("build", &error.to_string())
    }
}

/// An error that no line is to blame for.
pub(crate) fn plain(code: &str, message: &str) -> Problem {
    Problem {
        severity: "error".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        ..Problem::default()
    }
}
