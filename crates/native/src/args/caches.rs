//! `--cache-from` and `--cache-to`.

use super::ArgError;
use super::output::{fields, parse_bool};
use builder::ExportMode;
use clap::Args;
use oci::Reference;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Caches that builds on other machines use, too.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// Take steps from a cache that another build left: NAME, type=registry,ref=NAME or type=local,src=DIR
    #[arg(long = "cache-from", value_name = "SPEC")]
    pub from: Vec<CacheSpec>,

    /// Leave a cache for other builds: type=registry,ref=NAME or type=local,dest=DIR, with mode=max for all stages; type=inline in the image
    #[arg(long = "cache-to", value_name = "SPEC")]
    pub to: Vec<CacheSpec>,

    /// Share steps and images with a team in a bucket, s3://BUCKET/PREFIX; AWS_* variables say where and who
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "PLACE")]
    pub store: Option<crate::objects::Location>,
}

/// `type=KIND,KEY=VALUE,…`, or a name in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSpec {
    /// Which kind of place.
    pub kind: String,
    /// All else.
    pub attributes: BTreeMap<String, String>,
}

/// Where a cache is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePlace {
    /// Under a name in a registry.
    Registry(Reference),
    /// In a folder that is an OCI layout, under a tag.
    Folder(PathBuf, String),
}

impl fmt::Display for CachePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CachePlace::Registry(name) => name.fmt(f),
            CachePlace::Folder(path, _) => path.display().fmt(f),
        }
    }
}

/// Where a cache goes, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheTarget {
    /// Where.
    pub place: CachePlace,
    /// Of which steps.
    pub mode: ExportMode,
    /// Whether the build succeeds even if this does not.
    pub ignore_error: bool,
}

impl FromStr for CacheSpec {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<CacheSpec, ArgError> {
        let error = |expected| ArgError::new(expected, text);
        if !text.is_empty() && !text.contains(['=', ',']) {
            return Ok(CacheSpec {
                kind: "registry".to_owned(),
                attributes: BTreeMap::from([("ref".to_owned(), text.to_owned())]),
            });
        }
        let mut attributes = BTreeMap::new();
        for (key, value) in fields(text) {
            let value = value.ok_or_else(|| error("type=KIND,KEY=VALUE"))?;
            attributes.insert(key, value);
        }
        let kind = attributes.remove("type").filter(|kind| !kind.is_empty());
        Ok(CacheSpec {
            kind: kind.ok_or_else(|| error("type=registry or type=local"))?,
            attributes,
        })
    }
}

impl CacheSpec {
    /// Whether the image itself is to be the cache: then there is nothing else to say.
    pub fn is_inline(&self) -> bool {
        self.kind == "inline" && self.attributes.is_empty()
    }

    /// Where a cache comes from.
    ///
    /// # Errors
    ///
    /// [`ArgError`] for a place that this program does not know.
    pub fn source(&self) -> Result<CachePlace, ArgError> {
        let mut rest = self.attributes.clone();
        let place = self.place("src", &mut rest)?;
        nothing_left(&rest)?;
        Ok(place)
    }

    /// Where a cache goes.
    ///
    /// # Errors
    ///
    /// [`ArgError`] for a place that this program does not know, or a form that it does not write.
    pub fn target(&self) -> Result<CacheTarget, ArgError> {
        let mut rest = self.attributes.clone();
        let place = self.place("dest", &mut rest)?;
        let mode = match rest.remove("mode").as_deref() {
            None | Some("min") => ExportMode::Min,
            Some("max") => ExportMode::Max,
            Some(other) => return Err(ArgError::new("mode=min or mode=max", other)),
        };
        let ignore_error = match rest.remove("ignore-error") {
            None => false,
            Some(value) => parse_bool(&value).ok_or_else(|| ArgError::new("ignore-error=true or false", &value))?,
        };
        // What is written already is as if these were given.
        rest.retain(|key, value| {
            let is_so = match key.as_str() {
                "image-manifest" | "oci-mediatypes" => parse_bool(value) == Some(true),
                "compression" => value == "gzip",
                _ => false,
            };
            !is_so
        });
        nothing_left(&rest)?;
        Ok(CacheTarget {
            place,
            mode,
            ignore_error,
        })
    }

    fn place(&self, folder: &'static str, rest: &mut BTreeMap<String, String>) -> Result<CachePlace, ArgError> {
        let mut take = |key: &str| rest.remove(key).filter(|value| !value.is_empty());
        match self.kind.as_str() {
            "registry" => {
                let name = take("ref").ok_or_else(|| ArgError::new("ref=NAME", "none"))?;
                let name: Reference = Reference::parse(&name).map_err(|_| ArgError::new("ref=NAME", &name))?;
                Ok(CachePlace::Registry(name.or_latest()))
            }
            "local" => {
                let expected = if folder == "src" { "src=DIR" } else { "dest=DIR" };
                let path = take(folder).ok_or_else(|| ArgError::new(expected, "none"))?;
                let tag = take("tag").unwrap_or_else(|| "latest".to_owned());
                Ok(CachePlace::Folder(path.into(), tag))
            }
            other => Err(ArgError::new(
                "type=registry, type=local or, for --cache-to, type=inline alone; other types with --builder",
                other,
            )),
        }
    }
}

fn nothing_left(rest: &BTreeMap<String, String>) -> Result<(), ArgError> {
    match rest.iter().next() {
        None => Ok(()),
        Some((key, value)) => Err(ArgError::new(
            "the options type, ref, src, dest, tag, mode and ignore-error",
            &format!("{key}={value}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> CacheSpec {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_a_name_in_a_registry_or_a_folder() {
        let name = CachePlace::Registry(Reference::parse("team/cache:a").unwrap());
        assert_eq!(spec("team/cache:a").source(), Ok(name.clone()));
        assert_eq!(spec("type=registry,ref=team/cache:a").source(), Ok(name.clone()));
        let folder = CachePlace::Folder("c".into(), "latest".to_owned());
        assert_eq!(spec("type=local,src=c").source(), Ok(folder.clone()));
        let target = spec("type=local,dest=c,mode=max,ignore-error=true,compression=gzip")
            .target()
            .unwrap();
        assert_eq!(
            (target.place, target.mode, target.ignore_error),
            (folder, ExportMode::Max, true)
        );
        let target = spec("type=registry,ref=team/cache:a,image-manifest=true")
            .target()
            .unwrap();
        assert_eq!(
            (target.place, target.mode, target.ignore_error),
            (name, ExportMode::Min, false)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", "ref=a", "type=", "type=registry,ref"] {
            assert!(text.parse::<CacheSpec>().is_err(), "{text}");
        }
        for text in [
            "type=gha",
            "type=registry",
            "type=local,dest=a",
            "A B",
            "type=local,src=a,x=y",
        ] {
            assert!(spec(text).source().is_err(), "{text}");
        }
        for text in [
            "type=inline,mode=max",
            "type=local,src=a",
            "type=local,dest=a,mode=all",
            "type=local,dest=a,compression=zstd",
        ] {
            assert!(spec(text).target().is_err(), "{text}");
        }
    }
}
