//! A registry's folder: blobs, uploads that grow, and records in a journal.
//!
//! ```text
//! ROOT/layerlab-registry        says that the folder is ours; locked while it is used
//!      blobs/sha256/ab/abcd…    a blob each, named by the SHA-256 of its bytes whatever a client calls it
//!      uploads/UUID             bytes of an upload so far; UUID.json says where they belong
//!      records/N.snapshot       every link of every repository at some time
//!      records/N.journal        what changed since, each entry with a checksum
//!      trash/                   what is being deleted
//! ```
//!
//! What makes an answer true is on the disk before the answer is given. A large blob is synced under its temporary name,
//! renamed, and its folder synced; then an entry of the journal says whose it is. A small blob's bytes are in that entry too,
//! so that one sync does; its file is written without one, and written again from the journal if it was lost.

mod blobs;
mod books;
mod collect;
mod entry;
mod fsck;
mod journal;
mod uploads;

pub use collect::{Collected, Untagged};
pub use fsck::Finding;

pub(super) use blobs::DiskStore;
pub(super) use uploads::DiskUploads;

use books::Books;
use journal::Journal;
use oci::Digest;
use registry::Tables;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What `layerlab-registry` says: the version of this layout.
const MARK: &[u8] = b"layerlab registry 1\n";

/// Where `registry:2` keeps its data.
const REGISTRY_2: &str = "docker/registry/v2";

/// The time since some moment, which never goes back.
pub(super) type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// A registry's folder, in use by this process alone.
pub struct Disk {
    root: PathBuf,
    /// Holds the lock.
    _mark: File,
    clock: Clock,
    books: Mutex<Books>,
    journal: Journal,
    /// Held by the one who tidies up.
    broom: Mutex<()>,
}

/// Why a folder cannot be used, for a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Another process has it.
    #[error("{}: another registry is using this folder", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// It belongs to another program, or to a later version of this one.
    #[error("{}: {reason}", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What was expected and found.
        reason: &'static str,
    },
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DiskError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        let path = path.to_owned();
        move |source| DiskError::Io { path, source }
    }
}

impl Disk {
    /// Opens the folder at `root`, which is made if it is missing. What a killed process left half-done is mended.
    ///
    /// # Errors
    ///
    /// [`DiskError`] if the folder is in use, is not one of ours, or cannot be read.
    pub fn open(root: &Path) -> Result<Disk, DiskError> {
        let started = std::time::Instant::now();
        Disk::open_at(root, Box::new(move || started.elapsed()))
    }

    /// As [`open`](Disk::open), with this clock for what is old.
    pub(super) fn open_at(root: &Path, clock: Clock) -> Result<Disk, DiskError> {
        let mark = claim(root)?;
        for folder in ["uploads", "records", "trash"] {
            make(&root.join(folder))?;
        }
        blobs::make_folders(root)?;
        sync_folder(root).map_err(DiskError::io(root))?;
        let records = root.join("records");
        let mut tables = Tables::default();
        let mut restored = |change, bytes: Option<&[u8]>| {
            if let Some(bytes) = bytes {
                blobs::restore(root, bytes)?;
            }
            tables.apply(change);
            Ok(())
        };
        let journal = Journal::open(&records, &mut restored).map_err(DiskError::io(&records))?;
        let disk = Disk {
            root: root.to_owned(),
            _mark: mark,
            books: Mutex::new(Books::new(tables)),
            clock,
            journal,
            broom: Mutex::default(),
        };
        disk.checkpoint().map_err(DiskError::io(&records))?;
        disk.sweep().map_err(DiskError::io(root))?;
        Ok(disk)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes down where everything is, so that the next start has no journal to read.
    ///
    /// # Errors
    ///
    /// If the disk refuses; then the journal stays.
    pub fn checkpoint(&self) -> io::Result<()> {
        let _broom = self.broom.lock().unwrap_or_else(PoisonError::into_inner);
        self.journal.checkpoint(&self.root, |begin| {
            let books = self.books();
            begin();
            books.tables.changes().collect()
        })
    }

    /// Whether changes can still be kept.
    ///
    /// # Errors
    ///
    /// If the disk has refused one for good.
    pub(super) fn health(&self) -> io::Result<()> {
        self.journal.health()
    }

    /// Whether a [`checkpoint`](Disk::checkpoint) would save the next start much reading.
    pub(super) fn wants_checkpoint(&self) -> bool {
        self.journal.is_long()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // What is done while it is held does not panic half-way.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a blob.
    fn blob_path(&self, content: &Digest) -> PathBuf {
        blobs::path(&self.root, content)
    }
}

/// Makes the folder ours, or finds that it is, and locks it.
fn claim(root: &Path) -> Result<File, DiskError> {
    let foreign = |reason| DiskError::Foreign {
        path: root.to_owned(),
        reason,
    };
    if root.join(REGISTRY_2).exists() {
        return Err(foreign(
            "expected an empty folder or one of layerlab's, found the data of registry:2; copy its images over with skopeo \
             while it runs",
        ));
    }
    make(root)?;
    let path = root.join("layerlab-registry");
    let mut mark = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(DiskError::io(&path))?;
    match flock(&mark, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(DiskError::Busy { path: root.to_owned() }),
        Err(error) => return Err(DiskError::io(&path)(error.into())),
    }
    let found = fs::read(&path).map_err(DiskError::io(&path))?;
    match found.as_slice() {
        MARK => {}
        [] => {
            let is_ours = |name: &std::ffi::OsStr| name == "layerlab-registry" || name == "lost+found";
            let names = fs::read_dir(root).map_err(DiskError::io(root))?;
            if names.flatten().any(|entry| !is_ours(&entry.file_name())) {
                let _ = fs::remove_file(&path);
                return Err(foreign(
                    "expected an empty folder or one of layerlab's, found other files",
                ));
            }
            mark.write_all(MARK)
                .and_then(|()| mark.sync_all())
                .map_err(DiskError::io(&path))?;
        }
        _ => return Err(foreign("expected version 1 of layerlab's registry, found another")),
    }
    Ok(mark)
}

/// Makes a folder that only its owner may look into: images may hold secrets.
fn make(path: &Path) -> Result<(), DiskError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(DiskError::io(path))
}

/// Makes what was created, renamed or removed in a folder survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
