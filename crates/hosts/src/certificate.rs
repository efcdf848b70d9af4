//! Whether a registry's certificate will do, in the words of Docker's client.

use certificates::{Certificate, Distrust, Trusted, judge};
use oci::Time;
use registry::{TlsPolicy, TransportError};

/// Checks the certificate in `pem` that `host` shows. What a person should know of one that will do all the same is returned.
pub(crate) fn check(pem: &str, host: &str, policy: &TlsPolicy, now: Time) -> Result<Option<String>, TransportError> {
    if policy.skip_verify {
        return Ok(None);
    }
    let Ok(certificate) = Certificate::parse(pem) else {
        return Err(TransportError::UnknownAuthority);
    };
    let authorities: Vec<Certificate> = policy
        .authorities
        .iter()
        .flat_map(|text| Certificate::parse_all(text))
        .collect();
    match judge(&certificate, host, &authorities, now.secs) {
        Ok(Trusted::ByName) => Ok(None),
        Ok(Trusted::ByCommonName) => Ok(Some(format!(
            "this certificate names {host} only in its common name. Docker of the course's time takes that, as here; Docker since 20.10.7 \
             says: x509: certificate relies on legacy Common Name field, use SANs instead. Add -addext \"subjectAltName = DNS:{host}\" \
             to openssl req."
        ))),
        Err(Distrust::UnknownAuthority) => Err(TransportError::UnknownAuthority),
        Err(Distrust::WrongHost(valid)) => Err(TransportError::WrongHost {
            valid,
            host: host.to_owned(),
        }),
        Err(Distrust::Expired { detail }) => Err(TransportError::Expired { detail }),
    }
}
