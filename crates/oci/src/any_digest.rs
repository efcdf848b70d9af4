//! Digests of either algorithm that the specification names: SHA-256 and SHA-512.

use crate::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha512};
use std::fmt;
use std::str::FromStr;

/// `sha256:` and 64 digits, or `sha512:` and 128: a name that somebody else chose for exact bytes.
///
/// Everything we make is named by a [`Digest`]; registries must also take what others name by SHA-512.
///
/// Source: OCI image-spec, `descriptor.md`, "Registered Algorithms".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnyDigest {
    /// SHA-256.
    Sha256(Digest),
    /// SHA-512, 64 bytes.
    Sha512([u8; 64]),
}

/// Why a text is no [`AnyDigest`], in the words of the reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnyDigestError {
    /// It is not `algorithm:digits`, or the digits are not hexadecimal in lower case.
    #[error("invalid checksum digest format")]
    Format,
    /// It has too few or too many digits.
    #[error("invalid checksum digest length")]
    Length,
    /// The algorithm is neither SHA-256 nor SHA-512.
    #[error("unsupported digest algorithm")]
    Algorithm,
}

/// Computes an [`AnyDigest`] from bytes that come in pieces.
#[derive(Debug, Clone)]
pub struct AnyDigester(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Sha256(crate::Digester),
    Sha512(Box<Sha512>),
}

impl AnyDigest {
    /// A digester of the same algorithm.
    pub fn digester(&self) -> AnyDigester {
        AnyDigester(match self {
            AnyDigest::Sha256(_) => Inner::Sha256(crate::Digester::new()),
            AnyDigest::Sha512(_) => Inner::Sha512(Box::default()),
        })
    }

    /// The digest of `bytes` by the same algorithm.
    #[must_use]
    pub fn again(&self, bytes: &[u8]) -> AnyDigest {
        let mut digester = self.digester();
        digester.update(bytes);
        digester.finish()
    }

    /// The SHA-512 digest of `bytes`.
    pub fn sha512(bytes: &[u8]) -> AnyDigest {
        AnyDigest::Sha512(Sha512::digest(bytes).into())
    }
}

impl AnyDigester {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Inner::Sha256(digester) => digester.update(bytes),
            Inner::Sha512(digester) => digester.update(bytes),
        }
    }

    /// The digest of everything taken.
    pub fn finish(self) -> AnyDigest {
        match self.0 {
            Inner::Sha256(digester) => AnyDigest::Sha256(digester.finish()),
            Inner::Sha512(digester) => AnyDigest::Sha512(digester.finalize().into()),
        }
    }
}

impl From<Digest> for AnyDigest {
    fn from(digest: Digest) -> AnyDigest {
        AnyDigest::Sha256(digest)
    }
}

impl fmt::Display for AnyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyDigest::Sha256(digest) => digest.fmt(f),
            AnyDigest::Sha512(bytes) => {
                f.write_str("sha512:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Debug for AnyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AnyDigest {
    type Err = AnyDigestError;

    fn from_str(text: &str) -> Result<AnyDigest, AnyDigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(AnyDigestError::Format)?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ if is_algorithm(algorithm) => return Err(AnyDigestError::Algorithm),
            _ => return Err(AnyDigestError::Format),
        };
        if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(AnyDigestError::Format);
        }
        if hex.len() != length {
            return Err(AnyDigestError::Length);
        }
        if length == 64 {
            return text.parse().map(AnyDigest::Sha256).map_err(|_| AnyDigestError::Format);
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| AnyDigestError::Format)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| AnyDigestError::Format)?;
        }
        Ok(AnyDigest::Sha512(bytes))
    }
}

/// Lower-case letters and digits, joined by one of `+._-`.
fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

impl Serialize for AnyDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AnyDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyDigest, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_algorithms_are_written_as_they_were_read() {
        let sha256 = AnyDigest::from(Digest::of(b"abc"));
        let sha512 = AnyDigest::sha512(b"abc");
        assert_eq!(
            sha512.to_string(),
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        for digest in [sha256, sha512] {
            assert_eq!(digest.to_string().parse(), Ok(digest));
            assert_eq!(digest.again(b"abc"), digest);
            assert_ne!(digest.again(b"abd"), digest);
        }
    }

    #[test]
    fn what_is_no_digest_is_refused_with_the_reason() {
        let digits = "0".repeat(64);
        for (text, error) in [
            ("", AnyDigestError::Format),
            ("latest", AnyDigestError::Format),
            ("sha256:", AnyDigestError::Length),
            ("sha256:00", AnyDigestError::Length),
            ("sha256:../../etc/passwd", AnyDigestError::Format),
            (&format!("sha256:{digits}0"), AnyDigestError::Length),
            (&format!("sha256:{}", "A".repeat(64)), AnyDigestError::Format),
            (&format!("sha512:{digits}"), AnyDigestError::Length),
            (&format!("md5:{digits}"), AnyDigestError::Algorithm),
            (&format!("SHA256:{digits}"), AnyDigestError::Format),
            (&format!(":{digits}"), AnyDigestError::Format),
        ] {
            assert_eq!(text.parse::<AnyDigest>(), Err(error), "{text}");
        }
    }
}
