//! The files of a machine that no image has: `/etc/hosts` and `/etc/resolv.conf`.

use planner::Network;
use std::net::IpAddr;

/// A line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Where it is.
    pub address: IpAddr,
}

/// `/etc/hosts` as BuildKit has it for a machine called `hostname`, with lines of `--add-host`.
///
/// Source: BuildKit, `executor/oci/hosts.go`.
pub fn hosts(hostname: &str, entries: &[HostEntry]) -> String {
    let mut text = format!("127.0.0.1\tlocalhost {hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for entry in entries {
        for part in [&entry.address.to_string(), "\t", &entry.name, "\n"] {
            text.push_str(part);
        }
    }
    text
}

/// `/etc/resolv.conf` of the machine as a command can use it: a server at a loopback address is one that only the machine's own
/// network reaches.
///
/// Source: BuildKit, `executor/oci/resolvconf.go`.
pub fn resolver(of_machine: &str, network: Network) -> String {
    if network == Network::Host {
        return of_machine.to_owned();
    }
    let is_reachable = |line: &&str| {
        let server = line.trim().strip_prefix("nameserver").map(str::trim);
        server.is_none_or(|server| !server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
    };
    let kept: Vec<&str> = of_machine.lines().filter(is_reachable).collect();
    let mut text = kept.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    if !kept.iter().any(|line| line.trim().starts_with("nameserver")) {
        // As Docker has them: any is better than none.
        text += "nameserver 8.8.8.8\nnameserver 8.8.4.4\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_buildkit_and_what_was_added() {
        let entry = HostEntry {
            name: "db".to_owned(),
            address: "10.0.0.2".parse().unwrap(),
        };
        assert_eq!(
            hosts("buildkitsandbox", &[entry]),
            "127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.2\tdb\n"
        );
    }

    #[test]
    fn a_resolver_that_only_the_machine_reaches_is_left_out() {
        let machine = "search x\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n";
        assert_eq!(resolver(machine, Network::Default), "search x\nnameserver 10.0.0.1\n");
        assert_eq!(resolver(machine, Network::Host), machine);
        assert_eq!(
            resolver("nameserver ::1\n", Network::None),
            "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
        );
    }
}
