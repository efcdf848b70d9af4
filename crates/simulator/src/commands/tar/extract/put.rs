//! One member at its place in the tree: directories, links, devices and files.

use super::{Late, Member};
use crate::command::Call;
use crate::commands::tar::Request;
use crate::world::{Errno, Result};
use store::{Content, Follow, Meta, Node, Special};
use tar::EntryType;

/// Puts `member`, called `name` below the destination, into the tree; what must wait until all members are there goes to `late`.
pub(super) fn put(
    call: &mut Call<'_>,
    request: &Request,
    name: &str,
    member: Member,
    content: Content,
    late: &mut Late,
) -> Result<()> {
    let path = format!("{}/{name}", request.dir.trim_end_matches('/'));
    let world = &mut *call.world;
    if member.kind == EntryType::Directory
        && let Ok((at, Node::Dir(_))) = world.node(&path, Follow::AllButLast)
    {
        if at.is_root()
            || world.who.uid != 0 && world.tree.get(&at).is_some_and(|node| node.meta().uid != world.who.uid)
        {
            return Ok(());
        }
        late.dirs.push((at, member.meta));
        return Ok(());
    }
    if let Some((parent, _)) = path.rsplit_once('/') {
        world.mkdir_all(parent).map_err(|errno| match errno {
            Errno::Exists => Errno::NotDirectory,
            errno => errno,
        })?;
    }
    let at = world.resolve_new(&path, Follow::AllButLast)?;
    match world.tree.get(&at) {
        Some(_) if request.skips_old => return Ok(()),
        Some(Node::Dir(dir)) if dir.entries.is_empty() => world.take(&at)?,
        Some(Node::Dir(_)) => return Err(Errno::IsDirectory),
        _ => {}
    }
    let (meta, (major, minor)) = (member.meta, member.device);
    let node = match member.kind {
        EntryType::Directory => {
            late.dirs.push((at.clone(), meta.clone()));
            Node::dir(meta)
        }
        EntryType::Symlink => {
            let meta = Meta { mode: 0o777, ..meta };
            let leads_out = member.target.starts_with('/') || member.target.split('/').any(|part| part == "..");
            let link = Node::symlink(meta, member.target);
            if leads_out {
                late.links.push((at.clone(), link));
                Node::file(Meta::of_mode(0), Content::Absent { size: 0 })
            } else {
                link
            }
        }
        EntryType::Link => {
            let existing = member.target.trim_start_matches('/');
            if existing.split('/').any(|part| part == "..") {
                return Err(Errno::NotPermitted);
            }
            let existing = format!("{}/{existing}", request.dir.trim_end_matches('/'));
            if world.resolve(&existing, Follow::AllButLast)? == at {
                return Ok(());
            }
            if world.tree.get(&at).is_some() {
                world.take(&at)?;
            }
            return world.link(&existing, &path);
        }
        kind @ (EntryType::Char | EntryType::Block | EntryType::Fifo) => {
            let kind = match kind {
                EntryType::Char => Special::Char(major, minor),
                EntryType::Block => Special::Block(major, minor),
                _ => Special::Fifo,
            };
            if kind != Special::Fifo && world.who.uid != 0 {
                return Err(Errno::NotPermitted);
            }
            Node::Special { meta, kind }
        }
        _ => Node::file(meta, content),
    };
    world.put(&at, node)
}
