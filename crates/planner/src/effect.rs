//! What sort of effect an instruction has, where no plan tells.

use dockerfile::{Instruction, Kind};

/// What an instruction has an effect on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It starts a stage.
    Base,
    /// It can change files, so it is a step.
    Files,
    /// It changes the configuration only.
    Config,
    /// It says nothing, because it cannot be read.
    Nothing,
}

/// What `instruction` has an effect on, as far as its kind alone tells.
pub fn effect(instruction: &Instruction) -> Effect {
    match instruction.kind {
        Kind::From { .. } => Effect::Base,
        Kind::Run { .. } | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => Effect::Files,
        Kind::Unknown => Effect::Nothing,
        _ => Effect::Config,
    }
}
