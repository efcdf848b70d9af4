//! What a registry remembers beside the bytes: which repository has which blobs, manifests and tags.

use oci::{AnyDigest, Digest};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;

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

/// The links of all repositories. A disk implements it as well as [`MemoryRecords`]; each change is whole or not there.
///
/// Repositories, tags and digests come checked. A name is a digest that a client chose; `content` is where the bytes are.
/// Errors are those of the place where the records live; the server answers 500 to them.
pub trait Records: Send {
    /// At most `limit` names after `after` in byte order, of repositories that ever had a blob or a manifest.
    ///
    /// # Errors
    ///
    /// If the records cannot be read; so for every method.
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

    /// Gives a repository a blob.
    ///
    /// # Errors
    ///
    /// If the records cannot be written; so for every change.
    fn add_blob(&mut self, repository: &str, name: AnyDigest, content: Digest) -> io::Result<()>;

    /// Takes a blob away from a repository; whether it was there.
    ///
    /// # Errors
    ///
    /// As above.
    fn remove_blob(&mut self, repository: &str, name: &AnyDigest) -> io::Result<bool>;

    /// A manifest of this repository.
    ///
    /// # Errors
    ///
    /// As above.
    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>>;

    /// Gives a repository a manifest and lets the tags point to it, in one change.
    ///
    /// # Errors
    ///
    /// As above.
    fn put_manifest(
        &mut self,
        repository: &str,
        name: AnyDigest,
        record: ManifestRecord,
        tags: &[String],
    ) -> io::Result<()>;

    /// Takes a manifest away, and every tag that points to it; whether it was there.
    ///
    /// # Errors
    ///
    /// As above.
    fn remove_manifest(&mut self, repository: &str, name: &AnyDigest) -> io::Result<bool>;

    /// What a tag points to.
    ///
    /// # Errors
    ///
    /// As above.
    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>>;

    /// Takes a tag away; whether it was there.
    ///
    /// # Errors
    ///
    /// As above.
    fn remove_tag(&mut self, repository: &str, tag: &str) -> io::Result<bool>;

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
#[derive(Debug, Clone, Default)]
pub struct MemoryRecords {
    repositories: BTreeMap<String, Repository>,
    /// Every blob of every repository, with the number of repositories that have it.
    blobs: BTreeMap<AnyDigest, (Digest, usize)>,
}

#[derive(Debug, Clone, Default)]
struct Repository {
    blobs: BTreeMap<AnyDigest, Digest>,
    manifests: BTreeMap<AnyDigest, ManifestRecord>,
    tags: BTreeMap<String, AnyDigest>,
    /// Subject and referrer.
    referrers: BTreeSet<(AnyDigest, AnyDigest)>,
}

impl MemoryRecords {
    fn at(&self, repository: &str) -> Option<&Repository> {
        self.repositories.get(repository)
    }
}

impl Records for MemoryRecords {
    fn repositories(&self, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let names = self.repositories.range::<str, _>(range).map(|(name, _)| name.clone());
        Ok(names.take(limit).collect())
    }

    fn has_repository(&self, repository: &str) -> io::Result<bool> {
        Ok(self.at(repository).is_some())
    }

    fn blob(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<Digest>> {
        Ok(self.at(repository).and_then(|at| at.blobs.get(name).copied()))
    }

    fn blob_anywhere(&self, name: &AnyDigest) -> io::Result<Option<Digest>> {
        Ok(self.blobs.get(name).map(|(content, _)| *content))
    }

    fn add_blob(&mut self, repository: &str, name: AnyDigest, content: Digest) -> io::Result<()> {
        let at = self.repositories.entry(repository.to_owned()).or_default();
        if at.blobs.insert(name, content).is_none() {
            self.blobs.entry(name).or_insert((content, 0)).1 += 1;
        }
        Ok(())
    }

    fn remove_blob(&mut self, repository: &str, name: &AnyDigest) -> io::Result<bool> {
        let at = self.repositories.get_mut(repository);
        let was_there = at.is_some_and(|at| at.blobs.remove(name).is_some());
        if was_there && let Some((_, count)) = self.blobs.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.blobs.remove(name);
            }
        }
        Ok(was_there)
    }

    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>> {
        Ok(self.at(repository).and_then(|at| at.manifests.get(name).cloned()))
    }

    fn put_manifest(
        &mut self,
        repository: &str,
        name: AnyDigest,
        record: ManifestRecord,
        tags: &[String],
    ) -> io::Result<()> {
        let at = self.repositories.entry(repository.to_owned()).or_default();
        if let Some(subject) = record.subject {
            at.referrers.insert((subject, name));
        }
        at.manifests.insert(name, record);
        at.tags.extend(tags.iter().map(|tag| (tag.clone(), name)));
        Ok(())
    }

    fn remove_manifest(&mut self, repository: &str, name: &AnyDigest) -> io::Result<bool> {
        let Some(at) = self.repositories.get_mut(repository) else {
            return Ok(false);
        };
        let Some(record) = at.manifests.remove(name) else {
            return Ok(false);
        };
        if let Some(subject) = record.subject {
            at.referrers.remove(&(subject, *name));
        }
        at.tags.retain(|_, target| target != name);
        Ok(true)
    }

    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>> {
        Ok(self.at(repository).and_then(|at| at.tags.get(tag).copied()))
    }

    fn remove_tag(&mut self, repository: &str, tag: &str) -> io::Result<bool> {
        let at = self.repositories.get_mut(repository);
        Ok(at.is_some_and(|at| at.tags.remove(tag).is_some()))
    }

    fn tags(&self, repository: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let tags = self
            .at(repository)
            .into_iter()
            .flat_map(|at| at.tags.range::<str, _>(range));
        Ok(tags.map(|(tag, _)| tag.clone()).take(limit).collect())
    }

    fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> io::Result<Vec<AnyDigest>> {
        let least = AnyDigest::Sha256(Digest::from_bytes([0; 32]));
        let from = match after {
            Some(after) => Bound::Excluded((*subject, *after)),
            None => Bound::Included((*subject, least)),
        };
        let pairs = self
            .at(repository)
            .into_iter()
            .flat_map(|at| at.referrers.range((from, Bound::Unbounded)))
            .take_while(|(of, _)| of == subject);
        Ok(pairs.map(|(_, name)| *name).take(limit).collect())
    }
}
