//! TLS: certificates that are read again when they change, and who may come.

use super::watched::{Watched, read_small};
use registry::TlsConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a handshake needs, as long as the files stay as they are.
pub(super) struct Tls {
    files: TlsConfig,
    state: Mutex<(Watched, Arc<ServerConfig>)>,
}

/// What came of looking at the files again.
pub(super) enum Renewed {
    /// They are the same.
    Same,
    /// The new certificate is used from now on.
    New,
    /// They cannot be used, for this reason; the old certificate stays.
    Kept(String),
}

impl Tls {
    /// Reads certificate, key and client CAs.
    ///
    /// # Errors
    ///
    /// What is wrong with them, for a person.
    pub(super) fn read(files: &TlsConfig) -> Result<Tls, String> {
        let paths = files.certificate.iter().chain(&files.key).chain(&files.client_cas);
        let watched = Watched::new(paths.map(PathBuf::from).collect());
        let config = read(files)?;
        Ok(Tls {
            files: files.clone(),
            state: Mutex::new((watched, config)),
        })
    }

    /// What the next handshake uses; the files are read again if they have changed.
    pub(super) fn current(&self) -> (Arc<ServerConfig>, Renewed) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut renewed = Renewed::Same;
        if state.0.has_changed() {
            renewed = match read(&self.files) {
                Ok(config) => {
                    state.1 = config;
                    Renewed::New
                }
                Err(reason) => Renewed::Kept(reason),
            };
        }
        (Arc::clone(&state.1), renewed)
    }
}

fn read(files: &TlsConfig) -> Result<Arc<ServerConfig>, String> {
    let certificate = files.certificate.as_deref().ok_or("expected http.tls.certificate")?;
    let key_path = files
        .key
        .as_deref()
        .ok_or("expected http.tls.key beside http.tls.certificate")?;
    let chain = certificates(certificate)?;
    let key = read_small(Path::new(key_path)).map_err(|error| format!("open {key_path}: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| format!("{key_path}: expected a private key in PEM, without a passphrase"))?;
    let provider = Arc::new(provider(&files.cipher_suites)?);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(files.minimum.as_deref()))
        .map_err(|error| format!("http.tls: {error}"))?;
    let builder = if files.client_cas.is_empty() {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for path in &files.client_cas {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| format!("{path}: {error}"))?;
            }
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.map_err(|error| format!("http.tls.clientcas: {error}"))?)
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("{certificate} and {key_path}: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read_small(Path::new(path)).map_err(|error| format!("open {path}: {error}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("{path}: expected certificates in PEM")),
    }
}

static NEWEST: [&SupportedProtocolVersion; 1] = [&TLS13];
static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// Older versions than 1.2 are not here, whatever the configuration would still take.
fn versions(minimum: Option<&str>) -> &'static [&'static SupportedProtocolVersion] {
    match minimum {
        Some("tls1.3") => &NEWEST,
        _ => &ALL,
    }
}

/// The cipher suites that were asked for. Those of TLS 1.3 are always there, as in Go.
fn provider(names: &[String]) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if names.is_empty() {
        return Ok(provider);
    }
    let known = |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    for name in names {
        if !provider.cipher_suites.iter().any(|suite| known(suite) == *name) {
            let all: Vec<String> = provider.cipher_suites.iter().map(known).collect();
            return Err(format!(
                "unknown TLS cipher suite {name:?} specified for http.tls.ciphersuites: expected one of {}",
                all.join(", ")
            ));
        }
    }
    provider
        .cipher_suites
        .retain(|suite| suite.tls13().is_some() || names.contains(&known(suite)));
    Ok(provider)
}
