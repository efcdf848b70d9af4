//! Programs for the kernel's filter of system calls: a search tree over numbers for each form of the processor.

use super::Action;

/// One instruction, as the kernel has it (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) value: u32,
}

/// Loads a word of the call's data.
pub(super) const LOAD: u16 = 0x20;
/// Goes on `value` instructions later.
pub(super) const JUMP: u16 = 0x05;
/// Branches on equality.
pub(super) const IF_EQUAL: u16 = 0x15;
/// Branches on greater than.
pub(super) const IF_GREATER: u16 = 0x25;
/// Branches on greater than or equal.
pub(super) const IF_AT_LEAST: u16 = 0x35;
/// Branches on common bits.
pub(super) const IF_BITS: u16 = 0x45;
/// Ends with a verdict.
pub(super) const RETURN: u16 = 0x06;

pub(super) const VERDICT_ALLOW: u32 = 0x7fff_0000;
pub(super) const VERDICT_ERRNO: u32 = 0x0005_0000;
pub(super) const VERDICT_KILL: u32 = 0x8000_0000;

const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;

/// Numbers from `first` up to the next range, and what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u32,
    pub(super) action: Action,
}

/// A program in the making.
#[derive(Default)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// Adds the part for one form of the processor.
    pub(super) fn platform(&mut self, architecture: u32, ranges: &[Range]) {
        let mut part = vec![statement(LOAD, NUMBER_AT)];
        part.extend(search(ranges));
        self.instructions.push(statement(LOAD, ARCHITECTURE_AT));
        self.instructions.push(branch(IF_EQUAL, architecture, 1, 0));
        self.instructions.push(statement(JUMP, part.len() as u32));
        self.instructions.extend(part);
    }

    /// Ends the program: a process of a form that has no part is killed.
    pub(super) fn finish(mut self) -> Vec<Instruction> {
        self.instructions.push(statement(RETURN, VERDICT_KILL));
        self.instructions
    }
}

/// Finds the range of the loaded number by halves.
fn search(ranges: &[Range]) -> Vec<Instruction> {
    let (low, high) = match ranges {
        [] => return vec![statement(RETURN, VERDICT_KILL)],
        [range] => return perform(range.action),
        _ => ranges.split_at(ranges.len() / 2),
    };
    let (first, low, high) = (high[0].first, search(low), search(high));
    let mut program = match u8::try_from(low.len()) {
        Ok(distance) => vec![branch(IF_AT_LEAST, first, distance, 0)],
        // A branch reaches 255 instructions, a jump any.
        Err(_) => vec![branch(IF_AT_LEAST, first, 0, 1), statement(JUMP, low.len() as u32)],
    };
    program.extend(low);
    program.extend(high);
    program
}

fn perform(action: Action) -> Vec<Instruction> {
    let allow = statement(RETURN, VERDICT_ALLOW);
    let not_allowed = statement(RETURN, VERDICT_ERRNO | libc::EPERM as u32);
    match action {
        Action::Allow => vec![allow],
        Action::Fail(errno) => vec![statement(RETURN, VERDICT_ERRNO | u32::from(errno))],
        Action::WithoutBits(bits) => vec![argument(0), branch(IF_BITS, bits, 0, 1), not_allowed, allow],
        Action::InRanges(index, ranges) => {
            let mut program = vec![argument(index)];
            for (first, last) in ranges {
                // Below the range: the next one. Above it: the next one, too. Within: allowed.
                program.push(branch(IF_AT_LEAST, *first, 0, 2));
                program.push(branch(IF_GREATER, *last, 1, 0));
                program.push(allow);
            }
            program.push(not_allowed);
            program
        }
    }
}

/// Loads the lower half of an argument: the kernel takes no more of those that have rules, so neither does the filter.
fn argument(index: u32) -> Instruction {
    let lower_half = if cfg!(target_endian = "big") { 4 } else { 0 };
    statement(LOAD, ARGUMENTS_AT + 8 * index + lower_half)
}

fn statement(code: u16, value: u32) -> Instruction {
    branch(code, value, 0, 0)
}

fn branch(code: u16, value: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code,
        if_true,
        if_false,
        value,
    }
}
