//! Certificates that the daemon trusts for one registry: `/etc/docker/certs.d/HOST`.

use crate::{ClientIdentity, TlsPolicy};

/// Where the daemon looks for certificates, one directory a registry.
pub const CERTS_DIR: &str = "/etc/docker/certs.d";

/// Why a directory of certificates cannot be used, in the daemon's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// A client certificate without its key.
    #[error("missing key {key} for client certificate {cert}. CA certificates must use the extension .crt")]
    MissingKey {
        /// The key's file.
        key: String,
        /// The certificate's file.
        cert: String,
    },
    /// A key without its certificate.
    #[error("missing client certificate {cert} for key {key}")]
    MissingCert {
        /// The certificate's file.
        cert: String,
        /// The key's file.
        key: String,
    },
}

/// The directory with the certificates for `registry`, port and all.
pub fn certs_dir(registry: &str) -> String {
    format!("{CERTS_DIR}/{registry}")
}

/// Whom to trust for a registry whose directory holds these files, by name and text, in order.
///
/// Every `*.crt` is an authority; every `*.cert` with its `*.key` is shown to a registry that asks who one is.
///
/// # Errors
///
/// [`CertsError`] if half of a client certificate is there.
///
/// Source: moby, `registry.ReadCertsDirectory`.
pub fn read_certs<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Result<TlsPolicy, CertsError> {
    let files: Vec<(&str, &str)> = files.collect();
    let find = |name: &str| files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    let mut policy = TlsPolicy::default();
    for (name, text) in &files {
        if name.strip_suffix(".crt").is_some() {
            policy.authorities.push((*text).to_owned());
        } else if let Some(stem) = name.strip_suffix(".cert") {
            let key = format!("{stem}.key");
            let Some(found) = find(&key) else {
                let cert = (*name).to_owned();
                return Err(CertsError::MissingKey { key, cert });
            };
            policy.identities.push(ClientIdentity {
                certificates: (*text).to_owned(),
                key: found.to_owned(),
            });
        } else if let Some(stem) = name.strip_suffix(".key") {
            let cert = format!("{stem}.cert");
            if find(&cert).is_none() {
                let key = (*name).to_owned();
                return Err(CertsError::MissingCert { cert, key });
            }
        }
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crt_is_an_authority_and_every_cert_an_identity() {
        assert_eq!(
            certs_dir("registry.example:5000"),
            "/etc/docker/certs.d/registry.example:5000"
        );
        let files = [
            ("ca.crt", "A"),
            ("more.crt", "B"),
            ("client.cert", "C"),
            ("client.key", "K"),
            ("readme", ""),
        ];
        let policy = read_certs(files.into_iter()).expect("certificates");
        assert_eq!(policy.authorities, ["A", "B"]);
        assert!(!policy.skip_verify);
        let identity = ClientIdentity {
            certificates: "C".to_owned(),
            key: "K".to_owned(),
        };
        assert_eq!(policy.identities, [identity]);
        assert!(!format!("{policy:?}").contains("\"K\""));
    }

    #[test]
    fn half_a_client_certificate_is_an_error() {
        let error =
            |files: &[(&'static str, &'static str)]| read_certs(files.iter().copied()).expect_err("half").to_string();
        assert_eq!(
            error(&[("domain.cert", "")]),
            "missing key domain.key for client certificate domain.cert. CA certificates must use the extension .crt"
        );
        assert_eq!(
            error(&[("domain.key", "")]),
            "missing client certificate domain.cert for key domain.key"
        );
    }
}
