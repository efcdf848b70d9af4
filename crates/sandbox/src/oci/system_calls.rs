//! The filter of system calls as an OCI runtime is told it.

use crate::seccomp::{Action, actions};
use rustix::thread::CapabilitySet;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The rules for processes with these capabilities.
pub(super) fn rules(capabilities: CapabilitySet) -> Value {
    let mut allowed: Vec<&str> = Vec::new();
    let mut failing: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    let mut rules = Vec::new();
    for (name, action) in actions(capabilities) {
        match action {
            Action::Allow => allowed.push(name),
            // All others fail so anyway.
            Action::Fail(errno) if i32::from(errno) == libc::EPERM => {}
            Action::Fail(errno) => failing.entry(errno).or_default().push(name),
            Action::WithoutBits(bits) => rules.push(json!({
                "names": [name],
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": bits, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
            })),
            Action::InRanges(index, ranges) => rules.extend(in_ranges(name, index, ranges)),
        }
    }
    rules.push(json!({"names": allowed, "action": "SCMP_ACT_ALLOW"}));
    rules.extend(
        failing
            .into_iter()
            .map(|(errno, names)| json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno})),
    );
    let architectures = if cfg!(target_arch = "aarch64") {
        vec!["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    } else {
        vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    };
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": libc::EPERM,
        "architectures": architectures,
        "syscalls": rules,
    })
}

/// A runtime takes one comparison an argument and rule, so a range is spelled out; all but one value is one comparison, too.
fn in_ranges(name: &str, index: u32, ranges: &[(u32, u32)]) -> Vec<Value> {
    let rule = |value: u32, op: &str| json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [{"index": index, "value": value, "op": op}]});
    match ranges {
        [(0, before), (after, u32::MAX)] if before + 2 == *after => vec![rule(before + 1, "SCMP_CMP_NE")],
        _ => ranges
            .iter()
            .flat_map(|(first, last)| *first..=*last)
            .map(|value| rule(value, "SCMP_CMP_EQ"))
            .collect(),
    }
}
