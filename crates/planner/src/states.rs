//! Stages and the images that instructions name, and what each takes from which.

use crate::env::Env;
use crate::options::{ImageName, Known, Options, Reach, Resolved};
use crate::place::{Place, hint};
use crate::words::Words;
use crate::{platform, suggest};
use dockerfile::{Diagnostic, Dockerfile, Instruction, Kind, Mount};
use oci::Platform;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A stage, or an image that a COPY or a mount names.
#[derive(Debug, Clone)]
pub(crate) struct State<'a> {
    /// Its number among the stages of the file; `None` for an image.
    pub(crate) stage: Option<usize>,
    /// The FROM's index in the file; 0 for an image.
    pub(crate) instruction: usize,
    /// In lower case; empty without `AS`.
    pub(crate) alias: String,
    /// The alias, or `stage-N`; empty for an image.
    pub(crate) name: String,
    /// After variables were replaced.
    pub(crate) base_name: String,
    /// The stage it starts from.
    pub(crate) base: Option<usize>,
    /// Where it takes files from, and where that is said.
    pub(crate) deps: Vec<(usize, Place)>,
    pub(crate) platform: Option<Platform>,
    pub(crate) commands: Vec<Command<'a>>,
    pub(crate) place: Place,
    /// The last line that belongs to it.
    pub(crate) last_line: usize,
    /// Steps as progress counts them.
    pub(crate) total: usize,
    triggers_taken: bool,
}

/// An instruction of a stage.
#[derive(Debug, Clone)]
pub(crate) struct Command<'a> {
    pub(crate) instruction: Cow<'a, Instruction>,
    /// Its index in the file; `None` for a trigger of the base image.
    pub(crate) index: Option<usize>,
    pub(crate) place: Place,
    /// For each `--from` or mount: the state it names.
    pub(crate) sources: Vec<usize>,
}

impl Command<'_> {
    pub(crate) fn is_trigger(&self) -> bool {
        self.index.is_none()
    }
}

/// All states, those of the file first.
#[derive(Debug, Clone)]
pub(crate) struct States<'a> {
    pub(crate) list: Vec<State<'a>>,
    by_name: Vec<(String, usize)>,
    /// The stage that becomes the image.
    pub(crate) target: usize,
}

/// What is reached, and which images are not known yet.
pub(crate) struct Reached {
    pub(crate) states: BTreeSet<usize>,
    pub(crate) missing: Vec<(ImageName, Place)>,
}

impl<'a> States<'a> {
    /// Reads the stages of `file` and what they name.
    pub(crate) fn read(
        file: &'a Dockerfile,
        options: &Options,
        words: Words,
        globals: &Env,
    ) -> Result<States<'a>, Diagnostic> {
        let mut states = States {
            list: Vec::new(),
            by_name: Vec::new(),
            target: 0,
        };
        for (index, instruction) in file.instructions.iter().enumerate() {
            match &instruction.kind {
                Kind::From { .. } => {
                    let state = read_from(
                        index,
                        instruction,
                        states.list.len(),
                        words,
                        globals,
                        &options.build_platform,
                    )?;
                    states.add(state);
                }
                _ => {
                    if let Some(state) = states.list.last_mut() {
                        state.last_line = instruction.lines.1;
                        state.commands.push(Command {
                            instruction: Cow::Borrowed(instruction),
                            index: Some(index),
                            place: Place::of(instruction),
                            sources: Vec::new(),
                        });
                    }
                }
            }
        }
        if states.list.is_empty() {
            let place = file.instructions.first().map(Place::of).unwrap_or_default();
            return Err(place.error_without_line("no-stages", "dockerfile contains no stages to build"));
        }
        states.replace_by_contexts(options);
        for state in &mut states.list {
            state.total = usize::from(state.base_name != "scratch" && state.base.is_none())
                + state.commands.iter().filter(|c| counts(&c.instruction.kind)).count();
        }
        states.target = states.find_target(options)?;
        states.read_sources(words)?;
        states.refuse_cycles()?;
        Ok(states)
    }

    /// The stages of the file: everything before the images that instructions name.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (usize, &State<'a>)> {
        self.list.iter().enumerate().filter(|(_, state)| state.stage.is_some())
    }

    /// What progress calls a state: nothing where there is only one.
    pub(crate) fn label(&self, state: usize) -> String {
        if self.list.len() == 1 {
            String::new()
        } else {
            self.list[state].name.clone()
        }
    }

    fn add(&mut self, mut state: State<'a>) -> usize {
        let index = self.list.len();
        state.base = self.find_exact(&state.base_name);
        if !state.alias.is_empty() {
            self.by_name.retain(|(name, _)| *name != state.alias);
            self.by_name.push((state.alias.clone(), index));
        }
        self.list.push(state);
        index
    }

    /// A stage whose name is exactly this text: `FROM Base` does not find `base`.
    fn find_exact(&self, name: &str) -> Option<usize> {
        self.by_name.iter().find(|(known, _)| known == name).map(|(_, i)| *i)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.find_exact(&name.to_lowercase())
    }

    /// A stage that has the name of a `--build-context` is that context.
    fn replace_by_contexts(&mut self, options: &Options) {
        for state in &mut self.list {
            if options.contexts.contains(&state.alias) {
                state.base_name.clone_from(&state.alias);
                state.base = None;
                state.commands.clear();
            }
        }
    }

    fn find_target(&self, options: &Options) -> Result<usize, Diagnostic> {
        let Some(target) = &options.target else {
            return Ok(self.list.len() - 1);
        };
        self.find(target).ok_or_else(|| {
            let names = self.list.iter().map(|state| state.name.as_str());
            let message = suggest::with(
                format!("target stage {} could not be found", crate::print::quoted(target)),
                target,
                names,
            );
            let known: Vec<&str> = self.list.iter().map(|state| state.name.as_str()).collect();
            hint(
                Place::default().error_without_line("unknown-target", message),
                format!("The stages of this file are: {}.", known.join(", ")),
            )
        })
    }

    /// Finds what every `--from` and mount names.
    fn read_sources(&mut self, words: Words) -> Result<(), Diagnostic> {
        let n_stages = self.list.len();
        for state in 0..n_stages {
            for command in 0..self.list[state].commands.len() {
                let found = self.list[state].commands[command].clone();
                let sources = self.sources_of(&found, words)?;
                self.depend(state, &sources, found.place);
                self.list[state].commands[command].sources = sources;
            }
        }
        Ok(())
    }

    fn depend(&mut self, state: usize, sources: &[usize], place: Place) {
        for source in sources {
            self.list[state].deps.push((*source, place));
        }
    }

    fn sources_of(&mut self, command: &Command, words: Words) -> Result<Vec<usize>, Diagnostic> {
        match &command.instruction.kind {
            Kind::Copy(copy) => match &copy.from {
                Some(from) if !from.value.is_empty() => {
                    let place = Place {
                        span: from.span,
                        ..command.place
                    };
                    Ok(vec![self.source_of_copy(&from.value, place, words)?])
                }
                _ => Ok(Vec::new()),
            },
            Kind::Run { mounts, .. } => Ok(mounts
                .iter()
                .map(|mount| {
                    let from = mount_from(mount).unwrap_or("scratch");
                    self.find(from).unwrap_or_else(|| self.add_image(from, command.place))
                })
                .collect()),
            _ => Ok(Vec::new()),
        }
    }

    fn source_of_copy(&mut self, from: &str, place: Place, words: Words) -> Result<usize, Diagnostic> {
        // Neither the text nor its quotes may mean anything: BuildKit compares it with itself expanded over nothing.
        let expanded = words
            .word(from, &Env::default())
            .map_err(|message| place.error_without_line("expansion", message))?;
        if expanded != from {
            return Err(hint(
                place.error_without_line(
                    "variable-in-from-flag",
                    "variable expansion is not supported for --from, define a new stage with FROM using ARG from global \
                     scope as a workaround",
                ),
                "Give the image a stage of its own, `FROM $IMAGE AS source`, and copy `--from=source`.",
            ));
        }
        match from.parse::<i64>() {
            Ok(index) => usize::try_from(index)
                .ok()
                .filter(|index| *index < self.list.len())
                .ok_or_else(|| {
                    hint(
                        place.error_without_line("stage-index", format!("invalid stage index {index}")),
                        format!(
                            "Stages count from 0; the last one of this file is {}.",
                            self.list.len() - 1
                        ),
                    )
                }),
            Err(_) => Ok(self.find(from).unwrap_or_else(|| self.add_image(from, place))),
        }
    }

    fn add_image(&mut self, name: &str, place: Place) -> usize {
        self.add(State {
            stage: None,
            instruction: 0,
            alias: String::new(),
            name: String::new(),
            base_name: name.to_owned(),
            base: None,
            deps: Vec::new(),
            platform: None,
            commands: Vec::new(),
            place,
            last_line: place.lines.1,
            total: 0,
            triggers_taken: false,
        })
    }

    fn refuse_cycles(&self) -> Result<(), Diagnostic> {
        let mut visited = BTreeSet::new();
        for start in 0..self.list.len() {
            if let Some(place) = self.cycle_from(start, &mut visited) {
                let message = format!("circular dependency detected on stage: {}", self.list[start].name);
                return Err(hint(
                    place.error("stage-cycle", message),
                    "A stage can only take files from stages above it.",
                ));
            }
        }
        Ok(())
    }

    /// Where a chain of dependencies that leads back to itself begins, looking from `start`. Without recursion: a
    /// file may have as many stages as lines.
    fn cycle_from(&self, start: usize, visited: &mut BTreeSet<usize>) -> Option<Place> {
        if !visited.insert(start) {
            return None;
        }
        let mut path = vec![(start, 0)];
        while let Some((state, next)) = path.last_mut() {
            let Some((dep, place)) = self.list[*state].deps.get(*next).copied() else {
                path.pop();
                continue;
            };
            *next += 1;
            if path.iter().any(|(on_path, _)| *on_path == dep) {
                let (first, taken) = path[0];
                return Some(self.list[first].deps.get(taken - 1).map_or(place, |(_, place)| *place));
            }
            if visited.insert(dep) {
                path.push((dep, 0));
            }
        }
        None
    }

    /// Everything the target needs. Triggers of known base images are added on the way, and what they name.
    pub(crate) fn reach(&mut self, options: &Options, known: &Known, words: Words) -> Result<Reached, Diagnostic> {
        loop {
            let states = self.needed_by_target(options);
            let mut missing = Vec::new();
            for (index, state) in self.list.iter().enumerate() {
                if state.base.is_some() || (state.base_name == "scratch") {
                    continue;
                }
                oci::Reference::parse(&state.base_name).map_err(|reason| {
                    state.place.error(
                        "bad-reference",
                        format!(
                            "failed to parse stage name {}: {reason}",
                            crate::print::quoted(&state.base_name)
                        ),
                    )
                })?;
                let image = image_name(state, options);
                if states.contains(&index) && !known.contains_key(&image) {
                    missing.push((image, state.place));
                }
            }
            if !missing.is_empty() || !self.take_triggers(&states, options, known, words)? {
                return Ok(Reached { states, missing });
            }
        }
    }

    fn needed_by_target(&self, options: &Options) -> BTreeSet<usize> {
        let mut todo = match options.reach {
            Reach::Target => vec![self.target],
            Reach::All => (0..self.list.len()).collect(),
        };
        let mut needed = BTreeSet::new();
        while let Some(state) = todo.pop() {
            if needed.insert(state) {
                todo.extend(self.list[state].base);
                todo.extend(self.list[state].deps.iter().map(|(dep, _)| *dep));
            }
        }
        needed
    }

    /// Puts the triggers of base images and base stages in front of the stages on top of them. Whether one of them
    /// takes files from somewhere.
    fn take_triggers(
        &mut self,
        needed: &BTreeSet<usize>,
        options: &Options,
        known: &Known,
        words: Words,
    ) -> Result<bool, Diagnostic> {
        let mut depends = false;
        for &index in needed {
            let state = &self.list[index];
            if state.triggers_taken || state.stage.is_none() {
                continue;
            }
            let triggers = match state.base {
                Some(base) => self.triggers_of_stage(base),
                None => match known.get(&image_name(state, options)) {
                    Some(Resolved::Image(config)) => config.config.on_build.clone(),
                    _ => Vec::new(),
                },
            };
            self.list[index].triggers_taken = true;
            depends |= self.add_triggers(index, &triggers, words)?;
        }
        Ok(depends)
    }

    fn triggers_of_stage(&self, stage: usize) -> Vec<String> {
        self.list[stage]
            .commands
            .iter()
            .filter_map(|command| match &command.instruction.kind {
                Kind::Onbuild(trigger) => Some(trigger.original.clone()),
                _ => None,
            })
            .collect()
    }

    fn add_triggers(&mut self, state: usize, triggers: &[String], words: Words) -> Result<bool, Diagnostic> {
        let place = self.list[state].place;
        let mut commands = Vec::new();
        for trigger in triggers {
            let instruction = read_trigger(trigger, place)?;
            let mut command = Command {
                instruction: Cow::Owned(instruction),
                index: None,
                place,
                sources: Vec::new(),
            };
            command.sources = self.sources_of(&command, words)?;
            self.depend(state, &command.sources, place);
            commands.push(command);
        }
        let depends = commands.iter().any(|command| !command.sources.is_empty());
        let state = &mut self.list[state];
        state.total += commands.len();
        state.commands.splice(0..0, commands);
        Ok(depends)
    }
}

fn read_from<'a>(
    index: usize,
    instruction: &Instruction,
    number: usize,
    words: Words,
    globals: &Env,
    host: &Platform,
) -> Result<State<'a>, Diagnostic> {
    let place = Place::of(instruction);
    let Kind::From {
        image, alias, platform, ..
    } = &instruction.kind
    else {
        unreachable!("callers pass a FROM");
    };
    let at_image = Place {
        span: image.span,
        ..place
    };
    let base = words
        .word(&image.value, globals)
        .map_err(|message| at_image.error("expansion", message))?;
    if base.is_empty() {
        return Err(hint(
            at_image.error(
                "blank-base-name",
                format!("base name ({}) should not be blank", image.value),
            ),
            "Give the ARG before the first FROM a default, or pass --build-arg.",
        ));
    }
    let platform = match platform {
        Some(platform) if !platform.value.is_empty() => {
            let at = Place {
                span: platform.span,
                ..place
            };
            Some(platform::of_from(&platform.value, at, words, globals, host)?)
        }
        _ => None,
    };
    let alias = alias.as_ref().map(|alias| alias.value.clone()).unwrap_or_default();
    Ok(State {
        stage: Some(number),
        instruction: index,
        name: if alias.is_empty() {
            format!("stage-{number}")
        } else {
            alias.clone()
        },
        alias,
        base_name: base,
        base: None,
        deps: Vec::new(),
        platform,
        commands: Vec::new(),
        place,
        last_line: instruction.lines.1,
        total: 0,
        triggers_taken: false,
    })
}

/// Whether progress counts an instruction as a step.
fn counts(kind: &Kind) -> bool {
    matches!(kind, Kind::Add(_) | Kind::Copy(_) | Kind::Run { .. } | Kind::Workdir(_))
}

fn mount_from(mount: &Mount) -> Option<&str> {
    mount
        .fields
        .iter()
        .rev()
        .find(|(key, _)| key == "from")
        .and_then(|(_, value)| value.as_deref())
        .filter(|value| !value.is_empty())
}

/// The image a state starts from, as a caller knows it.
pub(crate) fn image_name(state: &State, options: &Options) -> ImageName {
    let platform = state.platform.as_ref().unwrap_or(options.target_platform());
    ImageName {
        name: state.base_name.clone(),
        platform: platform.to_string(),
    }
}

fn read_trigger(text: &str, place: Place) -> Result<Instruction, Diagnostic> {
    let parse = dockerfile::parse_trigger(text);
    if let Some(first) = dockerfile::first_error(&parse.diagnostics) {
        return Err(place.error("bad-trigger", first.message.clone()));
    }
    match <[Instruction; 1]>::try_from(parse.dockerfile.instructions) {
        Ok([trigger]) => Ok(trigger),
        Err(_) => Err(place.error("bad-trigger", "onbuild trigger should be a single expression")),
    }
}
