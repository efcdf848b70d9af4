//! Files of the machine that a command is typed on.

use super::{Fail, Session};
use std::io::{BufRead, Cursor, Read, Write};
use store::{Content, Meta, Node, TreePath};

/// More bytes are not taken from a file that holds settings.
const MAX_TEXT: u64 = 16 << 20;

impl Session<'_, '_> {
    /// A path made absolute: `.` and `..` taken out, `~` as the shell leaves it.
    pub(crate) fn absolute(&self, path: &str) -> String {
        let joined = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", self.host.cwd())
        };
        // Only NUL is no path, and no shell gives that on.
        TreePath::clean(&joined).map_or(joined, |path| path.absolute())
    }

    /// What stands at a path.
    pub(crate) fn node(&mut self, path: &str) -> Option<Node> {
        let path = self.absolute(path);
        self.host.files().get(&path)
    }

    /// A file, to be read.
    ///
    /// # Errors
    ///
    /// `open /x: no such file or directory`.
    pub(crate) fn open(&mut self, path: &str) -> Result<Box<dyn BufRead>, Fail> {
        let place = self.absolute(path);
        let wrong = |reason: &str| Fail::new(format!("open {path}: {reason}"));
        if let Some(opened) = self.host.open(&place) {
            return opened.map_err(|error| wrong(reason(&error)));
        }
        match self.host.files().get(&place) {
            None => Err(wrong("no such file or directory")),
            Some(Node::Dir(_)) => Err(wrong("is a directory")),
            Some(Node::File(file)) => match &file.content {
                Content::Blob { digest, .. } => {
                    let bytes = self.blobs.get(digest).map_err(|error| wrong(&error.to_string()))?;
                    Ok(Box::new(Cursor::new(bytes)))
                }
                Content::Absent { .. } => Err(wrong("its bytes are simulated, and nowhere")),
            },
            Some(Node::Symlink { .. } | Node::Special { .. }) => Err(wrong("not a regular file")),
        }
    }

    /// A file that holds text.
    ///
    /// # Errors
    ///
    /// As [`open`](Session::open).
    pub(crate) fn read_text(&mut self, path: &str) -> Result<String, Fail> {
        let mut bytes = Vec::new();
        let file = self.open(path)?;
        file.take(MAX_TEXT)
            .read_to_end(&mut bytes)
            .map_err(|error| Fail::new(format!("read {path}: {error}")))?;
        String::from_utf8(bytes).map_err(|_| Fail::new(format!("read {path}: it is no text")))
    }

    /// Makes or replaces a file with what `fill` writes.
    ///
    /// # Errors
    ///
    /// What `fill` says, or `open /x: permission denied`.
    pub(crate) fn write_file(
        &mut self,
        path: &str,
        mode: u32,
        fill: impl FnOnce(&mut Self, &mut dyn Write) -> Result<(), Fail>,
    ) -> Result<(), Fail> {
        let place = self.absolute(path);
        let wrong = |reason: &str| Fail::new(format!("open {path}: {reason}"));
        if let Some(made) = self.host.create(&place, mode) {
            let mut file = made.map_err(|error| wrong(reason(&error)))?;
            fill(self, &mut file)?;
            return file.flush().map_err(|error| wrong(reason(&error)));
        }
        let mut bytes = Vec::new();
        fill(self, &mut bytes)?;
        let digest = self.blobs.put(&bytes).map_err(|error| wrong(&error.to_string()))?;
        let content = Content::Blob {
            digest,
            size: bytes.len() as u64,
        };
        let meta = Meta {
            mtime: self.now,
            ..Meta::of_mode(mode)
        };
        self.host
            .files()
            .put(&place, Node::file(meta, content))
            .map_err(|error| wrong(&error))
    }

    /// Whether a file can be made at a path: its directory is there.
    ///
    /// # Errors
    ///
    /// `invalid output path: …`, as Docker says it.
    ///
    /// Source: docker/cli, `cli/command/utils.go`, `ValidateOutputPath`.
    pub(crate) fn check_output(&mut self, path: &str) -> Result<(), String> {
        let place = self.absolute(path);
        let (above, _) = place.rsplit_once('/').unwrap_or(("", ""));
        let above = if above.is_empty() { "/" } else { above };
        match self.host.files().get(above) {
            Some(Node::Dir(_)) => Ok(()),
            Some(_) => Err(format!("invalid output path: {above:?} is not a directory")),
            None => Err(format!("invalid output path: stat {above}: no such file or directory")),
        }
    }
}

/// What the system says, without the number.
fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory",
        std::io::ErrorKind::PermissionDenied => "permission denied",
        std::io::ErrorKind::IsADirectory => "is a directory",
        std::io::ErrorKind::StorageFull => "no space left on device",
        _ => "input/output error",
    }
}
