//! What carries a client's requests to a registry.

use crate::client::Lanes;
use crate::{Headers, Method};
use std::io::Read;

/// Carries requests: sockets natively, a simulated network in the page, a server's `handle` in tests.
pub trait Transport {
    /// Sends a request and returns the status, the header fields and the body, which is read in pieces.
    ///
    /// Redirects are not followed. The answer holds on to nothing of the transport: several may be open at once.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if no response came. A connection that ends while the body is read is an I/O error or an early
    /// end of [`Answer::body`].
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError>;

    /// What moves several layers at once; `None` where one goes after the other.
    fn lanes(&self) -> Option<Box<dyn Lanes>> {
        None
    }
}

/// A request on its way out.
pub struct Call<'a> {
    /// What is asked.
    pub method: Method,
    /// Scheme, host, path and query.
    pub url: &'a str,
    /// Header fields, without `Host`, `Content-Length` and `Transfer-Encoding`, which are the transport's.
    pub headers: &'a Headers,
    /// The body, read once, in pieces.
    pub body: &'a mut dyn Read,
    /// The body's size in bytes, where it is known.
    pub length: Option<u64>,
    /// Whom to trust, if the URL's scheme is `https`.
    pub tls: &'a TlsPolicy,
}

/// Whom to trust that a host is who it says it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsPolicy {
    /// Certificates in PEM that are trusted beside those of the system: what stands in `certs.d/HOST/*.crt`.
    pub authorities: Vec<String>,
    /// Any certificate will do: the host is listed in `insecure-registries`.
    pub skip_verify: bool,
    /// What is shown to a host that asks who one is: what stands in `certs.d/HOST/*.cert` and `*.key`.
    pub identities: Vec<ClientIdentity>,
    /// Why all this is not to be used: the directory of certificates is broken, and so nobody is asked.
    pub broken: Option<String>,
}

/// A certificate to show, and the key that proves it. [`Debug`](std::fmt::Debug) does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate and those above it, in PEM.
    pub certificates: String,
    /// The private key, in PEM.
    pub key: String,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

/// A response on its way in.
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// The body.
    pub body: Box<dyn Read>,
}

/// Why no response came, in the words of Go's HTTP client, which are what people search for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Nobody listens there.
    #[error("dial tcp {address}: connect: connection refused")]
    Refused {
        /// Address and port.
        address: String,
    },
    /// The name stands for no host.
    #[error("dial tcp: lookup {host}: no such host")]
    UnknownHost {
        /// The name.
        host: String,
    },
    /// TLS was expected and plain HTTP came back.
    #[error("http: server gave HTTP response to HTTPS client")]
    HttpForHttps,
    /// The certificate is of nobody this host trusts.
    #[error("tls: failed to verify certificate: x509: certificate signed by unknown authority")]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("tls: failed to verify certificate: x509: certificate is valid for {valid}, not {host}")]
    WrongHost {
        /// Names the certificate has.
        valid: String,
        /// The name that was asked for.
        host: String,
    },
    /// The certificate has no names but the legacy one.
    #[error(
        "tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead"
    )]
    CommonName,
    /// The certificate's time has not come or is over.
    #[error("tls: failed to verify certificate: x509: certificate has expired or is not yet valid: {detail}")]
    Expired {
        /// Which of both, with the times.
        detail: String,
    },
    /// The connection ended before the response did.
    #[error("unexpected EOF")]
    Closed,
    /// It took too long.
    #[error("context deadline exceeded")]
    Timeout,
    /// Anything else the system said.
    #[error("{0}")]
    Io(String),
}
