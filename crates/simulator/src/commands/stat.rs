//! What is known of a file: stat.

use super::options::Options;
use crate::command::Call;
use crate::world::Result;
use store::{Follow, Node, TreePath};

pub(crate) fn stat(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["c", "--format", "--printf"]);
    let follow = if options.has(&["L", "--dereference"]) {
        Follow::Last
    } else {
        Follow::AllButLast
    };
    let printf = options
        .value(&["--printf"])
        .map(|format| format.replace("\\n", "\n").replace("\\t", "\t"));
    let format = options.value(&["c", "--format"]).map(|format| format!("{format}\n"));
    let format = printf.or(format);
    let mut exit = 0;
    for given in &options.operands {
        let path = call.path(given);
        let what = call.cannot("stat", given);
        let what = if call.is_busybox() {
            what
        } else {
            what.replace("stat '", "statx '")
        };
        call.attempt(&what, &mut exit, |call| {
            let (target, node) = call.world.node(&path, follow)?;
            let node = node.clone();
            let line = described(call, given, &target, &node, format.as_deref())?;
            call.out.push_str(&line);
            Ok(())
        })?;
    }
    Ok(exit)
}

fn described(call: &Call<'_>, given: &str, target: &TreePath, node: &Node, format: Option<&str>) -> Result<String> {
    let meta = node.meta();
    let (kind, letter, type_bits, size) = match node {
        Node::File(file) if file.content.size() == 0 => ("regular empty file", '-', 0o100_000, 0),
        Node::File(file) => ("regular file", '-', 0o100_000, file.content.size()),
        Node::Dir(_) => ("directory", 'd', 0o040_000, 4096),
        Node::Symlink { target, .. } => ("symbolic link", 'l', 0o120_000, target.len() as u64),
        Node::Special { .. } => ("character special file", 'c', 0o020_000, 0),
    };
    let (user, group) = (call.world.user_name(meta.uid)?, call.world.group_name(meta.gid)?);
    let rights = rights(letter, meta.mode);
    let n_links = if node.is_dir() {
        2
    } else {
        call.world.tree.names(target).len()
    };
    let format = format.unwrap_or(
        "  File: %N\n  Size: %s\t\tBlocks: %b\tIO Block: 4096   %F\nAccess: (%#a/%A)  Uid: (%u/%U)   Gid: (%g/%G)\nModify: %y\n",
    );
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match letters.next() {
            Some('#') => {
                letters.next();
                out.push_str(&format!("{:04o}", meta.mode));
            }
            Some('a') => out.push_str(&format!("{:o}", meta.mode)),
            Some('A') => out.push_str(&rights),
            Some('u') => out.push_str(&meta.uid.to_string()),
            Some('g') => out.push_str(&meta.gid.to_string()),
            Some('U') => out.push_str(&user),
            Some('G') => out.push_str(&group),
            Some('s') => out.push_str(&size.to_string()),
            Some('b') => out.push_str(&(size.div_ceil(4096) * 8).to_string()),
            Some('F') => out.push_str(kind),
            Some('f') => out.push_str(&format!("{:x}", type_bits | meta.mode)),
            Some('h') => out.push_str(&n_links.to_string()),
            Some('n') => out.push_str(given),
            Some('N') => match node {
                Node::Symlink { target, .. } => out.push_str(&format!("'{given}' -> '{target}'")),
                _ => out.push_str(given),
            },
            Some('Y' | 'X' | 'Z') => out.push_str(&meta.mtime.secs.to_string()),
            Some('y' | 'x' | 'z') => out.push_str(&super::system::date_text(meta.mtime)),
            Some(other) => out.push(other),
            None => out.push('%'),
        }
    }
    Ok(out)
}

/// `drwxr-xr-x`.
pub(crate) fn rights(letter: char, mode: u32) -> String {
    let mut text: Vec<char> = vec![letter];
    for (shift, special, lower, upper) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let class = mode >> shift;
        text.push(if class & 4 != 0 { 'r' } else { '-' });
        text.push(if class & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, class & 1 != 0) {
            (true, true) => lower,
            (true, false) => upper,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text.into_iter().collect()
}
