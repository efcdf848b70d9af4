//! Into an archive: nodes of the tree become members, in the order of their names.

use super::select::is_excluded;
use super::{ABSENT_SIZE, FAILED, Request, failed};
use crate::command::Call;
use crate::commands::compress::{self, Codec};
use crate::world::{Errno, Result};
use std::collections::BTreeMap;
use store::{Content, Follow, Node, Special, TreePath};
use tar::{EntryType, Header};

/// What an archive's bytes are padded to.
const BLOCK: usize = 512;
/// What an archive as a whole is padded to: 20 blocks.
const RECORD: usize = 20 * BLOCK;
/// What a header has room for in a name or a target, in bytes.
const NAME_BYTES: usize = 100;

/// An archive in the making.
struct Archive {
    bytes: Vec<u8>,
    /// The first member that each file with several names became.
    linked: BTreeMap<u64, String>,
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    n_absent: usize,
    said_root: bool,
    exit: i32,
}

pub(super) fn create(call: &mut Call<'_>, request: &Request) -> Result<i32> {
    if request.members.is_empty() {
        call.warn("tar: Cowardly refusing to create an empty archive\nTry 'tar --help' or 'tar --usage' for more information.");
        return Ok(FAILED);
    }
    if matches!(request.codec, Some(Codec::Bzip2 | Codec::Xz | Codec::Zstd)) {
        call.warn("layerlab: tar writes plain archives and gzip here: other compression is not simulated");
        return Ok(FAILED);
    }
    let accounts = call.world.accounts()?;
    let groups = call.world.groups()?;
    let mut archive = Archive {
        bytes: Vec::new(),
        linked: BTreeMap::new(),
        users: accounts.into_iter().rev().map(|user| (user.uid, user.name)).collect(),
        groups: groups.into_iter().rev().map(|(name, gid, _)| (gid, name)).collect(),
        n_absent: 0,
        said_root: false,
        exit: 0,
    };
    let output = request.archive.as_deref().map(|file| call.path(file));
    let own = output
        .as_deref()
        .and_then(|path| call.world.resolve(path, Follow::Last).ok());
    for (dir, given) in &request.members {
        let path = if given.starts_with('/') {
            given.clone()
        } else {
            format!("{}/{given}", dir.trim_end_matches('/'))
        };
        match call.world.resolve(&path, Follow::AllButLast) {
            Ok(at) if call.world.tree.get(&at).is_some() => {
                let name = root_removed(call, given, &mut archive);
                add(call, request, &at, &name, own.as_ref(), &mut archive)?;
            }
            other => {
                let errno = other.err().unwrap_or(Errno::NoEntry);
                call.warn(format!("tar: {given}: Cannot stat: {errno}"));
                archive.exit = FAILED;
            }
        }
    }
    let filled = (archive.bytes.len() + 2 * BLOCK).next_multiple_of(RECORD);
    archive.bytes.resize(filled, 0);
    let bytes = match request.codec {
        Some(_) => compress::gzipped(&archive.bytes, 6),
        None => archive.bytes,
    };
    if archive.n_absent > 0 {
        call.warn(format!(
            "layerlab: the archive names {} files by their size alone: their content is not simulated",
            archive.n_absent
        ));
    }
    match output {
        Some(path) => {
            if let Err(errno) = call.world.write(&path, &bytes) {
                let file = request.archive.as_deref().unwrap_or_default();
                call.warn(format!(
                    "tar: {file}: Cannot open: {errno}\ntar: Error is not recoverable: exiting now"
                ));
                return Ok(FAILED);
            }
        }
        None => call.raw.extend(bytes),
    }
    Ok(if archive.exit == 0 { 0 } else { failed(call) })
}

/// A member's name as it may stand in an archive.
fn root_removed(call: &mut Call<'_>, given: &str, archive: &mut Archive) -> String {
    // Up to and with the last `..`, as GNU tar takes it away.
    let safe = match given.rfind("../") {
        Some(at) => &given[at + 3..],
        None if given == ".." => ".",
        None => given,
    };
    let plain = safe.trim_start_matches('/');
    if plain.len() < given.len() && !archive.said_root {
        archive.said_root = true;
        let prefix = &given[..given.len() - plain.len()];
        call.warn(format!("tar: Removing leading `{prefix}' from member names"));
    }
    let plain = plain.trim_end_matches('/');
    if plain.is_empty() {
        ".".to_owned()
    } else {
        plain.to_owned()
    }
}

fn add(
    call: &mut Call<'_>,
    request: &Request,
    at: &TreePath,
    name: &str,
    own: Option<&TreePath>,
    archive: &mut Archive,
) -> Result<()> {
    if is_excluded(name, &request.excludes) {
        return Ok(());
    }
    if own == Some(at) {
        call.warn(format!("tar: {name}: archive cannot contain itself; not dumped"));
        return Ok(());
    }
    let node = call.world.tree.get(at).cloned().ok_or(Errno::NoEntry)?;
    if request.verbose {
        let slash = if node.is_dir() { "/" } else { "" };
        let line = format!("{name}{slash}");
        if request.archive.is_some() {
            call.say(line);
        } else {
            call.warn(line);
        }
    }
    match archive.append(call, &node, name) {
        Ok(()) => {}
        Err(need @ (Errno::Need(_) | Errno::Limit)) => return Err(need),
        Err(errno) => {
            call.warn(format!("tar: {name}: Cannot open: {errno}"));
            archive.exit = FAILED;
            return Ok(());
        }
    }
    if let Node::Dir(dir) = &node {
        for below in dir.entries.keys() {
            let path = at.join(below).map_err(|_| Errno::Invalid)?;
            add(call, request, &path, &format!("{name}/{below}"), own, archive)?;
        }
    }
    Ok(())
}

impl Archive {
    fn append(&mut self, call: &Call<'_>, node: &Node, name: &str) -> Result<()> {
        if !call.world.may(node.meta(), 4) {
            return Err(Errno::Access);
        }
        let mut header = self.header(node);
        match node {
            Node::Dir(_) => {
                header.set_entry_type(EntryType::Directory);
                self.entry(header, &format!("{name}/"), "", &[]);
            }
            Node::Symlink { target, .. } => {
                header.set_entry_type(EntryType::Symlink);
                self.entry(header, name, target, &[]);
            }
            Node::Special { kind, .. } => {
                let (kind, major, minor) = match kind {
                    Special::Char(major, minor) => (EntryType::Char, *major, *minor),
                    Special::Block(major, minor) => (EntryType::Block, *major, *minor),
                    Special::Fifo => (EntryType::Fifo, 0, 0),
                };
                header.set_entry_type(kind);
                header.set_device_major(major).map_err(|_| Errno::Invalid)?;
                header.set_device_minor(minor).map_err(|_| Errno::Invalid)?;
                self.entry(header, name, "", &[]);
            }
            Node::File(file) => {
                if let Some(first) = file.link.and_then(|number| self.linked.get(&number)).cloned() {
                    header.set_entry_type(EntryType::Link);
                    self.entry(header, name, &first, &[]);
                    return Ok(());
                }
                let bytes = match file.content {
                    Content::Absent { size } if size > 0 => {
                        self.n_absent += 1;
                        self.absent(size);
                        Vec::new()
                    }
                    content => call.world.bytes_of(&content)?.to_vec(),
                };
                header.set_entry_type(EntryType::Regular);
                header.set_size(bytes.len() as u64);
                self.entry(header, name, "", &bytes);
                if let Some(number) = file.link {
                    self.linked.insert(number, name.to_owned());
                }
            }
        }
        if self.bytes.len() as u64 > crate::world::MAX_FRESH_BYTES {
            return Err(Errno::Limit);
        }
        Ok(())
    }

    fn header(&self, node: &Node) -> Header {
        let meta = node.meta();
        let mut header = Header::new_gnu();
        header.set_mode(meta.mode);
        header.set_uid(u64::from(meta.uid));
        header.set_gid(u64::from(meta.gid));
        header.set_mtime(meta.mtime.secs.max(0).unsigned_abs());
        header.set_size(0);
        let name = |names: &BTreeMap<u32, String>, id| names.get(&id).cloned().unwrap_or_default();
        // A name too long for its field is left out: the number is there.
        let _ = header.set_username(&name(&self.users, meta.uid));
        let _ = header.set_groupname(&name(&self.groups, meta.gid));
        header
    }

    /// Writes one member. Long names and targets go before it, as GNU tar does.
    fn entry(&mut self, mut header: Header, name: &str, target: &str, bytes: &[u8]) {
        for (text, kind) in [(target, EntryType::GNULongLink), (name, EntryType::GNULongName)] {
            if text.len() > NAME_BYTES {
                let mut long = Header::new_gnu();
                long.set_entry_type(kind);
                long.set_mode(0o644);
                long.set_uid(0);
                long.set_gid(0);
                long.set_mtime(0);
                long.set_size(text.len() as u64 + 1);
                let mut bytes = text.as_bytes().to_vec();
                bytes.push(0);
                self.raw(long, "././@LongLink", "", &bytes);
            }
        }
        header.set_cksum();
        self.raw(header, name, target, bytes);
    }

    /// Writes, ahead of a member without bytes, the size it stands for.
    fn absent(&mut self, size: u64) {
        let record = format!(" {ABSENT_SIZE}={size}\n");
        // The length counts its own digits.
        let mut length = record.len() + 2;
        while length.to_string().len() + record.len() != length {
            length = length.to_string().len() + record.len();
        }
        let text = format!("{length}{record}");
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64);
        self.raw(header, "PaxHeaders/size", "", text.as_bytes());
    }

    fn raw(&mut self, mut header: Header, name: &str, target: &str, bytes: &[u8]) {
        let old = header.as_old_mut();
        for (field, text) in [(&mut old.name, name), (&mut old.linkname, target)] {
            let text = &text.as_bytes()[..text.len().min(NAME_BYTES)];
            field[..text.len()].copy_from_slice(text);
        }
        header.set_cksum();
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(bytes);
        let filled = self.bytes.len().next_multiple_of(BLOCK);
        self.bytes.resize(filled, 0);
    }
}
