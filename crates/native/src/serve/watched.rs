//! Files that are read again when they change, without a restart.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files a value was made from, and how they looked then.
#[derive(Debug)]
pub(super) struct Watched {
    paths: Vec<PathBuf>,
    seen: Vec<Option<Look>>,
}

/// How a file looks from outside. Whoever writes one anew changes at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watched {
    /// Notes how the files look. Call it before reading them: what changes in between is then seen as a change.
    pub(super) fn new(paths: Vec<PathBuf>) -> Watched {
        let seen = paths.iter().map(|path| look(path)).collect();
        Watched { paths, seen }
    }

    /// Whether a file looks different from the last time it was asked.
    pub(super) fn has_changed(&mut self) -> bool {
        let now: Vec<Option<Look>> = self.paths.iter().map(|path| look(path)).collect();
        let has_changed = now != self.seen;
        self.seen = now;
        has_changed
    }
}

fn look(path: &Path) -> Option<Look> {
    let file = fs::metadata(path).ok()?;
    Some(Look {
        inode: file.ino(),
        size: file.size(),
        modified: (file.mtime(), file.mtime_nsec()),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

/// Reads a small file that a person wrote, such as a list of accounts.
///
/// # Errors
///
/// If it cannot be read, or is larger than anything of the kind.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 16 << 20;
    let size = fs::metadata(path)?.size();
    if size > MOST {
        let message = format!("expected at most {MOST} bytes, found {size}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_file_that_is_written_replaced_or_removed_has_changed_once() {
        let scratch = Scratch::new();
        let file = scratch.write("a", "one");
        let mut watched = Watched::new(vec![file.clone()]);
        assert!(!watched.has_changed());
        scratch.write("a", "two!");
        assert!(watched.has_changed() && !watched.has_changed());
        fs::rename(scratch.write("b", "six!"), &file).unwrap();
        assert!(watched.has_changed() && !watched.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(watched.has_changed() && !watched.has_changed());
    }
}
