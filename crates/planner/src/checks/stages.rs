//! The stages one after the other, as far as the checks need to follow them.

use super::at::At;
use super::bases::{Bases, expand};
use super::report::{Finding, Report};
use super::{Surroundings, commands, files, fixes, pairs, ports, variables};
use crate::env::{self, Env};
use crate::options::{ImageName, Resolved};
use crate::place::Place;
use crate::states::States;
use crate::words::{Budget, Words};
use dockerfile::{ArgName, Command, Dockerfile, Instruction, KeyValue, Kind, Spanned, quote};
use oci::{ImageConfig, Platform};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Arguments that are no variables of the build.
pub(super) const NOT_IN_ENV: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// What an instruction sees, as far as the checks ask.
#[derive(Clone, Default)]
pub(super) struct State {
    /// Variables, ARGs included.
    pub(super) env: Env,
    /// The ARGs declared so far.
    pub(super) args: BTreeSet<String>,
    /// Whether a SHELL is set.
    pub(super) has_shell: bool,
    /// Whether this file has set a WORKDIR.
    has_workdir: bool,
    /// The directory of the base; `None` if it is not known.
    base_dir: Option<String>,
    os: String,
}

/// Everything that stays the same from stage to stage.
pub(super) struct Walk<'a> {
    pub(super) file: &'a Dockerfile,
    pub(super) around: &'a Surroundings<'a>,
    globals: &'a Env,
}

/// A stage with the instructions it runs.
struct Stage<'a> {
    from: &'a Instruction,
    commands: Vec<(Cow<'a, Instruction>, bool)>,
}

pub(super) fn check(file: &Dockerfile, bases: &Bases, around: &Surroundings<'_>, report: &mut Report<'_>) {
    let walk = Walk {
        file,
        around,
        globals: &bases.globals,
    };
    let (triggers, reached) = reach(file, bases, around);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut states: Vec<State> = Vec::new();
    for (number, base) in bases.list.iter().enumerate() {
        let from = &file.instructions[base.instruction];
        let Kind::From { alias, .. } = &from.kind else { continue };
        let alias = alias.as_ref().map_or("", |alias| alias.value.as_str());
        let platform = base.platform.as_ref();
        let mut state = match names.get(base.name.as_str()) {
            Some(below) => states[*below].clone(),
            None => walk.open(from, &base.name, platform, reached(number), report),
        };
        let replaced = around.options.contexts.iter().any(|name| name == alias);
        if reached(number) && !replaced {
            let end = bases
                .list
                .get(number + 1)
                .map_or(file.instructions.len(), |next| next.instruction);
            let own = file.instructions[base.instruction + 1..end].iter();
            let mut commands: Vec<(Cow<'_, Instruction>, bool)> = Vec::new();
            commands.extend(
                triggers
                    .get(&number)
                    .into_iter()
                    .flatten()
                    .map(|trigger| (Cow::Borrowed(trigger), true)),
            );
            commands.extend(own.map(|instruction| (Cow::Borrowed(instruction), false)));
            walk.stage(&Stage { from, commands }, &mut state, report);
        }
        states.push(state);
        if !alias.is_empty() {
            names.insert(alias, number);
        }
    }
}

/// The triggers of each stage, and which stages are looked at: all of them if that cannot be said.
fn reach(
    file: &Dockerfile,
    bases: &Bases,
    around: &Surroundings<'_>,
) -> (BTreeMap<usize, Vec<Instruction>>, impl Fn(usize) -> bool) {
    let budget = Budget::default();
    let words = Words {
        escape: file.escape,
        budget: &budget,
    };
    let mut triggers = BTreeMap::new();
    let mut numbers = None;
    if let Ok(mut states) = States::read(file, around.options, words, &bases.globals)
        && let Ok(reached) = states.reach(around.options, around.known, words)
    {
        numbers = Some(
            reached
                .states
                .iter()
                .filter_map(|index| states.list[*index].stage)
                .collect::<BTreeSet<_>>(),
        );
        for state in &states.list {
            let found = state.commands.iter().filter(|command| command.is_trigger());
            let found: Vec<Instruction> = found.map(|command| command.instruction.clone().into_owned()).collect();
            if let (Some(number), false) = (state.stage, found.is_empty()) {
                triggers.insert(number, found);
            }
        }
    }
    (triggers, move |number| {
        numbers.as_ref().is_none_or(|numbers| numbers.contains(&number))
    })
}

impl Walk<'_> {
    /// What a stage starts with whose base is no stage.
    fn open(
        &self,
        from: &Instruction,
        base: &str,
        platform: Option<&Platform>,
        reached: bool,
        report: &mut Report<'_>,
    ) -> State {
        let options = self.around.options;
        let expected = platform.unwrap_or(options.target_platform());
        let name = ImageName {
            name: base.to_owned(),
            platform: expected.to_string(),
        };
        let mut state = State {
            os: expected.os.clone(),
            ..State::default()
        };
        let known = self.around.known.get(&name).filter(|_| base != "scratch");
        if base == "scratch" || matches!(known, Some(Resolved::Directory)) {
            state.base_dir = Some("/".to_owned());
        }
        if let Some(Resolved::Image(image)) = known {
            state.has_shell = !image.config.shell.is_empty();
            state.base_dir = Some(image.config.working_dir.clone());
            for pair in &image.config.env {
                let (name, value) = env::split(pair);
                state.env.set(name, value);
            }
            let is_context = options.contexts.iter().any(|name| name == base);
            if reached && !is_context {
                wrong_platform(from, base, expected, image, report);
            }
        }
        if state.env.get("PATH").is_none() {
            state
                .env
                .set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        state
    }

    fn stage(&self, stage: &Stage<'_>, state: &mut State, report: &mut Report<'_>) {
        let mut once = commands::Once::default();
        for (instruction, is_trigger) in &stage.commands {
            let at = if *is_trigger {
                At::trigger(instruction, Place::of(stage.from))
            } else {
                At::file(instruction)
            };
            self.command(at, state, &mut once, report);
        }
    }

    fn command<'i>(&self, at: At<'i>, state: &mut State, once: &mut commands::Once<'i>, report: &mut Report<'_>) {
        variables::check(self, at, state, report);
        match &at.instruction.kind {
            Kind::Env(list) => self.env(at, list, state, report),
            Kind::Label(list) => pairs::legacy(self, at, list, report),
            Kind::Arg(args) => self.arg(at, args, state, report),
            Kind::Workdir(path) => self.workdir(at, path, state, report),
            Kind::Shell(_) => state.has_shell = true,
            Kind::Cmd(command) | Kind::Entrypoint(command) => {
                once.check(at, report);
                if let Command::Shell(text) = command
                    && !state.has_shell
                {
                    commands::shell_form(at, text, report);
                }
            }
            Kind::Healthcheck(_) => once.check(at, report),
            Kind::Expose(list) => ports::check(self, at, list, state, report),
            Kind::Copy(transfer) | Kind::Add(transfer) => files::check(self, at, transfer, state, report),
            _ => {}
        }
    }

    fn env(&self, at: At<'_>, list: &[KeyValue], state: &mut State, report: &mut Report<'_>) {
        pairs::legacy(self, at, list, report);
        let mut set = Vec::new();
        for pair in list {
            let (Ok(key), Ok(value)) = (
                expand(self.file, &pair.key.value, &state.env),
                expand(self.file, &pair.value.value, &state.env),
            ) else {
                return;
            };
            pairs::secret(at, "ENV", &key.text, pair.key.span, report);
            set.push((key.text, value.text));
        }
        // All values see the variables from before.
        for (key, value) in set {
            state.env.set(key, value);
        }
    }

    fn arg(&self, at: At<'_>, args: &[ArgName], state: &mut State, report: &mut Report<'_>) {
        for arg in args {
            let name = arg.name.value.as_str();
            pairs::secret(at, "ARG", name, arg.name.span, report);
            let value = match (self.around.options.build_arg(name), &arg.default) {
                (Some(given), _) => Some(given.to_owned()),
                (None, Some(default)) => {
                    variables::word(self, at, default, state, report);
                    expand(self.file, &default.value, &state.env)
                        .ok()
                        .map(|value| value.text)
                }
                (None, None) => self.globals.get(name).map(ToOwned::to_owned),
            };
            if let Some(value) = value.filter(|_| !NOT_IN_ENV.contains(&name)) {
                state.env.set(name, value);
            }
            state.args.insert(name.to_owned());
        }
    }

    fn workdir(&self, at: At<'_>, path: &Spanned<String>, state: &mut State, report: &mut Report<'_>) {
        let Ok(expanded) = expand(self.file, &path.value, &state.env) else {
            return;
        };
        if !state.has_workdir && !is_absolute(&expanded.text, &state.os) {
            report.add(
                at,
                Finding {
                    rule: "WorkdirRelativePath",
                    span: at.span(path.span),
                    message: format!(
                        "Relative workdir {} can have unexpected results if the base image changes",
                        quote(&expanded.text)
                    ),
                    hint: "write the path from the root",
                    fix: at.fix(|| fixes::absolute(path, state.base_dir.as_deref(), &state.os)),
                },
            );
        }
        state.has_workdir = true;
    }
}

fn is_absolute(path: &str, os: &str) -> bool {
    let is_drive = |path: &str| path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    let path = if os == "windows" && is_drive(path) {
        &path[2..]
    } else {
        path
    };
    path.starts_with('/') || (os == "windows" && path.starts_with('\\'))
}

fn wrong_platform(from: &Instruction, name: &str, expected: &Platform, image: &ImageConfig, report: &mut Report<'_>) {
    let found = &image.platform;
    if found.os == expected.os && found.architecture == expected.architecture {
        return;
    }
    let (found, expected) = (
        found.clone().normalised().to_string(),
        expected.clone().normalised().to_string(),
    );
    report.add(
        At::file(from),
        Finding {
            rule: "InvalidBaseImagePlatform",
            span: from.span,
            message: format!(
                "Base image {name} was pulled with platform {}, expected {} for current build",
                quote(&found),
                quote(&expected)
            ),
            hint: "choose an image that exists for the platform, or build for the image's",
            fix: None,
        },
    );
}
