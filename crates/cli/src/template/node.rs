//! The parts of a template.

use super::Value;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// Printed as it is.
    Text(String),
    /// `{{pipeline}}`.
    Action(Pipeline),
    /// `{{if}}`, `{{with}}` or `{{range}}`.
    Branch(Branch),
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
}

/// What decides whether something is printed, and how often.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub kind: BranchKind,
    pub pipeline: Pipeline,
    pub then: Vec<Item>,
    pub otherwise: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BranchKind {
    If,
    With,
    Range,
}

impl BranchKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            BranchKind::If => "if",
            BranchKind::With => "with",
            BranchKind::Range => "range",
        }
    }
}

/// Commands, each given the result of the one before it.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Variables, with `$`, that take the result.
    pub variables: Vec<String>,
    /// They exist already.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// A function or a value, and arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub operands: Vec<Operand>,
}

/// A part of a command, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub at: At,
    pub kind: Kind,
}

/// Line from 1, byte in the line from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Dot,
    Nil,
    Bool(bool),
    /// As written, and what it means.
    Constant(String, Value),
    /// `.A.B`.
    Field(Vec<String>),
    /// `$x.A.B`; the name with `$`.
    Variable(String, Vec<String>),
    /// `(pipeline).A.B`.
    Chain(Box<Operand>, Vec<String>),
    Function(String),
    Pipeline(Box<Pipeline>),
}

/// As Go writes it in an error.
impl std::fmt::Display for Operand {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = |out: &mut std::fmt::Formatter<'_>, names: &[String]| {
            names.iter().try_for_each(|name| write!(out, ".{name}"))
        };
        match &self.kind {
            Kind::Dot => out.write_str("."),
            Kind::Nil => out.write_str("nil"),
            Kind::Bool(on) => write!(out, "{on}"),
            Kind::Constant(text, _) | Kind::Function(text) => out.write_str(text),
            Kind::Field(names) => fields(out, names),
            Kind::Variable(name, names) => {
                out.write_str(name)?;
                fields(out, names)
            }
            Kind::Chain(base, names) => {
                if matches!(base.kind, Kind::Pipeline(_)) {
                    write!(out, "{base}")?;
                } else {
                    write!(out, "({base})")?;
                }
                fields(out, names)
            }
            Kind::Pipeline(pipeline) => write!(out, "({pipeline})"),
        }
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, operand) in self.operands.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(out, "{gap}{operand}")?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Pipeline {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(out, "{} {sign} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            let gap = if index == 0 { "" } else { " | " };
            write!(out, "{gap}{command}")?;
        }
        Ok(())
    }
}
