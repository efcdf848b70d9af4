//! Ports as `docker ps` and `docker port` show them.

use super::{Done, Fail, SUCCESS, Session};
use crate::words::Call;
use engine::PortBinding;

pub(super) fn port(call: &Call, session: &mut Session<'_, '_>) -> Done {
    let bindings = session.daemon.ports(&call.arguments[0])?.to_vec();
    let Some(wanted) = call.arguments.get(1) else {
        for binding in &bindings {
            let line = format!("{}/{} -> {}", binding.container, binding.protocol, address(binding));
            session.console.line(&line);
        }
        return Ok(SUCCESS);
    };
    let (number, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
    let number: u16 = number.parse().map_err(|_| {
        let quoted = dockerfile::quote(number);
        Fail::new(format!(
            "Error: invalid port ({number}): strconv.ParseUint: parsing {quoted}: invalid syntax"
        ))
    })?;
    let found: Vec<&PortBinding> = bindings
        .iter()
        .filter(|binding| binding.container == number && binding.protocol.to_string() == protocol.to_lowercase())
        .collect();
    if found.is_empty() {
        let name = &call.arguments[0];
        return Err(Fail::new(format!(
            "Error: No public port '{wanted}' published for {name}"
        )));
    }
    for binding in found {
        session.console.line(&address(binding));
    }
    Ok(SUCCESS)
}

fn address(binding: &PortBinding) -> String {
    format!("{}:{}", host(&binding.host_ip), binding.host)
}

fn host(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    }
}

/// A port of a container as it counts here: its number, where it is published, and how.
type Shown = (u16, String, u16, String);

/// All ports of a container: `443/tcp, 0.0.0.0:8080->80/tcp`. `exposed` are those of its image, as `80/tcp`.
///
/// Ports that are the same on both sides are shown first, in ranges; then those that are not.
///
/// Source: docker/cli, `formatter.DisplayablePorts`.
pub fn displayed(bindings: &[PortBinding], exposed: &[String]) -> String {
    let of_binding = |binding: &PortBinding| {
        (
            binding.container,
            binding.host_ip.clone(),
            binding.host,
            binding.protocol.to_string(),
        )
    };
    let mut ports: Vec<Shown> = bindings.iter().map(of_binding).collect();
    for port in exposed {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let Ok(number) = number.parse() else { continue };
        if !ports.iter().any(|port| port.0 == number && port.3 == protocol) {
            ports.push((number, String::new(), number, protocol.to_owned()));
        }
    }
    ports.sort();
    let (mut ended, mut open, mut mapped) = (Vec::new(), Vec::<Range>::new(), Vec::new());
    for (number, ip, public, protocol) in ports {
        if public != number {
            mapped.push(format!("{}:{public}->{number}/{protocol}", host(&ip)));
            continue;
        }
        let new = Range {
            ip,
            protocol,
            first: number,
            last: number,
        };
        match open
            .iter_mut()
            .find(|range| range.ip == new.ip && range.protocol == new.protocol)
        {
            None => open.push(new),
            Some(range) if range.last.checked_add(1) == Some(number) => range.last = number,
            Some(range) => ended.push(std::mem::replace(range, new).text()),
        }
    }
    let all: Vec<String> = ended
        .into_iter()
        .chain(open.iter().map(Range::text))
        .chain(mapped)
        .collect();
    all.join(", ")
}

/// Ports in a row.
struct Range {
    /// Where they are published; empty if they are not.
    ip: String,
    protocol: String,
    first: u16,
    last: u16,
}

impl Range {
    fn text(&self) -> String {
        let numbers = if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}-{}", self.first, self.last)
        };
        if self.ip.is_empty() {
            format!("{numbers}/{}", self.protocol)
        } else {
            format!("{}:{numbers}->{numbers}/{}", host(&self.ip), self.protocol)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Protocol;

    fn binding(ip: &str, host: u16, container: u16) -> PortBinding {
        PortBinding {
            container,
            protocol: Protocol::Tcp,
            host_ip: ip.to_owned(),
            host,
        }
    }

    #[test]
    fn ports_are_shown_as_docker_shows_them() {
        let both = [binding("0.0.0.0", 8080, 80), binding("::", 8080, 80)];
        assert_eq!(
            displayed(&both, &["443/tcp".to_owned(), "80/tcp".to_owned()]),
            "443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
        );
        assert_eq!(displayed(&[], &["53/udp".to_owned()]), "53/udp");
        assert_eq!(displayed(&[], &[]), "");
    }

    #[test]
    fn ports_in_a_row_are_a_range_where_both_sides_are_the_same() {
        let row = |ip: &'static str| [80, 81].map(|port| binding(ip, port, port));
        let both: Vec<PortBinding> = row("0.0.0.0").into_iter().chain(row("::")).collect();
        assert_eq!(displayed(&both, &[]), "0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp");
        let apart = [binding("127.0.0.1", 9000, 80), binding("127.0.0.1", 9001, 81)];
        assert_eq!(displayed(&apart, &[]), "127.0.0.1:9000->80/tcp, 127.0.0.1:9001->81/tcp");
        let exposed = ["80/tcp", "81/tcp", "90/tcp", "53/udp"].map(str::to_owned);
        assert_eq!(
            displayed(&[binding("0.0.0.0", 9000, 9000)], &exposed),
            "80-81/tcp, 53/udp, 90/tcp, 0.0.0.0:9000->9000/tcp"
        );
    }
}
