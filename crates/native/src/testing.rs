//! Folders for tests that go away with the test.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Says that a test does nothing, and why.
pub(crate) fn skip(why: &str) {
    // A test that nobody can hear is skipped all the same.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// A new empty folder; removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let dir = crate::atomic::beside(&std::env::temp_dir().join("layerlab-test"));
        std::fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    /// Writes a file, making the folders above it.
    pub(crate) fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
