//! Package managers and compilers: recipes of what lands on disk, how long it takes, and how it fails.

mod apk;
mod apt;
mod fetch;
mod go;
mod npm;
mod pip;
mod recipe;
mod servers;

use crate::command::{Call, Work};
use crate::world::{Errno, Result};
use store::{Content, Follow};

/// Their commands.
pub(crate) fn commands() -> &'static [(&'static str, Work)] {
    &[
        ("apt", apt::apt),
        ("apt-get", apt::apt),
        ("apt-cache", apt::quiet),
        ("apt-mark", apt::quiet),
        ("apt-key", apt::quiet),
        ("add-apt-repository", apt::quiet),
        ("dpkg", apt::dpkg),
        ("apk", apk::apk),
        ("pip", pip::pip),
        ("pip3", pip::pip),
        ("npm", npm::npm),
        ("npx", npm::npx),
        ("yarn", npm::yarn),
        ("go", go::go),
        ("gcc", servers::compile),
        ("g++", servers::compile),
        ("cc", servers::compile),
        ("nginx", servers::nginx),
        ("node", servers::version),
        ("python", servers::version),
        ("python3", servers::version),
        ("curl", fetch::curl),
        ("wget", fetch::wget),
        ("git", fetch::git),
    ]
}

/// Bytes a simulated network brings in a millisecond.
const BYTES_PER_MILLI: u64 = 8_000;
/// Bytes a simulated disk takes in a millisecond.
const WRITTEN_PER_MILLI: u64 = 60_000;

impl Call<'_> {
    /// Puts a file there with its directories, whatever stood there.
    pub(crate) fn place(&mut self, path: &str, mode: u32, content: Content) -> Result<()> {
        if let Some((dir, _)) = path.rsplit_once('/')
            && !dir.is_empty()
        {
            self.world.mkdir_all(dir)?;
        }
        self.world.write_content(path, content)?;
        let target = self.world.resolve(path, Follow::Last)?;
        self.world.chmod(&target, mode)
    }

    /// Puts a text file there.
    pub(crate) fn place_text(&mut self, path: &str, text: &str) -> Result<()> {
        let content = self.world.keep(text.as_bytes())?;
        self.place(path, 0o644, content)
    }

    /// Adds to a text file, which is made if it is missing.
    pub(crate) fn add_text(&mut self, path: &str, text: &str) -> Result<()> {
        if !self.world.exists(path) {
            return self.place_text(path, text);
        }
        self.world.append(path, text.as_bytes())
    }

    /// The text of a file; empty if it is not there or not simulated.
    pub(crate) fn text_of(&self, path: &str) -> Result<String> {
        match self.world.read(path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(need @ Errno::Need(_)) => Err(need),
            Err(_) => Ok(String::new()),
        }
    }

    /// Lets the time of a download and of writing pass.
    pub(crate) fn take_transfer(&mut self, downloaded: u64, written: u64) {
        self.take_millis(downloaded / BYTES_PER_MILLI + written / WRITTEN_PER_MILLI);
    }

    /// Names in a directory; none if it is not there.
    pub(crate) fn names_in(&self, dir: &str) -> Vec<String> {
        match self.world.node(dir, Follow::Last) {
            Ok((_, store::Node::Dir(dir))) => dir.entries.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// A size as a person reads it, in the units that apt uses: `159 kB`, `26.4 MB`.
fn shown(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..10_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..100_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
