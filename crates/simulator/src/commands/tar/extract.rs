//! Out of an archive: members become nodes of the tree, or lines of a listing.

mod put;

use self::put::put;
use super::select::{is_excluded, stripped};
use super::{ABSENT_SIZE, FAILED, Request, failed};
use crate::command::Call;
use crate::commands::{compress, stat::rights, system::date_text};
use crate::world::{Errno, MAX_KEPT_BYTES, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use store::{Content, Follow, Meta, Node, Time, TreePath};
use tar::EntryType;

/// No archive may hold more members than this.
const MAX_MEMBERS: usize = 200_000;
/// No member may claim more bytes than this.
const MAX_CLAIM: u64 = 8 << 30;

/// A member of an archive.
struct Member {
    /// As written.
    name: String,
    kind: EntryType,
    target: String,
    meta: Meta,
    user: String,
    group: String,
    size: u64,
    device: (u32, u32),
}

/// Hands each member that is asked for to `take`, with a way to its bytes; returns the exit code.
fn each(
    call: &mut Call<'_>,
    request: &Request,
    bytes: &[u8],
    mut take: impl FnMut(&mut Call<'_>, Member, &mut dyn Read) -> Result<i32>,
) -> Result<i32> {
    let mut exit = 0;
    let mut found = BTreeSet::new();
    let broken = |call: &mut Call<'_>| {
        let what = if call.is_busybox() {
            "tar: invalid tar magic\n"
        } else {
            "tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n"
        };
        call.err.push_str(what);
        Ok(if call.is_busybox() { 1 } else { FAILED })
    };
    let Ok(reader) = compress::reader(bytes) else {
        return broken(call);
    };
    let mut archive = tar::Archive::new(reader);
    let Ok(entries) = archive.entries() else {
        return broken(call);
    };
    if bytes.is_empty() {
        return broken(call);
    }
    for (n_members, entry) in entries.enumerate() {
        let member = entry.and_then(|mut entry| Ok((member(&mut entry)?, entry)));
        let (member, mut entry) = match member {
            Ok(both) if n_members < MAX_MEMBERS => both,
            Ok(_) => return Err(Errno::Limit),
            Err(_) if n_members == 0 => return broken(call),
            Err(_) => {
                call.warn("tar: Unexpected EOF in archive\ntar: Error is not recoverable: exiting now");
                return Ok(FAILED);
            }
        };
        if member.kind == EntryType::XGlobalHeader || is_excluded(&member.name, &request.excludes) {
            continue;
        }
        if !request.members.is_empty() {
            let plain = member.name.trim_end_matches('/');
            let mut names = request.members.iter().map(|(_, name)| name.trim_end_matches('/'));
            let Some(name) = names.find(|name| {
                plain
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }) else {
                continue;
            };
            found.insert(name.to_owned());
        }
        exit = exit.max(take(call, member, &mut entry)?);
    }
    for (_, name) in &request.members {
        if !found.contains(name.trim_end_matches('/')) {
            call.warn(format!("tar: {name}: Not found in archive"));
            exit = FAILED;
        }
    }
    Ok(exit)
}

/// What the header and its extensions say.
fn member(entry: &mut tar::Entry<'_, impl Read>) -> std::io::Result<Member> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let header = entry.header();
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut member = Member {
        name: text(&entry.path_bytes()),
        kind: header.entry_type(),
        target: entry.link_name_bytes().map(|name| text(&name)).unwrap_or_default(),
        meta: Meta {
            mode: header.mode()? & 0o7777,
            uid: number(header.uid()?),
            gid: number(header.gid()?),
            mtime: Time::of_secs(i64::try_from(header.mtime()?).unwrap_or(i64::MAX)),
            ..Meta::default()
        },
        user: header.username_bytes().map(text).unwrap_or_default(),
        group: header.groupname_bytes().map(text).unwrap_or_default(),
        size: entry.size(),
        device: (
            header.device_major().ok().flatten().unwrap_or(0),
            header.device_minor().ok().flatten().unwrap_or(0),
        ),
    };
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            match (extension.key(), extension.value()) {
                (Ok("mtime"), Ok(value)) => {
                    let whole = value.split('.').next().unwrap_or_default();
                    member.meta.mtime = whole.parse().map_or(member.meta.mtime, Time::of_secs);
                }
                // Such a member has no bytes; `extract` tells it by that.
                (Ok(ABSENT_SIZE), Ok(value)) if member.size == 0 => {
                    member.size = value.parse().unwrap_or(0).min(MAX_CLAIM);
                }
                _ => {}
            }
        }
    }
    Ok(member)
}

pub(super) fn list(call: &mut Call<'_>, request: &Request, bytes: &[u8]) -> Result<i32> {
    let exit = each(call, request, bytes, |call, member, _| {
        show(call, request, &member);
        Ok(0)
    })?;
    Ok(if exit == 0 { 0 } else { failed(call) })
}

fn show(call: &mut Call<'_>, request: &Request, member: &Member) {
    if !request.verbose {
        call.say(&member.name);
        return;
    }
    let letter = match member.kind {
        EntryType::Directory => 'd',
        EntryType::Symlink => 'l',
        EntryType::Link => 'h',
        EntryType::Char => 'c',
        EntryType::Block => 'b',
        EntryType::Fifo => 'p',
        _ => '-',
    };
    let named = |name: &str, number: u32| {
        if name.is_empty() || request.numeric_owner {
            number.to_string()
        } else {
            name.to_owned()
        }
    };
    let owner = format!(
        "{}/{}",
        named(&member.user, member.meta.uid),
        named(&member.group, member.meta.gid)
    );
    let arrow = match member.kind {
        EntryType::Symlink => format!(" -> {}", member.target),
        EntryType::Link => format!(" link to {}", member.target),
        _ => String::new(),
    };
    let time = date_text(member.meta.mtime);
    let width = 18_usize.saturating_sub(owner.len());
    call.say(format!(
        "{} {owner} {:>width$} {} {}{arrow}",
        rights(letter, member.meta.mode),
        member.size,
        &time[..16],
        member.name
    ));
}

/// What is finished only once all members are there.
#[derive(Default)]
struct Late {
    /// Directories get their rights and times when nothing more is written into them.
    dirs: Vec<(TreePath, Meta)>,
    /// Links that lead out: until the end, an empty file stands for each, so that nothing is written through them.
    links: Vec<(TreePath, Node)>,
    said_root: bool,
}

pub(super) fn extract(call: &mut Call<'_>, request: &Request, bytes: &[u8]) -> Result<i32> {
    let users: BTreeMap<String, u32> = call
        .world
        .accounts()?
        .into_iter()
        .map(|user| (user.name, user.uid))
        .collect();
    let groups: BTreeMap<String, u32> = call
        .world
        .groups()?
        .into_iter()
        .map(|(name, gid, _)| (name, gid))
        .collect();
    match call.world.node(&request.dir, Follow::Last) {
        Ok((_, Node::Dir(_))) => {}
        other => {
            let errno = other.err().unwrap_or(Errno::NotDirectory);
            call.warn(format!(
                "tar: {}: Cannot open: {errno}\ntar: Error is not recoverable: exiting now",
                request.dir
            ));
            return Ok(FAILED);
        }
    }
    let mut late = Late::default();
    let exit = each(call, request, bytes, |call, mut member, bytes| {
        if !request.numeric_owner {
            member.meta.uid = users.get(&member.user).copied().unwrap_or(member.meta.uid);
            member.meta.gid = groups.get(&member.group).copied().unwrap_or(member.meta.gid);
        }
        place(call, request, member, bytes, &mut late)
    })?;
    for (path, link) in late.links {
        // A later member of the same name has taken the placeholder's place.
        if matches!(call.world.tree.get(&path), Some(Node::File(file)) if file.meta.mode == 0 && file.content.size() == 0)
        {
            call.world.put(&path, link)?;
        }
    }
    for (path, meta) in late.dirs.into_iter().rev() {
        if call.world.tree.get(&path).is_some_and(Node::is_dir) {
            call.world.tree.update_meta(&path, |dir| {
                dir.mode = meta.mode;
                (dir.uid, dir.gid) = (meta.uid, meta.gid);
                dir.mtime = meta.mtime;
            })?;
        }
    }
    Ok(if exit == 0 { 0 } else { failed(call) })
}

/// Puts one member where it belongs; returns 0 or the exit code of a failure that was said.
fn place(
    call: &mut Call<'_>,
    request: &Request,
    mut member: Member,
    bytes: &mut dyn Read,
    late: &mut Late,
) -> Result<i32> {
    let Some(name) = stripped(&member.name, request.strip) else {
        return Ok(0);
    };
    if name.split('/').any(|part| part == "..") {
        call.warn(format!("tar: {}: Member name contains '..'", member.name));
        return Ok(FAILED);
    }
    if name.starts_with('/') && !late.said_root {
        late.said_root = true;
        call.warn("tar: Removing leading `/' from member names");
    }
    if request.verbose {
        call.say(&member.name);
    }
    let name = name.trim_start_matches('/').trim_end_matches('/').to_owned();
    let content = match content(call, &member, bytes) {
        Ok(content) => content,
        Err(errno @ Errno::Limit) => return Err(errno),
        Err(_) => {
            call.warn("tar: Unexpected EOF in archive");
            return Ok(FAILED);
        }
    };
    if request.to_stdout {
        if let Ok(bytes) = call.world.bytes_of(&content) {
            call.raw.extend_from_slice(&bytes);
        }
        return Ok(0);
    }
    if member.kind == EntryType::Link {
        let Some(target) = stripped(&member.target, request.strip) else {
            return Ok(0);
        };
        member.target = target;
    }
    finish_meta(call, request, &mut member.meta);
    match put(call, request, &name, member, content, late) {
        Ok(()) => Ok(0),
        Err(errno @ (Errno::Need(_) | Errno::Limit)) => Err(errno),
        Err(errno) => {
            call.warn(format!("tar: {name}: Cannot open: {errno}"));
            Ok(FAILED)
        }
    }
}

/// The member's bytes, kept; only its size if they are too many or were never there.
fn content(call: &mut Call<'_>, member: &Member, bytes: &mut dyn Read) -> Result<Content> {
    if !matches!(
        member.kind,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse
    ) {
        return Ok(Content::Absent { size: 0 });
    }
    if member.size > MAX_KEPT_BYTES {
        return Ok(Content::Absent {
            size: member.size.min(MAX_CLAIM),
        });
    }
    let mut all = Vec::new();
    bytes.read_to_end(&mut all).map_err(|_| Errno::Invalid)?;
    if all.is_empty() && member.size > 0 {
        return Ok(Content::Absent { size: member.size });
    }
    if (all.len() as u64) < member.size {
        return Err(Errno::Invalid);
    }
    call.world.keep(&all)
}

/// Rights and owner as this user may give them.
fn finish_meta(call: &mut Call<'_>, request: &Request, meta: &mut Meta) {
    let is_root = call.world.who.uid == 0;
    if !request.keeps_mode.unwrap_or(is_root) {
        meta.mode &= 0o777 & !call.world.umask;
    }
    if !is_root || !request.keeps_owner.unwrap_or(true) {
        (meta.uid, meta.gid) = (call.world.who.uid, call.world.who.gid);
    }
    if request.touches {
        meta.mtime = call.world.tick();
    }
}
