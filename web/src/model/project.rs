//! What is built: the context's files and the options of the build.

use std::{collections::BTreeMap, rc::Rc};

use messages::{FileInput, Options};

/// The most files a project may have.
pub(crate) const MAX_FILES: usize = 5_000;
/// The most bytes all files together may have.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// The most bytes of a file that the editor opens.
const MAX_EDIT: usize = 512 << 10;

/// One file of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its content.
    pub(crate) bytes: Rc<[u8]>,
    /// Permission bits.
    pub(crate) mode: u32,
}

impl SourceFile {
    /// A file of text that everyone may read.
    pub(crate) fn text(text: &str) -> SourceFile {
        SourceFile {
            bytes: text.as_bytes().into(),
            mode: 0o644,
        }
    }

    /// Its text, if it is text and small enough for an editor.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if self.bytes.len() > MAX_EDIT || self.bytes.contains(&0) {
            return None;
        }
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// The context and how to build it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// Files by path; every path is one that [`check_path`] accepts.
    pub(crate) files: BTreeMap<Rc<str>, SourceFile>,
    /// Which of them is the Dockerfile, the target, build arguments, tag, cache.
    pub(crate) options: Options,
}

impl Project {
    /// A project of these files whose Dockerfile has the usual name; one is added if there is none.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, SourceFile)>) -> Project {
        let mut files: BTreeMap<Rc<str>, SourceFile> =
            files.into_iter().map(|(path, file)| (path.into(), file)).collect();
        let dockerfile = ["Dockerfile", "Containerfile", "dockerfile"]
            .into_iter()
            .find(|name| files.contains_key(*name))
            .unwrap_or("Dockerfile");
        files.entry(dockerfile.into()).or_insert_with(|| SourceFile::text(""));
        Project {
            files,
            options: Options {
                dockerfile: dockerfile.to_owned(),
                ..Options::default()
            },
        }
    }

    /// The text of the Dockerfile; empty if it cannot be shown.
    pub(crate) fn dockerfile(&self) -> &str {
        self.files
            .get(self.options.dockerfile.as_str())
            .and_then(SourceFile::as_text)
            .unwrap_or("")
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> usize {
        self.files.values().map(|file| file.bytes.len()).sum()
    }

    /// What must be told to someone who knows `before`: files that are new or changed, and paths that are gone.
    pub(crate) fn since(&self, before: &Project) -> (Vec<FileInput>, Vec<String>) {
        let changed = self.files.iter().filter(|(path, file)| match before.files.get(*path) {
            Some(old) => !Rc::ptr_eq(&old.bytes, &file.bytes) && old.bytes != file.bytes || old.mode != file.mode,
            None => true,
        });
        let put = changed.map(|(path, file)| input(path, file)).collect();
        let gone = before.files.keys().filter(|path| !self.files.contains_key(*path));
        (put, gone.map(ToString::to_string).collect())
    }

    /// All files, for a worker that knows none.
    pub(crate) fn inputs(&self) -> Vec<FileInput> {
        self.files.iter().map(|(path, file)| input(path, file)).collect()
    }
}

fn input(path: &str, file: &SourceFile) -> FileInput {
    FileInput {
        path: path.to_owned(),
        mode: file.mode,
        bytes: file.bytes.to_vec(),
    }
}

/// Why a path cannot name a file of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// Nothing is left of it.
    #[error("write a name, such as src/main.go")]
    Empty,
    /// `..` would leave the context.
    #[error("a path stays inside the context: it has no .. in it")]
    Parent,
    /// Longer than any filesystem takes.
    #[error("a path has at most 1024 bytes, and each name in it at most 255")]
    Long,
    /// A control character.
    #[error("a path has no control characters in it")]
    Control,
    /// Another file stands there.
    #[error("there is a file of that name already")]
    Taken,
}

/// A clean path from what a person or a browser gives: slashes one by one, no `.`, none in front.
///
/// # Errors
///
/// [`PathError`] for what no file can be called.
pub(crate) fn check_path(raw: &str) -> Result<String, PathError> {
    let raw = raw.trim();
    if raw.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    let names: Vec<&str> = raw.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.contains(&"..") {
        return Err(PathError::Parent);
    }
    let path = names.join("/");
    match path.len() {
        0 => Err(PathError::Empty),
        1..=1024 if names.iter().all(|name| name.len() <= 255) => Ok(path),
        _ => Err(PathError::Long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Project {
        Project::of(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), SourceFile::text(text))),
        )
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = project(&[("Dockerfile", "FROM a"), ("old", "1"), ("same", "2")]);
        let after = project(&[("Dockerfile", "FROM b"), ("new", "1"), ("same", "2")]);
        let (put, gone) = after.since(&before);
        assert_eq!(
            put.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["Dockerfile", "new"]
        );
        assert_eq!(gone, ["old"]);
    }

    #[test]
    fn a_new_mode_alone_is_a_change() {
        let before = project(&[("run.sh", "x")]);
        let mut after = before.clone();
        after.files.insert(
            "run.sh".into(),
            SourceFile {
                mode: 0o755,
                ..SourceFile::text("x")
            },
        );
        assert_eq!(after.since(&before).0.len(), 1);
    }

    #[test]
    fn paths_are_cleaned_and_cannot_climb() {
        assert_eq!(check_path(" ./src//main.go "), Ok("src/main.go".to_owned()));
        assert_eq!(check_path("/etc/passwd"), Ok("etc/passwd".to_owned()));
        assert_eq!(check_path("a/../../b"), Err(PathError::Parent));
        assert_eq!(check_path("./"), Err(PathError::Empty));
        assert_eq!(check_path(&"n".repeat(256)), Err(PathError::Long));
        assert_eq!(check_path("a\nb"), Err(PathError::Control));
    }

    #[test]
    fn a_folder_without_a_dockerfile_gets_an_empty_one() {
        assert_eq!(project(&[("a", "")]).dockerfile(), "");
        assert_eq!(project(&[("Containerfile", "FROM x")]).dockerfile(), "FROM x");
    }

    #[test]
    fn bytes_that_are_no_text_are_not_edited() {
        assert_eq!(
            SourceFile {
                bytes: [0xff, 0xfe].as_slice().into(),
                mode: 0o644
            }
            .as_text(),
            None
        );
        assert_eq!(
            SourceFile {
                bytes: b"a\0b".as_slice().into(),
                mode: 0o644
            }
            .as_text(),
            None
        );
    }
}
