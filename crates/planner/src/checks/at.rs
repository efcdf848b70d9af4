//! Where a warning stands: an instruction of the file, or the FROM whose base brings a trigger.

use crate::place::Place;
use dockerfile::{Fix, Instruction, Span, Spanned};

/// An instruction and its place.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) instruction: &'a Instruction,
    /// The FROM, if the instruction is a trigger: its own spans are not of this file.
    trigger_of: Option<Place>,
}

impl<'a> At<'a> {
    pub(super) fn file(instruction: &'a Instruction) -> At<'a> {
        At {
            instruction,
            trigger_of: None,
        }
    }

    pub(super) fn trigger(instruction: &'a Instruction, from: Place) -> At<'a> {
        At {
            instruction,
            trigger_of: Some(from),
        }
    }

    pub(super) fn line(&self) -> usize {
        self.trigger_of.map_or(self.instruction.lines.0, |from| from.lines.0)
    }

    pub(super) fn comments(&self) -> &'a [Spanned<String>] {
        if self.trigger_of.is_some() {
            &[]
        } else {
            &self.instruction.comments
        }
    }

    /// `span`, or the FROM's.
    pub(super) fn span(&self, span: Span) -> Span {
        self.trigger_of.map_or(span, |from| from.span)
    }

    /// `fix`, unless the text to mend is elsewhere.
    pub(super) fn fix(&self, fix: impl FnOnce() -> Option<Fix>) -> Option<Fix> {
        if self.trigger_of.is_some() { None } else { fix() }
    }
}
