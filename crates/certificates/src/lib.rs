//! Certificates and keys of the simulated machines: what `openssl` makes there and what the simulated network checks.
//!
//! They look like PEM and hold no cryptography: the text inside begins with the words `layerlab simulated`. What is modelled is who
//! signed what, for which names, and until when. Nothing here is of use outside of the simulation, and it says so.
//!
//! ```
//! use certificates::{Certificate, Key, Name};
//!
//! let key = Key::new("seed", 4096);
//! let certificate = Certificate::self_signed(&key, vec![("CN".into(), "registry.lab".into())], vec![], 0..365 * 86400);
//! let again = Certificate::parse(&certificate.to_pem()).unwrap();
//! assert_eq!(again.common_name(), Some("registry.lab"));
//! assert!(again.is_self_signed());
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod pem;
mod trust;

pub use trust::{Distrust, Trusted, judge};

use oci::Digest;
use std::fmt;
use std::ops::Range;

const CERTIFICATE: &str = "layerlab simulated certificate";
const KEY: &str = "layerlab simulated private key";
/// Most characters that a value may have.
const MAX_VALUE: usize = 1000;

/// A distinguished name: `C=US, CN=registry.lab`, in order.
pub type Subject = Vec<(String, String)>;

/// A private key, by what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its length, as it was asked for.
    pub bits: u32,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: Subject,
    /// Who signed it.
    pub issuer: Subject,
    /// Names and addresses in `subjectAltName`.
    pub names: Vec<Name>,
    /// Its time, in seconds since the Unix epoch.
    pub valid: Range<i64>,
    /// The key it is for.
    pub key: Key,
    /// The ID of the key that signed it.
    pub signed_by: String,
}

/// An alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// `DNS:registry.lab`, or with a `*` in place of its first label.
    Dns(String),
    /// `IP:10.0.0.20`.
    Ip(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Dns(name) => write!(f, "DNS:{name}"),
            Name::Ip(address) => write!(f, "IP:{address}"),
        }
    }
}

/// Why a text is no certificate or key of this simulation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// There is no such block of PEM.
    #[error("expected a block of PEM that begins with -----BEGIN {label}-----, found none")]
    NoBlock {
        /// `CERTIFICATE` or `PRIVATE KEY`.
        label: &'static str,
    },
    /// It was made elsewhere: a real one, which is not looked into here.
    #[error("expected a simulated one, as openssl makes it on these machines")]
    Foreign,
    /// It was changed after it was signed.
    #[error("the signature does not match")]
    Signature,
}

impl Key {
    /// The key that comes of a seed.
    pub fn new(seed: &str, bits: u32) -> Key {
        Key {
            id: Digest::of(seed.as_bytes()).hex(),
            bits,
        }
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        let text = format!("{KEY}\nid: {}\nbits: {}\n", self.id, self.bits);
        pem::write("PRIVATE KEY", &text)
    }

    /// Reads the first key of a text.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn parse(text: &str) -> Result<Key, CertificateError> {
        let body = pem::read("PRIVATE KEY", text).next();
        let body = body.ok_or(CertificateError::NoBlock { label: "PRIVATE KEY" })?;
        let fields = Fields::of(KEY, &body)?;
        Ok(Key {
            id: fields.one("id")?.to_owned(),
            bits: fields.number("bits")?,
        })
    }
}

impl Certificate {
    /// A certificate that `key` signs for itself.
    pub fn self_signed(key: &Key, subject: Subject, names: Vec<Name>, valid: Range<i64>) -> Certificate {
        Certificate {
            issuer: subject.clone(),
            subject,
            names,
            valid,
            signed_by: key.id.clone(),
            key: key.clone(),
        }
    }

    /// The common name of its subject.
    pub fn common_name(&self) -> Option<&str> {
        let found = self.subject.iter().find(|(name, _)| name == "CN");
        found.map(|(_, value)| value.as_str())
    }

    /// Whether its own key signed it.
    pub fn is_self_signed(&self) -> bool {
        self.signed_by == self.key.id
    }

    /// The certificate in PEM.
    pub fn to_pem(&self) -> String {
        let text = self.text();
        pem::write("CERTIFICATE", &format!("{text}signature: {}\n", signature(&text)))
    }

    fn text(&self) -> String {
        let mut text = format!("{CERTIFICATE}\n");
        let mut line = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            // A line end in a value would begin another field.
            text.extend(
                value
                    .chars()
                    .take(MAX_VALUE)
                    .map(|c| if c.is_control() { ' ' } else { c }),
            );
            text.push('\n');
        };
        for (name, value) in &self.subject {
            line("subject", &format!("{name}={value}"));
        }
        for (name, value) in &self.issuer {
            line("issuer", &format!("{name}={value}"));
        }
        for name in &self.names {
            line("name", &name.to_string());
        }
        line("not before", &self.valid.start.to_string());
        line("not after", &self.valid.end.to_string());
        line("key", &self.key.id);
        line("bits", &self.key.bits.to_string());
        line("signed by", &self.signed_by);
        text
    }

    /// Reads the first certificate of a text.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn parse(text: &str) -> Result<Certificate, CertificateError> {
        let body = pem::read("CERTIFICATE", text).next();
        Certificate::of_body(&body.ok_or(CertificateError::NoBlock { label: "CERTIFICATE" })?)
    }

    /// Every certificate of a text that is one of this simulation.
    pub fn parse_all(text: &str) -> Vec<Certificate> {
        let bodies = pem::read("CERTIFICATE", text);
        bodies.filter_map(|body| Certificate::of_body(&body).ok()).collect()
    }

    fn of_body(body: &str) -> Result<Certificate, CertificateError> {
        let fields = Fields::of(CERTIFICATE, body)?;
        let pairs = |name: &str| -> Subject {
            let pairs = fields.all(name).filter_map(|value| value.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let name = |value: &str| match value.split_once(':') {
            Some(("DNS", name)) => Some(Name::Dns(name.to_owned())),
            Some(("IP", address)) => Some(Name::Ip(address.to_owned())),
            _ => None,
        };
        let certificate = Certificate {
            subject: pairs("subject"),
            issuer: pairs("issuer"),
            names: fields.all("name").filter_map(name).collect(),
            valid: fields.number("not before")?..fields.number("not after")?,
            key: Key {
                id: fields.one("key")?.to_owned(),
                bits: fields.number("bits")?,
            },
            signed_by: fields.one("signed by")?.to_owned(),
        };
        if fields.one("signature")? == signature(&certificate.text()) {
            Ok(certificate)
        } else {
            Err(CertificateError::Signature)
        }
    }
}

/// Stands for a signature: whoever changes the text by hand breaks it.
fn signature(text: &str) -> String {
    Digest::of(format!("signature of {text}").as_bytes()).hex()
}

/// `NAME: VALUE` lines below a heading.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn of(heading: &str, body: &'a str) -> Result<Fields<'a>, CertificateError> {
        let mut lines = body.lines();
        if lines.next() != Some(heading) {
            return Err(CertificateError::Foreign);
        }
        Ok(Fields(lines.filter_map(|line| line.split_once(": ")).collect()))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    fn one(&self, name: &str) -> Result<&'a str, CertificateError> {
        self.all(name).next().ok_or(CertificateError::Foreign)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, CertificateError> {
        self.one(name)?.parse().map_err(|_| CertificateError::Foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Certificate {
        let key = Key::new("test", 4096);
        let subject = vec![
            ("O".to_owned(), "Lab".to_owned()),
            ("CN".to_owned(), "registry.lab".to_owned()),
        ];
        let names = vec![Name::Dns("registry.lab".to_owned()), Name::Ip("10.0.0.20".to_owned())];
        Certificate::self_signed(&key, subject, names, 100..200)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let certificate = certificate();
        assert_eq!(Certificate::parse(&certificate.to_pem()), Ok(certificate.clone()));
        assert_eq!(Key::parse(&certificate.key.to_pem()), Ok(certificate.key));
    }

    #[test]
    fn what_is_inside_says_that_it_is_simulated() {
        let bodies: Vec<String> = pem::read("CERTIFICATE", &certificate().to_pem()).collect();
        assert!(bodies[0].starts_with("layerlab simulated certificate\n"));
    }

    #[test]
    fn a_changed_certificate_is_refused() {
        let body: String = pem::read("CERTIFICATE", &certificate().to_pem()).collect();
        let forged = pem::write("CERTIFICATE", &body.replace("DNS:registry.lab", "DNS:other.lab"));
        assert_eq!(Certificate::parse(&forged), Err(CertificateError::Signature));
    }

    #[test]
    fn a_value_cannot_begin_another_field() {
        let key = Key::new("test", 2048);
        let subject = vec![("CN".to_owned(), "a\nname: DNS:bank.example".to_owned())];
        let pem = Certificate::self_signed(&key, subject, Vec::new(), 0..1).to_pem();
        assert!(Certificate::parse(&pem).expect("it is whole").names.is_empty());
    }

    #[test]
    fn other_text_is_no_certificate() {
        let none = Err(CertificateError::NoBlock { label: "CERTIFICATE" });
        assert_eq!(Certificate::parse("hello"), none);
        let foreign = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(Certificate::parse(foreign), Err(CertificateError::Foreign));
    }
}
