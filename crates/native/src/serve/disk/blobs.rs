//! Blobs as files, each named by the SHA-256 of its bytes, and the records that say whose they are.

use super::{Disk, entry, sync_folder};
use oci::{AnyDigest, Digest};
use registry::{Change, ManifestRecord, Records};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{BlobStore, StoreError};

/// Blobs of so many bytes or fewer become durable by the journal.
pub(super) const SMALL_BYTES: u64 = 64 << 10;

/// A handle to a registry's folder, cheap to clone, that requests use at once.
#[derive(Clone)]
pub(in crate::serve) struct DiskStore(pub(in crate::serve) Arc<Disk>);

/// The file of a blob.
pub(super) fn path(root: &Path, content: &Digest) -> PathBuf {
    let hex = content.hex();
    root.join("blobs/sha256").join(&hex[..2]).join(hex)
}

/// All folders that blobs can be in, so that none is made later.
pub(super) fn make_folders(root: &Path) -> Result<(), super::DiskError> {
    let top = root.join("blobs/sha256");
    for byte in 0..=u8::MAX {
        super::make(&top.join(format!("{byte:02x}")))?;
    }
    sync_folder(&top)
        .and_then(|()| sync_folder(&root.join("blobs")))
        .map_err(super::DiskError::io(&top))
}

/// Writes a blob again that an entry of the journal has the bytes of, if its file is not what it was.
pub(super) fn restore(root: &Path, bytes: &[u8]) -> io::Result<()> {
    let content = Digest::of(bytes);
    let place = path(root, &content);
    if fs::read(&place).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    write(root, &place, bytes)
}

/// Gives a file its name when it is whole. Nothing is synced.
fn write(root: &Path, place: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = root.join("uploads").join(format!("{count}.part"));
    let done = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, place));
    if done.is_err() {
        // The first error is the one to report; a leftover goes away with the next start.
        let _ = fs::remove_file(&temporary);
    }
    done
}

impl Disk {
    /// Keeps the bytes of a small blob; they are durable when a change that names them is.
    fn put_small(&self, content: Digest, bytes: &[u8]) -> io::Result<()> {
        let place = self.blob_path(&content);
        if self.is_kept(content, bytes.len() as u64) {
            return Ok(());
        }
        write(&self.root, &place, bytes)?;
        self.arrived(content, Some(bytes.into()));
        Ok(())
    }

    /// Notes a blob that no record names yet.
    fn arrived(&self, content: Digest, bytes: Option<Arc<[u8]>>) {
        let mut books = self.books();
        if let Some(bytes) = bytes {
            books.fresh.insert(content, bytes);
        }
        if books.tables.links_to(&content) == 0 {
            books.loose.insert(content);
        }
    }

    /// Makes the file at `from` a blob. A small one is durable when a change that names it is, a large one is now.
    pub(super) fn adopt(&self, content: Digest, from: &Path, size: u64) -> io::Result<()> {
        if self.is_kept(content, size) {
            return fs::remove_file(from);
        }
        let place = self.blob_path(&content);
        if size <= SMALL_BYTES {
            let bytes = fs::read(from)?;
            fs::rename(from, place)?;
            self.arrived(content, Some(bytes.into()));
            return Ok(());
        }
        File::open(from)?.sync_data()?;
        fs::rename(from, &place)?;
        sync_folder(place.parent().unwrap_or(&self.root))?;
        self.arrived(content, None);
        Ok(())
    }

    /// Whether a blob is here already, and stays for a while.
    fn is_kept(&self, content: Digest, size: u64) -> bool {
        let now = (self.clock)();
        let is_known = {
            let mut books = self.books();
            books.touch(content, now);
            books.knows(&content)
        };
        // A file of another size is broken: it is written again.
        is_known && fs::metadata(self.blob_path(&content)).is_ok_and(|file| file.len() == size)
    }

    /// Makes a change durable; whether what it takes away was there.
    pub(super) fn change(&self, change: Change) -> io::Result<bool> {
        let content = match &change {
            Change::AddBlob { content, .. } => Some(*content),
            Change::PutManifest { record, .. } => Some(record.content),
            _ => None,
        };
        let bytes = content.and_then(|content| self.books().fresh.get(&content).cloned());
        let entry = entry::encode(&change, bytes.as_deref());
        let place = {
            let mut books = self.books();
            if !books.tables.has(&change) {
                return Ok(false);
            }
            let place = self.journal.append(&entry)?;
            if let Some(content) = content {
                books.fresh.remove(&content);
                books.loose.remove(&content);
            }
            let dropped = books.tables.content_of(&change);
            books.tables.apply(change);
            if let Some(dropped) = dropped.filter(|content| books.tables.links_to(content) == 0) {
                books.loose.insert(dropped);
            }
            place
        };
        self.journal.sync(place)?;
        Ok(true)
    }
}

impl DiskStore {
    /// The file of a blob, to be read from.
    pub(in crate::serve) fn file(&self, content: &Digest) -> io::Result<File> {
        File::open(self.0.blob_path(content))
    }
}

impl BlobStore for DiskStore {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.0
            .put_small(digest, bytes)
            .map_err(|source| StoreError::Write { digest, source })?;
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        let bytes = fs::read(self.0.blob_path(digest)).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { digest: *digest },
            _ => StoreError::Read {
                digest: *digest,
                source,
            },
        })?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(StoreError::Corrupt {
                expected: *digest,
                found,
            });
        }
        Ok(bytes.into())
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        Some(fs::metadata(self.0.blob_path(digest)).ok()?.len())
    }
}

impl Records for DiskStore {
    fn apply(&self, change: Change) -> io::Result<bool> {
        self.0.change(change)
    }

    fn repositories(&self, after: &str, limit: usize) -> io::Result<Vec<String>> {
        Ok(self.0.books().tables.repositories(after, limit))
    }

    fn has_repository(&self, repository: &str) -> io::Result<bool> {
        Ok(self.0.books().tables.has_repository(repository))
    }

    fn blob(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<Digest>> {
        let now = (self.0.clock)();
        let mut books = self.0.books();
        let found = books.tables.blob(repository, name);
        // Who asks may be about to put a manifest that names it.
        if let Some(content) = found {
            books.touch(content, now);
        }
        Ok(found)
    }

    fn blob_anywhere(&self, name: &AnyDigest) -> io::Result<Option<Digest>> {
        let now = (self.0.clock)();
        let mut books = self.0.books();
        let found = books.tables.blob_anywhere(name);
        if let Some(content) = found {
            books.touch(content, now);
        }
        Ok(found)
    }

    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>> {
        Ok(self.0.books().tables.manifest(repository, name).cloned())
    }

    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>> {
        Ok(self.0.books().tables.tag(repository, tag))
    }

    fn tags(&self, repository: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        Ok(self.0.books().tables.tags(repository, after, limit))
    }

    fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> io::Result<Vec<AnyDigest>> {
        Ok(self.0.books().tables.referrers(repository, subject, after, limit))
    }
}
