//! The flags of `docker run` that only real processes feel: rights, limits, names of other machines, size of the log.

use super::{Fail, Session};
use crate::ulimit::{Ulimit, UlimitError};
use crate::units::parse_binary;
use crate::words::Call;
use engine::{LimitOptions, LogLimits, NameOptions, RightsOptions};

/// `--cap-add`, `--cap-drop`, `--security-opt`, `--group-add`.
///
/// # Errors
///
/// What Docker says of an option that is none.
pub(super) fn rights(call: &Call) -> Result<RightsOptions, Fail> {
    let mut rights = RightsOptions {
        cap_add: call.list("cap-add").to_vec(),
        cap_drop: call.list("cap-drop").to_vec(),
        groups: call.list("group-add").to_vec(),
        ..RightsOptions::default()
    };
    for option in call.list("security-opt") {
        let (key, value) = option.split_once(['=', ':']).unwrap_or((option, "true"));
        match (key, value) {
            ("seccomp", "unconfined") => rights.seccomp_unconfined = true,
            ("no-new-privileges", "true" | "false") => rights.no_new_privileges = value == "true",
            // There are no labels here to leave out.
            ("apparmor" | "label" | "systempaths", _) | ("seccomp", "builtin") => {}
            _ => {
                return Err(Fail::new(format!(
                    "invalid --security-opt: {}",
                    dockerfile::quote(option)
                )));
            }
        }
    }
    Ok(rights)
}

/// `--memory`, `--cpus`, `--pids-limit`, `--ulimit`, `--shm-size`, `--cgroup-parent`.
///
/// # Errors
///
/// What Docker says of a limit that is none.
pub(super) fn limits(call: &Call) -> Result<LimitOptions, Fail> {
    let bytes = |flag: &str| {
        call.text(flag)
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|bytes| *bytes > 0)
    };
    let ulimits: Result<Vec<(String, u64, u64)>, Fail> = call.list("ulimit").iter().map(|text| ulimit(text)).collect();
    Ok(LimitOptions {
        memory: bytes("memory"),
        cpu_millis: call.text("cpus").and_then(cpu_millis),
        // Docker takes -1 for no limit.
        pids: call
            .number("pids-limit")
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| *number > 0),
        ulimits: ulimits?,
        shm: bytes("shm-size"),
        cgroup_parent: call
            .text("cgroup-parent")
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
    })
}

/// `1.5` or `3/2`, in thousandths; `None` for as many as there are.
fn cpu_millis(text: &str) -> Option<u64> {
    let number = match text.split_once('/') {
        Some((above, below)) => above.parse::<f64>().ok()? / below.parse::<f64>().ok()?,
        None => text.parse::<f64>().ok()?,
    };
    let millis = (number * 1000.0).round();
    (millis.is_finite() && millis >= 1.0).then_some(millis as u64)
}

/// Docker's word for a flag that it cannot read goes before the reason.
fn ulimit(text: &str) -> Result<(String, u64, u64), Fail> {
    let limit: Ulimit = text.parse().map_err(|why: UlimitError| {
        let text = dockerfile::quote(text);
        Fail::new(format!("invalid argument {text} for \"--ulimit\" flag: {why}"))
    })?;
    Ok((limit.name, limit.soft, limit.hard))
}

/// `--add-host`, `--dns` and what goes with it.
pub(super) fn names(call: &Call) -> NameOptions {
    let pair = |text: &String| {
        let (name, address) = text.split_once(['=', ':']).unwrap_or((text, ""));
        let address = address.trim_start_matches('[').trim_end_matches(']');
        (name.to_owned(), address.to_owned())
    };
    NameOptions {
        hosts: call.list("add-host").iter().map(pair).collect(),
        servers: call.list("dns").to_vec(),
        search: call.list("dns-search").to_vec(),
        options: call.list("dns-option").to_vec(),
    }
}

/// `--log-opt max-size=10m`, `--log-opt max-file=3`.
///
/// # Errors
///
/// What Docker says of an option that is none.
pub(super) fn log(call: &Call, session: &Session<'_, '_>) -> Result<LogLimits, Fail> {
    let mut limits = LogLimits::default();
    if !session.host.runs_for_real() {
        return Ok(limits);
    }
    for option in call.list("log-opt") {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let wrong = || Fail::new(format!("invalid value for {key}: {}", dockerfile::quote(value)));
        match key {
            "max-size" if value == "-1" => limits.max_bytes = None,
            "max-size" => limits.max_bytes = Some(parse_binary(value).filter(|bytes| *bytes > 0).ok_or_else(wrong)?),
            "max-file" => limits.max_files = value.parse().ok().filter(|files| *files > 0).ok_or_else(wrong)?,
            _ => return Err(Fail::new(format!("unknown log opt '{key}' for json-file log driver"))),
        }
    }
    if limits.max_files > 1 && limits.max_bytes.is_none() {
        return Err(Fail::new("max-file cannot be used without max-size"));
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_numbers_or_fractions() {
        assert_eq!(cpu_millis("1.5"), Some(1500));
        assert_eq!(cpu_millis("3/2"), Some(1500));
        assert_eq!(cpu_millis("0"), None);
        assert_eq!(cpu_millis("1/0"), None);
    }
}
