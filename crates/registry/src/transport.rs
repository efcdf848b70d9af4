//! What carries a client's requests to a registry.

use crate::{Headers, Method};
use std::io::Read;

/// Carries requests: sockets natively, a simulated network in the page, a server's `handle` in tests.
pub trait Transport {
    /// Sends a request to `url` and returns the status, the header fields and the body, which is read in pieces.
    ///
    /// `length` is the body's size in bytes, where it is known. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if no response came.
    fn send(
        &mut self,
        method: Method,
        url: &str,
        headers: &Headers,
        body: &mut dyn Read,
        length: Option<u64>,
    ) -> Result<Answer<'_>, TransportError>;
}

/// A response on its way in.
pub struct Answer<'a> {
    /// Such as 200.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// The body.
    pub body: Box<dyn Read + 'a>,
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
