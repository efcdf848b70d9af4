//! Where one process keeps what is not durable yet: a folder of its own, which goes away with it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A folder that this process alone writes, until it is dropped.
///
/// It is locked for as long, and the system lets go of the lock even if the process is killed: one that can be locked is a leftover.
#[derive(Debug)]
pub struct Ingest {
    folder: PathBuf,
    _lock: File,
}

impl Ingest {
    /// Makes a folder in `parent`, which is made if it is missing, and takes the leftovers of dead processes away.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made.
    pub fn open(parent: &Path) -> io::Result<Ingest> {
        fs::create_dir_all(parent)?;
        for entry in fs::read_dir(parent)? {
            remove_leftover(&entry?.path());
        }
        loop {
            let folder = crate::atomic::beside(&parent.join("process"));
            fs::create_dir(&folder)?;
            if let Some(lock) = lock_if_there(&folder)? {
                return Ok(Ingest { folder, _lock: lock });
            }
            // Somebody took it for a leftover before it was locked.
        }
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // What stays is a leftover, which the next process takes away.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Locks the folder; `None` if it is not there any more.
fn lock_if_there(folder: &Path) -> io::Result<Option<File>> {
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let lock = match File::open(folder) {
        Err(error) if is_gone(&error) => return Ok(None),
        other => other?,
    };
    lock.lock()?;
    match fs::metadata(folder) {
        Ok(found) if found.ino() == lock.metadata()?.ino() => Ok(Some(lock)),
        Ok(_) => Ok(None),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what nobody has locked. What cannot be removed does no harm: nobody reads it.
fn remove_leftover(path: &Path) {
    match File::open(path) {
        Ok(lock) if path.is_dir() && lock.try_lock().is_ok() => drop(fs::remove_dir_all(path)),
        Ok(_) if path.is_file() => drop(fs::remove_file(path)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn each_has_a_folder_of_its_own_which_goes_away_with_it() {
        let scratch = Scratch::new();
        let parent = scratch.path("ingest");
        let first = Ingest::open(&parent).unwrap();
        let second = Ingest::open(&parent).unwrap();
        assert_ne!(first.path("a"), second.path("a"));
        fs::write(first.path("a"), "x").unwrap();
        drop(second);
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
        drop(first);
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_has_locked_is_a_leftover() {
        let scratch = Scratch::new();
        let parent = scratch.path("ingest");
        let file = scratch.write("ingest/7", "of an older layerlab");
        let folder = scratch.write("ingest/dead/half", "x");
        let living = Ingest::open(&parent).unwrap();
        fs::write(living.path("a"), "x").unwrap();
        let _other = Ingest::open(&parent).unwrap();
        assert!(!file.exists() && !folder.exists() && living.path("a").exists());
    }
}
