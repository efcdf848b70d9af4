//! The Dockerfile and the files that a build may copy.

use super::super::{Fail, Input as Stdin, Session};
use crate::words::Call;
use builder::{Context, ContextError, Entry, EntryKind, Ignore};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use store::{Content, Dir, Limits, Meta, Node, Tree, TreePath, Whiteouts};

/// No Dockerfile is longer, in bytes.
const MAX_TEXT: u64 = 16 << 20;
/// More is not taken for a context from the standard input.
const MAX_ARCHIVE: u64 = 1 << 30;

/// What is built.
pub(super) struct Input {
    /// The text of the Dockerfile.
    pub(super) text: String,
    /// Its path in the context, or its name.
    pub(super) dockerfile: String,
    /// The files.
    pub(super) context: Box<dyn Context>,
}

impl Input {
    /// Reads what `PATH`, `-` and `-f` name.
    ///
    /// # Errors
    ///
    /// What BuildKit's client says if something is not there.
    pub(super) fn read(call: &Call, session: &mut Session<'_, '_>) -> Result<Input, Fail> {
        let place = call.arguments[0].as_str();
        let file = call.text("file").filter(|path| !path.is_empty());
        if place == "-" {
            if file == Some("-") {
                return Err(Fail::new(
                    "ERROR: invalid argument: can't use stdin for both build context and dockerfile",
                ));
            }
            return from_stdin(session, file);
        }
        if place.contains("://") || place.starts_with("git@") {
            return Err(Fail::new(format!(
                "ERROR: unable to prepare context: {place}: downloads are not supported here"
            )));
        }
        let dir = session.absolute(place);
        match session.host.files().get(&dir) {
            Some(Node::Dir(_)) => {}
            Some(_) => {
                return Err(Fail::new(format!(
                    "ERROR: unable to prepare context: path {} is not a directory",
                    dockerfile::quote(place)
                )));
            }
            None if session.host.context(&dir).is_some_and(|context| context.is_ok()) => {}
            None => {
                return Err(Fail::new(format!(
                    "ERROR: unable to prepare context: path {} not found",
                    dockerfile::quote(place)
                )));
            }
        }
        let (text, name) = if file == Some("-") {
            let bytes = stdin(session, MAX_TEXT)?;
            (String::from_utf8_lossy(&bytes).into_owned(), "Dockerfile".to_owned())
        } else {
            let path = file.map_or_else(|| format!("{dir}/Dockerfile"), |file| session.absolute(file));
            let path = session.absolute(&path);
            let inside = path.strip_prefix(&dir).map(|rest| rest.trim_start_matches('/'));
            let name = inside
                .unwrap_or_else(|| path.rsplit('/').next().unwrap_or(&path))
                .to_owned();
            let shown = file.unwrap_or("Dockerfile").to_owned();
            let text = session.read_text(&path).map_err(|_| unreadable(&shown))?;
            (text, name)
        };
        let context: Box<dyn Context> = if let Some(context) = session.host.context(&dir) {
            context.map_err(|error| Fail::new(format!("ERROR: {place}: {error}")))?
        } else {
            let Some(Node::Dir(files)) = session.host.files().get(&dir) else {
                return Err(unreadable(&name));
            };
            Box::new(Files::new(&files, &name, session)?)
        };
        Ok(Input {
            text,
            dockerfile: name,
            context,
        })
    }
}

fn unreadable(name: &str) -> Fail {
    Fail::new(format!(
        "ERROR: failed to build: failed to solve: failed to read dockerfile: open {name}: no such file or directory"
    ))
}

fn stdin(session: &mut Session<'_, '_>, limit: u64) -> Result<Vec<u8>, Fail> {
    let mut bytes = Vec::new();
    if let Stdin::Stream(stream) = session.host.stdin() {
        stream
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Fail::new(format!("ERROR: {error}")))?;
    }
    if bytes.len() as u64 > limit {
        return Err(Fail::new(format!(
            "ERROR: more than {limit} bytes on the standard input"
        )));
    }
    Ok(bytes)
}

/// A Dockerfile alone, or an archive of a context.
fn from_stdin(session: &mut Session<'_, '_>, file: Option<&str>) -> Result<Input, Fail> {
    let bytes = stdin(session, MAX_ARCHIVE)?;
    let name = file.unwrap_or("Dockerfile").to_owned();
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    let is_packed = bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    if !is_tar && !is_packed {
        let empty = Files::new(&Dir::new(Meta::of_mode(0o755)), &name, session)?;
        return Ok(Input {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            dockerfile: "Dockerfile".to_owned(),
            context: Box::new(empty),
        });
    }
    let wrong = |error: &dyn std::fmt::Display| Fail::new(format!("ERROR: failed to read the context: {error}"));
    let mut tar = store::decompress(Box::new(std::io::Cursor::new(bytes))).map_err(|error| wrong(&error))?;
    let read =
        store::read_tar(&mut tar, &Limits::default(), Whiteouts::Keep, session.blobs).map_err(|error| wrong(&error))?;
    let tree = store::apply(&Tree::new(), &read.changes).map_err(|error| wrong(&error))?;
    let path = TreePath::clean(&name).map_err(|error| wrong(&error))?;
    let content = tree.get(&path).and_then(Node::as_file).map(|file| file.content);
    let Some(Content::Blob { digest, .. }) = content else {
        return Err(unreadable(&name));
    };
    let text = session.blobs.get(&digest).map_err(|error| wrong(&error))?;
    Ok(Input {
        text: String::from_utf8_lossy(&text).into_owned(),
        context: Box::new(Files::new(tree.root(), &name, session)?),
        dockerfile: name,
    })
}

/// The files of `--build-context NAME=PATH`, ignored ones left out.
///
/// # Errors
///
/// If there is no such directory.
pub(super) fn directory(session: &mut Session<'_, '_>, place: &str) -> Result<Tree, Fail> {
    let dir = session.absolute(place);
    let wrong =
        |error: &dyn std::fmt::Display| Fail::new(format!("ERROR: failed to get build context {place}: {error}"));
    let context: Box<dyn Context> = match session.host.context(&dir) {
        Some(context) => context.map_err(|error| wrong(&error))?,
        None => match session.host.files().get(&dir) {
            Some(Node::Dir(files)) => Box::new(Files::new(&files, "", session)?),
            _ => return Err(wrong(&format!("stat {place}: no such file or directory"))),
        },
    };
    let text = context
        .ignore_file("")
        .map_err(|error| wrong(&error))?
        .map_or_else(String::new, |(_, text)| text);
    let ignore = Ignore::parse(&text).map_err(|error| wrong(&error))?;
    context.tree(&ignore, session.blobs).map_err(|error| wrong(&error))
}

/// A directory of a machine whose files are in the blob store.
struct Files {
    entries: Vec<Entry>,
    /// Ignore files: all that is read of a context before its files are taken.
    texts: BTreeMap<String, Arc<[u8]>>,
}

impl Files {
    fn new(dir: &Dir, dockerfile: &str, session: &Session<'_, '_>) -> Result<Files, Fail> {
        let mut files = Files {
            entries: Vec::new(),
            texts: BTreeMap::new(),
        };
        files.add(dir, "");
        for name in [".dockerignore".to_owned(), format!("{dockerfile}.dockerignore")] {
            let found = files.entries.iter().find(|entry| entry.path == name);
            if let Some(EntryKind::File {
                digest: Some(digest), ..
            }) = found.map(|entry| &entry.kind)
            {
                let bytes = session
                    .blobs
                    .get(digest)
                    .map_err(|error| Fail::new(format!("ERROR: {name}: {error}")))?;
                files.texts.insert(name, bytes);
            }
        }
        Ok(files)
    }

    fn add(&mut self, dir: &Dir, above: &str) {
        for (name, node) in &dir.entries {
            let path = if above.is_empty() {
                name.clone()
            } else {
                format!("{above}/{name}")
            };
            let kind = match node {
                Node::Dir(_) => EntryKind::Dir,
                Node::Symlink { target, .. } => EntryKind::Symlink(target.clone()),
                Node::File(file) => EntryKind::File {
                    size: file.content.size(),
                    digest: match file.content {
                        Content::Blob { digest, .. } => Some(digest),
                        Content::Absent { .. } => None,
                    },
                },
                // A context has no devices.
                Node::Special { .. } => continue,
            };
            self.entries.push(Entry {
                path: path.clone(),
                mode: node.meta().mode,
                mtime: node.meta().mtime,
                kind,
            });
            if let Node::Dir(inner) = node {
                self.add(inner, &path);
            }
        }
    }
}

impl Context for Files {
    fn entries(&self) -> Result<Vec<Entry>, ContextError> {
        Ok(self.entries.clone())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ContextError> {
        self.texts.get(path).cloned().ok_or_else(|| ContextError::Read {
            path: path.to_owned(),
            reason: "its bytes are simulated, and nowhere".to_owned(),
        })
    }
}
