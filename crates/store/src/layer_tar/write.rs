//! Writing a layer: the bytes of BuildKit, which are those of containerd's writer over Go's `archive/tar`.

use super::header::{Fields, fits_large, fits_small};
use super::{BLOCK, LayerError, OPAQUE, SIMULATED_SIZE, WHITEOUT, XATTR, pax};
use crate::{BlobStore, CAPABILITY, Change, ChangeKind, Changeset, Content, Meta, Node, Special, StoreError};
use oci::{DiffId, Digest, Digester};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use tar::EntryType;

/// How an archive ends.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The tar that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its digest.
    pub diff_id: DiffId,
    /// Its bytes.
    pub size: u64,
}

/// Writes `changes` as a tar to `sink` and names it.
///
/// The same changes give the same bytes everywhere. Entries stand in the order of `changes`; the root itself is one only
/// where it is emptied. Times are cut to whole seconds: to hold them below a bound, see [`Changeset::as_written`]. Of
/// the extended attributes only `security.capability` is written. Contents are read from `blobs` in pieces and hashed
/// once.
///
/// A simulated file is written without content, with its size in a PAX record of our own, so that a simulated layer is
/// a valid and small archive.
///
/// # Errors
///
/// [`LayerError::Store`] if a file's content is not in `blobs`, [`LayerError::Size`] if it has another size there,
/// [`LayerError::Write`] if `sink` fails.
///
/// Source: OCI image-spec, `layer.md`; containerd, `archive.ChangeWriter`; Go, `archive/tar`.
pub fn write_tar(changes: &Changeset, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<Written, LayerError> {
    let mut writer = Writer {
        sink: HashingSink {
            sink,
            digester: Digester::new(),
            size: 0,
        },
        blobs,
    };
    for change in changes.changes.iter().filter(|change| is_written(change)) {
        writer.write_change(change)?;
    }
    writer.sink.write(&END)?;
    Ok(Written {
        diff_id: DiffId(writer.sink.digester.finish()),
        size: writer.sink.size,
    })
}

/// Writes the entry of `change` up to its content to `sink`; returns the blob that follows, if it is not empty.
pub(super) fn write_head(
    change: &Change,
    blobs: &dyn BlobStore,
    sink: &mut dyn Write,
) -> Result<Option<(Digest, u64)>, LayerError> {
    let mut writer = Writer {
        sink: HashingSink {
            sink,
            digester: Digester::new(),
            size: 0,
        },
        blobs,
    };
    writer.write_head(change)
}

/// Whether an archive has an entry for `change`.
pub(super) fn is_written(change: &Change) -> bool {
    !change.path.is_root() || change.kind == ChangeKind::Opaque
}

/// The header of a file or directory of nobody at no time, for archives that are no layers: names of at most 100 bytes
/// of ASCII, those of directories ending in a slash.
pub(crate) fn plain_header(name: &str, mode: u32, size: u64) -> [u8; BLOCK] {
    let kind = if name.ends_with('/') {
        EntryType::Directory
    } else {
        EntryType::Regular
    };
    let meta = Meta::of_mode(mode);
    let entry = Entry {
        size,
        ..Entry::new(name, kind, &meta)
    };
    entry.fields().to_block()
}

struct HashingSink<'a> {
    sink: &'a mut dyn Write,
    digester: Digester,
    size: u64,
}

impl HashingSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.digester.update(bytes);
        self.size += bytes.len() as u64;
        self.sink.write_all(bytes).map_err(LayerError::Write)
    }

    /// Zeros up to the next block.
    fn pad(&mut self) -> Result<(), LayerError> {
        let over = (self.size % BLOCK as u64) as usize;
        if over > 0 {
            self.write(&[0; BLOCK][over..])?;
        }
        Ok(())
    }
}

/// An entry before it is decided which kind of header it needs.
struct Entry<'a> {
    name: &'a str,
    kind: EntryType,
    meta: &'a Meta,
    link: &'a str,
    size: u64,
    device: (u32, u32),
    /// PAX records that the entry has in any case.
    records: BTreeMap<String, Vec<u8>>,
}

struct Writer<'a> {
    sink: HashingSink<'a>,
    blobs: &'a dyn BlobStore,
}

impl Writer<'_> {
    fn write_change(&mut self, change: &Change) -> Result<(), LayerError> {
        let Some((digest, size)) = self.write_head(change)? else {
            return Ok(());
        };
        let content = self.blobs.open(&digest)?;
        self.write_content(change.path.as_str(), size, content)
            .map_err(|error| name_blob(error, digest))
    }

    /// Writes an entry up to its content: the blob that follows, if it is not empty.
    fn write_head(&mut self, change: &Change) -> Result<Option<(Digest, u64)>, LayerError> {
        let name = change.path.as_str();
        match &change.kind {
            ChangeKind::Put(node) => return self.write_node(name, node),
            ChangeKind::Link { to, meta } => self.write_entry(Entry {
                link: to.as_str(),
                ..Entry::new(name, EntryType::Link, meta)
            }),
            ChangeKind::Delete => {
                let last = change.path.name().unwrap_or_default();
                let above = &name[..name.len() - last.len()];
                self.write_marker(&format!("{above}{WHITEOUT}{last}"))
            }
            ChangeKind::Opaque if change.path.is_root() => self.write_marker(OPAQUE),
            ChangeKind::Opaque => self.write_marker(&format!("{name}/{OPAQUE}")),
        }?;
        Ok(None)
    }

    fn write_node(&mut self, name: &str, node: &Node) -> Result<Option<(Digest, u64)>, LayerError> {
        match node {
            Node::Dir(dir) => self.write_entry(Entry::new(&format!("{name}/"), EntryType::Directory, &dir.meta)),
            Node::Symlink { meta, target } => self.write_entry(Entry {
                link: target,
                ..Entry::new(name, EntryType::Symlink, meta)
            }),
            Node::Special { meta, kind } => {
                let (kind, device) = match kind {
                    Special::Char(major, minor) => (EntryType::Char, (*major, *minor)),
                    Special::Block(major, minor) => (EntryType::Block, (*major, *minor)),
                    Special::Fifo => (EntryType::Fifo, (0, 0)),
                };
                self.write_entry(Entry {
                    device,
                    ..Entry::new(name, kind, meta)
                })
            }
            Node::File(file) => {
                let mut entry = Entry::new(name, EntryType::Regular, &file.meta);
                match file.content {
                    Content::Absent { size } => {
                        let size = size.to_string().into_bytes();
                        entry.records.insert(SIMULATED_SIZE.to_owned(), size);
                        self.write_entry(entry)
                    }
                    Content::Blob { digest, size } => {
                        entry.size = size;
                        self.write_entry(entry)?;
                        return Ok((size > 0).then_some((digest, size)));
                    }
                }
            }
        }?;
        Ok(None)
    }

    /// A whiteout: an empty file of nobody, at no time.
    fn write_marker(&mut self, name: &str) -> Result<(), LayerError> {
        self.write_entry(Entry::new(name, EntryType::Regular, &Meta::default()))
    }

    fn write_content(&mut self, name: &str, size: u64, mut content: Box<dyn BufRead + '_>) -> Result<(), LayerError> {
        let mut found = 0;
        loop {
            let bytes = content.fill_buf().map_err(LayerError::Read)?;
            let count = bytes.len();
            if count == 0 {
                break;
            }
            found += count as u64;
            if found > size {
                break;
            }
            self.sink.write(bytes)?;
            content.consume(count);
        }
        if found != size {
            return Err(LayerError::Size {
                entry: name.to_owned(),
                expected: size,
                found,
            });
        }
        self.sink.pad()
    }

    /// The headers of an entry: USTAR if everything fits, else PAX records before a header with what does fit.
    fn write_entry(&mut self, entry: Entry<'_>) -> Result<(), LayerError> {
        let split = split_name(entry.name);
        let records = entry.needed_records(split.is_some());
        let mut fields = entry.fields();
        if records.is_empty() {
            if let Some((prefix, name)) = split {
                fields.prefix = prefix.as_bytes();
                fields.name = name.as_bytes();
            }
            return self.sink.write(&fields.to_block());
        }
        self.write_records(entry.name, &records)?;
        let (name, link) = (ascii_of(entry.name), ascii_of(entry.link));
        fields.name = name.as_bytes();
        fields.link = link.as_bytes();
        self.sink.write(&fields.to_block())
    }

    fn write_records(&mut self, name: &str, records: &BTreeMap<String, Vec<u8>>) -> Result<(), LayerError> {
        let data: Vec<u8> = records
            .iter()
            .flat_map(|(key, value)| pax::format_record(key, value))
            .collect();
        let (above, last) = name.rsplit_once('/').map_or(("", name), |(above, last)| (above, last));
        let parts = [above, "PaxHeaders.0", last];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let header_name = ascii_of(&parts.join("/"));
        let cut = header_name[..header_name.len().min(100)].trim_end_matches('/');
        let fields = Fields {
            kind: EntryType::XHeader,
            name: cut.as_bytes(),
            prefix: b"",
            link: b"",
            mode: 0,
            uid: 0,
            gid: 0,
            size: data.len() as u64,
            mtime: 0,
            device: None,
        };
        self.sink.write(&fields.to_block())?;
        self.sink.write(&data)?;
        self.sink.pad()
    }
}

impl<'a> Entry<'a> {
    fn new(name: &'a str, kind: EntryType, meta: &'a Meta) -> Entry<'a> {
        let capability = meta.xattrs.get(CAPABILITY).filter(|value| !value.is_empty());
        let records = capability.map(|value| (format!("{XATTR}{CAPABILITY}"), value.clone()));
        Entry {
            name,
            kind,
            meta,
            link: "",
            size: 0,
            device: (0, 0),
            records: records.into_iter().collect(),
        }
    }

    /// The PAX records without which something would be lost; none if USTAR holds everything.
    fn needed_records(&self, can_split: bool) -> BTreeMap<String, Vec<u8>> {
        let mut records = self.records.clone();
        let name_fits = is_ascii(self.name) && self.name.len() <= 100;
        if !is_ascii(self.link) || self.link.len() > 100 {
            records.insert("linkpath".to_owned(), self.link.as_bytes().to_vec());
        }
        let size = i64::try_from(self.size).unwrap_or(i64::MAX);
        for (key, number, fits) in [
            ("uid", i64::from(self.meta.uid), fits_small(self.meta.uid.into())),
            ("gid", i64::from(self.meta.gid), fits_small(self.meta.gid.into())),
            ("size", size, fits_large(size)),
            ("mtime", self.meta.mtime.secs, fits_large(self.meta.mtime.secs)),
        ] {
            if !fits {
                records.insert(key.to_owned(), number.to_string().into_bytes());
            }
        }
        // A name that could be split is recorded only where there are records anyway.
        if !name_fits && (!can_split || !records.is_empty()) {
            records.insert("path".to_owned(), self.name.as_bytes().to_vec());
        }
        records
    }

    fn fields(&self) -> Fields<'_> {
        Fields {
            kind: self.kind,
            name: self.name.as_bytes(),
            prefix: b"",
            link: self.link.as_bytes(),
            mode: self.meta.mode & 0o7777,
            uid: self.meta.uid,
            gid: self.meta.gid,
            size: self.size,
            mtime: self.meta.mtime.secs,
            device: Some(self.device),
        }
    }
}

/// Prefix and name of a name of more than 100 bytes that USTAR can hold: cut at the last slash that leaves at most 155
/// bytes before it and 100 after.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 || !is_ascii(name) {
        return None;
    }
    let reach = 156.min(name.len() - usize::from(name.ends_with('/')));
    let slash = name[..reach].rfind('/').filter(|slash| *slash > 0)?;
    let rest = &name[slash + 1..];
    (!rest.is_empty() && rest.len() <= 100).then(|| (&name[..slash], rest))
}

fn is_ascii(text: &str) -> bool {
    text.is_ascii() && !text.contains('\0')
}

fn ascii_of(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii() && *c != '\0').collect()
}

/// An I/O error while a blob was read is one of the store.
fn name_blob(error: LayerError, digest: Digest) -> LayerError {
    match error {
        LayerError::Read(source) => StoreError::Read { digest, source }.into(),
        other => other,
    }
}
