//! Garbage: blobs that no manifest refers to, found and taken away while others push.
//!
//! Whoever is about to refer to a blob asks for it first (a push, a mount, a HEAD, the check of a manifest), and that is noted.
//! What nobody has asked for during the grace period goes. The note and the last look before a removal are under one lock, so
//! a blob is either asked for in time and stays, or found missing by the one who asks, and pushed again.

use super::Disk;
use oci::{AnyDigest, Digest};
use registry::{Change, manifest_parts};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

/// How many repositories are looked up at once.
const AT_ONCE: usize = 100;

/// What becomes of manifests that no tag points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untagged {
    /// They stay.
    Keep,
    /// They go, unless an index that stays names them, or they are about one that stays.
    Remove,
}

/// What was found, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// Manifests, by repository and digest.
    pub manifests: Vec<(String, AnyDigest)>,
    /// Blobs of a repository that none of its manifests names.
    pub links: Vec<(String, AnyDigest)>,
    /// Files.
    pub blobs: Vec<Digest>,
    /// What they took on the disk.
    pub bytes: u64,
    /// Manifests that could not be read: nothing of their repositories was taken away.
    pub unreadable: Vec<(String, AnyDigest)>,
}

impl Disk {
    /// Takes away what nobody refers to and nobody has asked for during `grace`.
    ///
    /// # Errors
    ///
    /// If the disk refuses. What was taken away by then is gone.
    pub fn collect(&self, grace: Duration, untagged: Untagged) -> io::Result<Collected> {
        let _broom = self.broom.lock().unwrap_or_else(PoisonError::into_inner);
        let mut collected = Collected::default();
        // Asked for at this very moment is asked for in time.
        let idle_since = (self.clock)().saturating_sub(grace);
        for repository in self.all_repositories() {
            if untagged == Untagged::Remove {
                for name in self.untagged(&repository, &mut collected) {
                    self.remove_manifest(&repository, name, &mut collected)?;
                }
            }
            let Some(used) = self.used(&repository, &mut collected.unreadable) else {
                continue;
            };
            let unused: Vec<AnyDigest> = {
                let books = self.books();
                let blobs = books.tables.blobs(&repository);
                let unused = blobs.filter(|(name, content)| !used.contains(name) && books.is_idle(content, idle_since));
                unused.map(|(name, _)| *name).collect()
            };
            for name in unused {
                if self.remove_link(&repository, name, idle_since)? {
                    collected.links.push((repository.clone(), name));
                }
            }
        }
        // The files go after it is durable that nobody names them.
        self.journal_durable()?;
        let loose: Vec<Digest> = self.books().loose.iter().copied().collect();
        for content in loose {
            if let Some(bytes) = self.discard(content, idle_since)? {
                collected.blobs.push(content);
                collected.bytes += bytes;
            }
        }
        self.books().forget(idle_since);
        self.empty_trash()?;
        Ok(collected)
    }

    /// What [`collect`](Disk::collect) would take away without a grace period, with nothing taken away.
    ///
    /// # Errors
    ///
    /// If the disk cannot be read.
    pub fn collectable(&self, untagged: Untagged) -> io::Result<Collected> {
        let mut collected = Collected::default();
        let mut tables = self.books().tables.clone();
        let repositories = self.all_repositories();
        for repository in repositories {
            let before = collected.unreadable.len();
            if untagged == Untagged::Remove {
                for name in self.untagged(&repository, &mut collected) {
                    tables.apply(Change::RemoveManifest {
                        repository: repository.clone(),
                        name,
                    });
                    collected.manifests.push((repository.clone(), name));
                }
            }
            let mut used = BTreeSet::new();
            for (name, record) in tables.manifests(&repository) {
                match self.parts(&record.content) {
                    Some(parts) => used.extend(parts),
                    None => collected.unreadable.push((repository.clone(), *name)),
                }
            }
            if collected.unreadable.len() > before {
                continue;
            }
            let unused = tables.blobs(&repository).filter(|(name, _)| !used.contains(name));
            let unused: Vec<AnyDigest> = unused.map(|(name, _)| *name).collect();
            for name in unused {
                tables.apply(Change::RemoveBlob {
                    repository: repository.clone(),
                    name,
                });
                collected.links.push((repository.clone(), name));
            }
        }
        let books = self.books();
        let all: BTreeSet<Digest> = books.tables.contents().chain(&books.loose).copied().collect();
        for content in all.into_iter().filter(|content| tables.links_to(content) == 0) {
            collected.bytes += fs::metadata(self.blob_path(&content)).map_or(0, |file| file.len());
            collected.blobs.push(content);
        }
        Ok(collected)
    }

    /// Files that a killed process left, and that nothing names.
    pub(super) fn sweep(&self) -> io::Result<()> {
        self.empty_trash()?;
        let books = self.books();
        for folder in fs::read_dir(self.root.join("blobs/sha256"))? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                let name = file.file_name();
                let content = name
                    .to_str()
                    .and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
                if content.is_none_or(|content| books.tables.links_to(&content) == 0) {
                    fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }

    fn all_repositories(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let last = all.last().map_or("", String::as_str);
            let more = self.books().tables.repositories(last, AT_ONCE);
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// What the manifests of a repository name; `None` if one of them cannot be read, so that nobody knows.
    fn used(&self, repository: &str, unreadable: &mut Vec<(String, AnyDigest)>) -> Option<BTreeSet<AnyDigest>> {
        let manifests: Vec<(AnyDigest, Digest)> = {
            let books = self.books();
            let manifests = books.tables.manifests(repository);
            manifests.map(|(name, record)| (*name, record.content)).collect()
        };
        let mut used = BTreeSet::new();
        let before = unreadable.len();
        for (name, content) in manifests {
            match self.parts(&content) {
                Some(parts) => used.extend(parts),
                // One that was taken away meanwhile uses nothing.
                None if self.books().tables.manifest(repository, &name).is_none() => {}
                None => unreadable.push((repository.to_owned(), name)),
            }
        }
        (unreadable.len() == before).then_some(used)
    }

    fn parts(&self, content: &Digest) -> Option<Vec<AnyDigest>> {
        manifest_parts(&fs::read(self.blob_path(content)).ok()?)
    }

    /// Manifests without a tag that nothing with a tag needs.
    fn untagged(&self, repository: &str, collected: &mut Collected) -> Vec<AnyDigest> {
        let (all, tagged) = {
            let books = self.books();
            let all: Vec<(AnyDigest, Digest, Option<AnyDigest>)> = books
                .tables
                .manifests(repository)
                .map(|(name, record)| (*name, record.content, record.subject))
                .collect();
            let tags = books.tables.tags(repository, "", usize::MAX);
            let tagged = tags.iter().filter_map(|tag| books.tables.tag(repository, tag));
            (all, tagged.collect::<BTreeSet<AnyDigest>>())
        };
        let mut kept = tagged;
        loop {
            let before = kept.len();
            for (name, content, subject) in &all {
                if subject.is_some_and(|subject| kept.contains(&subject)) {
                    kept.insert(*name);
                }
                if kept.contains(name) {
                    let Some(parts) = self.parts(content) else {
                        collected.unreadable.push((repository.to_owned(), *name));
                        return Vec::new();
                    };
                    kept.extend(parts);
                }
            }
            if kept.len() == before {
                break;
            }
        }
        let names = all.into_iter().map(|(name, ..)| name);
        names.filter(|name| !kept.contains(name)).collect()
    }

    fn remove_manifest(&self, repository: &str, name: AnyDigest, collected: &mut Collected) -> io::Result<()> {
        let change = Change::RemoveManifest {
            repository: repository.to_owned(),
            name,
        };
        if self.change(change)? {
            collected.manifests.push((repository.to_owned(), name));
        }
        Ok(())
    }

    /// Takes a link away unless somebody has asked for its blob by now. It is not durable yet.
    fn remove_link(&self, repository: &str, name: AnyDigest, idle_since: Duration) -> io::Result<bool> {
        let change = Change::RemoveBlob {
            repository: repository.to_owned(),
            name,
        };
        let entry = super::entry::encode(&change, None);
        let mut books = self.books();
        let Some(content) = books.tables.blob(repository, &name) else {
            return Ok(false);
        };
        if !books.is_idle(&content, idle_since) {
            return Ok(false);
        }
        self.journal.append(&entry)?;
        books.tables.apply(change);
        if books.tables.links_to(&content) == 0 {
            books.loose.insert(content);
        }
        Ok(true)
    }

    fn journal_durable(&self) -> io::Result<()> {
        let place = self.journal.last();
        self.journal.sync(place)
    }

    /// Takes a blob's file out of sight, unless somebody has asked for it by now; how large it was.
    fn discard(&self, content: Digest, idle_since: Duration) -> io::Result<Option<u64>> {
        let mut books = self.books();
        if books.tables.links_to(&content) > 0 {
            books.loose.remove(&content);
            return Ok(None);
        }
        if !books.is_idle(&content, idle_since) {
            return Ok(None);
        }
        books.loose.remove(&content);
        books.fresh.remove(&content);
        let (from, to) = (self.blob_path(&content), self.trash().join(content.hex()));
        let bytes = fs::metadata(&from).map_or(0, |file| file.len());
        // A rename is quick; deleting a large file is not, and waits until nobody waits for us.
        match fs::rename(from, to) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    fn empty_trash(&self) -> io::Result<()> {
        for file in fs::read_dir(self.trash())? {
            fs::remove_file(file?.path())?;
        }
        Ok(())
    }
}
