//! Which system calls a sandbox may make: Docker's default profile as a program for the kernel's filter.
//!
//! All calls that the profile does not name fail with `EPERM`; those that are newer than the profile with `ENOSYS`, so that a
//! program that tries one falls back to what it did before. A program of one of the processor's older forms (i386 and x32 on
//! `x86_64`, arm on aarch64) has its own numbers and its own part of the filter.
//!
//! Beside Docker's rules, `ioctl` may not put characters into a terminal's input (`TIOCSTI`), and `socketcall` is not allowed:
//! its arguments cannot be seen, and `AF_ALG` must not be reached through it (CVE-2026-31431).

mod bpf;

use self::bpf::{Program, Range};
use rustix::thread::CapabilitySet;

pub(crate) use self::bpf::Instruction;

/// Name, rule, and a number for each of [`COLUMNS`].
const CALLS: &str = include_str!("seccomp/calls.txt");

#[cfg(any(test, target_arch = "x86_64"))]
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
#[cfg(any(test, target_arch = "x86_64"))]
const AUDIT_ARCH_I386: u32 = 0x4000_0003;
#[cfg(any(test, target_arch = "aarch64"))]
const AUDIT_ARCH_AARCH64: u32 = 0xc000_00b7;
const AUDIT_ARCH_ARM: u32 = 0x4000_0028;
/// Tells calls of x32 from those of `x86_64`.
#[cfg(any(test, target_arch = "x86_64"))]
const X32_BIT: u32 = 1 << 30;
/// Arm's own calls lie from here on; they are not newer than the others.
const ARM_PRIVATE: u32 = 0x000f_0000;

/// A processor's form: how the kernel names it, and which columns of the table hold its numbers.
struct Platform {
    architecture: u32,
    columns: &'static [Column],
}

struct Column {
    index: usize,
    offset: u32,
}

#[cfg(any(test, target_arch = "x86_64"))]
const X86_64: [Platform; 2] = [
    Platform {
        architecture: AUDIT_ARCH_X86_64,
        columns: &[
            Column { index: 0, offset: 0 },
            Column {
                index: 2,
                offset: X32_BIT,
            },
        ],
    },
    Platform {
        architecture: AUDIT_ARCH_I386,
        columns: &[Column { index: 1, offset: 0 }],
    },
];
#[cfg(any(test, target_arch = "aarch64"))]
const AARCH64: [Platform; 2] = [
    Platform {
        architecture: AUDIT_ARCH_AARCH64,
        columns: &[Column { index: 3, offset: 0 }],
    },
    Platform {
        architecture: AUDIT_ARCH_ARM,
        columns: &[Column { index: 4, offset: 0 }],
    },
];

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is made.
    Allow,
    /// It fails with this error number.
    Fail(u16),
    /// It is made if the first argument has none of these bits.
    WithoutBits(u32),
    /// It is made if an argument, by its index, lies in one of these ranges.
    InRanges(u32, &'static [(u32, u32)]),
}

const NOT_ALLOWED: Action = Action::Fail(libc::EPERM as u16);
const NOT_KNOWN: Action = Action::Fail(libc::ENOSYS as u16);
/// Every flag of `clone` that makes a namespace.
const NAMESPACES: Action = Action::WithoutBits(0x7e02_0000);
/// Persons that change nothing but how old programs see the kernel's version and addresses, and the question which it is.
const PERSONALITIES: Action = Action::InRanges(
    0,
    &[
        (0, 0),
        (8, 8),
        (0x20000, 0x20000),
        (0x20008, 0x20008),
        (u32::MAX, u32::MAX),
    ],
);
/// Families of addresses, without `AF_ALG` (38), `AF_VSOCK` (40) and some that nobody maintains.
const FAMILIES: Action = Action::InRanges(
    0,
    &[
        (0, 11),
        (13, 18),
        (21, 22),
        (24, 24),
        (26, 33),
        (35, 36),
        (39, 39),
        (41, 45),
    ],
);
const TIOCSTI: u32 = 0x5412;
const NO_TYPING: Action = Action::InRanges(1, &[(0, TIOCSTI - 1), (TIOCSTI + 1, u32::MAX)]);

/// The filter for processes with these capabilities, on the processor that this program was built for.
///
/// Empty on processors that the table does not know; the kernel refuses such a filter, so nothing runs unfiltered by mistake.
pub(crate) fn filter(capabilities: CapabilitySet) -> Vec<Instruction> {
    #[cfg(target_arch = "x86_64")]
    return compile(&X86_64, capabilities);
    #[cfg(target_arch = "aarch64")]
    return compile(&AARCH64, capabilities);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Vec::new()
}

fn compile(platforms: &[Platform], capabilities: CapabilitySet) -> Vec<Instruction> {
    let mut program = Program::default();
    for platform in platforms {
        program.platform(platform.architecture, &ranges(platform, capabilities));
    }
    program.finish()
}

/// All numbers, in ranges that share an action; the first begins at 0.
fn ranges(platform: &Platform, capabilities: CapabilitySet) -> Vec<Range> {
    let mut actions: Vec<(u32, Action)> = Vec::new();
    let mut ends: Vec<(u32, u32)> = Vec::new();
    for column in platform.columns {
        let mut newest = 0;
        for (rule, number) in rows(column.index) {
            let is_private = platform.architecture == AUDIT_ARCH_ARM && number >= ARM_PRIVATE;
            newest = if is_private { newest } else { newest.max(number) };
            actions.push((column.offset + number, action(rule, capabilities)));
        }
        ends.push((column.offset, column.offset + newest));
    }
    actions.sort_unstable_by_key(|(number, _)| *number);
    let mut ranges = Vec::new();
    let mut next = 0;
    for (number, action) in actions {
        fill(&mut ranges, next, number, &ends);
        put(&mut ranges, number, action);
        next = number + 1;
    }
    fill(&mut ranges, next, u32::MAX, &ends);
    ranges
}

/// What happens to the calls from `from` up to, not with, `to`, which the profile does not name.
fn fill(ranges: &mut Vec<Range>, from: u32, to: u32, ends: &[(u32, u32)]) {
    if from >= to {
        return;
    }
    let (_, newest) = ends
        .iter()
        .rev()
        .find(|(offset, _)| from >= *offset)
        .copied()
        .unwrap_or_default();
    put(ranges, from, if from > newest { NOT_KNOWN } else { NOT_ALLOWED });
    // Numbers between two columns: those of the second that come before its first.
    for (offset, _) in ends.iter().filter(|(offset, _)| (from + 1..to).contains(offset)) {
        put(ranges, *offset, NOT_ALLOWED);
    }
}

fn put(ranges: &mut Vec<Range>, first: u32, action: Action) {
    if ranges.last().is_none_or(|last| last.action != action) {
        ranges.push(Range { first, action });
    }
}

/// What happens to each call that the table names, for processes with these capabilities.
pub(crate) fn actions(capabilities: CapabilitySet) -> impl Iterator<Item = (&'static str, Action)> {
    CALLS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(move |line| {
            let mut words = line.split(' ');
            let (name, rule) = (words.next()?, words.next()?);
            Some((name, action(rule, capabilities)))
        })
}

/// Rules and numbers of one column of the table.
fn rows(index: usize) -> impl Iterator<Item = (&'static str, u32)> {
    CALLS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(move |line| {
            let mut words = line.split(' ').skip(1);
            let rule = words.next()?;
            let number = words.nth(index)?.parse().ok()?;
            Some((rule, number))
        })
}

fn action(rule: &str, capabilities: CapabilitySet) -> Action {
    let has = |name| CapabilitySet::from_name(name).is_some_and(|one| capabilities.contains(one));
    let is_admin = capabilities.contains(CapabilitySet::SYS_ADMIN);
    match rule {
        "always" => Action::Allow,
        "clone" | "clone3" if is_admin => Action::Allow,
        "clone" => NAMESPACES,
        // Its flags lie in memory, where the filter cannot look: as if the kernel were older than the call.
        "clone3" => NOT_KNOWN,
        "personality" => PERSONALITIES,
        "socket" => FAMILIES,
        "ioctl" => NO_TYPING,
        names if names.split('|').any(has) => Action::Allow,
        _ => NOT_ALLOWED,
    }
}

#[cfg(test)]
mod tests;
