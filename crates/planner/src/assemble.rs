//! The stages one after the other: instructions become configuration, history and steps.

use crate::definition;
use crate::env::Env;
use crate::instructions;
use crate::lines::lines;
use crate::mount_target::mount_target;
use crate::options::{Known, Options, Resolved};
use crate::path;
use crate::place::Place;
use crate::plan::{Action, Base, Caching, Input, MakeDir, Past, Plan, Source, Stage, Step};
use crate::print::capital_keyword;
use crate::scope::{IsTarget, Scope};
use crate::states::{Command, State, States, image_name};
use crate::transfer::{self, Verb};
use crate::words::Words;
use dockerfile::{Diagnostic, Dockerfile, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// A plan in the making.
pub(crate) struct Assembly<'a> {
    pub(crate) options: &'a Options,
    pub(crate) words: Words<'a>,
    /// ARGs above the first FROM, and the predefined ones.
    pub(crate) globals: Env,
    /// `SOURCE_DATE_EPOCH`.
    pub(crate) epoch: Option<i64>,
    known: &'a Known,
    sources: Vec<Source>,
    steps: Vec<Step>,
    /// Steps by what they do to what.
    identities: BTreeMap<String, usize>,
    /// The stages that are done.
    scopes: BTreeMap<usize, Scope>,
    /// The state that is being planned.
    current: usize,
    /// Whether its steps may come from the cache.
    caching: Caching,
}

/// A step's own part of itself.
pub(crate) struct Made {
    pub(crate) action: Action,
    pub(crate) definition: Vec<(String, String)>,
    /// As progress words it.
    pub(crate) text: String,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(
        options: &'a Options,
        known: &'a Known,
        words: Words<'a>,
        globals: Env,
        epoch: Option<i64>,
    ) -> Assembly<'a> {
        Assembly {
            options,
            words,
            globals,
            epoch,
            known,
            sources: Vec::new(),
            steps: Vec::new(),
            identities: BTreeMap::new(),
            scopes: BTreeMap::new(),
            current: 0,
            caching: Caching::Use,
        }
    }

    /// Plans every state of `reached`, in order.
    pub(crate) fn plan(
        mut self,
        file: &Dockerfile,
        states: &States,
        reached: &BTreeSet<usize>,
    ) -> Result<Plan, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        // Images that instructions name are there before any stage is.
        let images = reached.iter().filter(|&&index| states.list[index].stage.is_none());
        for &index in images {
            let scope = self.open(&states.list[index]);
            self.scopes.insert(index, scope);
        }
        for &index in reached {
            if states.list[index].stage.is_some() {
                self.current = index;
                if let Err(error) = self.stage(states, index, &mut errors) {
                    return Err(vec![error]);
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Plan {
            stages: self.stages(states, reached),
            target: states.list[states.target].stage.unwrap_or_default(),
            lines: lines(file, states, reached, &self.steps),
            steps: self.steps,
            sources: self.sources,
            epoch: self.epoch,
        })
    }

    /// What a state starts with.
    fn open(&mut self, state: &State) -> Scope {
        if let Some(base) = state.base {
            return match self.scopes.get(&base) {
                Some(base) => Scope::of_stage(base),
                None => unreachable!("a base stands above the stage and is reached with it"),
            };
        }
        let platform = state
            .platform
            .as_ref()
            .unwrap_or(self.options.target_platform())
            .clone();
        if state.base_name == "scratch" {
            return Scope::scratch(self.options.target_platform());
        }
        let image = image_name(state, self.options);
        match self.known.get(&image) {
            Some(Resolved::Image(config)) => {
                let without_layers = config.diff_ids.is_empty() && config.history.iter().all(|entry| entry.empty_layer);
                let at = if without_layers {
                    Input::Scratch
                } else {
                    self.source(Source::Image(image))
                };
                let mut scope = Scope::of_image((**config).clone(), at, &platform);
                scope.number = 1;
                scope
            }
            Some(Resolved::Directory) | None => {
                let mut scope = Scope::scratch(&platform);
                scope.at = self.source(Source::Named(image.name));
                scope
            }
        }
    }

    /// Plans a stage; the error is that the plan has become too large.
    fn stage(&mut self, states: &States, index: usize, errors: &mut Vec<Diagnostic>) -> Result<(), Diagnostic> {
        let too_large =
            |place: &Place, spent: Result<(), String>| spent.map_err(|error| place.error("too-large", error));
        let state = &states.list[index];
        self.caching = if self.options.no_cache.covers(&state.alias) {
            Caching::Ignore
        } else {
            Caching::Use
        };
        let mut scope = self.open(state);
        scope.enter();
        too_large(&state.place, self.words.spend(scope.size()))?;
        for command in &state.commands {
            let (notes, steps) = (scope.history.len(), self.steps.len());
            if let Err(error) = self.command(&mut scope, command, states) {
                errors.push(command.place.error("instruction", error));
            }
            let noted = scope.history[notes..].iter().map(|past| past.created_by.len());
            let made = self.steps[steps..].iter().flat_map(|step| &step.definition);
            let cost = noted
                .chain(made.map(|(what, value)| what.len() + value.len() + 16))
                .sum();
            too_large(&command.place, self.words.spend(cost))?;
            scope.keep_config(notes);
        }
        self.scopes.insert(index, scope);
        Ok(())
    }

    fn command(&mut self, scope: &mut Scope, command: &Command, states: &States) -> Result<(), String> {
        match &command.instruction.kind {
            Kind::Env(pairs) => self.env(scope, pairs),
            Kind::Label(pairs) => self.label(scope, pairs),
            Kind::Arg(names) => self.arg(scope, names),
            Kind::User(user) => self.user(scope, &user.value),
            Kind::Expose(specs) => self.expose(scope, specs),
            Kind::Volume(paths) => self.volume(scope, paths),
            Kind::Stopsignal(signal) => self.stop_signal(scope, &signal.value),
            Kind::Workdir(path) => self.workdir(scope, command, &path.value),
            Kind::Copy(copy) => {
                let from = match command.sources.first() {
                    Some(source) => self.files_of(states, *source, |name| {
                        let current = states.label(self.current);
                        format!(
                            "cannot copy from stage \"{name}\", it needs to be defined before current stage \"{current}\""
                        )
                    })?,
                    None => self.source(Source::Context),
                };
                self.transfer(scope, command, copy, Verb::Copy, from)
            }
            Kind::Add(add) => {
                let context = self.source(Source::Context);
                self.transfer(scope, command, add, Verb::Add, context)
            }
            Kind::Run { mounts, .. } => {
                let mut sources = Vec::new();
                for (source, mount) in command.sources.iter().zip(mounts) {
                    sources.push(self.files_of(states, *source, |name| {
                        let target = mount_target(mount);
                        format!(
                            "cannot mount from stage \"{name}\" to \"{target}\", stage needs to be defined before \
                             current command"
                        )
                    })?);
                }
                self.run(scope, command, &sources)
            }
            Kind::Cmd(words) => {
                instructions::cmd(scope, words);
                Ok(())
            }
            Kind::Entrypoint(words) => {
                instructions::entrypoint(scope, words);
                Ok(())
            }
            Kind::Healthcheck(health) => {
                instructions::healthcheck(scope, health);
                Ok(())
            }
            Kind::Shell(words) => {
                instructions::shell(scope, words);
                Ok(())
            }
            Kind::Maintainer(name) => {
                instructions::maintainer(scope, &name.value);
                Ok(())
            }
            Kind::Onbuild(trigger) => {
                scope.config().on_build.push(trigger.original.clone());
                Ok(())
            }
            // The parser has said what is wrong with it.
            Kind::From { .. } | Kind::Unknown => Ok(()),
        }
    }

    /// The filesystem of a state that must be done by now.
    fn files_of(&self, states: &States, state: usize, too_late: impl FnOnce(&str) -> String) -> Result<Input, String> {
        match self.scopes.get(&state) {
            Some(scope) => Ok(scope.at),
            None => Err(too_late(&states.list[state].name)),
        }
    }

    fn workdir(&mut self, scope: &mut Scope, command: &Command, path: &str) -> Result<(), String> {
        let path = self.words.word(path, &scope.env)?;
        let dir = path::workdir(&scope.config().working_dir.clone(), &path);
        scope.config().working_dir.clone_from(&dir);
        scope.cwd.clone_from(&dir);
        if dir == "/" {
            scope.note(format!("WORKDIR {dir}"));
            return Ok(());
        }
        let make = MakeDir {
            path: path::clean(&dir),
            owner: (!scope.user.is_empty()).then(|| transfer::read_owner(&scope.user)),
            created: self.epoch,
        };
        let original = &command.instruction.original;
        let text = self
            .words
            .word(original, &scope.env)
            .unwrap_or_else(|_| original.clone());
        let made = Made {
            definition: definition::of_make_dir(&make),
            action: Action::MakeDir(make),
            text,
        };
        self.step(scope, command, made);
        // `--no-cache` leaves WORKDIR alone.
        if let Some(step) = self.steps.last_mut() {
            step.caching = Caching::Use;
        }
        self.note_step(scope, format!("WORKDIR {dir}"));
        Ok(())
    }

    /// Adds a step to the stage.
    pub(crate) fn step(&mut self, scope: &mut Scope, command: &Command, made: Made) {
        scope.number += 1;
        let base = scope.at;
        scope.at = Input::Step(self.push(scope, command, made, base));
    }

    /// Adds the two steps of a linked copy: one on an empty filesystem, one that lays it over the stage's.
    pub(crate) fn link_step(&mut self, scope: &mut Scope, command: &Command, made: Made) {
        scope.number += 1;
        let text = format!("LINK {}", capital_keyword(&made.text));
        let layer = self.push(scope, command, made, Input::Scratch);
        let made = Made {
            action: Action::Link { layer },
            definition: definition::of_link(),
            text,
        };
        let base = scope.at;
        scope.at = Input::Step(self.push(scope, command, made, base));
    }

    fn push(&mut self, scope: &Scope, command: &Command, made: Made, base: Input) -> usize {
        let index = self.steps.len();
        let inputs: Vec<Input> = std::iter::once(base)
            .chain(made.action.inputs())
            .map(|input| self.canonical(input))
            .collect();
        let identity = definition::identity(&made.action, &made.definition, &format!("{inputs:?}"));
        let same_as = self.identities.get(&identity).copied();
        self.identities.entry(identity).or_insert(index);
        let mut text = capital_keyword(&made.text);
        if command.is_trigger() {
            text = format!("ONBUILD {text}");
        }
        self.steps.push(Step {
            stage: self.current,
            instruction: command.index,
            span: command.place.span,
            lines: command.place.lines,
            text,
            number: scope.number,
            base,
            action: made.action,
            caching: self.caching,
            definition: made.definition,
            same_as,
        });
        index
    }

    /// Notes an entry of the history whose layer the last step makes.
    pub(crate) fn note_step(&self, scope: &mut Scope, created_by: String) {
        scope.history.push(Past {
            created_by,
            step: self.steps.len().checked_sub(1),
            config: None,
        });
    }

    /// The number of a source; equal ones are one.
    pub(crate) fn source(&mut self, source: Source) -> Input {
        let found = self.sources.iter().position(|known| *known == source);
        Input::Source(found.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        }))
    }

    pub(crate) fn build_arg(&self, name: &str) -> Option<&'a str> {
        self.options.build_arg(name)
    }

    fn canonical(&self, input: Input) -> Input {
        match input {
            Input::Step(step) => Input::Step(self.steps[step].same_as.unwrap_or(step)),
            other => other,
        }
    }

    fn stages(&self, states: &States, reached: &BTreeSet<usize>) -> Vec<Stage> {
        states
            .stages()
            .map(|(index, state)| {
                let scope = self.scopes.get(&index).filter(|_| reached.contains(&index));
                let is_target = if index == states.target {
                    IsTarget::Yes
                } else {
                    IsTarget::No
                };
                let mut needs: Vec<usize> = state
                    .base
                    .into_iter()
                    .chain(state.deps.iter().map(|(dep, _)| *dep))
                    .filter_map(|dep| states.list[dep].stage)
                    .collect();
                needs.dedup();
                Stage {
                    name: state.name.clone(),
                    label: states.label(index),
                    instruction: state.instruction,
                    lines: (state.place.lines.0, state.last_line),
                    base: match state.base {
                        Some(base) => Base::Stage(base),
                        None if state.base_name == "scratch" => Base::Scratch,
                        None => Base::Image(state.base_name.clone()),
                    },
                    needed: scope.is_some(),
                    needs,
                    output: scope.map_or(Input::Scratch, |scope| scope.at),
                    config: scope.map(|s| s.finish(self.options, is_target)).unwrap_or_default(),
                    history: scope.map(|scope| scope.history.clone()).unwrap_or_default(),
                    total: state.total,
                }
            })
            .collect()
    }
}
