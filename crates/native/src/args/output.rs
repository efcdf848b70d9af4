//! `--output type=KIND,dest=PATH,…`.

use super::ArgError;
use std::path::PathBuf;
use std::str::FromStr;

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// In which form.
    pub kind: OutputKind,
    /// To which place; `None` only for [`OutputKind::Image`].
    pub dest: Option<Destination>,
    /// Times later than `SOURCE_DATE_EPOCH` become `SOURCE_DATE_EPOCH`.
    pub rewrite_timestamp: bool,
    /// `name=`: further names of the image.
    pub names: Vec<String>,
}

/// The form of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// An OCI layout in a tar.
    Oci,
    /// An OCI layout as a folder: `type=oci,tar=false`.
    OciFolder,
    /// What `docker load` reads.
    Docker,
    /// The filesystem as a tar.
    Tar,
    /// The filesystem as a folder.
    Local,
    /// The store under `--root`, where every image goes anyway.
    Image,
}

/// The place of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, or a folder.
    Path(PathBuf),
}

impl FromStr for OutputSpec {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<OutputSpec, ArgError> {
        // A lone word is a folder, and a lone dash a tar on standard output, as with `docker build`.
        if !text.is_empty() && !text.contains('=') && !text.contains(',') {
            let (kind, dest) = match text {
                "-" => (OutputKind::Tar, Destination::Stdout),
                path => (OutputKind::Local, Destination::Path(path.into())),
            };
            return Ok(OutputSpec {
                kind,
                dest: Some(dest),
                rewrite_timestamp: false,
                names: Vec::new(),
            });
        }
        parse_fields(text)
    }
}

fn parse_fields(text: &str) -> Result<OutputSpec, ArgError> {
    let error = |expected| ArgError::new(expected, text);
    let (mut kind, mut dest, mut rewrite_timestamp, mut tar, mut names) = (None, None, false, true, Vec::new());
    for (key, value) in fields(text) {
        let value = value.ok_or_else(|| error("type=KIND,dest=PATH"))?;
        match key.as_str() {
            "type" => kind = Some(value),
            "dest" if value.is_empty() => return Err(error("a path after dest=")),
            "dest" if value == "-" => dest = Some(Destination::Stdout),
            "dest" => dest = Some(Destination::Path(value.into())),
            "rewrite-timestamp" => {
                rewrite_timestamp = parse_bool(&value).ok_or_else(|| error("rewrite-timestamp=true or false"))?;
            }
            "tar" => tar = parse_bool(&value).ok_or_else(|| error("tar=true or false"))?,
            "name" => names.extend(value.split(',').filter(|name| !name.is_empty()).map(str::to_owned)),
            // What is made already is as if these were given.
            "compression" if value == "gzip" => {}
            "oci-mediatypes" if value == "true" => {}
            "push" if value == "false" => {}
            _ => return Err(error("the options type, dest, name, tar and rewrite-timestamp")),
        }
    }
    let kind = match (kind.as_deref(), tar) {
        (Some("oci"), true) => OutputKind::Oci,
        (Some("oci"), false) => OutputKind::OciFolder,
        (Some("docker"), _) => OutputKind::Docker,
        (Some("tar"), _) => OutputKind::Tar,
        (Some("local"), _) => OutputKind::Local,
        (Some("image"), _) => OutputKind::Image,
        _ => return Err(error("type=oci, docker, tar, local or image")),
    };
    match (kind, &dest) {
        (OutputKind::Image, Some(_)) => Err(error("type=image without dest")),
        // `type=docker` without a place loads into Docker; here the store takes it.
        (OutputKind::Docker, None) => Ok(OutputKind::Image),
        (OutputKind::Image, None) => Ok(kind),
        (_, None) => Err(error("dest=PATH")),
        (OutputKind::Local | OutputKind::OciFolder, Some(Destination::Stdout)) => Err(error("dest=FOLDER")),
        _ => Ok(kind),
    }
    .map(|kind| OutputSpec {
        kind,
        dest,
        rewrite_timestamp,
        names,
    })
}

/// As Go reads it.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "t" | "TRUE" | "True" => Some(true),
        "false" | "0" | "f" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The `key=value` pairs of one comma-separated line, keys in lower case. A field in double quotes may hold commas, and a
/// doubled quote in it stands for one, as in CSV.
pub(super) fn fields(text: &str) -> Vec<(String, Option<String>)> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let field = fields.last_mut().expect("there is always one field");
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    let split = |field: &String| match field.split_once('=') {
        Some((key, value)) => (key.trim().to_lowercase(), Some(value.to_owned())),
        None => (field.trim().to_lowercase(), None),
    };
    fields.iter().map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(OutputKind, Option<Destination>), String> {
        let spec: Result<OutputSpec, _> = text.parse();
        spec.map(|spec| (spec.kind, spec.dest))
            .map_err(|error| error.to_string())
    }

    fn path(text: &str) -> Destination {
        Destination::Path(text.into())
    }

    #[test]
    fn the_kind_and_the_place_are_read() {
        assert_eq!(parse("type=oci,dest=a.tar"), Ok((OutputKind::Oci, Some(path("a.tar")))));
        assert_eq!(
            parse("type=oci,tar=false,dest=a"),
            Ok((OutputKind::OciFolder, Some(path("a"))))
        );
        assert_eq!(
            parse("type=docker,dest=-"),
            Ok((OutputKind::Docker, Some(Destination::Stdout)))
        );
        assert_eq!(parse("\"dest=a,b\",type=tar"), Ok((OutputKind::Tar, Some(path("a,b")))));
        assert_eq!(parse("type=image"), Ok((OutputKind::Image, None)));
        assert_eq!(parse("type=docker"), Ok((OutputKind::Image, None)));
    }

    #[test]
    fn a_lone_word_is_a_folder_and_a_dash_a_tar() {
        assert_eq!(parse("out"), Ok((OutputKind::Local, Some(path("out")))));
        assert_eq!(parse("-"), Ok((OutputKind::Tar, Some(Destination::Stdout))));
    }

    #[test]
    fn timestamps_are_rewritten_only_if_asked() {
        let spec: OutputSpec = "type=oci,dest=a,rewrite-timestamp=true".parse().unwrap();
        assert!(spec.rewrite_timestamp);
        let spec: OutputSpec = "type=oci,dest=a".parse().unwrap();
        assert!(!spec.rewrite_timestamp);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            "type=zip,dest=a",
            "type=oci",
            "dest=a",
            "type=local,dest=-",
            "type=oci,dest=",
            "type=oci,dest=a,x=1",
            "type=oci,dest=a,tar=maybe",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
