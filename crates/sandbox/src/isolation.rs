//! What of the kernel's means is there, and what is used in the place of what is not.

/// Whether this process is in a user namespace that the machine's first processes are not in.
pub(crate) fn in_user_namespace() -> bool {
    // The first namespace maps every number to itself.
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.split_whitespace().eq(["0", "0", "4294967295"]))
}
