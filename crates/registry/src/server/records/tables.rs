//! The records as a value: what they are after a number of changes.

use super::{Change, ManifestRecord};
use oci::{AnyDigest, Digest};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Repositories with their blobs, manifests and tags. A place that keeps [`Change`]s can make them again from those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    repositories: BTreeMap<String, Repository>,
    /// Every blob of every repository, with the number of repositories that have it.
    blobs: BTreeMap<AnyDigest, (Digest, usize)>,
    /// Everything that a blob or a manifest names, with the number of those that do.
    contents: BTreeMap<Digest, usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Repository {
    blobs: BTreeMap<AnyDigest, Digest>,
    manifests: BTreeMap<AnyDigest, ManifestRecord>,
    tags: BTreeMap<String, AnyDigest>,
    /// Subject and referrer.
    referrers: BTreeSet<(AnyDigest, AnyDigest)>,
}

impl Tables {
    /// Makes a change; whether what it takes away was there, true for one that adds.
    pub fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::AddRepository { repository } => {
                self.repositories.entry(repository).or_default();
                true
            }
            Change::AddBlob {
                repository,
                name,
                content,
            } => {
                self.add_blob(repository, name, content);
                true
            }
            Change::RemoveBlob { repository, name } => self.remove_blob(&repository, &name),
            Change::PutManifest {
                repository,
                name,
                record,
                tags,
            } => {
                self.put_manifest(repository, name, record, tags);
                true
            }
            Change::RemoveManifest { repository, name } => self.remove_manifest(&repository, &name),
            Change::RemoveTag { repository, tag } => {
                let at = self.repositories.get_mut(&repository);
                at.is_some_and(|at| at.tags.remove(&tag).is_some())
            }
        }
    }

    /// Whether a change would take something away that is there; true for one that adds.
    pub fn has(&self, change: &Change) -> bool {
        match change {
            Change::AddRepository { .. } | Change::AddBlob { .. } | Change::PutManifest { .. } => true,
            Change::RemoveBlob { repository, name } => self.blob(repository, name).is_some(),
            Change::RemoveManifest { repository, name } => self.manifest(repository, name).is_some(),
            Change::RemoveTag { repository, tag } => self.tag(repository, tag).is_some(),
        }
    }

    /// The bytes that a change would take a link away from.
    pub fn content_of(&self, change: &Change) -> Option<Digest> {
        match change {
            Change::RemoveBlob { repository, name } => self.blob(repository, name),
            Change::RemoveManifest { repository, name } => Some(self.manifest(repository, name)?.content),
            _ => None,
        }
    }

    /// Changes that make these tables out of empty ones.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.repositories.iter().flat_map(|(repository, at)| {
            let known = std::iter::once(Change::AddRepository {
                repository: repository.clone(),
            });
            let blobs = at.blobs.iter().map(|(name, content)| Change::AddBlob {
                repository: repository.clone(),
                name: *name,
                content: *content,
            });
            let mut tags: BTreeMap<AnyDigest, Vec<String>> = BTreeMap::new();
            for (tag, name) in &at.tags {
                tags.entry(*name).or_default().push(tag.clone());
            }
            let manifests = at.manifests.iter().map(move |(name, record)| Change::PutManifest {
                repository: repository.clone(),
                name: *name,
                record: record.clone(),
                tags: tags.remove(name).unwrap_or_default(),
            });
            known.chain(blobs).chain(manifests)
        })
    }

    /// How many blobs and manifests name these bytes.
    pub fn links_to(&self, content: &Digest) -> usize {
        self.contents.get(content).copied().unwrap_or(0)
    }

    /// Everything that blobs and manifests name.
    pub fn contents(&self) -> impl Iterator<Item = &Digest> {
        self.contents.keys()
    }

    /// The blobs of a repository, and where their bytes are.
    pub fn blobs(&self, repository: &str) -> impl Iterator<Item = (&AnyDigest, &Digest)> {
        self.at(repository).into_iter().flat_map(|at| &at.blobs)
    }

    /// The manifests of a repository.
    pub fn manifests(&self, repository: &str) -> impl Iterator<Item = (&AnyDigest, &ManifestRecord)> {
        self.at(repository).into_iter().flat_map(|at| &at.manifests)
    }

    /// At most `limit` names after `after`, in byte order.
    pub fn repositories(&self, after: &str, limit: usize) -> Vec<String> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let names = self.repositories.range::<str, _>(range).map(|(name, _)| name.clone());
        names.take(limit).collect()
    }

    /// Whether the repository ever had anything.
    pub fn has_repository(&self, repository: &str) -> bool {
        self.at(repository).is_some()
    }

    /// Where the bytes of a blob of this repository are.
    pub fn blob(&self, repository: &str, name: &AnyDigest) -> Option<Digest> {
        self.at(repository)?.blobs.get(name).copied()
    }

    /// Where the bytes of a blob are that any repository has.
    pub fn blob_anywhere(&self, name: &AnyDigest) -> Option<Digest> {
        self.blobs.get(name).map(|(content, _)| *content)
    }

    /// A manifest of this repository.
    pub fn manifest(&self, repository: &str, name: &AnyDigest) -> Option<&ManifestRecord> {
        self.at(repository)?.manifests.get(name)
    }

    /// What a tag points to.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<AnyDigest> {
        self.at(repository)?.tags.get(tag).copied()
    }

    /// At most `limit` tags after `after`, in byte order.
    pub fn tags(&self, repository: &str, after: &str, limit: usize) -> Vec<String> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let tags = self
            .at(repository)
            .into_iter()
            .flat_map(|at| at.tags.range::<str, _>(range));
        tags.map(|(tag, _)| tag.clone()).take(limit).collect()
    }

    /// At most `limit` manifests after `after` whose subject is `subject`.
    pub fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> Vec<AnyDigest> {
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
        pairs.map(|(_, name)| *name).take(limit).collect()
    }

    fn at(&self, repository: &str) -> Option<&Repository> {
        self.repositories.get(repository)
    }

    fn link(&mut self, content: Digest) {
        *self.contents.entry(content).or_default() += 1;
    }

    fn unlink(&mut self, content: Digest) {
        if let Some(count) = self.contents.get_mut(&content) {
            *count -= 1;
            if *count == 0 {
                self.contents.remove(&content);
            }
        }
    }

    fn add_blob(&mut self, repository: String, name: AnyDigest, content: Digest) {
        let at = self.repositories.entry(repository).or_default();
        if at.blobs.insert(name, content).is_none() {
            self.blobs.entry(name).or_insert((content, 0)).1 += 1;
            self.link(content);
        }
    }

    fn remove_blob(&mut self, repository: &str, name: &AnyDigest) -> bool {
        let at = self.repositories.get_mut(repository);
        let Some(content) = at.and_then(|at| at.blobs.remove(name)) else {
            return false;
        };
        if let Some((_, count)) = self.blobs.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.blobs.remove(name);
            }
        }
        self.unlink(content);
        true
    }

    fn put_manifest(&mut self, repository: String, name: AnyDigest, record: ManifestRecord, tags: Vec<String>) {
        let at = self.repositories.entry(repository).or_default();
        let (content, subject) = (record.content, record.subject);
        let before = at.manifests.insert(name, record);
        if let Some(subject) = before.as_ref().and_then(|before| before.subject) {
            at.referrers.remove(&(subject, name));
        }
        if let Some(subject) = subject {
            at.referrers.insert((subject, name));
        }
        at.tags.extend(tags.into_iter().map(|tag| (tag, name)));
        self.link(content);
        if let Some(before) = before {
            self.unlink(before.content);
        }
    }

    fn remove_manifest(&mut self, repository: &str, name: &AnyDigest) -> bool {
        let Some(at) = self.repositories.get_mut(repository) else {
            return false;
        };
        let Some(record) = at.manifests.remove(name) else {
            return false;
        };
        if let Some(subject) = record.subject {
            at.referrers.remove(&(subject, *name));
        }
        at.tags.retain(|_, target| target != name);
        self.unlink(record.content);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(n: u8) -> Digest {
        Digest::of(&[n])
    }

    fn change() -> impl Strategy<Value = Change> {
        (0..6_u8, 0..3_u8, 0..4_u8, 0..3_u8).prop_map(|(kind, repository, n, tag)| {
            let repository = format!("r{repository}");
            let name = AnyDigest::from(digest(n));
            match kind {
                0 => Change::AddRepository { repository },
                1 => Change::AddBlob {
                    repository,
                    name,
                    content: digest(n),
                },
                2 => Change::RemoveBlob { repository, name },
                3 => Change::PutManifest {
                    repository,
                    name,
                    record: ManifestRecord {
                        content: digest(n),
                        size: 1,
                        media_type: "x".to_owned(),
                        subject: (n > 1).then(|| digest(tag).into()),
                    },
                    tags: vec![format!("t{tag}")],
                },
                4 => Change::RemoveManifest { repository, name },
                _ => Change::RemoveTag {
                    repository,
                    tag: format!("t{tag}"),
                },
            }
        })
    }

    proptest! {
        #[test]
        fn tables_are_made_again_from_their_changes(changes in proptest::collection::vec(change(), 0..60)) {
            let mut tables = Tables::default();
            for change in changes {
                tables.apply(change);
            }
            let mut again = Tables::default();
            for change in tables.changes() {
                prop_assert!(again.apply(change));
            }
            prop_assert_eq!(&again, &tables);
            for n in 0..4 {
                let blobs = (0..3).filter(|r| tables.blob(&format!("r{r}"), &digest(n).into()).is_some()).count();
                let manifests = (0..3).filter(|r| tables.manifest(&format!("r{r}"), &digest(n).into()).is_some());
                prop_assert_eq!(tables.links_to(&digest(n)), blobs + manifests.count());
            }
        }
    }
}
