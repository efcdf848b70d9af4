//! Which ports of the machine lead to a container, and what a person should know of its network.

use super::ports::Forward;
use engine::{Container, Daemon, Protocol, Refusal};
use sandbox::NetworkUsed;

pub(super) fn network_warnings(container: &Container, used: &NetworkUsed) -> Vec<String> {
    match used {
        NetworkUsed::HostForLackOfHelper { reason } if container.options.network == engine::Network::Bridge => {
            vec![format!("the container uses the machine's own network: {reason}")]
        }
        _ => Vec::new(),
    }
}

pub(super) fn port_warnings(container: &Container) -> Vec<String> {
    let mut others = container
        .options
        .ports
        .iter()
        .filter(|port| port.protocol != Protocol::Tcp);
    let other = others.next().map(|port| {
        format!(
            "port {}/{} is not forwarded: only TCP is",
            port.container, port.protocol
        )
    });
    other.into_iter().collect()
}

/// The ports of the machine that are to lead to a container.
pub(super) fn forwards(daemon: &Daemon, container: &Container) -> Result<Vec<Forward>, Refusal> {
    let bindings = daemon.port_bindings(container)?;
    let is_v4 = |port: u16| {
        bindings
            .iter()
            .any(|other| other.host == port && other.host_ip == "0.0.0.0")
    };
    // What listens to all of IPv6 would listen to IPv4, too.
    let wanted = bindings
        .iter()
        .filter(|binding| binding.protocol == Protocol::Tcp && !(binding.host_ip == "::" && is_v4(binding.host)));
    Ok(wanted
        .map(|binding| Forward {
            address: binding.host_ip.clone(),
            host: binding.host,
            container: binding.container,
        })
        .collect())
}
