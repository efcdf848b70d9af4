//! Whether everything that the records name is there and is what its name says.

use super::Disk;
use oci::{AnyDigest, Digest, Digester};
use registry::manifest_parts;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;

/// Something that is wrong with a registry's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A blob's file is not there.
    Missing(Digest),
    /// A blob's file has other bytes.
    Corrupt {
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// A blob's file cannot be read.
    Unreadable(Digest, String),
    /// A manifest's record has another size than its bytes, or these are no manifest.
    Manifest(String, AnyDigest),
    /// A tag points to a manifest that the repository does not have.
    Tag(String, String),
    /// A file that no record names.
    Stray(Digest),
}

impl Finding {
    /// Whether something that a client was promised is not there.
    pub fn is_loss(&self) -> bool {
        !matches!(self, Finding::Stray(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Missing(content) => write!(f, "missing blob {content}"),
            Finding::Corrupt { expected, found } => write!(f, "corrupt blob: expected {expected}, found {found}"),
            Finding::Unreadable(content, why) => write!(f, "unreadable blob {content}: {why}"),
            Finding::Manifest(repository, name) => write!(f, "{repository}: broken manifest {name}"),
            Finding::Tag(repository, tag) => write!(f, "{repository}: tag {tag} points to no manifest"),
            Finding::Stray(content) => write!(f, "blob {content} belongs to nobody"),
        }
    }
}

impl Disk {
    /// Reads every blob and holds it against its name; the number of blobs that were read, and what is wrong.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed.
    pub fn check(&self) -> io::Result<(usize, Vec<Finding>)> {
        let tables = self.books().tables.clone();
        let mut findings = Vec::new();
        let mut sizes = BTreeMap::new();
        for content in tables.contents() {
            match self.hash(content) {
                Ok((found, size)) if found == *content => {
                    sizes.insert(*content, size);
                }
                Ok((found, _)) => findings.push(Finding::Corrupt {
                    expected: *content,
                    found,
                }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => findings.push(Finding::Missing(*content)),
                Err(error) => findings.push(Finding::Unreadable(*content, error.to_string())),
            }
        }
        for repository in tables.repositories("", usize::MAX) {
            for (name, record) in tables.manifests(&repository) {
                let Some(size) = sizes.get(&record.content) else {
                    continue;
                };
                let bytes = fs::read(self.blob_path(&record.content))?;
                let is_whole = *size == record.size && manifest_parts(&bytes).is_some() && name.again(&bytes) == *name;
                if !is_whole {
                    findings.push(Finding::Manifest(repository.clone(), *name));
                }
            }
            for tag in tables.tags(&repository, "", usize::MAX) {
                let target = tables.tag(&repository, &tag);
                if target.is_none_or(|target| tables.manifest(&repository, &target).is_none()) {
                    findings.push(Finding::Tag(repository.clone(), tag));
                }
            }
        }
        for content in &self.books().loose {
            findings.push(Finding::Stray(*content));
        }
        findings.sort();
        Ok((sizes.len(), findings))
    }

    fn hash(&self, content: &Digest) -> io::Result<(Digest, u64)> {
        let mut digester = Digester::new();
        let size = io::copy(&mut File::open(self.blob_path(content))?, &mut digester)?;
        Ok((digester.finish(), size))
    }
}
