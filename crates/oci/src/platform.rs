//! Platforms: operating system, architecture and variant, in one spelling.

use crate::json::null_as_empty;
use serde::{Deserialize, Serialize};
use std::fmt;

/// For which machines an image is.
///
/// Source: OCI image-spec, `image-index.md`; normalisation as in containerd's `platforms`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`, … as Go names them.
    pub architecture: String,
    /// `linux`, …
    pub os: String,
    /// Version of the operating system, for Windows.
    #[serde(
        rename = "os.version",
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub os_version: String,
    /// What the operating system must have.
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// Variant of the architecture: `v7` for arm.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub variant: String,
}

/// Why a text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// `*` stands in it.
    #[error("{specifier:?}: wildcards not yet supported: invalid argument")]
    Wildcard {
        /// What was given.
        specifier: String,
    },
    /// The operating system holds a character it must not.
    #[error(
        "{component:?} is an invalid OS component of {specifier:?}: OSAndVersion specifier component must match {OS_PATTERN:?}: invalid argument"
    )]
    Os {
        /// The part.
        component: String,
        /// What was given.
        specifier: String,
    },
    /// Another part holds a character it must not.
    #[error(
        "{component:?} is an invalid component of {specifier:?}: platform specifier component must match {PATTERN:?}: invalid argument"
    )]
    Component {
        /// The part.
        component: String,
        /// What was given.
        specifier: String,
    },
    /// A single word that is neither an operating system nor an architecture.
    #[error("{specifier:?}: unknown operating system or architecture: invalid argument")]
    Unknown {
        /// What was given.
        specifier: String,
    },
    /// Too many parts.
    #[error("{specifier:?}: cannot parse platform specifier: invalid argument")]
    Parts {
        /// What was given.
        specifier: String,
    },
}

const PATTERN: &str = "^[A-Za-z0-9_.-]+$";
const OS_PATTERN: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";

impl Platform {
    /// `os/architecture`, normalised.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Platform {
        Platform {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            variant: variant.to_owned(),
            ..Platform::default()
        }
        .normalised()
    }

    /// `linux/amd64`.
    pub fn linux_amd64() -> Platform {
        Platform::new("linux", "amd64", "")
    }

    /// Reads `os`, `arch`, `os/arch` or `os/arch/variant`, the operating system with `(version)` after it if wanted, and
    /// normalises. What is not said is that of `host`.
    ///
    /// # Errors
    ///
    /// [`PlatformError`], worded as containerd words it.
    ///
    /// # Example
    ///
    /// ```
    /// use oci::Platform;
    ///
    /// let host = Platform::linux_amd64();
    /// assert_eq!(Platform::parse("linux/aarch64/v8", &host).unwrap().to_string(), "linux/arm64");
    /// assert_eq!(Platform::parse("arm", &host).unwrap().to_string(), "linux/arm/v7");
    /// ```
    pub fn parse(specifier: &str, host: &Platform) -> Result<Platform, PlatformError> {
        let given = || specifier.to_owned();
        if specifier.contains('*') {
            return Err(PlatformError::Wildcard { specifier: given() });
        }
        let parts: Vec<&str> = specifier.split('/').collect();
        let (os, os_version, os_features) = read_os(parts[0]).ok_or_else(|| PlatformError::Os {
            component: parts[0].to_owned(),
            specifier: given(),
        })?;
        if let Some(bad) = parts[1..].iter().take(3).find(|part| !is_word(part)) {
            return Err(PlatformError::Component {
                component: (*bad).to_owned(),
                specifier: given(),
            });
        }
        let (architecture, variant) = match parts[..] {
            [_, architecture] => (architecture, ""),
            [_, architecture, variant] => (architecture, variant),
            [one] => {
                let platform = Platform::new(&os, "", "");
                if is_known_os(&platform.os) {
                    return Ok(Platform {
                        os: platform.os,
                        os_version,
                        os_features,
                        ..host.clone()
                    });
                }
                let platform = Platform::new(&host.os, one, "");
                if is_known_architecture(&platform.architecture) {
                    return Ok(platform);
                }
                return Err(PlatformError::Unknown { specifier: given() });
            }
            _ => return Err(PlatformError::Parts { specifier: given() }),
        };
        Ok(Platform {
            os_version,
            os_features,
            ..Platform::new(&os, architecture, variant)
        })
    }

    /// The one spelling: lower case, `x86_64` is `amd64`, `aarch64` is `arm64`, arm is `v7` unless said otherwise, arm64
    /// `v8` and amd64 `v1` go without saying.
    #[must_use]
    pub fn normalised(mut self) -> Platform {
        self.os = self.os.to_ascii_lowercase();
        if self.os == "macos" {
            "darwin".clone_into(&mut self.os);
        }
        let architecture = self.architecture.to_ascii_lowercase();
        let variant = self.variant.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
            ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
            ("aarch64" | "arm64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            other => other,
        };
        (self.architecture, self.variant) = (architecture.to_owned(), variant.to_owned());
        self.os_features.sort();
        self.os_features.dedup();
        self
    }

    /// Whether an image for `self` runs on `host`: the same system, architecture and variant, both normalised.
    pub fn matches(&self, host: &Platform) -> bool {
        let (image, host) = (self.clone().normalised(), host.clone().normalised());
        image.os == host.os && image.architecture == host.architecture && image.variant == host.variant
    }
}

/// `os/architecture[/variant]`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.os.is_empty() {
            return f.write_str("unknown");
        }
        f.write_str(&self.os)?;
        for part in [&self.architecture, &self.variant] {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Name, version and features: `windows(10.0.17763+win32k)`.
fn read_os(text: &str) -> Option<(String, String, Vec<String>)> {
    let (name, options) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')?),
        None => (text, ""),
    };
    let is_option = |text: &str| text.is_empty() || is_word(&text.replace('%', "_"));
    if name.contains('.') || !is_word(name) {
        return None;
    }
    let mut options = options.split('+');
    let version = options.next().filter(|text| is_option(text))?.to_owned();
    let features: Vec<String> = options.map(str::to_owned).collect();
    let good = features.iter().all(|feature| !feature.is_empty() && is_option(feature));
    good.then(|| (name.to_owned(), version, features))
}

fn is_known_os(os: &str) -> bool {
    matches!(
        os,
        "aix"
            | "android"
            | "darwin"
            | "dragonfly"
            | "freebsd"
            | "hurd"
            | "illumos"
            | "ios"
            | "js"
            | "linux"
            | "nacl"
            | "netbsd"
            | "openbsd"
            | "plan9"
            | "solaris"
            | "windows"
            | "zos"
    )
}

fn is_known_architecture(architecture: &str) -> bool {
    matches!(
        architecture,
        "386"
            | "amd64"
            | "amd64p32"
            | "arm"
            | "armbe"
            | "arm64"
            | "arm64be"
            | "loong64"
            | "mips"
            | "mipsle"
            | "mips64"
            | "mips64le"
            | "mips64p32"
            | "mips64p32le"
            | "ppc"
            | "ppc64"
            | "ppc64le"
            | "riscv"
            | "riscv64"
            | "s390"
            | "s390x"
            | "sparc"
            | "sparc64"
            | "wasm"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_one() {
        let host = Platform::linux_amd64();
        for (given, expected) in [
            ("linux", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("LINUX/X86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v2", "linux/amd64/v2"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("windows(10.0.17763)/amd64", "windows/amd64"),
            ("linux/strange", "linux/strange"),
        ] {
            assert_eq!(
                Platform::parse(given, &host).map(|p| p.to_string()).as_deref(),
                Ok(expected),
                "{given}"
            );
        }
        let windows = Platform::parse("windows(10.0.17763+b+a)/amd64", &host).expect("windows");
        assert_eq!(windows.os_version, "10.0.17763");
    }

    #[test]
    fn errors_are_worded_as_containerd_words_them() {
        let host = Platform::linux_amd64();
        let message = |given| Platform::parse(given, &host).expect_err(given).to_string();
        assert_eq!(
            message("foo"),
            "\"foo\": unknown operating system or architecture: invalid argument"
        );
        assert_eq!(
            message("linux/*"),
            "\"linux/*\": wildcards not yet supported: invalid argument"
        );
        assert_eq!(
            message("linux/"),
            "\"\" is an invalid component of \"linux/\": platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument"
        );
        assert_eq!(
            message("a/b/c/d"),
            "\"a/b/c/d\": cannot parse platform specifier: invalid argument"
        );
        assert!(message("lin ux/amd64").starts_with("\"lin ux\" is an invalid OS component of \"lin ux/amd64\""));
    }

    #[test]
    fn an_image_matches_a_host_however_both_are_spelled() {
        let image = Platform {
            variant: "v8".to_owned(),
            ..Platform::new("linux", "arm64", "")
        };
        assert!(image.matches(&Platform::new("linux", "aarch64", "")));
        assert!(!image.matches(&Platform::linux_amd64()));
    }
}
