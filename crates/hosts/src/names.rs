//! What the machines are called, and where they are in the network.

/// A machine's names and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its short name, the one in the prompt.
    pub name: &'static str,
    /// Its full name.
    pub domain: &'static str,
    /// Its address.
    pub address: &'static str,
}

impl Place {
    /// Whether `host` is one of its names or its address.
    pub(crate) fn is(&self, host: &str) -> bool {
        [self.name, self.domain, self.address].contains(&host)
    }
}

/// The machines, the one with the editor's project first. `.lab` is no name of the real world.
pub const PLACES: [Place; 2] = [
    Place {
        name: "workstation",
        domain: "workstation.lab",
        address: "10.0.0.10",
    },
    Place {
        name: "registry",
        domain: "registry.lab",
        address: "10.0.0.20",
    },
];

/// Names of Docker Hub: its registry, its front page and where it hands out tokens.
const HUB: [&str; 5] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "auth.docker.io",
    "hub.docker.com",
];

/// Where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The stand-in for Docker Hub.
    Hub,
    /// A machine, by its index in [`PLACES`].
    Machine(usize),
}

/// Looks a name or an address up, as machine `from` does.
pub(crate) fn look_up(host: &str, from: usize) -> Option<Destination> {
    if host == "localhost" || host.starts_with("127.") || host == "[::1]" {
        return Some(Destination::Machine(from));
    }
    if HUB.contains(&host) {
        return Some(Destination::Hub);
    }
    PLACES.iter().position(|place| place.is(host)).map(Destination::Machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_by_its_names_and_its_address() {
        for name in ["registry", "registry.lab", "10.0.0.20"] {
            assert_eq!(look_up(name, 0), Some(Destination::Machine(1)), "{name}");
        }
        assert_eq!(look_up("registry.example", 0), None);
    }

    #[test]
    fn localhost_is_whoever_asks() {
        assert_eq!(look_up("localhost", 1), Some(Destination::Machine(1)));
        assert_eq!(look_up("127.0.0.1", 0), Some(Destination::Machine(0)));
    }
}
