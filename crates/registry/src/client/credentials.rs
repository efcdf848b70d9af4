//! Who one is to a registry, kept from logs.

use std::fmt;

/// What a person gave at `docker login`. [`Debug`] shows the user only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password or access token.
    pub password: String,
    /// A refresh token that a token server gave in exchange for the password; used instead of it.
    pub identity_token: Option<String>,
}

impl Login {
    /// User and password.
    pub fn new(username: &str, password: &str) -> Login {
        Login {
            username: username.to_owned(),
            password: password.to_owned(),
            identity_token: None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Where logins are looked up.
pub trait Credentials {
    /// The login for a registry, named as [`oci::Reference::registry`] names it: `docker.io` is Docker Hub.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if there is one, but out of reach.
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialError>;

    /// Whether a token server on `realm_host` may see the login for `registry` although it is neither the registry's own
    /// host nor under the same domain. No, unless somebody said so.
    fn trusts_realm(&self, registry: &str, realm_host: &str) -> bool {
        let _ = (registry, realm_host);
        false
    }
}

/// Why a login could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The configuration leaves it to a program.
    #[error(
        "error getting credentials - the credential helper docker-credential-{helper} is not supported here: remove it from the configuration and run 'docker login {registry}'"
    )]
    Helper {
        /// The program's suffix.
        helper: String,
        /// For which registry.
        registry: String,
    },
    /// The file of logins cannot be used, or the program that keeps the login failed.
    #[error("{what}")]
    Failed {
        /// What went wrong.
        what: String,
    },
    /// The entry is no base64 of `user:password`.
    #[error("invalid auth configuration file: entry for {registry}")]
    Malformed {
        /// For which registry.
        registry: String,
    },
}

/// No login at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn login(&self, _: &str) -> Result<Option<Login>, CredentialError> {
        Ok(None)
    }
}

/// Whether a token server at `realm` is plainly of the same house as the registry at `registry`: the same host, or both
/// under one domain of their own, as `registry-1.docker.io` and `auth.docker.io` are. Addresses must be equal.
pub(crate) fn is_same_house(registry: &str, realm: &str) -> bool {
    if registry == realm {
        return true;
    }
    let is_address = |host: &str| host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    if is_address(registry) || is_address(realm) {
        return false;
    }
    match (own_domain(registry), own_domain(realm)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The part of a name that somebody registered: two labels, three where the second is one of a country's (`co.uk`).
fn own_domain(host: &str) -> Option<&str> {
    let labels: Vec<&str> = host.split('.').collect();
    let n_labels = match labels[..] {
        [.., second, top] if top.len() == 2 && second.len() <= 3 => 3,
        _ => 2,
    };
    if labels.len() < n_labels || labels.iter().any(|label| label.is_empty()) {
        return None;
    }
    let length: usize = labels[labels.len() - n_labels..]
        .iter()
        .map(|label| label.len() + 1)
        .sum();
    Some(&host[host.len() + 1 - length..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_not_printed() {
        let login = Login {
            identity_token: Some("refresh".to_owned()),
            ..Login::new("moby", "hunter2")
        };
        let shown = format!("{login:?}");
        assert!(
            shown.contains("moby") && !shown.contains("hunter2") && !shown.contains("refresh"),
            "{shown}"
        );
    }

    #[test]
    fn a_house_is_a_host_or_a_domain_of_its_own() {
        for (registry, realm, same) in [
            ("registry-1.docker.io", "auth.docker.io", true),
            ("ghcr.io", "ghcr.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry.a.co.uk", "auth.a.co.uk", true),
            ("a.co.uk", "b.co.uk", false),
            ("a.example.com", "b.example.org", false),
            ("docker.io", "evil-docker.io", false),
            ("a.io", "b.io", false),
            ("localhost", "evil.localhost", false),
            ("10.0.0.1", "11.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("[::1]", "[::2]", false),
            ("registry", "auth", false),
            ("x..com", "y..com", false),
        ] {
            assert_eq!(is_same_house(registry, realm), same, "{registry} {realm}");
        }
    }
}
