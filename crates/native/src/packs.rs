//! Contents of files that lie in the tar of their layer: a blob that is their only copy.
//!
//! Which layers are packs, their lists say; where in a pack a content lies follows from what is listed.

use crate::known_files::FileState;
use crate::layers;
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::TarPart;

/// What is known of the packs of a store. Safe to ask from several threads.
#[derive(Debug)]
pub(crate) struct Packs {
    /// The folder of lists.
    folder: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    parts: BTreeMap<Digest, Part>,
    /// The lists that were looked at: they never change.
    seen: BTreeSet<Digest>,
    /// The folder when it was read, if a change after that would show; `None` also before it was read.
    read: Option<FileState>,
    is_read: bool,
}

/// Where a content lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The blob that is the tar.
    pub(crate) pack: Digest,
    /// The first byte.
    pub(crate) start: u64,
    /// How many bytes.
    pub(crate) size: u64,
}

impl Packs {
    /// The packs of which `folder` has the lists. Nothing is read yet.
    pub(crate) fn new(folder: PathBuf) -> Packs {
        Packs {
            folder,
            known: Mutex::default(),
        }
    }

    /// Where `digest` lies, as far as was known when the folder was read first.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Part> {
        let mut known = self.lock();
        if !known.is_read {
            self.read(&mut known);
        }
        known.parts.get(digest).copied()
    }

    /// The same, packs of other processes and handles included that came since.
    pub(crate) fn find_again(&self, digest: &Digest) -> Option<Part> {
        let mut known = self.lock();
        let now = fs::metadata(&self.folder).ok().map(|found| FileState::of(&found));
        if known.read.is_none() || known.read != now {
            self.read(&mut known);
        }
        known.parts.get(digest).copied()
    }

    /// Takes in the parts of a pack.
    pub(crate) fn add(&self, pack: Digest, parts: &[TarPart]) {
        self.lock().add(pack, parts);
    }

    fn read(&self, known: &mut Known) {
        known.is_read = true;
        known.read = fs::metadata(&self.folder).ok().as_ref().and_then(FileState::settled);
        // A list that cannot be read makes its contents missing, which is what whoever wants one is told.
        let Ok(folder) = fs::read_dir(&self.folder) else { return };
        for entry in folder.flatten() {
            let Some(pack) = crate::collect::digest_of(&entry) else {
                continue;
            };
            if known.seen.insert(pack) {
                known.add(pack, &layers::packed(&entry.path()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is right whatever a thread was doing that ended with it in its hands.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, pack: Digest, parts: &[TarPart]) {
        for TarPart { digest, start, size } in parts {
            let part = Part {
                pack,
                start: *start,
                size: *size,
            };
            self.parts.insert(*digest, part);
        }
    }
}
