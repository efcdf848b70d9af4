//! Whether a server that shows a certificate is who it says it is.

use crate::{Certificate, Name};

/// It will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// One of its alternative names is the host.
    ByName,
    /// It has no alternative names and its common name is the host. Clients written in Go have refused this since Go 1.15 of 2020;
    /// those of the course took it.
    ByCommonName,
}

/// It will not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody who is trusted signed it.
    UnknownAuthority,
    /// It is for other names: these.
    WrongHost(String),
    /// Its time is over, or has not come.
    Expired {
        /// `current time … is after …`.
        detail: String,
    },
}

/// Judges a certificate that `host` shows at the time `now`, in seconds since the Unix epoch.
///
/// # Errors
///
/// [`Distrust`], in the order in which Go looks.
///
/// Source: Go, `crypto/x509`, `Certificate.Verify`.
pub fn judge(
    certificate: &Certificate,
    host: &str,
    authorities: &[Certificate],
    now: i64,
) -> Result<Trusted, Distrust> {
    if !certificate.valid.contains(&now) {
        let detail = if now < certificate.valid.start {
            "current time is before the certificate's first day"
        } else {
            "current time is after the certificate's last day"
        };
        return Err(Distrust::Expired {
            detail: detail.to_owned(),
        });
    }
    let trusted = if certificate.names.is_empty() {
        match certificate.common_name() {
            Some(name) if matches(name, host) => Trusted::ByCommonName,
            name => return Err(Distrust::WrongHost(name.unwrap_or_default().to_owned())),
        }
    } else if certificate.names.iter().any(|name| is_for(name, host)) {
        Trusted::ByName
    } else {
        let names = certificate.names.iter().map(|name| match name {
            Name::Dns(name) | Name::Ip(name) => name.as_str(),
        });
        return Err(Distrust::WrongHost(names.collect::<Vec<_>>().join(", ")));
    };
    let signer = authorities
        .iter()
        .find(|authority| authority.key.id == certificate.signed_by);
    match signer {
        Some(authority) if authority.valid.contains(&now) => Ok(trusted),
        _ => Err(Distrust::UnknownAuthority),
    }
}

fn is_for(name: &Name, host: &str) -> bool {
    match name {
        Name::Dns(name) => matches(name, host),
        Name::Ip(address) => address == host,
    }
}

/// A `*` stands for one label, the first.
fn matches(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => host
            .split_once('.')
            .is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn certificate(common: &str, names: &[&str]) -> Certificate {
        let names = names.iter().map(|name| Name::Dns((*name).to_owned())).collect();
        Certificate::self_signed(
            &Key::new("test", 2048),
            vec![("CN".to_owned(), common.to_owned())],
            names,
            10..20,
        )
    }

    #[test]
    fn whoever_is_not_trusted_may_sign_what_he_likes() {
        let own = certificate("registry.lab", &["registry.lab"]);
        assert_eq!(judge(&own, "registry.lab", &[], 15), Err(Distrust::UnknownAuthority));
        assert_eq!(
            judge(&own, "registry.lab", std::slice::from_ref(&own), 15),
            Ok(Trusted::ByName)
        );
    }

    #[test]
    fn the_common_name_counts_only_where_there_are_no_others() {
        let old = certificate("registry.lab", &[]);
        assert_eq!(
            judge(&old, "registry.lab", std::slice::from_ref(&old), 15),
            Ok(Trusted::ByCommonName)
        );
        let other = certificate("registry.lab", &["other.lab"]);
        let wrong = Err(Distrust::WrongHost("other.lab".to_owned()));
        assert_eq!(judge(&other, "registry.lab", std::slice::from_ref(&other), 15), wrong);
    }

    #[test]
    fn a_star_is_one_label() {
        let star = certificate("", &["*.lab"]);
        let trusted = std::slice::from_ref(&star);
        assert_eq!(judge(&star, "registry.lab", trusted, 15), Ok(Trusted::ByName));
        assert!(judge(&star, "a.registry.lab", trusted, 15).is_err());
        assert!(judge(&star, "lab", trusted, 15).is_err());
    }

    #[test]
    fn a_certificate_has_its_time() {
        let own = certificate("a", &["a"]);
        for now in [9, 20] {
            let judged = judge(&own, "a", std::slice::from_ref(&own), now);
            assert!(matches!(judged, Err(Distrust::Expired { .. })), "{now}");
        }
    }
}
