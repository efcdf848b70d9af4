//! The warnings found so far.

use super::at::At;
use super::config::Config;
use dockerfile::{Diagnostic, Fix, Phase, Severity, Span, Spanned};
use std::collections::BTreeSet;

/// Gathers the warnings that count.
pub(super) struct Report<'a> {
    pub(super) source: &'a str,
    config: Config,
    warnings: Vec<Diagnostic>,
}

/// What a rule finds.
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) span: Span,
    /// BuildKit's detail.
    pub(super) message: String,
    pub(super) hint: &'static str,
    pub(super) fix: Option<Fix>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a str, config: Config) -> Report<'a> {
        Report {
            source,
            config,
            warnings: Vec::new(),
        }
    }

    /// Notes a finding about an instruction, unless the file or the instruction's comments say to skip it.
    pub(super) fn add(&mut self, at: At<'_>, finding: Finding) {
        self.add_at_line(at.line(), at.comments(), finding);
    }

    /// Notes a finding about a line.
    pub(super) fn add_at_line(&mut self, line: usize, comments: &[Spanned<String>], finding: Finding) {
        if !self.config.counts(finding.rule, comments) {
            return;
        }
        let hints = Some(finding.hint.to_owned()).filter(|hint| !hint.is_empty());
        self.warnings.push(Diagnostic {
            code: finding.rule,
            severity: Severity::Warning,
            phase: Phase::Plan,
            span: finding.span,
            line: Some(line),
            message: finding.message,
            hints: hints.into_iter().collect(),
            fix: finding.fix,
        });
    }

    /// The warnings by line, and what `error=true` makes of them.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.warnings.sort_by_key(|warning| warning.line);
        let rules: BTreeSet<&str> = self.warnings.iter().map(|warning| warning.code).collect();
        if self.config.error && !rules.is_empty() {
            let rules: Vec<&str> = rules.into_iter().collect();
            let first = self.warnings.first().map(|warning| warning.span).unwrap_or_default();
            self.warnings.push(Diagnostic {
                code: "check-violation",
                severity: Severity::Error,
                phase: Phase::Plan,
                span: first,
                line: None,
                message: format!("lint violation found for rules: {}", rules.join(", ")),
                hints: vec!["check=error=true makes every warning an error".to_owned()],
                fix: None,
            });
        }
        self.warnings
    }
}
