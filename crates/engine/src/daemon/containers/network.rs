//! Ports of the host that lead into containers, and addresses on the bridge.

use super::super::{Daemon, Refusal};
use super::{Container, Network, PortMapping};
use oci::Digest;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Ports that the host gives out by itself.
const EPHEMERAL: (u16, u16) = (32768, 60999);

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        })
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Protocol, ()> {
        match text.to_lowercase().as_str() {
            "tcp" => Ok(Protocol::Tcp),
            "udp" => Ok(Protocol::Udp),
            "sctp" => Ok(Protocol::Sctp),
            _ => Err(()),
        }
    }
}

/// A port of the host that leads to one of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortBinding {
    /// The container's port.
    pub container: u16,
    /// How.
    pub protocol: Protocol,
    /// The host's address: `0.0.0.0`, `::`, or the one that was asked for.
    pub host_ip: String,
    /// The host's port.
    pub host: u16,
}

/// Which ports of the host are taken: by protocol, port and kind of address, with the addresses.
#[derive(Default)]
struct Taken(BTreeMap<(Protocol, u16, bool), Vec<String>>);

impl Taken {
    fn add(&mut self, binding: &PortBinding) {
        self.0.entry(key(binding)).or_default().push(binding.host_ip.clone());
    }

    /// Whether both cannot be there at once.
    fn clashes(&self, binding: &PortBinding) -> bool {
        let is_any = |ip: &str| ip == "0.0.0.0" || ip == "::";
        let mut ips = self.0.get(&key(binding)).into_iter().flatten();
        ips.any(|ip| *ip == binding.host_ip || is_any(ip) || is_any(&binding.host_ip))
    }
}

fn key(binding: &PortBinding) -> (Protocol, u16, bool) {
    (binding.protocol, binding.host, binding.host_ip.contains(':'))
}

impl Daemon {
    /// The container that answers at a port of this machine, and the port there.
    pub fn listener(&self, host_port: u16, protocol: Protocol) -> Option<(&Container, u16)> {
        self.containers()
            .filter(|container| container.state.status == super::Status::Running)
            .find_map(|container| {
                let mut ports = container.state.ports.iter();
                let found = ports.find(|port| port.host == host_port && port.protocol == protocol)?;
                Some((container, found.container))
            })
    }

    /// The bindings that the ports of a container get when it is started.
    ///
    /// # Errors
    ///
    /// [`Refusal::PortTaken`] if another container has one.
    pub fn port_bindings(&self, container: &Container) -> Result<Vec<PortBinding>, Refusal> {
        self.bind_ports(container).map(|(bindings, _)| bindings)
    }

    /// The bindings that the ports of a container get, and the last port that was given out.
    pub(super) fn bind_ports(&self, container: &Container) -> Result<(Vec<PortBinding>, u16), Refusal> {
        let mut last = self.containers.last_port;
        let mut bindings = Vec::new();
        if container.options.network != Network::Bridge {
            return Ok((bindings, last));
        }
        let mut taken = Taken::default();
        for other in self.containers().filter(|other| other.id != container.id) {
            for binding in &other.state.ports {
                taken.add(binding);
            }
        }
        for mapping in wanted(container) {
            let made = |port: u16| -> Vec<PortBinding> {
                let ips: &[&str] = match mapping.host_ip.as_str() {
                    "" => &["0.0.0.0", "::"],
                    ip => &[ip],
                };
                let binding = |ip: &&str| PortBinding {
                    container: mapping.container,
                    protocol: mapping.protocol,
                    host_ip: (*ip).to_owned(),
                    host: port,
                };
                ips.iter().map(binding).collect()
            };
            let is_free = |port: &u16| !made(*port).iter().any(|binding| taken.clashes(binding));
            let found = if let Some((first, end)) = mapping.host.filter(|(first, _)| *first != 0) {
                (first..=end).find(is_free)
            } else {
                let found = ephemeral_after(last).find(is_free);
                last = found.unwrap_or(last);
                found
            };
            let Some(port) = found else {
                let ip = if mapping.host_ip.is_empty() {
                    "0.0.0.0"
                } else {
                    &mapping.host_ip
                };
                return Err(Refusal::PortTaken {
                    name: container.name.clone(),
                    endpoint: Digest::of(format!("endpoint {}", container.id).as_bytes()).hex(),
                    address: format!("{ip}:{}", mapping.host.map_or(0, |(first, _)| first)),
                });
            };
            let made = made(port);
            for binding in &made {
                taken.add(binding);
            }
            bindings.extend(made);
        }
        bindings.sort();
        Ok((bindings, last))
    }

    /// The lowest address on the bridge that no running container has.
    pub(super) fn free_address(&self, container: &Container) -> Option<[u8; 4]> {
        if container.options.network != Network::Bridge {
            return None;
        }
        let is_taken = |address: [u8; 4]| self.containers().any(|other| other.state.address == Some(address));
        (2..=65_533u16)
            .map(|host| [172, 17, (host >> 8) as u8, host as u8])
            .find(|address| !is_taken(*address))
    }
}

/// The mappings that were asked for, and with `-P` those of all exposed ports that none of them names.
fn wanted(container: &Container) -> Vec<PortMapping> {
    let mut wanted = container.options.ports.clone();
    if container.options.publish_all {
        for text in &container.config.exposed_ports {
            let Some((container, protocol)) = parse_port(text) else {
                continue;
            };
            if !wanted
                .iter()
                .any(|known| (known.container, known.protocol) == (container, protocol))
            {
                wanted.push(PortMapping {
                    host_ip: String::new(),
                    host: None,
                    container,
                    protocol,
                });
            }
        }
    }
    wanted
}

/// `80/tcp`.
pub(super) fn parse_port(text: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    Some((port.parse().ok()?, protocol.parse().ok()?))
}

/// The ports after `last`, round once.
fn ephemeral_after(last: u16) -> impl Iterator<Item = u16> {
    let first = if (EPHEMERAL.0..EPHEMERAL.1).contains(&last) {
        last + 1
    } else {
        EPHEMERAL.0
    };
    (first..=EPHEMERAL.1).chain(EPHEMERAL.0..first)
}
