//! The content checksum of files and directories: what a cache key says of an input's bytes.
//!
//! Mode, owner, type, link target and content count; names of selected files and all times do not.
//!
//! Source: BuildKit, `cache/contenthash` (`filehash.go`, `tarsum.go`, `checksum.go`).

use oci::{Digest, Digester};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::sync::{Arc, Weak};
use store::{BlobStore, Content, Dir, Meta, Node, Special, StoreError};

/// As many results as are kept before all are forgotten: a bound on memory, not on correctness.
const MAX_KEPT: usize = 200_000;

/// Checksums that were computed before, so that unchanged files are hashed once and unchanged directories are not walked
/// again.
#[derive(Debug, Clone, Default)]
pub struct Checksums {
    files: BTreeMap<PlainFile, Digest>,
    /// By address. The weak reference keeps the address from being given to another directory.
    dirs: BTreeMap<usize, (Weak<Dir>, Digest)>,
}

/// A file without extended attributes: the digest of its bytes, its mode, owner and group.
pub type PlainFile = (Digest, u32, u32, u32);

impl Checksums {
    /// The checksums of files that are known: worth keeping from one process to the next, as each costs reading the file.
    pub fn files(&self) -> impl Iterator<Item = (&PlainFile, &Digest)> {
        self.files.iter()
    }

    /// Takes in the checksum of a file as [`files`](Checksums::files) once gave it.
    pub fn know_file(&mut self, file: PlainFile, sum: Digest) {
        self.files.insert(file, sum);
    }

    /// The checksum of a file before its bytes, of which there will be `size`: for those who read them anyway.
    pub fn begin_file(meta: &Meta, size: u64) -> Digester {
        let mut sum = Digester::new();
        sum.update(&header(meta, '0', size, "", (0, 0)));
        sum
    }

    /// The checksum of `node` and, if it is a directory, of all that is in it. Links are not followed.
    ///
    /// A simulated file has no bytes to hash: its claimed size stands for them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a file's bytes cannot be read.
    pub fn of(&mut self, node: &Node, blobs: &dyn BlobStore) -> Result<Digest, StoreError> {
        match node {
            Node::Dir(dir) => {
                let address = Arc::as_ptr(dir) as usize;
                if let Some((_, known)) = self.dirs.get(&address) {
                    return Ok(*known);
                }
                let sum = self.of_dir(dir, &Checksums::of_dir_itself(&dir.meta), blobs)?;
                if self.dirs.len() >= MAX_KEPT {
                    self.dirs.clear();
                }
                self.dirs.insert(address, (Arc::downgrade(dir), sum));
                Ok(sum)
            }
            Node::File(file) => self.file(&file.meta, &file.content, blobs),
            Node::Symlink { meta, target } => {
                let meta = Meta {
                    mode: 0o777,
                    ..meta.clone()
                };
                Ok(Digest::of(&header(&meta, '2', 0, target, (0, 0))))
            }
            Node::Special { meta, kind } => {
                let (typeflag, numbers) = match kind {
                    Special::Char(major, minor) => ('3', (*major, *minor)),
                    Special::Block(major, minor) => ('4', (*major, *minor)),
                    Special::Fifo => ('6', (0, 0)),
                };
                Ok(Digest::of(&header(meta, typeflag, 0, "", numbers)))
            }
        }
    }

    /// The checksum of a directory whose own entry has the checksum `itself`.
    ///
    /// # Errors
    ///
    /// As [`of`](Checksums::of).
    pub fn of_dir(&mut self, dir: &Dir, itself: &Digest, blobs: &dyn BlobStore) -> Result<Digest, StoreError> {
        let mut records = format!("\0{itself}");
        for (name, child) in &dir.entries {
            let sum = self.of(child, blobs)?;
            write!(records, "\0{name}{sum}").expect("writing to a string cannot fail");
        }
        Ok(Digest::of(records.as_bytes()))
    }

    /// The checksum of a directory's own entry, without what is in it.
    pub fn of_dir_itself(meta: &Meta) -> Digest {
        Digest::of(&header(meta, '5', 0, "", (0, 0)))
    }

    fn file(&mut self, meta: &Meta, content: &Content, blobs: &dyn BlobStore) -> Result<Digest, StoreError> {
        let begun = || Checksums::begin_file(meta, content.size());
        match content {
            Content::Absent { .. } => {
                let mut sum = begun();
                sum.update(b"absent");
                Ok(sum.finish())
            }
            Content::Blob { digest, .. } => {
                let key = (*digest, meta.mode, meta.uid, meta.gid);
                let is_plain = meta.xattrs.is_empty();
                if let Some(known) = self.files.get(&key).filter(|_| is_plain) {
                    return Ok(*known);
                }
                let mut sum = begun();
                add_blob(&mut sum, digest, blobs)?;
                let sum = sum.finish();
                if is_plain {
                    if self.files.len() >= MAX_KEPT {
                        self.files.clear();
                    }
                    self.files.insert(key, sum);
                }
                Ok(sum)
            }
        }
    }
}

/// Hashes a blob piece by piece.
fn add_blob(sum: &mut Digester, digest: &Digest, blobs: &dyn BlobStore) -> Result<(), StoreError> {
    let mut source = blobs.open(digest)?;
    loop {
        let bytes = source.fill_buf().map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        sum.update(bytes);
        source.consume(count);
    }
}

/// Names and values of a tar header's fields, without separators.
fn header(meta: &Meta, typeflag: char, size: u64, target: &str, (major, minor): (u32, u32)) -> Vec<u8> {
    let Meta {
        mode, uid, gid, xattrs, ..
    } = meta;
    let mut text = format!(
        "namemode{mode}uid{uid}gid{gid}size{size}typeflag{typeflag}linkname{target}unamegnamedevmajor{major}devminor{minor}"
    )
    .into_bytes();
    for (key, value) in xattrs {
        let counts = key == "security.capability" || !(key.starts_with("security.") || key.starts_with("system."));
        if counts {
            text.extend_from_slice(key.as_bytes());
            text.extend_from_slice(value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Checksums;
    use std::sync::Arc;
    use store::BlobStore as _;
    use store::{Content, Dir, File, MemoryBlobs, Meta, Node};

    fn file(blobs: &mut MemoryBlobs, text: &str, meta: Meta) -> Node {
        let digest = blobs.put(text.as_bytes()).expect("memory takes it");
        let content = Content::Blob {
            digest,
            size: text.len() as u64,
        };
        Node::File(Arc::new(File {
            meta,
            content,
            link: None,
        }))
    }

    fn sum(node: &Node, blobs: &MemoryBlobs) -> oci::Digest {
        Checksums::default().of(node, blobs).expect("its bytes are there")
    }

    #[test]
    fn times_do_not_count_but_modes_owners_and_bytes_do() {
        let mut blobs = MemoryBlobs::default();
        let plain = file(&mut blobs, "x", Meta::of_mode(0o644));
        let mut later = Meta::of_mode(0o644);
        later.mtime.secs = 7;
        let later = file(&mut blobs, "x", later);
        let other_mode = file(&mut blobs, "x", Meta::of_mode(0o755));
        let other_owner = file(
            &mut blobs,
            "x",
            Meta {
                uid: 5,
                ..Meta::of_mode(0o644)
            },
        );
        let other_bytes = file(&mut blobs, "y", Meta::of_mode(0o644));
        assert_eq!(sum(&plain, &blobs), sum(&later, &blobs));
        for other in [other_mode, other_owner, other_bytes] {
            assert_ne!(sum(&plain, &blobs), sum(&other, &blobs));
        }
    }

    #[test]
    fn a_directory_counts_the_names_in_it() {
        let mut blobs = MemoryBlobs::default();
        let child = file(&mut blobs, "x", Meta::of_mode(0o644));
        let with = |name: &str| {
            let mut dir = Dir::new(Meta::of_mode(0o755));
            dir.entries.insert(name.to_owned(), child.clone());
            Node::Dir(Arc::new(dir))
        };
        assert_ne!(sum(&with("a"), &blobs), sum(&with("b"), &blobs));
        assert_eq!(sum(&with("a"), &blobs), sum(&with("a"), &blobs));
    }
}
