//! What a registry remembers, in a bucket: an object for every link, so that several registries may serve one bucket.
//!
//! A change of several objects writes first what nothing leads to: a manifest, then what refers to it, then its tags. What
//! breaks off on the way was not acknowledged, and is done again by whoever pushes again.

use super::bucket::{Bucket, BucketError};
use oci::{AnyDigest, Digest};
use registry::{Change, ManifestRecord, Records};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// [`Records`] in a bucket.
#[derive(Debug, Clone)]
pub struct BucketRecords {
    bucket: Arc<Bucket>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestDocument {
    content: String,
    size: u64,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

impl BucketRecords {
    /// The records in `bucket`.
    pub fn new(bucket: Arc<Bucket>) -> BucketRecords {
        BucketRecords { bucket }
    }

    fn text(&self, key: &str) -> io::Result<Option<String>> {
        let Some((bytes, _)) = self.bucket.get(key)? else {
            return Ok(None);
        };
        String::from_utf8(bytes.to_vec())
            .map(Some)
            .map_err(|error| damaged(key, error))
    }

    fn content(&self, key: &str) -> io::Result<Option<Digest>> {
        let text = self.text(key)?;
        text.map(|text| text.parse().map_err(|error| damaged(key, error)))
            .transpose()
    }

    /// Removes an object; whether it was there.
    fn remove(&self, key: &str) -> io::Result<bool> {
        let was_there = self.bucket.size(key)?.is_some();
        self.bucket.remove(key)?;
        Ok(was_there)
    }

    fn know(&self, repository: &str) -> Result<(), BucketError> {
        self.bucket
            .create(&format!("catalog/{}", folder(repository)), repository.to_owned())?;
        Ok(())
    }

    fn add_blob(&self, repository: &str, name: AnyDigest, content: Digest) -> io::Result<()> {
        self.know(repository)?;
        self.bucket.put(&owner_key(&name, repository), content.to_string())?;
        self.bucket.put(&blob_key(repository, &name), content.to_string())?;
        Ok(())
    }

    fn remove_blob(&self, repository: &str, name: &AnyDigest) -> io::Result<bool> {
        let was_there = self.remove(&blob_key(repository, name))?;
        self.bucket.remove(&owner_key(name, repository))?;
        Ok(was_there)
    }

    fn put_manifest(
        &self,
        repository: &str,
        name: AnyDigest,
        record: ManifestRecord,
        tags: &[String],
    ) -> io::Result<()> {
        self.know(repository)?;
        let document = ManifestDocument {
            content: record.content.to_string(),
            size: record.size,
            media_type: record.media_type,
            subject: record.subject.map(|subject| subject.to_string()),
        };
        let bytes = serde_json::to_vec(&document).expect("texts and numbers have a JSON form");
        self.bucket.put(&manifest_key(repository, &name), bytes)?;
        if let Some(subject) = record.subject {
            self.bucket
                .put(&format!("{}/{name}", referrers_folder(repository, &subject)), "")?;
        }
        for tag in tags {
            self.bucket
                .put(&format!("{}/{tag}", tags_folder(repository)), name.to_string())?;
        }
        Ok(())
    }

    fn remove_manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<bool> {
        let Some(record) = self.manifest(repository, name)? else {
            return Ok(false);
        };
        for tag in self.tags(repository, "", usize::MAX)? {
            if self.tag(repository, &tag)?.as_ref() == Some(name) {
                self.remove_tag(repository, &tag)?;
            }
        }
        if let Some(subject) = record.subject {
            self.bucket
                .remove(&format!("{}/{name}", referrers_folder(repository, &subject)))?;
        }
        self.remove(&manifest_key(repository, name))
    }

    fn remove_tag(&self, repository: &str, tag: &str) -> io::Result<bool> {
        self.remove(&format!("{}/{tag}", tags_folder(repository)))
    }
}

fn damaged(key: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{key}: {error}"))
}

/// A repository as one component of a key. Neither names nor `+` hold the other.
fn folder(repository: &str) -> String {
    repository.replace('/', "+")
}

fn blob_key(repository: &str, name: &AnyDigest) -> String {
    format!("repos/{}/blobs/{name}", folder(repository))
}

fn owner_key(name: &AnyDigest, repository: &str) -> String {
    format!("owners/{name}/{}", folder(repository))
}

fn manifest_key(repository: &str, name: &AnyDigest) -> String {
    format!("repos/{}/manifests/{name}", folder(repository))
}

fn tags_folder(repository: &str) -> String {
    format!("repos/{}/tags", folder(repository))
}

fn referrers_folder(repository: &str, subject: &AnyDigest) -> String {
    format!("repos/{}/referrers/{subject}", folder(repository))
}

impl Records for BucketRecords {
    fn apply(&self, change: Change) -> io::Result<bool> {
        match change {
            Change::AddRepository { repository } => self.know(&repository).map(|()| true).map_err(Into::into),
            Change::AddBlob {
                repository,
                name,
                content,
            } => self.add_blob(&repository, name, content).map(|()| true),
            Change::RemoveBlob { repository, name } => self.remove_blob(&repository, &name),
            Change::PutManifest {
                repository,
                name,
                record,
                tags,
            } => self.put_manifest(&repository, name, record, &tags).map(|()| true),
            Change::RemoveManifest { repository, name } => self.remove_manifest(&repository, &name),
            Change::RemoveTag { repository, tag } => self.remove_tag(&repository, &tag),
        }
    }

    fn repositories(&self, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let found = self.bucket.list("catalog", "", usize::MAX)?;
        // In a key a slash is another character, which sorts elsewhere.
        let mut names: Vec<String> = found.iter().map(|name| name.replace('+', "/")).collect();
        names.retain(|name| name.as_str() > after);
        names.sort();
        names.truncate(limit);
        Ok(names)
    }

    fn has_repository(&self, repository: &str) -> io::Result<bool> {
        Ok(self.bucket.size(&format!("catalog/{}", folder(repository)))?.is_some())
    }

    fn blob(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<Digest>> {
        self.content(&blob_key(repository, name))
    }

    fn blob_anywhere(&self, name: &AnyDigest) -> io::Result<Option<Digest>> {
        let owners = format!("owners/{name}");
        match self.bucket.list(&owners, "", 1)?.first() {
            Some(owner) => self.content(&format!("{owners}/{owner}")),
            None => Ok(None),
        }
    }

    fn manifest(&self, repository: &str, name: &AnyDigest) -> io::Result<Option<ManifestRecord>> {
        let key = manifest_key(repository, name);
        let Some((bytes, _)) = self.bucket.get(&key)? else {
            return Ok(None);
        };
        let document: ManifestDocument = serde_json::from_slice(&bytes).map_err(|error| damaged(&key, error))?;
        let subject = document
            .subject
            .map(|text| text.parse().map_err(|error| damaged(&key, error)));
        Ok(Some(ManifestRecord {
            content: document.content.parse().map_err(|error| damaged(&key, error))?,
            size: document.size,
            media_type: document.media_type,
            subject: subject.transpose()?,
        }))
    }

    fn tag(&self, repository: &str, tag: &str) -> io::Result<Option<AnyDigest>> {
        let key = format!("{}/{tag}", tags_folder(repository));
        let text = self.text(&key)?;
        text.map(|text| text.parse().map_err(|error| damaged(&key, error)))
            .transpose()
    }

    fn tags(&self, repository: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        Ok(self.bucket.list(&tags_folder(repository), after, limit)?)
    }

    fn referrers(
        &self,
        repository: &str,
        subject: &AnyDigest,
        after: Option<&AnyDigest>,
        limit: usize,
    ) -> io::Result<Vec<AnyDigest>> {
        let folder = referrers_folder(repository, subject);
        let after = after.map(ToString::to_string).unwrap_or_default();
        let names = self.bucket.list(&folder, &after, limit)?;
        names
            .iter()
            .map(|name| name.parse().map_err(|error| damaged(&folder, error)))
            .collect()
    }
}
