//! What build checks found, as BuildKit's client prints it and as its JSON.

use crate::excerpt::excerpt;
use advice::Advice;
use dockerfile::{Diagnostic, Severity};
use serde::Serialize;
use std::fmt::Write as _;

/// The findings of one Dockerfile.
#[derive(Debug, Clone, Copy)]
pub struct Checks<'a> {
    /// The Dockerfile's name, without folders.
    pub file: &'a str,
    /// Its text.
    pub source: &'a str,
    /// What was found; errors are at most one of use, the first.
    pub findings: &'a [Diagnostic],
    /// Advice, if it was asked for.
    pub advice: Option<&'a [Advice]>,
}

impl Checks<'_> {
    /// The error that would stop a build, if there is one.
    pub fn error(&self) -> Option<&Diagnostic> {
        let errors = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        // BuildKit's passes run one after the other; `min_by_key` keeps the first of equal ones.
        errors.min_by_key(|finding| finding.phase)
    }

    /// The warnings, by line.
    pub fn warnings(&self) -> Vec<&Diagnostic> {
        let mut warnings: Vec<_> = self.findings.iter().filter(|finding| is_check(finding)).collect();
        warnings.sort_by_key(|finding| finding.line);
        warnings
    }

    /// For a person, as `docker build --check` prints it; the error is not in it.
    pub fn to_text(&self) -> String {
        let warnings = self.warnings();
        let mut text = match warnings.len() {
            0 if self.error().is_some() => String::new(),
            0 => "Check complete, no warnings found.\n".to_owned(),
            1 => "Check complete, 1 warning has been found!\n".to_owned(),
            count => format!("Check complete, {count} warnings have been found!\n"),
        };
        for finding in warnings {
            let (code, url) = (finding.code, rule_url(finding.code));
            write!(text, "\nWARNING: {code} - {url}\n{}\n", finding.message).expect("writing to a string cannot fail");
            if let Some(lines) = lines_of(self.source, finding) {
                text.push('\n');
                text.push_str(&excerpt(self.file, self.source, lines));
            }
        }
        text.push_str(&self.advice_text());
        text
    }

    fn advice_text(&self) -> String {
        let Some(advice) = self.advice else {
            return String::new();
        };
        let mut text = match advice.len() {
            0 => "\nNo advice.\n".to_owned(),
            1 => "\n1 piece of advice:\n".to_owned(),
            count => format!("\n{count} pieces of advice:\n"),
        };
        for piece in advice {
            let Advice {
                code,
                message,
                hint,
                line,
                ..
            } = piece;
            write!(text, "\nADVICE: {code} (line {line})\n{message}\n{hint}\n")
                .expect("writing to a string cannot fail");
        }
        text
    }

    /// For a program: BuildKit's own shape.
    pub fn to_json(&self) -> String {
        let warnings = self.warnings().into_iter().map(|finding| Warning {
            rule_name: finding.code,
            description: description(finding.code),
            url: rule_url(finding.code),
            detail: &finding.message,
            location: location(self.source, finding),
        });
        let results = Results {
            warnings: warnings.collect(),
            sources: vec![Source {
                filename: self.file,
                data: base64(self.source.as_bytes()),
                language: "Dockerfile",
            }],
            build_error: self.error().map(|finding| BuildError {
                message: &finding.message,
                location: location(self.source, finding),
            }),
            advice: self.advice.map(|advice| advice.iter().map(advice_json).collect()),
        };
        let mut json = serde_json::to_string_pretty(&results).expect("strings and numbers have a JSON form");
        json.push('\n');
        json
    }
}

/// Build checks have BuildKit's names; what else is worth a warning here has a name in kebab-case.
fn is_check(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Warning && finding.code.starts_with(|first: char| first.is_ascii_uppercase())
}

/// First and last line that a finding is about.
pub fn lines_of(source: &str, finding: &Diagnostic) -> Option<(usize, usize)> {
    let first = finding.line?;
    let before_end = source.get(..finding.span.end).unwrap_or("");
    let last = before_end.trim_end_matches(['\n', '\r']).matches('\n').count() + 1;
    Some((first, last.max(first)))
}

#[derive(Serialize)]
struct Results<'a> {
    warnings: Vec<Warning<'a>>,
    sources: Vec<Source<'a>>,
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    build_error: Option<BuildError<'a>>,
    /// BuildKit has no such key.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Vec<serde_json::Value>>,
}

fn advice_json(advice: &Advice) -> serde_json::Value {
    let fix = advice.fix.as_ref().map(|fix| {
        let edit = |(span, text): &(dockerfile::Span, String)| serde_json::json!({"start": span.start, "end": span.end, "text": text});
        serde_json::json!({"title": fix.title, "edits": fix.edits.iter().map(edit).collect::<Vec<_>>()})
    });
    serde_json::json!({
        "code": advice.code,
        "line": advice.line,
        "message": advice.message,
        "hint": advice.hint,
        "bytes": advice.bytes,
        "millis": advice.millis,
        "fix": fix,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Warning<'a> {
    rule_name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'static str,
    url: String,
    detail: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct BuildError<'a> {
    message: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct Source<'a> {
    filename: &'a str,
    data: String,
    language: &'static str,
}

#[derive(Serialize)]
struct Location {
    ranges: Vec<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
}

fn location(source: &str, finding: &Diagnostic) -> Location {
    let range = |(first, last)| Range {
        start: Position { line: first },
        end: Position { line: last },
    };
    Location {
        ranges: lines_of(source, finding).map(range).into_iter().collect(),
    }
}

/// Where a rule is explained: `FromAsCasing` is at `…/from-as-casing/`.
fn rule_url(rule: &str) -> String {
    let mut kebab = String::new();
    let chars: Vec<char> = rule.chars().collect();
    for (i, char) in chars.iter().enumerate() {
        let after_lower = i > 0 && chars[i - 1].is_ascii_lowercase();
        // The last capital of a run begins the next word: `JSONArgs` is two words.
        let before_lower = i > 0 && chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if char.is_ascii_uppercase() && (after_lower || before_lower) {
            kebab.push('-');
        }
        kebab.push(char.to_ascii_lowercase());
    }
    format!("https://docs.docker.com/go/dockerfile/rule/{kebab}/")
}

/// What BuildKit says of a rule in general; programs show it, so the words are the same. Source: BuildKit, `linter/ruleset.go`.
fn description(rule: &str) -> &'static str {
    match rule {
        "StageNameCasing" => "Stage names should be lowercase",
        "FromAsCasing" => "The 'as' keyword should match the case of the 'from' keyword",
        "NoEmptyContinuation" => "Empty continuation lines will become errors in a future release",
        "ConsistentInstructionCasing" => {
            "All commands within the Dockerfile should use the same casing (either upper or lower)"
        }
        "DuplicateStageName" => "Stage names should be unique",
        "ReservedStageName" => "Reserved words should not be used as stage names",
        "JSONArgsRecommended" => {
            "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"
        }
        "MaintainerDeprecated" => {
            "The MAINTAINER instruction is deprecated, use a label instead to define an image author"
        }
        "UndefinedArgInFrom" => "FROM command must use declared ARGs",
        "UndefinedVar" => "Variables should be defined before their use",
        "InvalidDefaultArgInFrom" => "Default value for global ARG results in an empty or invalid base image name",
        "WorkdirRelativePath" => {
            "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes"
        }
        "MultipleInstructionsDisallowed" => {
            "Multiple instructions of the same type should not be used in the same stage"
        }
        "LegacyKeyValueFormat" => "Legacy key/value format with whitespace separator should not be used",
        "RedundantTargetPlatform" => {
            "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"
        }
        "FromPlatformFlagConstDisallowed" => "FROM --platform flag should not use a constant value",
        "InvalidBaseImagePlatform" => "Base image platform does not match expected target platform",
        "SecretsUsedInArgOrEnv" => "Sensitive data should not be used in the ARG or ENV commands",
        "CopyIgnoredFile" => "Attempting to Copy file that is excluded by .dockerignore",
        "ExposeProtoCasing" => "Protocol in EXPOSE instruction should be lowercase",
        "ExposeInvalidFormat" => {
            "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release"
        }
        "InvalidDefinitionDescription" => {
            "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment."
        }
        _ => "",
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() {
                char::from(DIGITS[value as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use dockerfile::{Phase, Span};

    fn warning(code: &'static str, line: usize, span: (usize, usize)) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Warning,
            phase: Phase::Plan,
            span: Span {
                start: span.0,
                end: span.1,
            },
            line: Some(line),
            message: format!("detail of {code}"),
            hints: Vec::new(),
            fix: None,
        }
    }

    const SOURCE: &str = "FROM scratch as x\nCMD a \\\n  b\n";

    #[test]
    fn json_has_the_shape_of_buildkit() {
        let findings = [
            warning("JSONArgsRecommended", 2, (18, 29)),
            warning("FromAsCasing", 1, (0, 17)),
        ];
        let checks = Checks {
            file: "Dockerfile",
            source: SOURCE,
            findings: &findings,
            advice: None,
        };
        let json: serde_json::Value = serde_json::from_str(&checks.to_json()).unwrap();
        let first = &json["warnings"][0];
        assert_eq!(first["ruleName"], "FromAsCasing");
        assert_eq!(
            first["url"],
            "https://docs.docker.com/go/dockerfile/rule/from-as-casing/"
        );
        assert_eq!(first["location"]["ranges"][0]["start"]["line"], 1);
        let second = &json["warnings"][1];
        assert_eq!(
            second["url"],
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
        );
        assert_eq!(second["location"]["ranges"][0]["end"]["line"], 3);
        assert_eq!(json["sources"][0]["data"], base64(SOURCE.as_bytes()));
        assert_eq!(json.get("buildError"), None);
    }

    #[test]
    fn text_counts_the_warnings_and_shows_each_place() {
        let findings = [warning("FromAsCasing", 1, (0, 17))];
        let text = Checks {
            file: "Dockerfile",
            source: SOURCE,
            findings: &findings,
            advice: None,
        }
        .to_text();
        assert!(
            text.starts_with("Check complete, 1 warning has been found!\n\nWARNING: FromAsCasing - https"),
            "{text}"
        );
        assert!(text.contains("   1 | >>> FROM scratch as x\n"), "{text}");
    }

    #[test]
    fn a_clean_file_says_so() {
        let checks = Checks {
            file: "Dockerfile",
            source: SOURCE,
            findings: &[],
            advice: None,
        };
        assert_eq!(checks.to_text(), "Check complete, no warnings found.\n");
    }

    #[test]
    fn the_error_of_the_earliest_pass_is_the_one_that_counts() {
        let error = |code, phase| Diagnostic {
            severity: Severity::Error,
            phase,
            ..warning(code, 1, (0, 4))
        };
        let findings = [
            error("late", Phase::Plan),
            error("early", Phase::Parse),
            error("second", Phase::Parse),
        ];
        let checks = Checks {
            file: "Dockerfile",
            source: SOURCE,
            findings: &findings,
            advice: None,
        };
        assert_eq!(checks.error().map(|finding| finding.code), Some("early"));
        assert!(checks.to_json().contains("\"buildError\""));
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }
}
