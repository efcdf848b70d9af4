//! The filter, run by an interpreter of its instructions.

use super::bpf::{
    IF_AT_LEAST, IF_BITS, IF_EQUAL, IF_GREATER, JUMP, LOAD, RETURN, VERDICT_ALLOW, VERDICT_ERRNO, VERDICT_KILL,
};
use super::*;

/// What the kernel would do with a call.
fn verdict(program: &[Instruction], architecture: u32, number: u32, arguments: [u64; 2]) -> u32 {
    let mut data = Vec::new();
    data.extend(number.to_le_bytes());
    data.extend(architecture.to_le_bytes());
    data.extend([0; 8]);
    data.extend(arguments.iter().flat_map(|argument| argument.to_le_bytes()));
    data.resize(64, 0);
    let (mut loaded, mut at) = (0_u32, 0_usize);
    loop {
        let Instruction {
            code,
            if_true,
            if_false,
            value,
        } = program[at];
        at += 1;
        let holds = match code {
            LOAD => {
                assert_eq!(value % 4, 0, "the kernel refuses words that are not aligned");
                let offset = value as usize;
                loaded = u32::from_le_bytes(data[offset..offset + 4].try_into().unwrap());
                continue;
            }
            JUMP => {
                at += value as usize;
                continue;
            }
            RETURN => return value,
            IF_EQUAL => loaded == value,
            IF_GREATER => loaded > value,
            IF_AT_LEAST => loaded >= value,
            IF_BITS => loaded & value != 0,
            other => panic!("no such instruction: {other:#x}"),
        };
        at += usize::from(if holds { if_true } else { if_false });
    }
}

const EPERM: u32 = VERDICT_ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = VERDICT_ERRNO | libc::ENOSYS as u32;
const NONE: CapabilitySet = CapabilitySet::empty();

fn number(name: &str, column: usize) -> u32 {
    let row = CALLS.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    row.split(' ').nth(2 + column).unwrap().parse().unwrap()
}

fn on_x86_64(capabilities: CapabilitySet, name: &str, arguments: [u64; 2]) -> u32 {
    verdict(
        &compile(&X86_64, capabilities),
        AUDIT_ARCH_X86_64,
        number(name, 0),
        arguments,
    )
}

#[test]
fn every_call_of_the_table_has_its_verdict_on_every_platform() {
    let columns = [
        (&X86_64, AUDIT_ARCH_X86_64, 0, 0),
        (&X86_64, AUDIT_ARCH_I386, 1, 0),
        (&X86_64, AUDIT_ARCH_X86_64, 2, X32_BIT),
        (&AARCH64, AUDIT_ARCH_AARCH64, 3, 0),
        (&AARCH64, AUDIT_ARCH_ARM, 4, 0),
    ];
    for (platforms, architecture, column, offset) in columns {
        let program = compile(platforms, NONE);
        assert!(
            program.len() < 4096,
            "the kernel takes no more, found {}",
            program.len()
        );
        let rules: std::collections::BTreeMap<u32, &str> = rows(column).map(|(rule, number)| (number, rule)).collect();
        assert!(rules.len() > 250, "{column}: {}", rules.len());
        let newest = rules.range(..ARM_PRIVATE).next_back().map_or(0, |(newest, _)| *newest);
        for call in 0..600 {
            let expected = match rules.get(&call).copied() {
                Some("always" | "clone" | "socket" | "personality" | "ioctl") => VERDICT_ALLOW,
                Some("clone3") => ENOSYS,
                None if call > newest => ENOSYS,
                _ => EPERM,
            };
            let found = verdict(&program, architecture, offset + call, [0, 0]);
            assert_eq!(
                found,
                expected,
                "column {column}, call {call}, rule {:?}",
                rules.get(&call)
            );
        }
    }
}

#[test]
fn calls_that_are_newer_than_the_profile_are_as_if_the_kernel_were_older() {
    let program = compile(&X86_64, NONE);
    assert_eq!(verdict(&program, AUDIT_ARCH_X86_64, 5000, [0, 0]), ENOSYS);
    assert_eq!(verdict(&program, AUDIT_ARCH_X86_64, X32_BIT + 5000, [0, 0]), ENOSYS);
    assert_eq!(verdict(&program, AUDIT_ARCH_X86_64, u32::MAX, [0, 0]), ENOSYS);
    assert_eq!(
        verdict(&compile(&AARCH64, NONE), AUDIT_ARCH_ARM, 0x000f_0002, [0, 0]),
        VERDICT_ALLOW
    );
}

#[test]
fn processors_of_another_kind_are_not_served() {
    let program = compile(&X86_64, NONE);
    assert_eq!(verdict(&program, AUDIT_ARCH_AARCH64, 0, [0, 0]), VERDICT_KILL);
}

#[test]
fn capabilities_open_the_calls_that_need_them() {
    for (name, capability) in [
        ("mount", CapabilitySet::SYS_ADMIN),
        ("bpf", CapabilitySet::BPF),
        ("bpf", CapabilitySet::SYS_ADMIN),
        ("reboot", CapabilitySet::SYS_BOOT),
        ("clone3", CapabilitySet::SYS_ADMIN),
        ("settimeofday", CapabilitySet::SYS_TIME),
    ] {
        assert_ne!(on_x86_64(NONE, name, [0, 0]), VERDICT_ALLOW, "{name}");
        assert_eq!(on_x86_64(capability, name, [0, 0]), VERDICT_ALLOW, "{name}");
    }
    assert_eq!(on_x86_64(NONE, "ptrace", [0, 0]), VERDICT_ALLOW);
}

#[test]
fn namespaces_need_the_capability_of_the_administrator() {
    const SIGCHLD: u64 = 17;
    const NEW_USER: u64 = 0x1000_0000;
    assert_eq!(on_x86_64(NONE, "clone", [SIGCHLD, 0]), VERDICT_ALLOW);
    assert_eq!(on_x86_64(NONE, "clone", [SIGCHLD | NEW_USER, 0]), EPERM);
    assert_eq!(
        on_x86_64(CapabilitySet::SYS_ADMIN, "clone", [SIGCHLD | NEW_USER, 0]),
        VERDICT_ALLOW
    );
    assert_eq!(on_x86_64(NONE, "unshare", [NEW_USER, 0]), EPERM);
}

#[test]
fn cve_2026_31431_kernel_cryptography_cannot_be_reached_by_sockets() {
    const ALG: u64 = 38;
    const VSOCK: u64 = 40;
    for family in [1, 2, 10, 16, 17, 44] {
        assert_eq!(on_x86_64(NONE, "socket", [family, 1]), VERDICT_ALLOW, "{family}");
    }
    for family in [ALG, VSOCK, 12, 46, u64::from(u32::MAX)] {
        assert_eq!(on_x86_64(NONE, "socket", [family, 1]), EPERM, "{family}");
    }
    // The kernel looks at the lower half only, so bits above it change nothing.
    assert_eq!(on_x86_64(NONE, "socket", [ALG | 1 << 32, 1]), EPERM);
    // What i386 has in its place hides its arguments.
    let program = compile(&X86_64, CapabilitySet::all());
    assert_eq!(verdict(&program, AUDIT_ARCH_I386, 102, [1, 0]), EPERM);
}

#[test]
fn nobody_types_into_a_terminal_and_few_personalities_are_left() {
    const TCGETS: u64 = 0x5401;
    assert_eq!(on_x86_64(NONE, "ioctl", [0, TCGETS]), VERDICT_ALLOW);
    assert_eq!(on_x86_64(NONE, "ioctl", [0, u64::from(TIOCSTI)]), EPERM);
    assert_eq!(on_x86_64(NONE, "ioctl", [0, u64::from(TIOCSTI) | 1 << 32]), EPERM);
    assert_eq!(on_x86_64(NONE, "personality", [0xffff_ffff, 0]), VERDICT_ALLOW);
    assert_eq!(on_x86_64(NONE, "personality", [0x0040_0000, 0]), EPERM);
}
