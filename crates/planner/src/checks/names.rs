//! What the file as a whole says: names of stages, the case of keywords, empty lines, descriptions.

use super::at::At;
use super::config;
use super::fixes;
use super::report::{Finding, Report};
use dockerfile::{Dockerfile, Instruction, Kind, quote};
use std::collections::BTreeSet;

pub(super) fn check(file: &Dockerfile, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    for instruction in &file.instructions {
        gap(instruction, report);
        match &instruction.kind {
            Kind::From { alias: Some(alias), .. } => {
                from(instruction, report);
                description(instruction, "FROM", &[&alias.value], report);
                reserved(instruction, &mut names, report);
            }
            Kind::Arg(args) => {
                let keys: Vec<&str> = args.iter().map(|arg| arg.name.value.as_str()).collect();
                description(instruction, "ARG", &keys, report);
            }
            Kind::Maintainer(name) => {
                let fix = fixes::maintainer(instruction, &name.value);
                report.add(
                    At::file(instruction),
                    Finding {
                        rule: "MaintainerDeprecated",
                        span: instruction.keyword.span,
                        message: "Maintainer instruction is deprecated in favor of using label".to_owned(),
                        hint: "write LABEL org.opencontainers.image.authors",
                        fix: Some(fix),
                    },
                );
            }
            _ => {}
        }
    }
    casing(file, report);
}

fn gap(instruction: &Instruction, report: &mut Report<'_>) {
    if let Some(line) = instruction.empty_continuation {
        let finding = Finding {
            rule: "NoEmptyContinuation",
            span: instruction.span,
            message: "Empty continuation line".to_owned(),
            hint: "remove the empty line; a future release will refuse it",
            fix: fixes::without_empty_lines(report.source, instruction, line),
        };
        // The parser reports it, before comments are read.
        report.add_at_line(line, &[], finding);
    }
}

/// The case of a stage's name and of `AS`.
fn from(instruction: &Instruction, report: &mut Report<'_>) {
    let Kind::From {
        alias: Some(alias),
        as_keyword,
        written_alias,
        ..
    } = &instruction.kind
    else {
        return;
    };
    let written = written_alias.as_deref().unwrap_or(&alias.value);
    if written != alias.value {
        report.add(
            At::file(instruction),
            Finding {
                rule: "StageNameCasing",
                span: alias.span,
                message: format!("Stage name '{written}' should be lowercase"),
                hint: "",
                fix: Some(fixes::replace(alias.span, &alias.value)),
            },
        );
    }
    let (Some(as_keyword), Some(case)) = (as_keyword, Case::of(&instruction.keyword.value)) else {
        return;
    };
    if !case.holds(&as_keyword.value) {
        let message = format!(
            "'{}' and '{}' keywords' casing do not match",
            as_keyword.value, instruction.keyword.value
        );
        report.add(
            At::file(instruction),
            Finding {
                rule: "FromAsCasing",
                span: as_keyword.span,
                message,
                hint: "",
                fix: Some(fixes::replace(as_keyword.span, &case.apply(&as_keyword.value))),
            },
        );
    }
}

/// Names that mean something else, or another stage.
fn reserved<'a>(instruction: &'a Instruction, names: &mut BTreeSet<&'a str>, report: &mut Report<'_>) {
    let Kind::From { alias: Some(alias), .. } = &instruction.kind else {
        return;
    };
    let name = alias.value.as_str();
    if matches!(name, "context" | "scratch") {
        report.add(
            At::file(instruction),
            Finding {
                rule: "ReservedStageName",
                span: alias.span,
                message: format!(
                    "Stage name should not use the same name as reserved stage {}",
                    quote(name)
                ),
                hint: "give the stage another name",
                fix: None,
            },
        );
    }
    if !names.insert(name) {
        report.add(
            At::file(instruction),
            Finding {
                rule: "DuplicateStageName",
                span: alias.span,
                message: format!("Duplicate stage name {}, stage names should be unique", quote(name)),
                hint: "give the stage another name: only the last of equal names can be used",
                fix: None,
            },
        );
    }
}

/// A comment above FROM and ARG begins with the name it describes.
fn description(instruction: &Instruction, keyword: &str, names: &[&str], report: &mut Report<'_>) {
    let mut comments = instruction
        .comments
        .iter()
        .filter(|comment| config::directive(&comment.value).is_none());
    let Some(comment) = comments.next_back() else { return };
    let word = comment.value.split(' ').next().unwrap_or_default();
    if names.contains(&word) {
        return;
    }
    let name = if names.len() > 1 {
        "<arg_key>"
    } else {
        names.first().copied().unwrap_or_default()
    };
    report.add(
        At::file(instruction),
        Finding {
            rule: "InvalidDefinitionDescription",
            span: comment.span,
            message: format!("Comment for {keyword} should follow the format: `# {name} <description>`"),
            hint: "put an empty comment below it if it is no description",
            fix: Some(fixes::empty_comment_above(report.source, instruction)),
        },
    );
}

/// All keywords of the stages in the case that most of them have.
fn casing(file: &Dockerfile, report: &mut Report<'_>) {
    let first = file
        .instructions
        .iter()
        .position(|one| matches!(one.kind, Kind::From { .. }));
    let stages = file
        .instructions
        .get(first.unwrap_or(file.instructions.len())..)
        .unwrap_or_default();
    let read: Vec<&Instruction> = stages.iter().filter(|one| one.kind != Kind::Unknown).collect();
    let count = |case| {
        read.iter()
            .filter(|one| Case::of(&one.keyword.value) == Some(case))
            .count()
    };
    let (case, majority) = if count(Case::Lower) > count(Case::Upper) {
        (Case::Lower, "lowercase")
    } else {
        (Case::Upper, "uppercase")
    };
    for instruction in read {
        let keyword = &instruction.keyword;
        if !case.holds(&keyword.value) {
            report.add(
                At::file(instruction),
                Finding {
                    rule: "ConsistentInstructionCasing",
                    span: keyword.span,
                    message: format!(
                        "Command '{}' should match the case of the command majority ({majority})",
                        keyword.value
                    ),
                    hint: "",
                    fix: Some(fixes::replace(keyword.span, &case.apply(&keyword.value))),
                },
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
}

impl Case {
    /// The case of a word that is all of one case.
    fn of(word: &str) -> Option<Case> {
        [Case::Lower, Case::Upper].into_iter().find(|case| case.holds(word))
    }

    fn holds(self, word: &str) -> bool {
        self.apply(word) == word
    }

    fn apply(self, word: &str) -> String {
        match self {
            Case::Lower => word.to_lowercase(),
            Case::Upper => word.to_uppercase(),
        }
    }
}
