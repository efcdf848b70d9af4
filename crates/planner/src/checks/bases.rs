//! FROM: variables in the base's name and in the platform.

use super::at::At;
use super::fixes;
use super::report::{Finding, Report};
use crate::env::Env;
use crate::options::Options;
use crate::platform;
use dockerfile::expand::Expanded;
use dockerfile::{Dockerfile, Instruction, Kind, Spanned, expand, quote, suggest};
use oci::{Platform, Reference};

/// What the FROM instructions name.
pub(super) struct Bases {
    /// ARGs above the first FROM, and the predefined ones.
    pub(super) globals: Env,
    pub(super) list: Vec<Base>,
}

/// What one FROM names; nothing where that cannot be said.
#[derive(Default)]
pub(super) struct Base {
    /// Index into the file's instructions.
    pub(super) instruction: usize,
    /// After variables were replaced.
    pub(super) name: String,
    pub(super) platform: Option<Platform>,
}

pub(super) fn check(file: &Dockerfile, options: &Options, report: &mut Report<'_>) -> Bases {
    let target = options.target.as_deref().unwrap_or_else(|| last_alias(file));
    let predefined = platform::globals(options, target);
    let (defaults, _) = globals(file, &predefined, |_| None);
    check_defaults(file, &defaults, report);
    let (globals, declared) = globals(file, &predefined, |name| options.build_arg(name));
    let names: Vec<&str> = declared
        .iter()
        .copied()
        .chain(globals.pairs().iter().map(|(name, _)| name.as_str()))
        .collect();
    let mut list = Vec::new();
    for (index, instruction) in file.instructions.iter().enumerate() {
        let Kind::From {
            image, alias, platform, ..
        } = &instruction.kind
        else {
            continue;
        };
        let mut base = Base {
            instruction: index,
            ..Base::default()
        };
        if let Ok(name) = expand(file, &image.value, &globals) {
            undeclared(instruction, image, &name, &names, report);
            base.name = name.text;
        }
        if let Some(platform) = platform
            && let Ok(expanded) = expand(file, &platform.value, &globals)
        {
            undeclared(instruction, platform, &expanded, &names, report);
            redundant(instruction, platform, &expanded, &globals, report);
            let alias = alias.as_ref().map_or("", |alias| alias.value.as_str());
            base.platform = Platform::parse(&expanded.text, &options.build_platform).ok();
            constant(
                instruction,
                platform,
                &expanded,
                (alias, base.platform.as_ref()),
                report,
            );
        }
        list.push(base);
    }
    Bases { globals, list }
}

pub(super) fn expand(file: &Dockerfile, word: &str, env: &Env) -> Result<Expanded, expand::ExpandError> {
    expand::word(word, file.escape, &|name| env.get(name).map(ToOwned::to_owned))
}

fn last_alias(file: &Dockerfile) -> &str {
    let froms = file
        .instructions
        .iter()
        .rev()
        .filter_map(|instruction| match &instruction.kind {
            Kind::From { alias, .. } => Some(alias.as_ref().map_or("", |alias| alias.value.as_str())),
            _ => None,
        });
    froms.into_iter().next().unwrap_or_default()
}

/// The variables that a FROM sees, and the names that ARGs above the first FROM declare.
fn globals<'a>(
    file: &'a Dockerfile,
    predefined: &Env,
    build_arg: impl Fn(&str) -> Option<&'a str>,
) -> (Env, Vec<&'a str>) {
    let (mut env, mut declared) = (predefined.clone(), Vec::new());
    for instruction in &file.instructions {
        let args = match &instruction.kind {
            Kind::From { .. } => break,
            Kind::Arg(args) => args,
            _ => continue,
        };
        for arg in args {
            let name = arg.name.value.as_str();
            declared.push(name);
            let default = || expand(file, &arg.default.as_ref()?.value, &env).ok();
            if let Some(value) = build_arg(name).map(ToOwned::to_owned).or_else(|| Some(default()?.text)) {
                env.set(name, value);
            }
        }
    }
    (env, declared)
}

/// Without any build argument, every base has a name.
fn check_defaults(file: &Dockerfile, defaults: &Env, report: &mut Report<'_>) {
    for instruction in &file.instructions {
        let Kind::From { image, .. } = &instruction.kind else {
            continue;
        };
        let Ok(name) = expand(file, &image.value, defaults) else {
            return;
        };
        if Reference::parse(&name.text).is_err() {
            report.add(
                At::file(instruction),
                Finding {
                    rule: "InvalidDefaultArgInFrom",
                    span: image.span,
                    message: format!(
                        "Default value for ARG {} results in empty or invalid base image name",
                        image.value
                    ),
                    hint: "give the ARG above the first FROM a default that makes a whole name",
                    fix: None,
                },
            );
        }
    }
}

fn undeclared(
    instruction: &Instruction,
    word: &Spanned<String>,
    expanded: &Expanded,
    names: &[&str],
    report: &mut Report<'_>,
) {
    for variable in expanded
        .unmatched
        .iter()
        .filter(|variable| !names.contains(&variable.as_str()))
    {
        let near = suggest(variable, names.iter().copied());
        let remark = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        report.add(
            At::file(instruction),
            Finding {
                rule: "UndefinedArgInFrom",
                span: word.span,
                message: format!("FROM argument '{variable}' is not declared{remark}"),
                hint: "declare it with ARG above the first FROM",
                fix: near.and_then(|near| fixes::rename_variable(report.source, word.span, variable, near)),
            },
        );
    }
}

fn redundant(
    instruction: &Instruction,
    platform: &Spanned<String>,
    expanded: &Expanded,
    globals: &Env,
    report: &mut Report<'_>,
) {
    const VARIABLE: &str = "TARGETPLATFORM";
    let is_alone = expanded.used.len() == 1 && expanded.unmatched.is_empty() && expanded.used.contains(VARIABLE);
    if is_alone && globals.get(VARIABLE).unwrap_or_default() == expanded.text {
        let message = format!(
            "Setting platform to predefined {} in FROM is redundant as this is the default behavior",
            platform.value
        );
        report.add(
            At::file(instruction),
            Finding {
                rule: "RedundantTargetPlatform",
                span: platform.span,
                message,
                hint: "leave --platform out",
                fix: fixes::without_flag(report.source, platform.span),
            },
        );
    }
}

fn constant(
    instruction: &Instruction,
    platform: &Spanned<String>,
    expanded: &Expanded,
    (alias, read): (&str, Option<&Platform>),
    report: &mut Report<'_>,
) {
    let Some(read) = read else { return };
    let is_constant = expanded.used.is_empty() && expanded.unmatched.is_empty();
    if is_constant && !alias.contains(&read.os) && !alias.contains(&read.architecture) {
        report.add(
            At::file(instruction),
            Finding {
                rule: "FromPlatformFlagConstDisallowed",
                span: platform.span,
                message: format!(
                    "FROM --platform flag should not use constant value {}",
                    quote(&expanded.text)
                ),
                hint: "leave --platform out, use $BUILDPLATFORM, or put the platform into the stage's name",
                fix: fixes::without_flag(report.source, platform.span),
            },
        );
    }
}
