//! Names of images: `registry/repository[:tag][@digest]`.

use crate::Digest;
use std::fmt;
use std::str::FromStr;

/// The name of an image, always with its registry: `alpine` is `docker.io/library/alpine`. Tag and digest may be missing.
///
/// # Example
///
/// ```
/// use oci::Reference;
///
/// let reference: Reference = "alpine:3.9.3".parse().unwrap();
/// assert_eq!(reference.to_string(), "docker.io/library/alpine:3.9.3");
/// assert_eq!(reference.familiar(), "alpine:3.9.3");
/// ```
///
/// Source: distribution/reference, the grammar in `reference.go`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text names no image, worded as Docker words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It does not follow the grammar.
    #[error("invalid reference format")]
    Format,
    /// The repository is not in lower case.
    #[error("invalid reference format: repository name ({name}) must be lowercase")]
    Uppercase {
        /// The repository as given.
        name: String,
    },
    /// The registry's part makes the name fit only in lower case.
    #[error("repository name must be lowercase")]
    NotLowercase,
    /// The repository is too long.
    #[error("repository name must not be more than {MAX_REPOSITORY} characters")]
    TooLong,
    /// 64 hexadecimal digits would be taken for an image ID.
    #[error("invalid repository name ({name}), cannot specify 64-byte hexadecimal strings")]
    Identifier {
        /// What was given.
        name: String,
    },
    /// The tag does not follow the grammar.
    #[error("invalid tag format")]
    Tag,
    /// The digest does not follow its algorithm.
    #[error("invalid checksum digest format")]
    Digest,
    /// The digest has the wrong length.
    #[error("invalid checksum digest length")]
    DigestLength,
    /// The digest is not SHA-256.
    #[error("unsupported digest algorithm")]
    Algorithm,
}

/// Docker Hub.
const DEFAULT_REGISTRY: &str = "docker.io";
const LEGACY_REGISTRY: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const MAX_REPOSITORY: usize = 255;

impl Reference {
    /// Reads a name as a person writes it. No tag is added: see [`or_latest`](Reference::or_latest).
    ///
    /// # Errors
    ///
    /// [`ReferenceError`].
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::Identifier { name: text.to_owned() });
        }
        let (registry, remainder) = split_registry(text);
        let remote = remainder.split(':').next().unwrap_or_default();
        if remote.to_lowercase() != remote {
            return Err(ReferenceError::Uppercase {
                name: remote.to_owned(),
            });
        }
        let full = format!("{registry}/{remainder}");
        read(&full).map_err(|error| match error {
            ReferenceError::Format if full.to_lowercase() != full && read(&full.to_lowercase()).is_ok() => {
                ReferenceError::NotLowercase
            }
            error => error,
        })
    }

    /// Host, and port after `:`; `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry: `library/alpine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if it has one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if it has one.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Registry and repository: `docker.io/library/alpine`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The name as Docker shows it: `alpine`, `user/app`, `localhost:5000/app`.
    pub fn familiar_name(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return self.name();
        }
        match self.repository.strip_prefix(OFFICIAL) {
            Some(rest) if !rest.contains('/') => rest.to_owned(),
            _ => self.repository.clone(),
        }
    }

    /// The whole reference as Docker shows it: `alpine:3.9.3`.
    pub fn familiar(&self) -> String {
        self.familiar_name() + &self.suffix()
    }

    /// This reference, with the tag `latest` if it has neither tag nor digest.
    #[must_use]
    pub fn or_latest(mut self) -> Reference {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The reference to pull: with the digest alone if it has one, else with a tag, `latest` if it has none.
    #[must_use]
    pub fn exact(mut self) -> Reference {
        if self.digest.is_some() {
            self.tag = None;
        }
        self.or_latest()
    }

    /// This reference with another tag and no digest.
    ///
    /// # Errors
    ///
    /// [`ReferenceError::Tag`] if `tag` does not follow the grammar.
    pub fn with_tag(&self, tag: &str) -> Result<Reference, ReferenceError> {
        if !is_tag(tag) {
            return Err(ReferenceError::Tag);
        }
        Ok(Reference {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        })
    }

    /// This reference with a digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Reference {
        Reference {
            digest: Some(digest),
            ..self.clone()
        }
    }

    fn suffix(&self) -> String {
        let tag = self.tag.iter().map(|tag| format!(":{tag}"));
        tag.chain(self.digest.iter().map(|digest| format!("@{digest}")))
            .collect()
    }
}

/// The whole reference, registry included.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.suffix())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        Reference::parse(text)
    }
}

/// Registry and the rest. The first part is a registry if it looks like a host: a dot, a port, `localhost`, or capitals.
fn split_registry(text: &str) -> (String, String) {
    let (registry, rest) = match text.split_once('/') {
        Some((LEGACY_REGISTRY, rest)) => (DEFAULT_REGISTRY, rest),
        Some((host, rest)) if host == "localhost" || host.contains(['.', ':']) || host.to_lowercase() != host => {
            (host, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    };
    if registry == DEFAULT_REGISTRY && !rest.contains('/') {
        return (registry.to_owned(), format!("{OFFICIAL}{rest}"));
    }
    (registry.to_owned(), rest.to_owned())
}

/// Reads `registry/repository[:tag][@digest]`.
fn read(text: &str) -> Result<Reference, ReferenceError> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err(ReferenceError::Format);
    }
    let slash = rest.find('/').unwrap_or(0);
    let (name, tag) = match rest[slash..].rfind(':') {
        Some(colon) => (&rest[..slash + colon], Some(&rest[slash + colon + 1..])),
        None => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(ReferenceError::Format);
    }
    let (registry, repository) = name.split_once('/').ok_or(ReferenceError::Format)?;
    if !is_domain(registry) || !repository.split('/').all(is_path_component) {
        return Err(ReferenceError::Format);
    }
    if repository.len() > MAX_REPOSITORY {
        return Err(ReferenceError::TooLong);
    }
    Ok(Reference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
        digest: digest.map(read_digest).transpose()?,
    })
}

fn read_digest(text: &str) -> Result<Digest, ReferenceError> {
    match text.split_once(':') {
        Some(("sha256", hex)) if hex.len() != 64 => Err(ReferenceError::DigestLength),
        Some(("sha256", _)) => text.parse().map_err(|_| ReferenceError::Digest),
        _ => Err(ReferenceError::Algorithm),
    }
}

/// `algorithm[+algorithm]:hex`, at least 32 digits.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_word) && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// One word character, then up to 127 of those, dots and dashes.
fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128 && bytes.next().is_some_and(is_word) && bytes.all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// A host name, IPv4 address or bracketed IPv6 address, and a port if wanted.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    }
    host.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Lower-case letters and digits, joined by one dot, one or two underscores, or any number of dashes.
fn is_path_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !text.starts_with(is_letter) || !text.ends_with(is_letter) {
        return false;
    }
    text.split(is_letter)
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa";

    #[test]
    fn names_have_a_full_and_a_familiar_form() {
        for (given, full, familiar) in [
            ("alpine", "docker.io/library/alpine", "alpine"),
            ("alpine:3.9.3", "docker.io/library/alpine:3.9.3", "alpine:3.9.3"),
            ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine", "alpine"),
            ("user/app", "docker.io/user/app", "user/app"),
            ("library/a/b", "docker.io/library/a/b", "library/a/b"),
            ("localhost/app", "localhost/app", "localhost/app"),
            (
                "localhost:5000/app:v1",
                "localhost:5000/app:v1",
                "localhost:5000/app:v1",
            ),
            (
                "example.com/a/b-c/d__e:1.0-x",
                "example.com/a/b-c/d__e:1.0-x",
                "example.com/a/b-c/d__e:1.0-x",
            ),
            ("Example/app", "Example/app", "Example/app"),
            ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
            ("[fd00:1::2]/app", "[fd00:1::2]/app", "[fd00:1::2]/app"),
            ("a---b", "docker.io/library/a---b", "a---b"),
            ("host:8080", "docker.io/library/host:8080", "host:8080"),
            ("_/x.y:TAG", "", ""),
        ] {
            match Reference::parse(given) {
                Ok(reference) => {
                    assert_eq!(reference.to_string(), full);
                    assert_eq!(reference.familiar(), familiar);
                    assert_eq!(Reference::parse(&reference.familiar()), Ok(reference), "{given}");
                }
                Err(_) => assert_eq!(full, "", "{given}"),
            }
        }
    }

    #[test]
    fn tags_and_digests_are_kept() {
        let text = format!("busybox:1.36@sha256:{HEX}");
        let reference = Reference::parse(&text).expect("a reference");
        assert_eq!(reference.familiar(), text);
        assert_eq!(
            (reference.tag(), reference.digest().map(|d| d.hex())),
            (Some("1.36"), Some(HEX.to_owned()))
        );
        assert_eq!(
            reference.exact().to_string(),
            format!("docker.io/library/busybox@sha256:{HEX}")
        );
        let bare = Reference::parse("busybox").expect("a reference");
        assert_eq!(bare.clone().or_latest().tag(), Some("latest"));
        assert_eq!(bare.with_tag("x").map(|r| r.familiar()).as_deref(), Ok("busybox:x"));
        assert!(bare.with_tag("-x").is_err());
    }

    #[test]
    fn errors_are_worded_as_docker_words_them() {
        let long = "a".repeat(256);
        let long_tag = format!("a:{}", "t".repeat(129));
        for (given, expected) in [
            ("", "invalid reference format"),
            (
                "Case",
                "invalid reference format: repository name (library/Case) must be lowercase",
            ),
            (
                "UPPER/Case:tag",
                "invalid reference format: repository name (Case) must be lowercase",
            ),
            (
                "user/Case:tag",
                "invalid reference format: repository name (user/Case) must be lowercase",
            ),
            ("a:", "invalid reference format"),
            ("a:-x", "invalid reference format"),
            ("a@sha256:12", "invalid reference format"),
            ("a b", "invalid reference format"),
            ("-a", "invalid reference format"),
            ("a/", "invalid reference format"),
            ("/a", "invalid reference format"),
            ("a..b", "invalid reference format"),
            ("a___b", "invalid reference format"),
            ("a//b", "invalid reference format"),
            ("https://example.com/a", "invalid reference format"),
            ("host:port/a", "invalid reference format"),
            ("./a", "invalid reference format"),
            ("../a", "invalid reference format"),
            ("-host.com/a", "invalid reference format"),
            (long_tag.as_str(), "invalid reference format"),
            (
                HEX,
                &format!("invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
            ),
            (long.as_str(), "repository name must not be more than 255 characters"),
            (&format!("a@sha512:{HEX}"), "unsupported digest algorithm"),
            (&format!("a@sha256:{}", &HEX[..62]), "invalid checksum digest length"),
            (
                &format!("a@sha256:{}", HEX.to_uppercase()),
                "invalid checksum digest format",
            ),
        ] {
            assert_eq!(
                Reference::parse(given)
                    .map_err(|error| error.to_string())
                    .err()
                    .as_deref(),
                Some(expected),
                "{given}"
            );
        }
    }
}
