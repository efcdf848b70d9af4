//! A project as text: in the browser's storage, and packed into a link.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use messages::Options;
use serde::{Deserialize, Serialize};

use crate::model::{Project, SourceFile, check_path};

/// What a link begins with, after `#`; the number rises when the form changes.
const LINK: &str = "v1.";
/// The most bytes of saved text: more is not kept, and no link is made of it.
const MAX_SAVED: usize = 500_000;
/// The most bytes that a link may unpack to.
const MAX_UNPACKED: usize = 2 << 20;

/// Why a project could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SavedError {
    /// Too big for storage and for a link.
    #[error("the project has {bytes} bytes; up to {MAX_SAVED} are kept")]
    Large {
        /// Of the saved text.
        bytes: usize,
    },
    /// Made by something else, or cut.
    #[error("this is not a project that this page wrote, or it is cut")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    files: Vec<SavedFile>,
    options: Options,
}

#[derive(Serialize, Deserialize)]
struct SavedFile {
    path: String,
    mode: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Writes a project as JSON.
///
/// # Errors
///
/// [`SavedError::Large`] past the cap.
pub(crate) fn write(project: &Project) -> Result<String, SavedError> {
    let bytes = project.bytes();
    if bytes > MAX_SAVED {
        return Err(SavedError::Large { bytes });
    }
    let files = project.files.iter().map(|(path, file)| {
        let text = std::str::from_utf8(&file.bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| URL_SAFE_NO_PAD.encode(&file.bytes));
        SavedFile {
            path: path.to_string(),
            mode: file.mode,
            text,
            base64,
        }
    });
    let saved = Saved {
        files: files.collect(),
        options: project.options.clone(),
    };
    let text = serde_json::to_string(&saved).expect("strings and numbers can be written as JSON");
    if text.len() > MAX_SAVED {
        Err(SavedError::Large { bytes: text.len() })
    } else {
        Ok(text)
    }
}

/// Reads what [`write`] wrote.
///
/// # Errors
///
/// [`SavedError::Damaged`] for anything else.
pub(crate) fn read(text: &str) -> Result<Project, SavedError> {
    let saved: Saved = serde_json::from_str(text).map_err(|_| SavedError::Damaged)?;
    let mut files = Vec::new();
    for file in saved.files {
        let path = check_path(&file.path).map_err(|_| SavedError::Damaged)?;
        let bytes = match (file.text, file.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(packed)) => URL_SAFE_NO_PAD.decode(packed).map_err(|_| SavedError::Damaged)?,
            _ => return Err(SavedError::Damaged),
        };
        files.push((
            path,
            SourceFile {
                bytes: bytes.into(),
                mode: file.mode & 0o7777,
            },
        ));
    }
    let mut project = Project::of(files);
    if project.files.contains_key(saved.options.dockerfile.as_str()) {
        project.options = saved.options;
    }
    Ok(project)
}

/// Packs a project into the part of a link behind `#`.
///
/// # Errors
///
/// [`SavedError::Large`] past the cap.
pub(crate) fn to_link(project: &Project) -> Result<String, SavedError> {
    let packed = miniz_oxide::deflate::compress_to_vec(write(project)?.as_bytes(), 9);
    Ok(format!("{LINK}{}", URL_SAFE_NO_PAD.encode(packed)))
}

/// The project in a link's `#` part; `None` if there is none in it.
///
/// # Errors
///
/// [`SavedError::Damaged`] if there is one that cannot be read.
pub(crate) fn from_link(hash: &str) -> Option<Result<Project, SavedError>> {
    let packed = hash.trim_start_matches('#').strip_prefix(LINK)?;
    Some(unpack(packed).ok_or(SavedError::Damaged).and_then(|text| read(&text)))
}

fn unpack(packed: &str) -> Option<String> {
    let packed = URL_SAFE_NO_PAD.decode(packed).ok()?;
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, MAX_UNPACKED).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let script = SourceFile {
            mode: 0o755,
            ..SourceFile::text("#!/bin/sh\necho ä 😀\n")
        };
        let binary = SourceFile {
            bytes: [0, 255, 1].as_slice().into(),
            mode: 0o644,
        };
        let mut project = Project::of([
            ("Dockerfile".to_owned(), SourceFile::text("FROM scratch\nCOPY . /\n")),
            ("run.sh".to_owned(), script),
            ("blob.bin".to_owned(), binary),
        ]);
        project.options.build_args.push(("A".to_owned(), "1".to_owned()));
        project
    }

    #[test]
    fn a_project_comes_back_from_its_link() {
        let link = to_link(&project()).expect("it is small");
        assert!(link.starts_with("v1."));
        assert_eq!(from_link(&format!("#{link}")), Some(Ok(project())));
    }

    #[test]
    fn a_link_of_something_else_is_left_alone() {
        assert_eq!(from_link("#dockerfile"), None);
        assert_eq!(from_link(""), None);
    }

    #[test]
    fn a_cut_link_is_refused() {
        let link = to_link(&project()).expect("it is small");
        assert_eq!(from_link(&link[..link.len() / 2]), Some(Err(SavedError::Damaged)));
    }

    #[test]
    fn a_link_that_unpacks_to_too_much_is_refused() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; MAX_UNPACKED + 1], 9);
        let link = format!("{LINK}{}", URL_SAFE_NO_PAD.encode(bomb));
        assert_eq!(from_link(&link), Some(Err(SavedError::Damaged)));
    }

    #[test]
    fn a_path_that_climbs_out_is_refused() {
        let text = r#"{"files":[{"path":"../x","mode":420,"text":""}],"options":{"dockerfile":"Dockerfile","target":"","build_args":[],"tag":"","no_cache":false}}"#;
        assert_eq!(read(text), Err(SavedError::Damaged));
    }

    #[test]
    fn a_big_project_is_not_kept() {
        let mut project = project();
        project
            .files
            .insert("big".into(), SourceFile::text(&"x".repeat(MAX_SAVED + 1)));
        assert!(matches!(write(&project), Err(SavedError::Large { .. })));
    }
}
