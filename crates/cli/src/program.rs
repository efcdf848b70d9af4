//! The program that the commands belong to: what it is called, and what may stand on all its command lines.

use crate::grammar::{Flag, GLOBAL};

/// A program that speaks the command language.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What a person types: `docker`.
    pub name: &'static str,
    /// Flags before the command.
    pub global: &'static [Flag],
    /// Flags before the command, and among those of every command.
    pub everywhere: &'static [Flag],
}

/// Docker's own.
pub const DOCKER: Program = Program {
    name: "docker",
    global: GLOBAL,
    everywhere: &[],
};
