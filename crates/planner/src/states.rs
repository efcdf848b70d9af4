//! Stages and the images that instructions name, and what each takes from which.

mod from;
mod reach;

use crate::env::Env;
use crate::options::{ImageName, Options};
use crate::place::{Place, hint};
use crate::suggest;
use crate::words::Words;
use dockerfile::{Diagnostic, Dockerfile, Instruction, Kind, Mount};
use from::read_from;
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
                format!("target stage {} could not be found", dockerfile::quote(target)),
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
