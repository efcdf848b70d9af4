//! `--build-context NAME=SOURCE`.

use super::ArgError;
use std::path::PathBuf;
use std::str::FromStr;

/// A name of an image, a stage or `COPY --from`, and what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedContext {
    /// As the Dockerfile names it; never empty.
    pub name: String,
    /// What is used instead.
    pub source: ContextSource,
}

/// What a named context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSource {
    /// `oci-layout://DIR[:TAG][@DIGEST]`
    Layout {
        /// The folder that holds `index.json`.
        dir: PathBuf,
        /// Which image of it: a tag or a digest; the only one, or the one tagged `latest`, if `None`.
        which: Option<String>,
    },
    /// `docker-image://REFERENCE`
    Image(String),
    /// A folder.
    Directory(PathBuf),
}

impl FromStr for NamedContext {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<NamedContext, ArgError> {
        let (name, source) = text
            .split_once('=')
            .filter(|(name, source)| !name.is_empty() && !source.is_empty())
            .ok_or_else(|| ArgError::new("NAME=SOURCE", text))?;
        let source = if let Some(layout) = source.strip_prefix("oci-layout://") {
            parse_layout(layout)?
        } else if let Some(image) = source.strip_prefix("docker-image://") {
            if image.is_empty() {
                return Err(ArgError::new("docker-image://REFERENCE", source));
            }
            ContextSource::Image(image.to_owned())
        } else if source.contains("://") {
            return Err(ArgError::new(
                "oci-layout://DIR, docker-image://REFERENCE or a folder",
                source,
            ));
        } else {
            ContextSource::Directory(PathBuf::from(source))
        };
        Ok(NamedContext {
            name: name.to_owned(),
            source,
        })
    }
}

fn parse_layout(text: &str) -> Result<ContextSource, ArgError> {
    let (dir, which) = if let Some((dir, digest)) = text.split_once('@') {
        (dir, Some(digest.to_owned()))
    } else {
        // A colon that belongs to a folder's name has a slash behind it.
        match text.rsplit_once(':') {
            Some((dir, tag)) if !tag.is_empty() && !tag.contains('/') => (dir, Some(tag.to_owned())),
            _ => (text, None),
        }
    };
    if dir.is_empty() {
        return Err(ArgError::new("oci-layout://DIR", text));
    }
    Ok(ContextSource::Layout {
        dir: PathBuf::from(dir),
        which,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<ContextSource, String> {
        let parsed: Result<NamedContext, _> = text.parse();
        parsed.map(|named| named.source).map_err(|error| error.to_string())
    }

    fn layout(dir: &str, which: Option<&str>) -> ContextSource {
        ContextSource::Layout {
            dir: dir.into(),
            which: which.map(str::to_owned),
        }
    }

    #[test]
    fn each_kind_of_source_is_told_by_its_scheme() {
        assert_eq!(source("a=oci-layout:///b/c"), Ok(layout("/b/c", None)));
        assert_eq!(
            source("a=docker-image://alpine:3"),
            Ok(ContextSource::Image("alpine:3".to_owned()))
        );
        assert_eq!(source("a=../b"), Ok(ContextSource::Directory("../b".into())));
    }

    #[test]
    fn a_layout_may_name_a_tag_or_a_digest() {
        assert_eq!(source("a=oci-layout://b:v1"), Ok(layout("b", Some("v1"))));
        assert_eq!(source("a=oci-layout://b@sha256:00"), Ok(layout("b", Some("sha256:00"))));
        assert_eq!(source("a=oci-layout://b:c/d"), Ok(layout("b:c/d", None)));
    }

    #[test]
    fn the_name_of_a_context_may_hold_a_tag() {
        let named: NamedContext = "golang:1.12=docker-image://x".parse().unwrap();
        assert_eq!(named.name, "golang:1.12");
    }

    #[test]
    fn a_scheme_that_is_not_known_is_refused() {
        let error = source("a=https://example.com/x.git").unwrap_err();
        assert!(error.starts_with("expected oci-layout://DIR"), "{error}");
        assert!(source("a").is_err());
        assert!(source("=b").is_err());
        assert!(source("a=").is_err());
        assert!(source("a=oci-layout://").is_err());
    }
}
