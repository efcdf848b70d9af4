//! What a target needs, with the triggers that base images bring.

use super::{Command, Reached, States, image_name};
use crate::options::{Known, Options, Reach, Resolved};
use crate::place::Place;
use crate::words::Words;
use dockerfile::{Diagnostic, Instruction, Kind};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl States<'_> {
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
                            dockerfile::quote(&state.base_name)
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
