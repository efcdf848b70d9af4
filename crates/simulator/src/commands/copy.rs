//! cp and mv: content is handed on by name, so that files without bytes can be copied too.

use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, Result};
use std::collections::BTreeMap;
use store::{Follow, Node, TreePath};

/// What a copy keeps.
#[derive(Debug, Default)]
struct Keep {
    mode: bool,
    owner: bool,
    time: bool,
    links: bool,
    /// Whether symbolic links are followed: all, those named, none.
    follow_named: bool,
    follow_below: bool,
    recursive: bool,
    force: bool,
    no_clobber: bool,
    update: bool,
    attributes_only: bool,
}

/// Where files go: sources, and the directory or name they go to.
pub(crate) struct Targets {
    pub(crate) sources: Vec<String>,
    pub(crate) dest: String,
    pub(crate) into: bool,
}

pub(crate) fn targets(call: &mut Call<'_>, options: &Options) -> Result<Option<Targets>> {
    let mut sources = options.operands.clone();
    if let Some(dir) = options.value(&["t", "--target-directory"]) {
        return Ok(Some(Targets {
            sources,
            dest: dir.to_owned(),
            into: true,
        }));
    }
    let Some(dest) = sources.pop() else {
        call.fail("missing file operand")?;
        return Ok(None);
    };
    if sources.is_empty() {
        call.fail(format!("missing destination file operand after '{dest}'"))?;
        return Ok(None);
    }
    let path = call.path(&dest);
    let is_dir = matches!(call.world.node(&path, Follow::Last), Ok((_, Node::Dir(_))));
    if sources.len() > 1 && !is_dir {
        let message = if call.is_busybox() {
            format!("target '{dest}' is not a directory")
        } else {
            format!(
                "target '{dest}': {}",
                if call.world.exists(&path) {
                    Errno::NotDirectory
                } else {
                    Errno::NoEntry
                }
            )
        };
        call.fail(message)?;
        return Ok(None);
    }
    let into = is_dir && !options.has(&["T", "--no-target-directory"]);
    Ok(Some(Targets { sources, dest, into }))
}

pub(crate) fn last_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

pub(crate) fn beneath(dir: &str, name: &str) -> String {
    format!("{}/{name}", dir.trim_end_matches('/'))
}

pub(crate) fn cp(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["t", "S", "--target-directory", "--suffix"]);
    let archive = options.has(&["a", "--archive"]);
    let preserve = options.value(&["--preserve"]).unwrap_or_default();
    let all = archive || preserve.contains("all");
    let plain = options.has(&["p"]) || (options.has(&["--preserve"]) && preserve.is_empty());
    let recursive = archive || options.has(&["r", "R", "--recursive"]);
    let never = archive || options.has(&["d", "P", "--no-dereference"]);
    let always = options.has(&["L", "--dereference"]);
    let keep = Keep {
        mode: all || plain || preserve.contains("mode"),
        owner: all || plain || preserve.contains("ownership"),
        time: all || plain || preserve.contains("timestamps"),
        links: all || options.has(&["d"]) || preserve.contains("links"),
        follow_named: always || options.has(&["H"]) || (!never && !recursive),
        follow_below: always,
        recursive,
        force: options.has(&["f", "--force"]),
        no_clobber: options.has(&["n", "--no-clobber"]),
        update: options.has(&["u", "--update"]),
        attributes_only: options.has(&["--attributes-only"]),
    };
    let parents = options.has(&["--parents"]);
    let verbose = options.has(&["v", "--verbose"]);
    let Some(targets) = targets(call, &options)? else {
        return Ok(1);
    };
    let mut exit = 0;
    let mut links = BTreeMap::new();
    for source in &targets.sources {
        let from = call.path(source);
        let dest = call.path(&targets.dest);
        let to = if parents {
            let to = beneath(&dest, source.trim_start_matches('/'));
            if let Some((dir, _)) = to.rsplit_once('/') {
                let dir = dir.to_owned();
                call.world.mkdir_all(&dir)?;
            }
            to
        } else if targets.into {
            beneath(&dest, last_name(source))
        } else {
            dest
        };
        copy_named(call, source, &from, &to, &keep, &mut links, &mut exit)?;
        if verbose {
            call.say(format!("'{source}' -> '{}'", targets.dest));
        }
    }
    Ok(exit)
}

fn copy_named(
    call: &mut Call<'_>,
    given: &str,
    from: &str,
    to: &str,
    keep: &Keep,
    links: &mut BTreeMap<u64, String>,
    exit: &mut i32,
) -> Result<()> {
    let follow = if keep.follow_named || given.ends_with('/') {
        Follow::Last
    } else {
        Follow::AllButLast
    };
    let (path, node) = match call.world.node(from, follow) {
        Ok((path, node)) => (path, node.clone()),
        Err(errno) => {
            let what = call.cannot("stat", given);
            *exit = call.fail(format!("{what}: {errno}"))?;
            return Ok(());
        }
    };
    if node.is_dir() && !keep.recursive {
        let message = if call.is_busybox() {
            format!("omitting directory '{given}'")
        } else {
            format!("-r not specified; omitting directory '{given}'")
        };
        *exit = call.fail(message)?;
        return Ok(());
    }
    if let Ok(target) = call.world.resolve_new(to, Follow::Last)
        && node.is_dir()
        && target.is_within(&path)
    {
        *exit = call.fail(format!("cannot copy a directory, '{given}', into itself, '{to}'"))?;
        return Ok(());
    }
    let what = if call.is_busybox() {
        format!("can't create '{to}'")
    } else {
        format!("cannot create regular file '{to}'")
    };
    call.attempt(&what, exit, |call| copy(call, &path, &node, to, keep, links))
}

/// Copies a node to an absolute path.
fn copy(
    call: &mut Call<'_>,
    from: &TreePath,
    node: &Node,
    to: &str,
    keep: &Keep,
    links: &mut BTreeMap<u64, String>,
) -> Result<()> {
    let existing = match call.world.node(to, Follow::AllButLast) {
        Ok((_, node)) => Some(node.clone()),
        Err(Errno::NoEntry) => None,
        Err(errno) => return Err(errno),
    };
    if existing.is_some() && !node.is_dir() && keep.no_clobber {
        return Ok(());
    }
    if keep.update
        && existing
            .as_ref()
            .is_some_and(|existing| existing.meta().mtime >= node.meta().mtime)
        && !node.is_dir()
    {
        return Ok(());
    }
    match node {
        Node::File(file) => {
            if keep.links
                && let Some(number) = file.link
            {
                if let Some(first) = links.get(&number) {
                    let first = first.clone();
                    if existing.is_some() {
                        call.world.unlink(to)?;
                    }
                    return call.world.link(&first, to);
                }
                links.insert(number, to.to_owned());
            }
            let is_new = existing.is_none();
            if keep.attributes_only {
                if is_new {
                    call.world.write(to, b"")?;
                }
            } else {
                match call.world.write_content(to, file.content) {
                    Err(Errno::Access) if keep.force => {
                        call.world.unlink(to)?;
                        call.world.write_content(to, file.content)?;
                    }
                    other => other?,
                }
            }
            let target = call.world.resolve(to, Follow::Last)?;
            if is_new && !keep.mode {
                let mode = file.meta.mode & 0o777 & !call.world.umask;
                call.world.chmod(&target, mode)?;
            }
            keep_meta(call, &target, node, keep)
        }
        Node::Dir(_) => copy_dir(call, from, node, existing.as_ref(), to, keep, links),
        Node::Symlink { target, .. } => {
            if existing.is_some() {
                call.world.unlink(to)?;
            }
            call.world.symlink(target, to)?;
            let path = call.world.resolve(to, Follow::AllButLast)?;
            keep_meta(call, &path, node, keep)
        }
        Node::Special { .. } => {
            let path = call.world.resolve_new(to, Follow::AllButLast)?;
            call.world.put(&path, node.clone())?;
            keep_meta(call, &path, node, keep)
        }
    }
}

fn copy_dir(
    call: &mut Call<'_>,
    from: &TreePath,
    node: &Node,
    existing: Option<&Node>,
    to: &str,
    keep: &Keep,
    links: &mut BTreeMap<u64, String>,
) -> Result<()> {
    let Node::Dir(dir) = node else {
        return Err(Errno::NotDirectory);
    };
    let is_new = existing.is_none();
    if is_new {
        call.world.mkdir(to, 0o777)?;
    } else if !matches!(call.world.node(to, Follow::Last), Ok((_, Node::Dir(_)))) {
        return Err(Errno::Exists);
    }
    for (name, below) in &dir.entries {
        let path = from.join(name).map_err(|_| Errno::Invalid)?;
        let (path, below) = if keep.follow_below {
            let path = call.world.resolve(&path.absolute(), Follow::Last)?;
            let node = call.world.tree.get(&path).ok_or(Errno::NoEntry)?.clone();
            (path, node)
        } else {
            (path, below.clone())
        };
        copy(call, &path, &below, &beneath(to, name), keep, links)?;
    }
    let target = call.world.resolve(to, Follow::Last)?;
    if is_new && !keep.mode {
        let mode = dir.meta.mode & 0o1777 & !call.world.umask;
        call.world.chmod(&target, mode)?;
    }
    if is_new || keep.mode {
        keep_meta(call, &target, node, keep)?;
    }
    Ok(())
}

fn keep_meta(call: &mut Call<'_>, target: &TreePath, node: &Node, keep: &Keep) -> Result<()> {
    let meta = node.meta();
    if keep.owner {
        match call.world.chown(target, Some(meta.uid), Some(meta.gid)) {
            Err(Errno::NotPermitted) => {}
            other => other?,
        }
    }
    if keep.mode && !matches!(node, Node::Symlink { .. }) {
        call.world.chmod(target, meta.mode)?;
    }
    if keep.time {
        call.world.set_time(target, meta.mtime)?;
    }
    Ok(())
}

pub(crate) fn mv(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["t", "S", "--target-directory", "--suffix"]);
    let no_clobber = options.has(&["n", "--no-clobber"]);
    let Some(targets) = targets(call, &options)? else {
        return Ok(1);
    };
    let mut exit = 0;
    for source in &targets.sources {
        let from = call.path(source);
        let dest = call.path(&targets.dest);
        let to = if targets.into {
            beneath(&dest, last_name(source))
        } else {
            dest
        };
        if let Err(errno) = call.world.node(&from, Follow::AllButLast) {
            let what = if call.is_busybox() {
                format!("can't rename '{source}'")
            } else {
                call.cannot("stat", source)
            };
            exit = call.fail(format!("{what}: {errno}"))?;
            continue;
        }
        if no_clobber && call.world.node(&to, Follow::AllButLast).is_ok() {
            continue;
        }
        let what = if call.is_busybox() {
            format!("can't rename '{source}'")
        } else {
            format!("cannot move '{source}' to '{to}'")
        };
        let from = from.trim_end_matches('/').to_owned();
        call.attempt(&what, &mut exit, |call| call.world.rename(&from, &to))?;
    }
    Ok(exit)
}
