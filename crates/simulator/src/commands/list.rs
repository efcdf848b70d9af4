//! ls, with owners and times of the tree.

use super::options::Options;
use super::stat::rights;
use crate::command::Call;
use crate::world::{Errno, Result};
use std::cmp::Reverse;
use store::{Follow, Node, TreePath};

/// A line of the listing.
struct Row {
    name: String,
    path: TreePath,
    node: Node,
}

pub(crate) fn ls(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["I", "w", "--ignore", "--width"]);
    let mut operands = options.operands.clone();
    if operands.is_empty() {
        operands.push(".".to_owned());
    }
    let mut exit = 0;
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    let stays = options.has(&["d", "--directory"]);
    for given in operands {
        let path = call.path(&given);
        let follow = if options.has(&["l"]) {
            Follow::AllButLast
        } else {
            Follow::Last
        };
        match call.world.node(&path, follow).map(|(path, node)| (path, node.clone())) {
            Ok((path, node)) if node.is_dir() && !stays => dirs.push((given, path, node)),
            Ok((path, node)) => files.push(Row {
                name: given,
                path,
                node,
            }),
            Err(_) if call.is_busybox() => {
                call.warn(format!("ls: {given}: No such file or directory"));
                exit = 1;
            }
            Err(errno) => {
                call.warn(format!("ls: cannot access '{given}': {errno}"));
                exit = 2;
            }
        }
    }
    let has_files = !files.is_empty();
    show(call, files, &options)?;
    let titled = has_files || dirs.len() > 1 || options.has(&["R", "--recursive"]);
    let mut is_first = !has_files;
    dirs.reverse();
    while let Some((given, path, node)) = dirs.pop() {
        if titled {
            let gap = if is_first { "" } else { "\n" };
            call.say(format!("{gap}{given}:"));
        }
        is_first = false;
        if !call.world.may(node.meta(), 4) {
            call.warn(format!("ls: cannot open directory '{given}': {}", Errno::Access));
            exit = 2;
            continue;
        }
        let rows = rows(call, &path, &node, &options);
        if options.has(&["R", "--recursive"]) {
            let below = rows
                .iter()
                .rev()
                .filter(|row| row.node.is_dir() && !matches!(row.name.as_str(), "." | ".."));
            dirs.extend(below.map(|row| {
                let name = format!("{}/{}", given.trim_end_matches('/'), row.name);
                (name, row.path.clone(), row.node.clone())
            }));
        }
        if options.has(&["l"]) {
            call.say(format!(
                "total {}",
                rows.iter().map(|row| blocks(&row.node)).sum::<u64>()
            ));
        }
        show(call, rows, &options)?;
    }
    Ok(exit)
}

/// What a directory shows of itself, in order.
fn rows(call: &Call<'_>, path: &TreePath, node: &Node, options: &Options) -> Vec<Row> {
    let all = options.has(&["a", "--all"]);
    let mut rows = Vec::new();
    if all {
        let above = path.parent().unwrap_or_default();
        for (name, path) in [(".", path.clone()), ("..", above)] {
            if let Some(node) = call.world.tree.get(&path) {
                let (name, node) = (name.to_owned(), node.clone());
                rows.push(Row { name, path, node });
            }
        }
    }
    let hidden = all || options.has(&["A", "--almost-all"]);
    if let Node::Dir(dir) = node {
        for (name, node) in dir.entries.iter().filter(|(name, _)| hidden || !name.starts_with('.')) {
            if let Ok(path) = path.join(name) {
                let (name, node) = (name.clone(), node.clone());
                rows.push(Row { name, path, node });
            }
        }
    }
    if options.has(&["t"]) {
        rows.sort_by_key(|row| Reverse(row.node.meta().mtime));
    }
    if options.has(&["S"]) {
        rows.sort_by_key(|row| Reverse(size(&row.node)));
    }
    if options.has(&["r", "--reverse"]) {
        rows.reverse();
    }
    rows
}

fn size(node: &Node) -> u64 {
    match node {
        Node::File(file) => file.content.size(),
        Node::Dir(_) => 4096,
        Node::Symlink { target, .. } => target.len() as u64,
        Node::Special { .. } => 0,
    }
}

/// Kibibytes on disk.
fn blocks(node: &Node) -> u64 {
    if matches!(node, Node::Symlink { .. }) {
        0
    } else {
        size(node).div_ceil(4096) * 4
    }
}

fn show(call: &mut Call<'_>, rows: Vec<Row>, options: &Options) -> Result<()> {
    for row in rows {
        let mark = match &row.node {
            Node::Dir(_) if options.has(&["F", "p", "--classify"]) => "/",
            Node::File(file) if options.has(&["F", "--classify"]) && file.meta.mode & 0o111 != 0 => "*",
            _ => "",
        };
        if !options.has(&["l"]) {
            call.say(format!("{}{mark}", row.name));
            continue;
        }
        let meta = row.node.meta().clone();
        let letter = match &row.node {
            Node::File(_) => '-',
            Node::Dir(_) => 'd',
            Node::Symlink { .. } => 'l',
            Node::Special {
                kind: store::Special::Fifo,
                ..
            } => 'p',
            Node::Special { .. } => 'c',
        };
        let (user, group) = if options.has(&["n"]) {
            (meta.uid.to_string(), meta.gid.to_string())
        } else {
            (call.world.user_name(meta.uid)?, call.world.group_name(meta.gid)?)
        };
        let n_links = if row.node.is_dir() {
            2
        } else {
            call.world.tree.names(&row.path).len()
        };
        let size = size(&row.node);
        let size = if options.has(&["h", "--human-readable"]) {
            human(size)
        } else {
            size.to_string()
        };
        let time = super::system::date_text(meta.mtime);
        let arrow = match &row.node {
            Node::Symlink { target, .. } => format!(" -> {target}"),
            _ => mark.to_owned(),
        };
        let rights = rights(letter, meta.mode);
        let (time, name) = (&time[..16], &row.name);
        call.say(format!(
            "{rights} {n_links:>4} {user:<8} {group:<8} {size:>10} {time} {name}{arrow}"
        ));
    }
    Ok(())
}

/// `1.5K`, in powers of 1024.
fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["", "K", "M", "G"] {
        if value < 1024.0 || unit == "G" {
            return if value < 10.0 && !unit.is_empty() {
                format!("{value:.1}{unit}")
            } else {
                format!("{value:.0}{unit}")
            };
        }
        value /= 1024.0;
    }
    bytes.to_string()
}
