//! Reading a layer that may be hostile.

use super::entry::{Header, RawEntry, Reader};
use super::{EntryRule, LayerError, OPAQUE, SIMULATED_SIZE, WHITEOUT, XATTR};
use crate::{BlobStore, Change, ChangeKind, Changeset, Content, Meta, Node, PathError, Source, Special, TreePath};
use oci::{DiffId, Time};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Bound;
use tar::EntryType;

/// How much of a layer is read before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, extended headers not counted.
    pub entries: u64,
    /// Bytes of a name or of the target of a link.
    pub name_bytes: usize,
    /// Components of a name.
    pub depth: usize,
    /// Bytes of the tar once decompressed.
    pub tar_bytes: u64,
    /// Bytes of one extended header.
    pub extension_bytes: u64,
}

impl Default for Limits {
    /// A million entries, names as long as Linux takes, 8 GiB.
    fn default() -> Limits {
        Limits {
            entries: 1_000_000,
            name_bytes: 4095,
            depth: 256,
            tar_bytes: 8 << 30,
            extension_bytes: 1 << 20,
        }
    }
}

/// What names that start with `.wh.` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whiteouts {
    /// They take something away, as in a layer.
    Delete,
    /// Names like any other, as in an archive that `ADD` unpacks.
    Keep,
}

/// A layer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLayer {
    /// What it changes.
    pub changes: Changeset,
    /// The digest of the whole tar.
    pub diff_id: DiffId,
    /// The bytes of the whole tar.
    pub size: u64,
}

/// Reads a tar, puts the contents of its files into `blobs` and returns the changes.
///
/// `source` is the tar itself: see [`crate::decompress`]. Every name must stay in the root: no `..`, no leading slash, no
/// way through a link or file of the same layer; whiteouts must name something. Extended headers of PAX and GNU and
/// base-256 numbers are understood, sparse files are not. Global extended headers are passed over, as Docker does.
///
/// # Errors
///
/// [`LayerError`], naming the entry. Blobs that were put stay; nothing refers to them.
pub fn read_tar(
    source: &mut dyn Read,
    limits: &Limits,
    whiteouts: Whiteouts,
    blobs: &mut dyn BlobStore,
) -> Result<ReadLayer, LayerError> {
    let reader = Reader::new(source, *limits).hashing();
    let read = read_entries(reader, None, limits, whiteouts, blobs)?;
    Ok(ReadLayer {
        changes: read.changes,
        diff_id: read.diff_id.expect("the reader hashes"),
        size: read.size,
    })
}

/// A tar that was read.
#[derive(Debug)]
pub(crate) struct TarContents {
    pub(crate) changes: Changeset,
    /// The digest of the whole, if it was hashed.
    pub(crate) diff_id: Option<DiffId>,
    /// The bytes of the whole.
    pub(crate) size: u64,
}

/// Reads all entries. The files stay in `place` if that is where the tar lies.
pub(super) fn read_entries(
    mut reader: Reader<'_>,
    place: Option<&Source>,
    limits: &Limits,
    whiteouts: Whiteouts,
    blobs: &mut dyn BlobStore,
) -> Result<TarContents, LayerError> {
    let mut unpacker = Unpacker {
        limits: *limits,
        whiteouts,
        blobs,
        place,
        standing: BTreeMap::new(),
        changes: Vec::new(),
    };
    while let Some(entry) = reader.next_entry()? {
        if unpacker.changes.len() as u64 >= limits.entries {
            return Err(LayerError::Limit {
                what: "entries",
                limit: limits.entries,
            });
        }
        let name = entry.name.clone();
        unpacker.unpack(entry, &mut reader).map_err(|failure| match failure {
            Failure::Rule(rule) => refuse(&name, rule),
            Failure::Layer(error) => error,
        })?;
    }
    let changes = unpacker.changes;
    let (diff_id, size) = reader.finish()?;
    Ok(TarContents {
        changes: Changeset { changes },
        diff_id,
        size,
    })
}

/// The error that names an entry, its name shortened.
pub(super) fn refuse(name: &[u8], rule: EntryRule) -> LayerError {
    let shown: String = String::from_utf8_lossy(name).chars().take(200).collect();
    LayerError::Entry { entry: shown, rule }
}

struct Unpacker<'a> {
    limits: Limits,
    whiteouts: Whiteouts,
    blobs: &'a mut dyn BlobStore,
    /// Where the tar lies, if its files can stay there.
    place: Option<&'a Source>,
    /// Whether what this layer put last at a path is a directory.
    standing: BTreeMap<TreePath, bool>,
    changes: Vec<Change>,
}

/// Why an entry was not taken, its name not yet said.
enum Failure {
    Rule(EntryRule),
    Layer(LayerError),
}

impl From<EntryRule> for Failure {
    fn from(rule: EntryRule) -> Failure {
        Failure::Rule(rule)
    }
}

impl From<LayerError> for Failure {
    fn from(error: LayerError) -> Failure {
        Failure::Layer(error)
    }
}

impl Unpacker<'_> {
    fn unpack(&mut self, entry: RawEntry, reader: &mut Reader<'_>) -> Result<(), Failure> {
        let path = self.read_path(&entry.name)?;
        if let Some(change) = self.read_whiteout(&path)? {
            // A whiteout has no content; if it comes with some, that is passed over with the padding.
            if change.kind == ChangeKind::Delete {
                self.forget_below(&change.path);
                self.standing.remove(&change.path);
            }
            self.changes.push(change);
            return Ok(());
        }
        let meta = read_meta(&entry)?;
        let kind = self.read_kind(&entry, &path, meta, reader)?;
        let is_dir = matches!(&kind, ChangeKind::Put(Node::Dir(_)));
        if !is_dir {
            self.forget_below(&path);
        }
        self.standing.insert(path.clone(), is_dir);
        self.changes.push(Change { path, kind });
        Ok(())
    }

    /// What stood below `path` does so no longer.
    fn forget_below(&mut self, path: &TreePath) {
        let after = (Bound::Excluded(path), Bound::Unbounded);
        let below = self.standing.range(after).take_while(|(name, _)| name.is_within(path));
        let below: Vec<TreePath> = below.map(|(name, _)| name.clone()).collect();
        for name in below {
            self.standing.remove(&name);
        }
    }

    fn read_path(&self, name: &[u8]) -> Result<TreePath, EntryRule> {
        let text = std::str::from_utf8(name).map_err(|_| EntryRule::Utf8)?;
        if text.is_empty() {
            return Err(EntryRule::NoName);
        }
        // Unpacking takes an absolute name as one in the place where it unpacks; layers have none.
        if text.starts_with('/') && self.whiteouts == Whiteouts::Delete {
            return Err(EntryRule::Absolute);
        }
        let path = TreePath::parse(text).map_err(|_: PathError| EntryRule::Climbs)?;
        if text.len() > self.limits.name_bytes || path.depth() > self.limits.depth {
            return Err(EntryRule::Long {
                bytes: self.limits.name_bytes,
                depth: self.limits.depth,
            });
        }
        let mut above = path.parent();
        while let Some(at) = above {
            match self.standing.get(&at) {
                Some(false) => return Err(EntryRule::Through { at: at.absolute() }),
                // What is above a directory was looked at when that was put.
                Some(true) => break,
                None => above = at.parent(),
            }
        }
        Ok(path)
    }

    fn read_whiteout(&self, path: &TreePath) -> Result<Option<Change>, EntryRule> {
        if self.whiteouts == Whiteouts::Keep {
            return Ok(None);
        }
        let Some((name, parent)) = path.name().zip(path.parent()) else {
            return Ok(None);
        };
        if parent.components().any(|above| above.starts_with(WHITEOUT)) {
            return Err(EntryRule::Whiteout);
        }
        let change = |path, kind| Ok(Some(Change { path, kind }));
        match name.strip_prefix(WHITEOUT) {
            None => Ok(None),
            Some(_) if name == OPAQUE => change(parent, ChangeKind::Opaque),
            // Other names of this kind are private to AUFS.
            Some(gone) if gone.starts_with(WHITEOUT) => Err(EntryRule::Whiteout),
            Some(gone) => {
                let path = parent.join(gone).map_err(|_| EntryRule::Whiteout)?;
                change(path, ChangeKind::Delete)
            }
        }
    }

    fn read_kind(
        &mut self,
        entry: &RawEntry,
        path: &TreePath,
        meta: Meta,
        reader: &mut Reader<'_>,
    ) -> Result<ChangeKind, Failure> {
        let (major, minor) = (entry.header.major, entry.header.minor);
        let special = |meta, kind| Node::Special { meta, kind };
        let node = match entry.header.kind {
            EntryType::Regular | EntryType::Continuous => self.read_file(entry, meta, reader)?,
            EntryType::Directory => Node::dir(meta),
            EntryType::Link => return Ok(self.read_link(entry, path, meta)?),
            EntryType::Symlink => Node::symlink(meta, self.read_target(entry)?),
            EntryType::Char => special(meta, Special::Char(major, minor)),
            EntryType::Block => special(meta, Special::Block(major, minor)),
            EntryType::Fifo => special(meta, Special::Fifo),
            EntryType::GNUSparse => return Err(EntryRule::Sparse.into()),
            other => {
                let found = char::from(other.as_byte());
                return Err(EntryRule::Kind { found }.into());
            }
        };
        if path.is_root() && !node.is_dir() {
            return Err(EntryRule::NoName.into());
        }
        Ok(ChangeKind::Put(node))
    }

    fn read_file(&mut self, entry: &RawEntry, meta: Meta, reader: &mut Reader<'_>) -> Result<Node, Failure> {
        if entry.records.keys().any(|key| key.starts_with("GNU.sparse.")) {
            return Err(EntryRule::Sparse.into());
        }
        if let Some(text) = entry.records.get(SIMULATED_SIZE) {
            let size = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
            let size = size.filter(|size| entry.header.size == 0 && i64::try_from(*size).is_ok());
            let size = size.ok_or(EntryRule::Simulated)?;
            return Ok(Node::file(meta, Content::Absent { size }));
        }
        let (start, size) = reader.content_range();
        let place = self.place.map(|tar| tar.part(start, size));
        let (digest, size) = reader.with_content(|content| {
            Ok(match &place {
                Some(place) => self.blobs.put_part(content, place)?,
                None => self.blobs.put_from(content)?,
            })
        })?;
        Ok(Node::file(meta, Content::Blob { digest, size }))
    }

    fn read_link(&self, entry: &RawEntry, path: &TreePath, meta: Meta) -> Result<ChangeKind, EntryRule> {
        let target = self.read_target(entry)?;
        let bad = || EntryRule::LinkTarget {
            target: target.chars().take(200).collect(),
        };
        if target.starts_with('/') && self.whiteouts == Whiteouts::Delete {
            return Err(bad());
        }
        let to = TreePath::parse(&target).map_err(|_| bad())?;
        let through = std::iter::successors(to.parent(), TreePath::parent);
        let leads_through = through.into_iter().any(|at| self.standing.get(&at) == Some(&false));
        if to.is_root() || to == *path || leads_through || self.standing.get(&to) == Some(&true) {
            return Err(bad());
        }
        Ok(ChangeKind::Link { to, meta })
    }

    /// The target of a link: any text for a symbolic one, which means nothing until it is followed inside the root.
    fn read_target(&self, entry: &RawEntry) -> Result<String, EntryRule> {
        let target = std::str::from_utf8(&entry.link).map_err(|_| EntryRule::Utf8)?;
        if target.is_empty() || target.contains('\0') {
            return Err(EntryRule::LinkTarget { target: String::new() });
        }
        if target.len() > self.limits.name_bytes {
            return Err(EntryRule::Long {
                bytes: self.limits.name_bytes,
                depth: self.limits.depth,
            });
        }
        Ok(target.to_owned())
    }
}

fn read_meta(entry: &RawEntry) -> Result<Meta, EntryRule> {
    let Header {
        mode, uid, gid, mtime, ..
    } = entry.header;
    // Some programs write the kind of file into the mode too.
    let permissions = mode & 0o7777;
    if mode > 0o177_777 {
        return Err(EntryRule::Mode { mode });
    }
    let time = match entry.records.get("mtime") {
        Some(text) => parse_time(text).ok_or(EntryRule::Number { field: "mtime" })?,
        None => Time::of_secs(mtime),
    };
    let xattrs = entry
        .records
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(XATTR)?.to_owned(), value.clone())));
    Ok(Meta {
        mode: permissions as u32,
        uid,
        gid,
        mtime: time,
        xattrs: xattrs.filter(|(name, _)| !name.is_empty()).collect(),
    })
}

/// `[-]SECONDS[.FRACTION]`, a negative time rounded as Go rounds it.
fn parse_time(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = secs.starts_with('-');
    let secs: i64 = secs.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: u32 = format!("{:0<9}", &fraction[..fraction.len().min(9)]).parse().ok()?;
    match (negative, nanos) {
        (true, 1..) => Some(Time {
            secs: secs.checked_sub(1)?,
            nanos: 1_000_000_000 - nanos,
        }),
        _ => Some(Time { secs, nanos }),
    }
}
