//! What a process may do: capabilities, identity and limits.

use crate::error::{Doing as _, SandboxError};
use crate::spec::{Rights, User};
use rustix::io::Errno;
use rustix::process::{Gid, Resource, Rlimit, Uid, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// Docker's own.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// The capabilities that `rights` come to, as far as this process has them itself.
///
/// # Errors
///
/// [`SandboxError::Refused`] for a name that is none.
pub(crate) fn capabilities(rights: &Rights) -> Result<CapabilitySet, SandboxError> {
    let known = CapabilitySet::from_bits_retain((1 << (last_capability() + 1)) - 1);
    // Nobody gives away what it has not: a machine may run this program with less than everything.
    let own = rustix::thread::capabilities(None)
        .doing("ask for capabilities")?
        .permitted;
    let all = known & own;
    if rights.privileged {
        return Ok(all);
    }
    let named = |names: &[String]| -> Result<CapabilitySet, SandboxError> {
        names
            .iter()
            .map(|name| by_name(name, all))
            .try_fold(CapabilitySet::empty(), |set, next| Ok(set | next?))
    };
    let (add, drop) = (named(&rights.cap_add)?, named(&rights.cap_drop)?);
    // As Docker has it: what is added by its own name stays, whatever is dropped by `ALL`.
    let is_all = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    let set = match (is_all(&rights.cap_add), is_all(&rights.cap_drop)) {
        (true, _) => all - drop,
        (false, true) => add,
        (false, false) => (DEFAULT - drop) | add,
    };
    Ok(set & all)
}

fn by_name(name: &str, all: CapabilitySet) -> Result<CapabilitySet, SandboxError> {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
    match short {
        "ALL" => Ok(all),
        _ => CapabilitySet::from_name(short).ok_or_else(|| SandboxError::Refused {
            path: name.to_owned(),
            expected: "the name of a capability".to_owned(),
            found: "none that is known".to_owned(),
        }),
    }
}

/// Number of the last capability that this kernel knows.
fn last_capability() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    text.trim().parse().unwrap_or(40).min(62)
}

/// Takes away, for good, every capability but `kept`.
pub(super) fn bound(kept: CapabilitySet) -> Result<(), SandboxError> {
    for number in 0..=last_capability() {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if !kept.contains(capability) {
            remove_capability_from_bounding_set(capability).doing("drop capabilities")?;
        }
    }
    Ok(())
}

/// Becomes the user. The capabilities go with it; what the program has of them the kernel decides when it is run.
///
/// None is inheritable (CVE-2022-24769), none ambient; the groups are those of `user` and no others (CVE-2022-2990).
pub(super) fn become_user(user: &User, kept: CapabilitySet) -> Result<(), SandboxError> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    set_keep_capabilities(true).doing("keep capabilities")?;
    match set_thread_groups(&groups) {
        // A namespace with one user has no say over groups, and nothing but its own.
        Err(Errno::PERM) if groups.iter().all(|group| *group == gid) => Ok(()),
        set => set,
    }
    .doing("set the groups")?;
    set_thread_res_gid(gid, gid, gid).doing_with(|| format!("become group {}", user.gid))?;
    set_thread_res_uid(uid, uid, uid).doing_with(|| format!("become user {}", user.uid))?;
    clear_ambient_capability_set().doing("drop capabilities")?;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).doing("set capabilities")?;
    set_keep_capabilities(false).doing("keep capabilities")
}

/// Sets the `ulimit`s.
pub(super) fn limit(ulimits: &[(String, u64, u64)]) -> Result<(), SandboxError> {
    for (name, soft, hard) in ulimits {
        let resource = resource(name).ok_or_else(|| SandboxError::Refused {
            path: name.clone(),
            expected: "the name of a limit".to_owned(),
            found: "none that is known".to_owned(),
        })?;
        // The largest number stands for no limit.
        let value = |number: u64| (number != u64::MAX).then_some(number);
        let limit = Rlimit {
            current: value(*soft),
            maximum: value(*hard),
        };
        setrlimit(resource, limit).doing_with(|| format!("set the limit {name:?}"))?;
    }
    Ok(())
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "as" => Resource::As,
        "core" => Resource::Core,
        "cpu" => Resource::Cpu,
        "data" => Resource::Data,
        "fsize" => Resource::Fsize,
        "locks" => Resource::Locks,
        "memlock" => Resource::Memlock,
        "msgqueue" => Resource::Msgqueue,
        "nice" => Resource::Nice,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "rss" => Resource::Rss,
        "rtprio" => Resource::Rtprio,
        "rttime" => Resource::Rttime,
        "sigpending" => Resource::Sigpending,
        "stack" => Resource::Stack,
        _ => return None,
    })
}
