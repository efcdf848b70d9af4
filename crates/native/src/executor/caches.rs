//! Cache mounts: real directories that stay from build to build.

use crate::snapshots::SnapshotError;
use oci::Digest;
use planner::Sharing;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The directories of cache mounts under one folder.
#[derive(Debug, Clone)]
pub struct Caches {
    folder: PathBuf,
}

/// A cache that is in use until it is dropped.
#[derive(Debug)]
pub struct HeldCache {
    /// Its identity.
    pub id: String,
    sharing: Sharing,
    /// What is mounted; made by the one who gets it first, see [`HeldCache::is_new`].
    pub content: PathBuf,
    _lock: File,
}

impl Caches {
    /// The caches in `folder`, which is made when the first one is.
    pub fn new(folder: PathBuf) -> Caches {
        Caches { folder }
    }

    /// The cache `id`, held as `sharing` says: one that is locked waits for all others, a private one is one that nobody uses.
    /// `on_wait` is called once if this waits.
    ///
    /// The identity is any text: its digest names the directory, so that none leads anywhere else (CVE-2024-9675).
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn hold(&self, id: &str, sharing: Sharing, on_wait: &mut dyn FnMut()) -> io::Result<HeldCache> {
        let name = Digest::of(id.as_bytes()).hex();
        if sharing != Sharing::Private {
            return self
                .open(id, &name, sharing, on_wait)
                .map(|held| held.expect("this waits until it has it"));
        }
        let mut number = 0;
        loop {
            let name = if number == 0 {
                name.clone()
            } else {
                format!("{name}-{number}")
            };
            match self.open(id, &name, sharing, on_wait)? {
                Some(held) => return Ok(held),
                None => number += 1,
            }
        }
    }

    fn open(&self, id: &str, name: &str, sharing: Sharing, on_wait: &mut dyn FnMut()) -> io::Result<Option<HeldCache>> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        let tried = match sharing {
            Sharing::Shared => lock.try_lock_shared(),
            Sharing::Private | Sharing::Locked => lock.try_lock(),
        };
        match (tried, sharing) {
            (Ok(()), _) => {}
            (Err(TryLockError::WouldBlock), Sharing::Private) => return Ok(None),
            (Err(TryLockError::WouldBlock), Sharing::Locked) => {
                on_wait();
                lock.lock()?;
            }
            (Err(TryLockError::WouldBlock), Sharing::Shared) => {
                on_wait();
                lock.lock_shared()?;
            }
            (Err(TryLockError::Error(error)), _) => return Err(error),
        }
        Ok(Some(HeldCache {
            id: id.to_owned(),
            sharing,
            content: folder.join("content"),
            _lock: lock,
        }))
    }
}

impl HeldCache {
    /// Whether somebody who wants the same cache as `sharing` says has to wait.
    pub fn bars(&self, sharing: Sharing) -> bool {
        match sharing {
            Sharing::Private => false,
            Sharing::Shared => self.sharing != Sharing::Shared,
            Sharing::Locked => true,
        }
    }

    /// Whether nobody has filled it yet.
    pub fn is_new(&self) -> bool {
        !self.content.exists()
    }

    /// Fills it: `write` does so in an empty directory, which becomes the cache when it is whole.
    ///
    /// # Errors
    ///
    /// Those of `write`, and if the disk refuses.
    pub fn fill(&self, write: impl FnOnce(&Path) -> Result<(), SnapshotError>) -> Result<(), SnapshotError> {
        let aside = crate::atomic::beside(&self.content);
        let failed = |source| SnapshotError::Folder {
            path: self.content.display().to_string(),
            source,
        };
        fs::create_dir_all(&aside).map_err(failed)?;
        let written = write(&aside);
        // Who shares the cache may have been faster: then theirs counts.
        if written.is_err() || fs::rename(&aside, &self.content).is_err() {
            let _ = fs::remove_dir_all(&aside);
        }
        written?;
        if self.is_new() {
            return Err(failed(io::Error::other("the directory could not get its name")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn an_identity_never_leads_out_of_the_folder() {
        let scratch = Scratch::new();
        let caches = Caches::new(scratch.path("caches"));
        let held = caches
            .hold("/../../x", Sharing::Shared, &mut || panic!("nobody else is there"))
            .unwrap();
        let parent = held.content.parent().unwrap().parent().unwrap();
        assert_eq!(parent, scratch.path("caches"));
    }

    #[test]
    fn what_is_written_stays_and_a_private_cache_is_one_that_nobody_uses() {
        let scratch = Scratch::new();
        let caches = Caches::new(scratch.path("caches"));
        let none = &mut || panic!("nobody waits");
        let first = caches.hold("a", Sharing::Private, none).unwrap();
        assert!(first.is_new());
        first
            .fill(|folder| {
                fs::write(folder.join("f"), "x").unwrap();
                Ok(())
            })
            .unwrap();
        let second = caches.hold("a", Sharing::Private, none).unwrap();
        assert!(second.is_new());
        drop(first);
        let again = caches.hold("a", Sharing::Shared, none).unwrap();
        let also = caches.hold("a", Sharing::Shared, none).unwrap();
        assert_eq!(fs::read(again.content.join("f")).unwrap(), b"x");
        assert_eq!(again.content, also.content);
    }
}
