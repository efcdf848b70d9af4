//! Whom to trust: the system's authorities, those of `certs.d`, or anybody.

use registry::{ClientIdentity, TlsPolicy, TransportError};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::Time;

/// The system's authorities, and what was made of policies so far. Shared by threads.
#[derive(Default)]
pub(super) struct Trust {
    system: OnceLock<Vec<CertificateDer<'static>>>,
    made: Mutex<Vec<(TlsPolicy, Arc<ClientConfig>)>>,
}

impl Trust {
    /// How TLS is spoken under a policy. The same for the same policy, so that sessions are taken up again.
    pub(super) fn config(&self, policy: &TlsPolicy) -> Result<Arc<ClientConfig>, TransportError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = made.iter().find(|(known, _)| known == policy) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(policy)?);
        made.push((policy.clone(), Arc::clone(&config)));
        Ok(config)
    }

    fn make(&self, policy: &TlsPolicy) -> Result<ClientConfig, TransportError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if policy.skip_verify {
            Arc::new(Anybody(Arc::clone(&provider)))
        } else {
            Arc::new(self.known(policy, &provider)?)
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(said)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match policy.identities.first() {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificates, key) = read_identity(identity)?;
                builder.with_client_auth_cert(certificates, key).map_err(said)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn known(&self, policy: &TlsPolicy, provider: &Arc<CryptoProvider>) -> Result<Known, TransportError> {
        let mut given = Vec::new();
        for text in &policy.authorities {
            // As with Docker, what is no certificate is passed over.
            given.extend(CertificateDer::pem_slice_iter(text.as_bytes()).flatten());
        }
        let mut roots = RootCertStore::empty();
        let system = self
            .system
            .get_or_init(|| rustls_native_certs::load_native_certs().certs);
        given.extend_from_slice(system);
        roots.add_parsable_certificates(given.iter().cloned());
        let by_issuer = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            Some(builder.build().map_err(said)?)
        };
        Ok(Known {
            by_issuer,
            given,
            provider: Arc::clone(provider),
        })
    }
}

fn read_identity(
    identity: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TransportError> {
    let wrong = |what: &str| TransportError::Io(format!("tls: expected {what} in PEM for the client certificate"));
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.certificates.as_bytes()).collect();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    let certificates = certificates.ok_or_else(|| wrong("a certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|_| wrong("a private key"))?;
    Ok((certificates, key))
}

fn said(error: impl std::fmt::Display) -> TransportError {
    TransportError::Io(format!("tls: {error}"))
}

/// Trusts whom an authority vouches for, and a certificate that was itself given as one, by `certs.d` or the system.
#[derive(Debug)]
struct Known {
    /// `None` if there is no authority at all.
    by_issuer: Option<Arc<WebPkiServerVerifier>>,
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(by_issuer) = &self.by_issuer else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verified = by_issuer.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // What `openssl req -x509` makes is an authority and a server's certificate in one. Its time was looked at before
            // that is said of it; that it is the very one that was given is worth a signature.
            Err(error) if is_authority(&error) && self.given.contains(end_entity) => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate was refused only for being an authority's.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Trusts anybody who holds the key of the certificate that is shown: `insecure-registries`.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why TLS with `host` did not come about, in Go's words.
pub(super) fn explain(error: &io::Error, host: &str) -> TransportError {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return super::connect::explain(error, host);
    };
    let Error::InvalidCertificate(problem) = error else {
        return match error {
            Error::AlertReceived(alert) => TransportError::Io(format!("remote error: tls: {alert:?}")),
            other => said(other),
        };
    };
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TransportError::UnknownAuthority,
        CertificateError::NotValidForName => TransportError::CommonName,
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            TransportError::CommonName
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().map(|name| bare(name));
            TransportError::WrongHost {
                valid: names.collect::<Vec<_>>().join(", "),
                host: host.to_owned(),
            }
        }
        CertificateError::ExpiredContext { time, not_after } => TransportError::Expired {
            detail: format!("current time {} is after {}", shown(*time), shown(*not_after)),
        },
        CertificateError::NotValidYetContext { time, not_before } => TransportError::Expired {
            detail: format!("current time {} is before {}", shown(*time), shown(*not_before)),
        },
        CertificateError::Expired | CertificateError::NotValidYet => TransportError::Expired {
            detail: "its time has not come or is over".to_owned(),
        },
        _ if is_authority(error) => TransportError::UnknownAuthority,
        other => TransportError::Io(format!("tls: failed to verify certificate: x509: {other}")),
    }
}

fn shown(time: UnixTime) -> Time {
    Time::of_secs(time.as_secs() as i64)
}

/// A name as rustls shows it, `DnsName("a")` or `IpAddress(127.0.0.1)`, without that around it.
fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"')
}
