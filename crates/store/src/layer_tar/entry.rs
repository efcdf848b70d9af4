//! Cutting a tar stream into entries: headers, extended headers, contents.
//!
//! The `tar` crate gives the layout of headers. Its own loop over entries is not used: it takes extended headers of any
//! size into memory, and it disagrees with Go's reader, which is the one that counts for layers, on entries that have a
//! size but no content.

use super::read::{Limits, refuse};
use super::{BLOCK, EntryRule, LayerError, header, number, pax};
use oci::{DiffId, Digester};
use std::collections::BTreeMap;
use std::io::Read;
use tar::EntryType;

/// The numbers of a header, PAX records already in place of those they replace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: EntryType,
    pub(super) mode: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Bytes of content that follow.
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// An entry before its names are checked.
#[derive(Debug, Clone)]
pub(super) struct RawEntry {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) header: Header,
    pub(super) records: BTreeMap<String, Vec<u8>>,
}

/// What extended headers say of the next entry.
#[derive(Debug, Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Option<BTreeMap<String, Vec<u8>>>,
}

/// Reads entries, counts everything it reads and hashes it if that is wanted.
pub(super) struct Reader<'a> {
    source: &'a mut dyn Read,
    limits: Limits,
    digester: Option<Digester>,
    /// Bytes read so far.
    size: u64,
    /// Content of the current entry that was not read yet, and zeros after it.
    content: u64,
    padding: u64,
    /// The current entry, for errors.
    name: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a mut dyn Read, limits: Limits) -> Reader<'a> {
        Reader {
            source,
            limits,
            digester: None,
            size: 0,
            content: 0,
            padding: 0,
            name: Vec::new(),
        }
    }

    /// This reader, which hashes what it reads.
    pub(super) fn hashing(self) -> Reader<'a> {
        Reader {
            digester: Some(Digester::new()),
            ..self
        }
    }

    /// Where the content of the current entry begins, as long as none of it was read, and its size.
    pub(super) fn content_range(&self) -> (u64, u64) {
        (self.size, self.content)
    }

    /// The next entry; `None` at the end of the archive.
    pub(super) fn next_entry(&mut self) -> Result<Option<RawEntry>, LayerError> {
        let mut extensions = Extensions::default();
        let mut is_extended = false;
        loop {
            self.skip(self.content.saturating_add(self.padding))?;
            let Some(block) = self.next_header()? else {
                return if is_extended {
                    Err(self.refuse(EntryRule::Contradiction))
                } else {
                    Ok(None)
                };
            };
            let header = tar::Header::from_byte_slice(&block);
            self.name = header.path_bytes().into_owned();
            let kind = header.entry_type();
            match kind {
                EntryType::XGlobalHeader => {
                    self.read_extension(header)?;
                }
                EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                    is_extended = true;
                    self.extend(header, &mut extensions)?;
                }
                _ => {
                    let entry = to_entry(header, extensions).map_err(|rule| self.refuse(rule))?;
                    self.name.clone_from(&entry.name);
                    self.start_content(entry.header.size);
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Gives the content of the current entry to `take`, which reads all of it.
    ///
    /// What is wrong with the stream goes before what `take` says, which is a consequence of it.
    pub(super) fn with_content<T>(
        &mut self,
        take: impl FnOnce(&mut dyn Read) -> Result<T, LayerError>,
    ) -> Result<T, LayerError> {
        self.check_room(self.content)?;
        let mut content = ContentReader {
            reader: self,
            failure: None,
        };
        let taken = take(&mut content);
        match content.failure {
            Some(failure) => Err(failure),
            None => taken,
        }
    }

    /// Reads to the end of the stream, which may hold zeros only, and counts the whole; names it too if it was hashed.
    pub(super) fn finish(mut self) -> Result<(Option<DiffId>, u64), LayerError> {
        let mut block = [0; 32 * BLOCK];
        loop {
            let count = self.read_some(&mut block)?;
            if count == 0 {
                let digest = self.digester.map(Digester::finish);
                return Ok((digest.map(DiffId), self.size));
            }
            if block[..count].iter().any(|byte| *byte != 0) {
                return Err(LayerError::Trailing);
            }
        }
    }

    /// The next block that is a header, its checksum verified; `None` after two blocks of zeros or at the end.
    fn next_header(&mut self) -> Result<Option<[u8; BLOCK]>, LayerError> {
        let mut n_zero = 0;
        loop {
            let mut block = [0; BLOCK];
            let mut filled = 0;
            while filled < BLOCK {
                match self.read_some(&mut block[filled..])? {
                    0 if filled == 0 => return Ok(None),
                    0 => return Err(self.truncated()),
                    count => filled += count,
                }
            }
            if block.iter().all(|byte| *byte == 0) {
                n_zero += 1;
                if n_zero == 2 {
                    return Ok(None);
                }
                continue;
            }
            let stated = number::parse(&tar::Header::from_byte_slice(&block).as_old().cksum);
            if n_zero > 0 || stated != Some(header::checksum(&block).into()) {
                let at = format!("at byte {}", self.size - BLOCK as u64);
                return Err(refuse(at.as_bytes(), EntryRule::Checksum));
            }
            return Ok(Some(block));
        }
    }

    fn extend(&mut self, header: &tar::Header, extensions: &mut Extensions) -> Result<(), LayerError> {
        let bytes = self.read_extension(header)?;
        let until_nul = || bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let is_second = match header.entry_type() {
            EntryType::GNULongName => extensions.long_name.replace(until_nul()).is_some(),
            EntryType::GNULongLink => extensions.long_link.replace(until_nul()).is_some(),
            _ => {
                let records = pax::parse_records(&bytes).ok_or_else(|| self.refuse(EntryRule::Pax))?;
                extensions.records.replace(records).is_some()
            }
        };
        if is_second {
            return Err(self.refuse(EntryRule::Contradiction));
        }
        Ok(())
    }

    fn read_extension(&mut self, header: &tar::Header) -> Result<Vec<u8>, LayerError> {
        let size = field("size", &header.as_old().size).map_err(|rule| self.refuse(rule))?;
        if size > self.limits.extension_bytes {
            let limit = self.limits.extension_bytes;
            return Err(self.refuse(EntryRule::Extension { limit }));
        }
        self.start_content(size);
        self.with_content(|content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(LayerError::Read)?;
            Ok(bytes)
        })
    }

    fn start_content(&mut self, size: u64) {
        let block = BLOCK as u64;
        self.content = size;
        self.padding = (block - size % block) % block;
    }

    fn skip(&mut self, mut count: u64) -> Result<(), LayerError> {
        self.check_room(count)?;
        let mut buffer = [0; 16 * BLOCK];
        while count > 0 {
            let part = count.min(buffer.len() as u64) as usize;
            match self.read_some(&mut buffer[..part])? {
                0 => return Err(self.truncated()),
                read => count -= read as u64,
            }
        }
        (self.content, self.padding) = (0, 0);
        Ok(())
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let count = loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result.map_err(LayerError::Read)?,
            }
        };
        self.check_room(count as u64)?;
        if let Some(digester) = &mut self.digester {
            digester.update(&buffer[..count]);
        }
        self.size += count as u64;
        Ok(count)
    }

    fn check_room(&self, count: u64) -> Result<(), LayerError> {
        let limit = self.limits.tar_bytes;
        if count > limit.saturating_sub(self.size) {
            return Err(LayerError::Limit { what: "bytes", limit });
        }
        Ok(())
    }

    fn refuse(&self, rule: EntryRule) -> LayerError {
        refuse(&self.name, rule)
    }

    fn truncated(&self) -> LayerError {
        LayerError::Truncated {
            entry: String::from_utf8_lossy(&self.name).chars().take(200).collect(),
        }
    }
}

/// The content of an entry, hashed as it is read.
struct ContentReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// Why reading stopped early.
    failure: Option<LayerError>,
}

impl Read for ContentReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = self.reader.content.min(buffer.len() as u64) as usize;
        if room == 0 {
            return Ok(0);
        }
        let result = match self.reader.read_some(&mut buffer[..room]) {
            Ok(0) => Err(self.reader.truncated()),
            result => result,
        };
        match result {
            Ok(count) => {
                self.reader.content -= count as u64;
                Ok(count)
            }
            Err(failure) => {
                self.failure = Some(failure);
                Err(std::io::ErrorKind::InvalidData.into())
            }
        }
    }
}

fn field(name: &'static str, bytes: &[u8]) -> Result<u64, EntryRule> {
    let number = number::parse(bytes).and_then(|number| u64::try_from(number).ok());
    number.ok_or(EntryRule::Number { field: name })
}

fn to_entry(header: &tar::Header, extensions: Extensions) -> Result<RawEntry, EntryRule> {
    let records = extensions.records.unwrap_or_default();
    let name = choose(
        records.get("path"),
        extensions.long_name,
        header.path_bytes().into_owned(),
    )?;
    let link = header.link_name_bytes().unwrap_or_default().into_owned();
    let link = choose(records.get("linkpath"), extensions.long_link, link)?;
    let old = header.as_old();
    let mut kind = header.entry_type();
    // Before POSIX a directory was a file whose name ends in a slash.
    if old.linkflag[0] == 0 && name.ends_with(b"/") {
        kind = EntryType::Directory;
    }
    let number = |key: &'static str, bytes: &[u8]| match records.get(key) {
        Some(text) => {
            let text = std::str::from_utf8(text).ok();
            text.and_then(|text| text.parse::<u64>().ok())
                .ok_or(EntryRule::Number { field: key })
        }
        None => field(key, bytes),
    };
    let small = |key, bytes: &[u8]| {
        number(key, bytes).and_then(|number| u32::try_from(number).map_err(|_| EntryRule::Number { field: key }))
    };
    let has_content = matches!(kind, EntryType::Regular | EntryType::Continuous);
    let size = number("size", &old.size)?;
    let is_device = matches!(kind, EntryType::Char | EntryType::Block);
    let (major, minor) = match (header.as_ustar(), header.as_gnu()) {
        (Some(ustar), _) if is_device => device(&ustar.dev_major, &ustar.dev_minor)?,
        (_, Some(gnu)) if is_device => device(&gnu.dev_major, &gnu.dev_minor)?,
        _ => (0, 0),
    };
    let header = Header {
        kind,
        mode: field("mode", &old.mode)?,
        uid: small("uid", &old.uid)?,
        gid: small("gid", &old.gid)?,
        size: if has_content { size } else { 0 },
        mtime: number::parse(&old.mtime).ok_or(EntryRule::Number { field: "mtime" })?,
        major,
        minor,
    };
    Ok(RawEntry {
        name,
        link,
        header,
        records,
    })
}

/// Major and minor of a device: 12 and 20 bits, for Linux has no others, and no header of a layer room for many more.
///
/// Source: Linux, `include/linux/kdev_t.h`.
fn device(major: &[u8], minor: &[u8]) -> Result<(u32, u32), EntryRule> {
    let within = |key, bytes: &[u8], bits: u32| {
        field(key, bytes).and_then(|number| {
            u32::try_from(number)
                .ok()
                .filter(|number| *number < 1 << bits)
                .ok_or(EntryRule::Number { field: key })
        })
    };
    Ok((within("major", major, 12)?, within("minor", minor, 20)?))
}

/// The name that counts: PAX and GNU agree, or there is only one of them, or it stands in the header.
fn choose(pax: Option<&Vec<u8>>, gnu: Option<Vec<u8>>, plain: Vec<u8>) -> Result<Vec<u8>, EntryRule> {
    match (pax, gnu) {
        (Some(pax), Some(gnu)) if *pax != gnu => Err(EntryRule::Contradiction),
        (Some(pax), _) => Ok(pax.clone()),
        (None, Some(gnu)) => Ok(gnu),
        (None, None) => Ok(plain),
    }
}
