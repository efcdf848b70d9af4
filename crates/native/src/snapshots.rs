//! Filesystems on disk, as stacks of folders that overlayfs lays over each other.
//!
//! A snapshot is a folder under the digest of the tree it holds ([`TreeDigests`]): `fs`, which has what differs from its parent, and a
//! record that names the parent. It is a cache: everything in it can be made again from the blobs. So nothing is synced for it; one
//! is trusted if it was made since the machine started, or if its mark says that it was synced ([`Snapshots::mark_durable`]).

mod difference;
mod error;
mod prune;
mod record;
mod tree_digest;
mod upper;
mod write;

pub use error::SnapshotError;
pub use prune::{Kept, hold, prune, unusable};
pub use tree_digest::TreeDigests;
pub use upper::{Written, read_upper};
pub use write::write_tree;

use crate::ingest::Ingest;
use difference::Difference;
use oci::Digest;
use record::Record;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use store::{BlobStore, Meta, Tree};
use write::write_entries;

/// The snapshots under one folder, which several processes may use at once.
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    /// Where folders are while they are filled, on the same filesystem.
    work: Ingest,
    n_works: u64,
    /// Whose snapshots are trusted: this boot's, with these users.
    here: record::Here,
    digests: TreeDigests,
    /// Those that are on disk and trusted, with the one each lies on.
    parents: BTreeMap<String, Option<String>>,
    /// Trees that others are likely to be written over, the latest last.
    bases: Vec<Base>,
    /// Made by this process and not known to be durable.
    fresh: Vec<String>,
}

#[derive(Debug, Clone)]
struct Base {
    digest: Digest,
    tree: Tree,
}

/// A filesystem on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name among the snapshots.
    name: String,
    /// Its folders, the uppermost first; never empty.
    pub lower: Vec<PathBuf>,
}

/// Folders for one run: where its writes go. They go away when it is dropped, unless they became a snapshot.
#[derive(Debug)]
pub struct Upper {
    folder: PathBuf,
    /// Where writes go.
    pub fs: PathBuf,
    /// What overlayfs needs beside it.
    pub work: PathBuf,
}

/// A stack of more folders is written as one.
const MAX_LAYERS: usize = 100;

/// So many trees are at hand for others to be written over.
const MAX_BASES: usize = 16;

impl Snapshots {
    /// The snapshots in `folder`, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or locked.
    pub fn open(folder: &Path) -> io::Result<Snapshots> {
        fs::create_dir_all(folder)?;
        Ok(Snapshots {
            folder: folder.to_owned(),
            work: Ingest::open(&folder.join("work"))?,
            n_works: 0,
            here: record::Here::read()?,
            digests: TreeDigests::default(),
            parents: BTreeMap::new(),
            bases: Vec::new(),
            fresh: Vec::new(),
        })
    }

    /// Says that filesystems to come are made of this one: it gets a snapshot of its own once one of them does.
    pub fn add_base(&mut self, tree: &Tree) {
        let digest = self.digests.of(tree);
        self.remember(digest, tree);
    }

    /// The snapshot of `tree`, which is written if it is not there: what differs from the nearest filesystem known, or all of it.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Absent`] for a simulated file, otherwise if the disk refuses or a blob is missing.
    pub fn of(&mut self, tree: &Tree, blobs: &dyn BlobStore) -> Result<Snapshot, SnapshotError> {
        let digest = self.digests.of(tree);
        let name = digest.hex();
        if self.is_there(&name) {
            self.remember(digest, tree);
            return Ok(self.snapshot(name));
        }
        let (parent, difference) = match self.nearest(digest, tree) {
            Some((base, difference)) => (Some(self.of(&base, blobs)?), difference),
            None => (None, Difference::from_nothing(tree)),
        };
        // Over a stack that is as deep as may be, another folder is one too many.
        let is_full = parent.as_ref().is_some_and(|parent| parent.lower.len() >= MAX_LAYERS);
        let (parent, difference) = if is_full {
            (None, Difference::from_nothing(tree))
        } else {
            (parent, difference)
        };
        let upper = self.upper(&tree.root().meta)?;
        write_entries(&upper.fs, tree, &difference.entries, blobs)?;
        self.put(upper, &name, parent.as_ref(), difference.weight)?;
        self.remember(digest, tree);
        Ok(self.snapshot(name))
    }

    /// Empty folders for a run over a filesystem whose root has `meta`.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn upper(&mut self, meta: &Meta) -> Result<Upper, SnapshotError> {
        self.n_works += 1;
        let folder = self.work.path(&self.n_works.to_string());
        let upper = Upper {
            fs: folder.join("fs"),
            work: folder.join("work"),
            folder,
        };
        let made = fs::create_dir(&upper.folder)
            .and_then(|()| fs::create_dir(&upper.fs))
            .and_then(|()| fs::create_dir(&upper.work));
        made.map_err(|error| refused(&upper.folder, error))?;
        write_entries(&upper.fs, &root_only(meta), &[], &store::MemoryBlobs::default())?;
        Ok(upper)
    }

    /// Makes the snapshot of `tree` of what a run over `parent` wrote to `upper`: nothing is copied.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn adopt(&mut self, upper: Upper, parent: &Snapshot, tree: &Tree, bytes: u64) -> Result<(), SnapshotError> {
        let digest = self.digests.of(tree);
        let name = digest.hex();
        // Over a stack that is as deep as may be, the next who wants it writes it in one piece.
        if !self.is_there(&name) && parent.lower.len() < MAX_LAYERS {
            self.put(upper, &name, Some(parent), bytes)?;
        }
        self.remember(digest, tree);
        Ok(())
    }

    /// Makes what this process made survive a power cut, and marks it so. After the blobs were synced there is little left to do.
    pub fn mark_durable(&mut self) {
        let synced = || -> io::Result<()> { Ok(rustix::fs::syncfs(fs::File::open(&self.folder)?)?) };
        if self.fresh.is_empty() || synced().is_err() {
            return;
        }
        for name in std::mem::take(&mut self.fresh) {
            // Without its mark a snapshot is made again after the next start of the machine.
            let _ = record::mark_durable(&self.folder.join(name));
        }
    }

    fn remember(&mut self, digest: Digest, tree: &Tree) {
        self.bases.retain(|base| base.digest != digest);
        if self.bases.len() >= MAX_BASES {
            self.bases.remove(0);
        }
        self.bases.push(Base {
            digest,
            tree: tree.clone(),
        });
    }

    /// The known filesystem over which least is to be written, if that is less than to write everything.
    fn nearest(&self, digest: Digest, tree: &Tree) -> Option<(Tree, Difference)> {
        let mut limit = Difference::from_nothing(tree).weight.saturating_sub(1);
        let mut nearest = None;
        for base in self.bases.iter().rev().filter(|base| base.digest != digest) {
            if let Some(difference) = Difference::within(limit, &base.tree, tree) {
                limit = difference.weight.saturating_sub(1);
                nearest = Some((base.tree.clone(), difference));
            }
        }
        nearest
    }

    /// Looks a snapshot up, and all that it lies on.
    fn is_there(&mut self, name: &str) -> bool {
        let mut stack = Vec::new();
        let mut at = Some(name.to_owned());
        while let Some(below) = at.take_if(|below| !self.parents.contains_key(below)) {
            // A circle cannot be made by us, and would have no end.
            if stack.len() > MAX_LAYERS {
                return false;
            }
            let record = Record::read(&self.folder.join(&below)).filter(|record| record.is_trusted(&self.here));
            let Some(record) = record else { return false };
            at.clone_from(&record.parent);
            stack.push((below, record.parent));
        }
        for (name, parent) in stack {
            record::touch(&self.folder.join(&name));
            self.parents.insert(name, parent);
        }
        true
    }

    fn snapshot(&self, name: String) -> Snapshot {
        let mut lower = Vec::new();
        let mut at = Some(&name);
        while let Some(name) = at {
            lower.push(self.folder.join(name).join("fs"));
            at = self.parents.get(name).and_then(Option::as_ref);
        }
        Snapshot { name, lower }
    }

    /// Gives filled folders their name. If somebody else was faster, theirs count.
    fn put(&mut self, upper: Upper, name: &str, parent: Option<&Snapshot>, bytes: u64) -> Result<(), SnapshotError> {
        let record = Record {
            parent: parent.map(|parent| parent.name.clone()),
            bytes,
            here: self.here.clone(),
        };
        let place = self.folder.join(name);
        fs::remove_dir_all(&upper.work)
            .and_then(|()| record.write(&upper.folder))
            .map_err(|error| refused(&upper.folder, error))?;
        let renamed = fs::rename(&upper.folder, &place).or_else(|error| {
            if !place.exists() {
                return Err(error);
            }
            match Record::read(&place) {
                Some(other) if other.is_trusted(&self.here) => Ok(()),
                // What a power cut left.
                _ => {
                    self.n_works += 1;
                    fs::rename(&place, self.work.path(&format!("{}-old", self.n_works)))?;
                    fs::rename(&upper.folder, &place)
                }
            }
        });
        renamed.map_err(|error| refused(&place, error))?;
        self.fresh.push(name.to_owned());
        self.parents.insert(name.to_owned(), record.parent);
        Ok(())
    }
}

impl Upper {
    /// A place for the files of an OCI runtime; not there yet.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join("bundle")
    }
}

impl Drop for Upper {
    fn drop(&mut self) {
        // It may have become a snapshot; what stays goes away with the process.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn root_only(meta: &Meta) -> Tree {
    let mut tree = Tree::new();
    tree.update_meta(&store::TreePath::root(), |root| *root = meta.clone())
        .expect("every tree has a root");
    tree
}

fn refused(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Folder {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests;
