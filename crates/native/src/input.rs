//! Where the Dockerfile and the context are, and the texts that a build begins with.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// No Dockerfile or ignore file is longer, in bytes.
pub const MAX_TEXT: u64 = 4 << 20;

/// What a build begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The Dockerfile's name without folders, as messages name it.
    pub name: String,
    /// The Dockerfile's text; what is not UTF-8 is replaced.
    pub source: String,
    /// The text of the ignore file; empty if there is none.
    pub ignore: String,
    /// The context's folder; `None` for an empty context.
    pub folder: Option<PathBuf>,
}

/// Why a build cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The context is no folder.
    #[error("unable to prepare context: path {path:?} not found")]
    NoContext {
        /// As it was given.
        path: String,
    },
    /// The context is something else.
    #[error("unable to prepare context: path {path:?} must be a folder")]
    NotFolder {
        /// As it was given.
        path: String,
    },
    /// Both are to come from standard input.
    #[error("expected the context or the Dockerfile on standard input, found both")]
    StdinTwice,
    /// An archive came where a text is read.
    #[error("expected a Dockerfile on standard input, found an archive")]
    Archive,
    /// The file is not there or cannot be read. Worded as BuildKit does.
    #[error("failed to read dockerfile: {doing} {name}: {reason}")]
    Dockerfile {
        /// `open` or `read`.
        doing: &'static str,
        /// The file's name without folders.
        name: String,
        /// In the words of the system, lower case.
        reason: String,
    },
    /// It is no text that a person wrote.
    #[error("expected a file of at most {MAX_TEXT} bytes, found more in {name}")]
    TooLong {
        /// Which file.
        name: String,
    },
    /// An ignore file is there and cannot be read.
    #[error("failed to read {name}: {reason}")]
    Ignore {
        /// Which.
        name: String,
        /// In the words of the system, lower case.
        reason: String,
    },
}

/// Finds and reads the Dockerfile and the ignore file of a build.
///
/// The Dockerfile is `file`, or `Dockerfile` (then `dockerfile`) in the context; `-` for either means `stdin`. An ignore file named
/// after the Dockerfile and beside it wins over `.dockerignore` in the context.
///
/// # Errors
///
/// [`InputError`].
///
/// Source: BuildKit, `frontend/dockerui/config.go`.
pub fn read_input(context: &Path, file: Option<&Path>, stdin: &mut dyn Read) -> Result<Input, InputError> {
    let dash = Path::new("-");
    let folder = match (context == dash, file == Some(dash)) {
        (true, true) => return Err(InputError::StdinTwice),
        (true, false) => None,
        (false, _) => Some(check_folder(context)?),
    };
    if file == Some(dash) || (folder.is_none() && file.is_none()) {
        let source = read_stdin(stdin)?;
        let ignore = folder.as_deref().map_or(Ok(String::new()), read_plain_ignore)?;
        return Ok(Input {
            name: "Dockerfile".to_owned(),
            source,
            ignore,
            folder,
        });
    }
    let path = match (file, &folder) {
        (Some(file), _) => file.to_owned(),
        (None, Some(folder)) => default_dockerfile(folder),
        (None, None) => unreachable!("a Dockerfile from standard input was read above"),
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    let source = read_dockerfile(&path, &name)?;
    let ignore = match (&folder, read_ignore(&with_suffix(&path, ".dockerignore"))?) {
        (_, Some(text)) => text,
        (Some(folder), None) => read_plain_ignore(folder)?,
        (None, None) => String::new(),
    };
    Ok(Input {
        name,
        source,
        ignore,
        folder,
    })
}

fn check_folder(context: &Path) -> Result<PathBuf, InputError> {
    let path = || context.display().to_string();
    match fs::metadata(context) {
        Ok(metadata) if metadata.is_dir() => Ok(context.to_owned()),
        Ok(_) => Err(InputError::NotFolder { path: path() }),
        Err(_) => Err(InputError::NoContext { path: path() }),
    }
}

fn default_dockerfile(folder: &Path) -> PathBuf {
    let usual = folder.join("Dockerfile");
    let lower = folder.join("dockerfile");
    if !usual.exists() && lower.exists() {
        lower
    } else {
        usual
    }
}

fn read_stdin(stdin: &mut dyn Read) -> Result<String, InputError> {
    let name = "standard input";
    let failed = |error: io::Error| InputError::Dockerfile {
        doing: "read",
        name: name.to_owned(),
        reason: reason(&error),
    };
    let mut bytes = Vec::new();
    stdin.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(failed)?;
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    if is_tar || bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"BZh") || bytes.starts_with(b"\xfd7zXZ") {
        return Err(InputError::Archive);
    }
    to_text(bytes, name)
}

fn read_dockerfile(path: &Path, name: &str) -> Result<String, InputError> {
    let failed = |doing| {
        move |error: io::Error| InputError::Dockerfile {
            doing,
            name: name.to_owned(),
            reason: reason(&error),
        }
    };
    let file = fs::File::open(path).map_err(failed("open"))?;
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("read"))?;
    to_text(bytes, name)
}

fn read_plain_ignore(folder: &Path) -> Result<String, InputError> {
    Ok(read_ignore(&folder.join(".dockerignore"))?.unwrap_or_default())
}

fn read_ignore(path: &Path) -> Result<Option<String>, InputError> {
    let name = || path.display().to_string();
    let failed = |error: io::Error| InputError::Ignore {
        name: name(),
        reason: reason(&error),
    };
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(failed)?;
    to_text(bytes, &name()).map(Some)
}

fn to_text(bytes: Vec<u8>, name: &str) -> Result<String, InputError> {
    if bytes.len() as u64 > MAX_TEXT {
        return Err(InputError::TooLong { name: name.to_owned() });
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("")).to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// The system's words without Rust's ` (os error 2)`, in lower case as Go prints them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn read(context: &Path, file: Option<&str>, stdin: &str) -> Result<Input, String> {
        read_input(context, file.map(Path::new), &mut stdin.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_missing_dockerfile_is_reported_in_the_words_of_buildkit() {
        let scratch = Scratch::new();
        let error = read(scratch.dir(), None, "").unwrap_err();
        assert_eq!(
            error,
            "failed to read dockerfile: open Dockerfile: no such file or directory"
        );
        let error = read(scratch.dir(), Some("/nope/x.Dockerfile"), "").unwrap_err();
        assert_eq!(
            error,
            "failed to read dockerfile: open x.Dockerfile: no such file or directory"
        );
    }

    #[test]
    fn a_dockerfile_in_lower_case_is_found() {
        let scratch = Scratch::new();
        scratch.write("dockerfile", "FROM scratch");
        assert_eq!(read(scratch.dir(), None, "").unwrap().name, "dockerfile");
    }

    #[test]
    fn the_ignore_file_named_after_the_dockerfile_wins() {
        let scratch = Scratch::new();
        scratch.write(".dockerignore", "general");
        scratch.write("sub/x.Dockerfile", "FROM scratch");
        let file = scratch.path("sub/x.Dockerfile");
        assert_eq!(read(scratch.dir(), file.to_str(), "").unwrap().ignore, "general");
        scratch.write("sub/x.Dockerfile.dockerignore", "special");
        assert_eq!(read(scratch.dir(), file.to_str(), "").unwrap().ignore, "special");
    }

    #[test]
    fn a_dockerfile_may_come_from_standard_input_with_or_without_a_context() {
        let scratch = Scratch::new();
        let with = read(scratch.dir(), Some("-"), "FROM a").unwrap();
        assert_eq!(
            (with.source.as_str(), with.folder.as_deref()),
            ("FROM a", Some(scratch.dir()))
        );
        let without = read(Path::new("-"), None, "FROM a").unwrap();
        assert_eq!((without.source.as_str(), without.folder), ("FROM a", None));
        assert!(read(Path::new("-"), Some("-"), "FROM a").is_err());
        assert!(read(Path::new("-"), None, "\u{1f}\u{8b}").is_ok());
        assert!(read_input(Path::new("-"), None, &mut [0x1f, 0x8b, 8].as_slice()).is_err());
    }

    #[test]
    fn a_context_that_is_no_folder_is_refused() {
        let scratch = Scratch::new();
        let file = scratch.write("f", "");
        assert!(read(&file, None, "").unwrap_err().contains("must be a folder"));
        assert!(read(&scratch.path("nope"), None, "").unwrap_err().contains("not found"));
    }

    #[test]
    fn a_folder_named_dockerfile_is_an_error_and_not_a_panic() {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("Dockerfile")).unwrap();
        let error = read(scratch.dir(), None, "").unwrap_err();
        assert_eq!(error, "failed to read dockerfile: read Dockerfile: is a directory");
    }
}
