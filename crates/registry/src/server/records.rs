//! What a registry remembers beside the bytes: which repository has which blobs, manifests and tags.

mod tables;

pub use tables::Tables;

use oci::{AnyDigest, Digest};
use std::io;
use std::sync::{PoisonError, RwLock};

/// A manifest that a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRecord {
    /// The blob with its bytes.
    pub content: Digest,
    /// Their count.
    pub size: u64,
    /// What it was pushed as.
    pub media_type: String,
    /// The manifest it is about.
    pub subject: Option<AnyDigest>,
}

/// A change of the records. It is whole or not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is this repository, perhaps with nothing in it.
    AddRepository {
        /// Its name.
        repository: String,
    },
    /// Gives a repository a blob.
    AddBlob {
        /// The repository.
        repository: String,
        /// The digest by which it was pushed.
        name: AnyDigest,
        /// Where the bytes are.
        content: Digest,
    },
    /// Takes a blob away from a repository.
    RemoveBlob {
        /// The repository.
        repository: String,
        /// The blob.
        name: AnyDigest,
    },
    /// Gives a repository a manifest and lets the tags point to it.
    PutManifest {
        /// The repository.
        repository: String,
        /// The digest by which it was pushed.
        name: AnyDigest,
        /// What is known of it.
        record: ManifestRecord,
        /// The tags.
        tags: Vec<String>,
    },
    /// Takes a manifest away, and every tag that points to it.
    RemoveManifest {
        /// The repository.
        repository: String,
        /// The manifest.
        name: AnyDigest,
    },
    /// Takes a tag away.
    RemoveTag {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
}

/// The links of all repositories. A disk implements it as well as [`MemoryRecords`].
///
/// Several requests use it at once. Repositories, tags and digests come checked. A name is a digest that a client chose;
/// `content` is where the bytes are. Errors are those of the place where the records live; the server answers 500 to them.
pub trait Records: Send + Sync {
    /// Makes a change, so that it is not lost any more; whether what it takes away was there.
    ///
    /// # Errors
    ///
    /// If the records cannot be written.
    fn apply(&self, change: Change) -> io::Result<bool>;

    /// At most `limit` names after `after` in byte order, of repositories that ever had a blob or a manifest.
    ///
    /// # Errors
    ///
    /// If the records cannot be read; so for every method below.
    fn repositories(&self, after: &str, limit: usize) -> io::Result<Vec<String>>;

    /// Whether the repository ever had a blob or a manifest.
    ///
    /// # Errors
    ///
    /// As above.
    fn has_repository(&self, repository: &str) -> io::Result<bool>;

    /// Where the bytes of a blob of this repository are.
    ///
    /// # Errors
    ///
    /// As above.
    fn blob(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<Digest>>;

    /// Where the bytes of a blob are that any repository has.
    ///
    /// # Errors
    ///
    /// As above.
    fn blob_anywhere(&self, name: &AnyDigest) -> io::Result<Option<Digest>>;

    /// A manifest of this repository.
    ///
    /// # Errors
    ///
    /// As above.
    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>>;

    /// What a tag points to.
    ///
    /// # Errors
    ///
    /// As above.
    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>>;

    /// At most `limit` tags after `after`, in byte order.
    ///
    /// # Errors
    ///
    /// As above.
    fn tags(&self, repository: &str, after: &str, limit: usize) -> io::Result<Vec<String>>;

    /// At most `limit` manifests after `after` whose subject is `subject`, which need not be there itself.
    ///
    /// # Errors
    ///
    /// As above.
    fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> io::Result<Vec<AnyDigest>>;
}

/// [`Records`] in memory.
#[derive(Debug, Default)]
pub struct MemoryRecords(RwLock<Tables>);

impl MemoryRecords {
    fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        // A change is one call that does not panic half-way.
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Records for MemoryRecords {
    fn apply(&self, change: Change) -> io::Result<bool> {
        Ok(self.0.write().unwrap_or_else(PoisonError::into_inner).apply(change))
    }

    fn repositories(&self, after: &str, limit: usize) -> io::Result<Vec<String>> {
        Ok(self.read(|tables| tables.repositories(after, limit)))
    }

    fn has_repository(&self, repository: &str) -> io::Result<bool> {
        Ok(self.read(|tables| tables.has_repository(repository)))
    }

    fn blob(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<Digest>> {
        Ok(self.read(|tables| tables.blob(repository, name)))
    }

    fn blob_anywhere(&self, name: &AnyDigest) -> io::Result<Option<Digest>> {
        Ok(self.read(|tables| tables.blob_anywhere(name)))
    }

    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>> {
        Ok(self.read(|tables| tables.manifest(repository, name).cloned()))
    }

    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>> {
        Ok(self.read(|tables| tables.tag(repository, tag)))
    }

    fn tags(&self, repository: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        Ok(self.read(|tables| tables.tags(repository, after, limit)))
    }

    fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> io::Result<Vec<AnyDigest>> {
        Ok(self.read(|tables| tables.referrers(repository, subject, after, limit)))
    }
}
