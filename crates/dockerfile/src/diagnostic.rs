//! What is wrong with a Dockerfile, where, and what to do about it.

use crate::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The build goes on; better would be otherwise.
    Warning,
    /// The build fails.
    Error,
}

/// Which of BuildKit's passes finds it: a failed build reports the first finding of the earliest pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Lines, directives, heredocs, and the splitting of words.
    Parse,
    /// Flags and arguments of each instruction.
    Instruction,
    /// Stages, variables and names, once the whole file is known.
    Plan,
}

/// One finding about the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name in kebab-case, `unknown-instruction`; a build check has BuildKit's name, `StageNameCasing`.
    pub code: &'static str,
    /// Warning or error.
    pub severity: Severity,
    /// The pass that finds it.
    pub phase: Phase,
    /// The words concerned, as byte offsets into the source.
    pub span: Span,
    /// First line of the instruction concerned, from 1, as BuildKit reports it; `None` where BuildKit names no line.
    pub line: Option<usize>,
    /// The message in BuildKit's wording, without the `failed to solve: ` that the client puts before it.
    pub message: String,
    /// What to do, each a sentence.
    pub hints: Vec<String>,
    /// A replacement of text that mends it, if there is one.
    pub fix: Option<Fix>,
}

/// Replacements that, applied together, mend a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative: `write WORKDIR`.
    pub title: String,
    /// Spans of the source and what to put there, in order and not overlapping.
    pub edits: Vec<(Span, String)>,
}
