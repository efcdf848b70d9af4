//! Ports as `-p` has them.

use super::{OptionError, PortMapping, Protocol};

impl PortMapping {
    /// Reads `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`; a range of container ports is several mappings.
    ///
    /// # Errors
    ///
    /// [`OptionError`].
    ///
    /// Source: docker/go-connections, `nat.ParsePortSpec`.
    pub fn parse(text: &str) -> Result<Vec<PortMapping>, OptionError> {
        let (rest, protocol) = match text.rsplit_once('/') {
            Some((rest, protocol)) => (rest, protocol),
            None => (text, "tcp"),
        };
        let protocol: Protocol = protocol
            .parse()
            .map_err(|()| OptionError::new(format!("invalid proto: {protocol}")))?;
        let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (host_ip, host) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((ip, host)) => (ip, host.strip_prefix(':').unwrap_or(host)),
            None => rest.rsplit_once(':').unwrap_or(("", rest)),
        };
        if container.is_empty() {
            return Err(OptionError::new(format!("no port specified: {text}<empty>")));
        }
        let is_ip = host_ip.is_empty() || host_ip.parse::<std::net::IpAddr>().is_ok();
        if !is_ip {
            return Err(OptionError::new(format!("invalid IP address: {host_ip}")));
        }
        let wrong = |what: &str, range: &str| OptionError::new(format!("invalid {what}: {range}"));
        let inside = parse_range(container).ok_or_else(|| wrong("containerPort", container))?;
        let outside = match host {
            "" => None,
            host => Some(parse_range(host).ok_or_else(|| wrong("hostPort", host))?),
        };
        let n_inside = inside.1 - inside.0;
        if let Some((first, last)) = outside
            && n_inside > 0
            && last - first != n_inside
        {
            return Err(OptionError::new(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            )));
        }
        let mappings = (0..=n_inside).map(|offset| PortMapping {
            host_ip: host_ip.to_owned(),
            host: outside.map(|(first, last)| match n_inside {
                0 => (first, last),
                _ => (first + offset, first + offset),
            }),
            container: inside.0 + offset,
            protocol,
        });
        Ok(mappings.collect())
    }
}

/// `80` or `80-90`.
fn parse_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}
