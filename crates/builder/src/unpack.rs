//! ADD of a local archive: its entries become files of the tree, never outside the destination.
//!
//! An archive is known by its bytes, not by its name: a tar, plain or compressed with gzip, bzip2, xz or zstd.
//!
//! Source: BuildKit, `solver/llbsolver/file/unpack.go`, and `moby/go-archive`, which it calls.

use crate::copy::{CopyError, Finish, make_dirs, touch};
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use store::{BlobStore, Content, Dir, File, Follow, Meta, Node, Special, Time, Tree, TreeError, TreePath};
use tar::EntryType;

/// No archive may hold more entries than this. DIFFERENCE: BuildKit has no limit; here an archive must not exhaust memory.
const MAX_ENTRIES: usize = 1_000_000;
/// No archive may unpack to more bytes than this. DIFFERENCE: BuildKit has no limit; here an archive must not exhaust memory.
const MAX_BYTES: u64 = 8 << 30;
/// No path in an archive may lead through more links than this.
const MAX_LINKS: usize = 255;

/// Unpacks the file at `path` of `source` into the directory `dest` if it is an archive; says whether it is.
pub(crate) fn unpack(
    source: &Tree,
    path: &TreePath,
    dest: &str,
    finish: &Finish,
    tree: &mut Tree,
    blobs: &mut dyn BlobStore,
) -> Result<bool, CopyError> {
    let Some(Node::File(file)) = source.get(path) else {
        return Ok(false);
    };
    let Content::Blob { digest, .. } = file.content else {
        return Ok(false);
    };
    let bytes = blobs.get(&digest)?;
    if !is_archive(&bytes) {
        return Ok(false);
    }
    let broken = |reason: String| CopyError::Archive {
        path: path.absolute(),
        reason,
    };
    let target = tree.resolve_missing(dest, Follow::Last)?;
    make_dirs(
        tree,
        &target,
        &Finish {
            mode: None,
            ..finish.clone()
        },
    )?;
    // The destination is a root of its own: links in the archive that are absolute, or climb, end in it.
    let Some(Node::Dir(dir)) = tree.get(&target).cloned() else {
        return Err(CopyError::NotDirectory {
            path: target.absolute(),
        });
    };
    let mut unpacking = Unpacking {
        tree: Tree::from_dir(dir)?,
        finish,
        blobs,
        left: MAX_BYTES,
        listed: BTreeSet::new(),
    };
    let reader = decompressed(&bytes).map_err(|error| broken(error.to_string()))?;
    let mut archive = tar::Archive::new(reader);
    for (n, entry) in archive
        .entries()
        .map_err(|error| broken(error.to_string()))?
        .enumerate()
    {
        if n >= MAX_ENTRIES {
            return Err(broken(format!("expected at most {MAX_ENTRIES} entries, found more")));
        }
        let mut entry = entry.map_err(|error| broken(error.to_string()))?;
        unpacking.entry(&mut entry).map_err(|error| match error {
            EntryError::Reason(reason) => broken(reason),
            EntryError::Copy(error) => error,
        })?;
    }
    let unpacked = Node::Dir(Arc::new(unpacking.tree.root().clone()));
    tree.insert(&target, unpacked)?;
    Ok(true)
}

/// Whether `bytes` are a tar with at least one good header, compressed or not.
fn is_archive(bytes: &[u8]) -> bool {
    let Ok(reader) = decompressed(bytes) else { return false };
    let mut archive = tar::Archive::new(reader);
    let Ok(mut entries) = archive.entries() else {
        return false;
    };
    matches!(entries.next(), Some(Ok(_)))
}

fn decompressed(bytes: &[u8]) -> std::io::Result<Box<dyn Read + '_>> {
    Ok(match bytes {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(bytes, true)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes);
            Box::new(decoder.map_err(|error| std::io::Error::other(error.to_string()))?)
        }
        bytes => Box::new(bytes),
    })
}

enum EntryError {
    /// Something about the archive.
    Reason(String),
    /// Something about the tree or the store.
    Copy(CopyError),
}

impl From<std::io::Error> for EntryError {
    fn from(error: std::io::Error) -> EntryError {
        EntryError::Reason(error.to_string())
    }
}

impl From<TreeError> for EntryError {
    fn from(error: TreeError) -> EntryError {
        EntryError::Copy(error.into())
    }
}

/// An archive on its way into a tree of its own.
struct Unpacking<'a> {
    tree: Tree,
    finish: &'a Finish,
    blobs: &'a mut dyn BlobStore,
    left: u64,
    /// Directories that the archive itself holds.
    listed: BTreeSet<TreePath>,
}

impl Unpacking<'_> {
    fn entry(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), EntryError> {
        let path = local(&text(&entry.path_bytes(), "name")?, "entry name")?;
        let kind = entry.header().entry_type();
        if path.is_root() || matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let last = if kind == EntryType::Directory {
            Follow::Last
        } else {
            Follow::AllButLast
        };
        let place = self.resolve(&path, last)?;
        if place.is_root() {
            return Ok(());
        }
        self.make_parent(&place)?;
        let node = match kind {
            EntryType::Directory => Node::Dir(Arc::new(Dir::new(self.meta(entry)?))),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(entry)?,
            EntryType::Symlink => {
                // Where it leads is the destination's business: nothing is ever followed out of it.
                let target = link_name(entry)?;
                Node::symlink(self.meta(entry)?, target)
            }
            EntryType::Link => {
                let target = local(&link_name(entry)?, "hardlink target")?;
                let existing = self.resolve(&target, Follow::AllButLast)?;
                if existing != place && self.tree.get(&place).is_some() {
                    self.tree.remove(&place)?;
                }
                self.tree.link(&existing, &place)?;
                return self.touch_parent(&place);
            }
            EntryType::Char => Node::Special {
                meta: self.meta(entry)?,
                kind: device(entry, Special::Char)?,
            },
            EntryType::Block => Node::Special {
                meta: self.meta(entry)?,
                kind: device(entry, Special::Block)?,
            },
            EntryType::Fifo => Node::Special {
                meta: self.meta(entry)?,
                kind: Special::Fifo,
            },
            other => {
                return Err(EntryError::Reason(format!(
                    "expected a file, found an entry of type {:?}",
                    other.as_byte()
                )));
            }
        };
        let is_dir = node.is_dir();
        if is_dir && self.tree.get(&place).is_some_and(Node::is_dir) {
            self.tree.update_meta(&place, |meta| *meta = node.meta().clone())?;
        } else {
            self.tree.insert(&place, node)?;
            self.touch_parent(&place)?;
        }
        if is_dir {
            self.listed.insert(place);
        }
        Ok(())
    }

    /// A directory that gets an entry gets the time of now, unless the archive has one for it.
    fn touch_parent(&mut self, place: &TreePath) -> Result<(), EntryError> {
        let parent = place.parent().unwrap_or_default();
        if !self.listed.contains(&parent) {
            touch(&mut self.tree, &parent, self.finish.now).map_err(EntryError::Copy)?;
        }
        Ok(())
    }

    /// The place of `path`, links followed: absolute ones from the destination, relative ones as long as they stay in it.
    /// What is not there is taken as written.
    fn resolve(&self, path: &TreePath, last: Follow) -> Result<TreePath, EntryError> {
        let mut path = path.clone();
        for _ in 0..MAX_LINKS {
            match self.first_link(&path, last) {
                None => return Ok(path),
                Some((link, target)) => {
                    let rest = path.below(&link).unwrap_or_default();
                    let above = link.parent().unwrap_or_default();
                    let whole = match target.strip_prefix('/') {
                        Some(absolute) => planner::path::clean(absolute),
                        None => planner::path::clean(format!("{}/{target}", above.as_str()).trim_start_matches('/')),
                    };
                    let outside =
                        || EntryError::Reason(format!("archive symlink {link:?} points outside extraction root"));
                    path = TreePath::parse(&whole).map_err(|_| outside())?.concat(&rest);
                }
            }
        }
        Err(EntryError::Reason(format!(
            "too many symlinks resolving archive path {path:?}"
        )))
    }

    /// The first symbolic link on the way to `path`, and its target.
    fn first_link(&self, path: &TreePath, last: Follow) -> Option<(TreePath, &str)> {
        let mut at = TreePath::root();
        let n_components = path.depth();
        for (n, name) in path.components().enumerate() {
            at = at.join(name).expect("a component of a path is a name");
            match self.tree.get(&at)? {
                Node::Symlink { target, .. } if n + 1 < n_components || last == Follow::Last => {
                    return Some((at, target));
                }
                _ => {}
            }
        }
        None
    }

    /// Makes the directories that the archive only implies, owner 0:0.
    fn make_parent(&mut self, place: &TreePath) -> Result<(), EntryError> {
        let parent = place.parent().unwrap_or_default();
        if self.tree.get(&parent).is_none() {
            let implied = Finish {
                owner: None,
                mode: None,
                now: self.finish.now,
            };
            make_dirs(&mut self.tree, &parent, &implied).map_err(EntryError::Copy)?;
        }
        Ok(())
    }

    fn file(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<Node, EntryError> {
        let meta = self.meta(entry)?;
        let size = entry.size();
        let too_large = || EntryError::Reason(format!("expected at most {MAX_BYTES} bytes, found more"));
        self.left = self.left.checked_sub(size).ok_or_else(too_large)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let digest = self.blobs.put(&bytes).map_err(|error| EntryError::Copy(error.into()))?;
        let content = Content::Blob {
            digest,
            size: bytes.len() as u64,
        };
        Ok(Node::File(Arc::new(File {
            meta,
            content,
            link: None,
        })))
    }

    fn meta(&self, entry: &mut tar::Entry<'_, impl Read>) -> Result<Meta, EntryError> {
        let header = entry.header();
        let number = |value: u64| {
            u32::try_from(value).map_err(|_| EntryError::Reason(format!("expected an owner of 32 bits, found {value}")))
        };
        let (mut uid, mut gid) = (number(header.uid()?)?, number(header.gid()?)?);
        if let Some(owner) = self.finish.owner {
            (uid, gid) = owner;
        }
        let mut meta = Meta {
            mode: header.mode()? & 0o7777,
            uid,
            gid,
            ..Meta::default()
        };
        meta.mtime.secs = i64::try_from(header.mtime()?).unwrap_or(i64::MAX);
        if let Some(extensions) = entry.pax_extensions()? {
            for extension in extensions {
                let extension = extension?;
                match (extension.key(), extension.value()) {
                    (Ok("mtime"), Ok(value)) => meta.mtime = pax_time(value).unwrap_or(meta.mtime),
                    (Ok(key), _) if key.starts_with("SCHILY.xattr.") => {
                        let key = key["SCHILY.xattr.".len()..].to_owned();
                        meta.xattrs.insert(key, extension.value_bytes().to_vec());
                    }
                    _ => {}
                }
            }
        }
        Ok(meta)
    }
}

/// Seconds with an optional fraction.
fn pax_time(text: &str) -> Option<Time> {
    let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some(Time {
        secs: secs.parse().ok()?,
        nanos: digits.parse().ok()?,
    })
}

fn text(bytes: &[u8], what: &str) -> Result<String, EntryError> {
    let lossy = || {
        EntryError::Reason(format!(
            "expected a {what} in UTF-8, found {:?}",
            String::from_utf8_lossy(bytes)
        ))
    };
    String::from_utf8(bytes.to_vec()).map_err(|_| lossy())
}

fn link_name(entry: &tar::Entry<'_, impl Read>) -> Result<String, EntryError> {
    let name = entry
        .link_name_bytes()
        .ok_or_else(|| EntryError::Reason("expected a link's target, found none".to_owned()))?;
    text(&name, "link's target")
}

/// A path that stays in the archive once it is cleaned.
fn local(name: &str, what: &str) -> Result<TreePath, EntryError> {
    let clean = planner::path::clean(name.trim_start_matches('/'));
    TreePath::parse(&clean).map_err(|_| EntryError::Reason(format!("invalid {what} {name:?}")))
}

fn device(entry: &tar::Entry<'_, impl Read>, of: fn(u32, u32) -> Special) -> Result<Special, EntryError> {
    let header = entry.header();
    Ok(of(
        header.device_major()?.unwrap_or(0),
        header.device_minor()?.unwrap_or(0),
    ))
}
