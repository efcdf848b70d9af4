//! Where a registry is asked: mirrors, then TLS, then in the clear where that is allowed.

use super::daemon::{RegistryConfig, host_of};
use super::error::RegistryError;
use super::host::Host;
use super::url::{Scheme, Url};
use crate::TlsPolicy;

/// Docker Hub as references name it.
pub const HUB: &str = "docker.io";
/// Docker Hub's registry.
const HUB_REGISTRY: &str = "https://registry-1.docker.io";

/// Whether a host is one of Docker Hub's, all of which go by [`HUB`] here.
pub fn is_hub(host: &str) -> bool {
    matches!(host, "index.docker.io" | "registry-1.docker.io" | HUB)
}

/// A place to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme and host; a mirror may have a path.
    pub url: Url,
    /// Whether it stands in for Docker Hub.
    pub mirror: bool,
    /// Whom to trust there.
    pub tls: TlsPolicy,
}

/// What is wanted of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To have something: mirrors may answer.
    Pull,
    /// To leave something.
    Push,
}

/// The places to ask for `registry`, in order. Those in the clear come last, and only for insecure registries.
///
/// # Errors
///
/// [`RegistryError::NoEndpoint`] if `registry` or a mirror is no host.
///
/// Source: moby, `registry/service_v2.go`.
pub fn endpoints(
    registry: &str,
    direction: Direction,
    config: &RegistryConfig,
    host: &dyn Host,
) -> Result<Vec<Endpoint>, RegistryError> {
    let parse = |text: &str| {
        Url::parse(text).map_err(|_| RegistryError::NoEndpoint {
            reference: registry.to_owned(),
        })
    };
    let at = |url: Url, mirror| Endpoint {
        tls: tls_policy(&url.authority(), config, host),
        url,
        mirror,
    };
    if registry == HUB {
        let mirrors: &[String] = match direction {
            Direction::Pull => &config.mirrors,
            Direction::Push => &[],
        };
        let mut found = Vec::new();
        for mirror in mirrors {
            found.push(at(parse(mirror)?, true));
        }
        found.push(at(parse(HUB_REGISTRY)?, false));
        return Ok(found);
    }
    let tls = tls_policy(registry, config, host);
    let over = |scheme: Scheme| {
        Ok::<_, RegistryError>(Endpoint {
            url: parse(&format!("{}://{registry}", scheme.as_str()))?,
            mirror: false,
            tls: tls.clone(),
        })
    };
    let mut found = vec![over(Scheme::Https)?];
    if tls.skip_verify {
        found.push(over(Scheme::Http)?);
    }
    Ok(found)
}

/// Whom to trust at `registry`, `host[:port]`.
pub(crate) fn tls_policy(registry: &str, config: &RegistryConfig, host: &dyn Host) -> TlsPolicy {
    let addresses = host.addresses(host_of(registry));
    TlsPolicy {
        skip_verify: config.is_insecure(registry, &addresses),
        ..host.certs(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::host::Bare;

    fn urls(registry: &str, direction: Direction, config: &RegistryConfig) -> Vec<String> {
        let found = endpoints(registry, direction, config, &Bare).expect("endpoints");
        found.iter().map(|endpoint| endpoint.url.to_string()).collect()
    }

    #[test]
    fn the_clear_comes_last_and_only_where_it_is_allowed() {
        let mut config = RegistryConfig::default();
        assert_eq!(
            urls("r.example:5000", Direction::Pull, &config),
            ["https://r.example:5000/"]
        );
        config.insecure.insert("r.example:5000".to_owned());
        assert_eq!(
            urls("r.example:5000", Direction::Push, &config),
            ["https://r.example:5000/", "http://r.example:5000/"]
        );
        let local = ["https://localhost:5000/", "http://localhost:5000/"];
        assert_eq!(urls("localhost:5000", Direction::Pull, &config), local);
    }

    #[test]
    fn mirrors_are_asked_first_for_the_hub_and_never_pushed_to() {
        let config = RegistryConfig {
            mirrors: vec!["http://m.example:5000".to_owned(), "https://n.example/hub".to_owned()],
            ..RegistryConfig::default()
        };
        let hub = "https://registry-1.docker.io/";
        let mirrors = ["http://m.example:5000/", "https://n.example/hub", hub];
        assert_eq!(urls("docker.io", Direction::Pull, &config), mirrors);
        assert_eq!(urls("docker.io", Direction::Push, &config), [hub]);
        assert_eq!(urls("r.example", Direction::Pull, &config), ["https://r.example/"]);
    }
}
