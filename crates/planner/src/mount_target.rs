//! Where a mount of a RUN goes, as written: for naming the mount in a message.

/// The text of `target` or one of its other names; empty if there is none.
pub(crate) fn mount_target(mount: &dockerfile::Mount) -> &str {
    mount
        .fields
        .iter()
        .find(|(key, _)| matches!(key.as_str(), "target" | "dst" | "destination"))
        .and_then(|(_, value)| value.as_deref())
        .unwrap_or_default()
}
