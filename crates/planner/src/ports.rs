//! `EXPOSE`: port specifications become `PORT/PROTOCOL`.

use std::net::IpAddr;

/// Every port that `specs` name, in order, as `80/tcp`.
///
/// # Errors
///
/// BuildKit's words for the first one that is no port.
pub(crate) fn parse_all(specs: &[String]) -> Result<Vec<String>, String> {
    let mut ports = Vec::new();
    for spec in specs {
        ports.extend(parse(spec)?);
    }
    Ok(ports)
}

/// `[ip:][host:]container[/protocol]`; only the container's part counts.
fn parse(spec: &str) -> Result<Vec<String>, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (address, host, container) = match parts.as_slice() {
        [container] => (String::new(), "", *container),
        [host, container] => (String::new(), *host, *container),
        [address @ .., host, container] => (address.join(":"), *host, *container),
        [] => unreachable!("split always gives a part"),
    };
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    if container.is_empty() {
        return Err(format!("no port specified: {}<empty>", parts[parts.len() - 1]));
    }
    let protocol = match protocol.to_lowercase().as_str() {
        "" => "tcp".to_owned(),
        known @ ("tcp" | "udp" | "sctp") => known.to_owned(),
        other => return Err(format!("invalid proto: {other}")),
    };
    check_address(&address)?;
    let (first, last) = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    if !host.is_empty() {
        let (host_first, host_last) = range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?;
        if last - first != host_last - host_first && first != last {
            return Err(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            ));
        }
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

fn check_address(address: &str) -> Result<(), String> {
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address: {bare}"));
    }
    Ok(())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [port] => number(port).map(|port| (port, port)),
        [first, last] => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((first, last))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(spec: &str) -> Result<Vec<String>, String> {
        parse_all(&[spec.to_owned()])
    }

    #[test]
    fn a_port_has_a_protocol_and_may_be_a_range() {
        assert_eq!(ports("80"), Ok(vec!["80/tcp".to_owned()]));
        assert_eq!(ports("53/UDP"), Ok(vec!["53/udp".to_owned()]));
        assert_eq!(ports("1-3"), Ok(vec!["1/tcp".into(), "2/tcp".into(), "3/tcp".into()]));
        assert_eq!(ports("127.0.0.1:80:8080"), Ok(vec!["8080/tcp".to_owned()]));
    }

    #[test]
    fn what_is_no_port_is_refused_in_buildkits_words() {
        for (spec, message) in [
            ("eighty", "invalid containerPort: eighty"),
            ("80/http", "invalid proto: http"),
            ("3-1", "invalid containerPort: 3-1"),
            ("x:80", "invalid hostPort: x"),
            ("1.2.3:1:1", "invalid IP address: 1.2.3"),
            ("70000", "invalid containerPort: 70000"),
        ] {
            assert_eq!(ports(spec), Err(message.to_owned()));
        }
    }
}
