//! EXPOSE.

use super::at::At;
use super::fixes;
use super::report::{Finding, Report};
use super::stages::{State, Walk};
use dockerfile::{Spanned, expand};

pub(super) fn check(walk: &Walk<'_>, at: At<'_>, list: &[Spanned<String>], state: &State, report: &mut Report<'_>) {
    let mut sorted: Vec<&Spanned<String>> = list.iter().collect();
    sorted.sort_by_key(|word| word.value.as_str());
    for word in sorted {
        let env = |name: &str| state.env.get(name).map(ToOwned::to_owned);
        let Ok(ports) = expand::words(&word.value, walk.file.escape, &env) else {
            return;
        };
        for port in ports {
            if port_is_wrong(at, word, &port, report) {
                return;
            }
        }
    }
}

/// Looks at one port; whether it is one that BuildKit refuses.
fn port_is_wrong(at: At<'_>, word: &Spanned<String>, port: &str, report: &mut Report<'_>) -> bool {
    let (outside, container) = port.rsplit_once(':').unwrap_or(("", port));
    let (number, protocol) = container.split_once('/').unwrap_or((container, ""));
    let lower = protocol.to_lowercase();
    if number.is_empty() || !matches!(lower.as_str(), "" | "tcp" | "udp" | "sctp") {
        return true;
    }
    let is_plain = word.value == port;
    let mut good = number.to_owned();
    if !lower.is_empty() {
        good = format!("{number}/{lower}");
    }
    if protocol != lower {
        let lowered = port
            .strip_suffix(protocol)
            .map(|rest| format!("{rest}{lower}"))
            .unwrap_or_default();
        report.add(
            at,
            Finding {
                rule: "ExposeProtoCasing",
                span: at.span(word.span),
                message: format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase"),
                hint: "",
                fix: at.fix(|| is_plain.then(|| fixes::replace(word.span, &lowered))),
            },
        );
    }
    // `:80` and `::80` have neither an address nor a port of the host; more colons make an address.
    if outside.split(':').any(|part| !part.is_empty()) || outside.contains("::") {
        report.add(
            at,
            Finding {
                rule: "ExposeInvalidFormat",
                span: at.span(word.span),
                message: format!(
                    "EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
                ),
                hint: "name the container's port alone; docker run -p says where it appears",
                fix: at.fix(|| is_plain.then(|| fixes::replace(word.span, &good))),
            },
        );
    }
    false
}
