//! ENV, LABEL and ARG: the old form, and names that sound like secrets.

use super::at::At;
use super::fixes;
use super::report::{Finding, Report};
use super::stages::Walk;
use dockerfile::{KeyValue, Span, quote};

/// Parts of names, between underscores, that sound like secrets.
const SECRET: [&str; 10] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "pword",
    "passwd",
    "secret",
    "token",
];

/// Parts of names that make the others harmless.
const HARMLESS: [&str; 3] = ["public", "file", "version"];

pub(super) fn legacy(walk: &Walk<'_>, at: At<'_>, pairs: &[KeyValue], report: &mut Report<'_>) {
    let keyword = &at.instruction.keyword.value;
    for pair in pairs.iter().filter(|pair| !pair.equals) {
        let span = Span {
            start: pair.key.span.start,
            end: pair.value.span.end,
        };
        report.add(
            at,
            Finding {
                rule: "LegacyKeyValueFormat",
                span: at.span(span),
                message: format!(
                    "\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format"
                ),
                hint: "write an equals sign between name and value",
                fix: at.fix(|| fixes::with_equals(pair, walk.file.escape)),
            },
        );
    }
}

pub(super) fn secret(at: At<'_>, instruction: &str, name: &str, span: Span, report: &mut Report<'_>) {
    let lower = name.to_lowercase();
    let has = |parts: &[&str]| lower.split('_').any(|part| parts.contains(&part));
    if has(&SECRET) && !has(&HARMLESS) {
        report.add(
            at,
            Finding {
                rule: "SecretsUsedInArgOrEnv",
                span: at.span(span),
                message: format!(
                    "Do not use ARG or ENV instructions for sensitive data ({instruction} {})",
                    quote(name)
                ),
                hint: "it stays readable in the image's history; use RUN --mount=type=secret",
                fix: None,
            },
        );
    }
}
