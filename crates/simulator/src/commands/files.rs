//! Making and removing names: rm, rmdir, mkdir, ln, touch.

use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, Result};
use store::{Follow, Node, Time};

impl Call<'_> {
    /// Whether this command is busybox's, which words its errors in its own way.
    pub(crate) fn is_busybox(&self) -> bool {
        let path = self.world.which(self.name, self.env("PATH"));
        path.and_then(|path| self.world.resolve(&path, Follow::Last).ok())
            .and_then(|path| path.name().map(|name| name.starts_with("busybox")))
            .unwrap_or(false)
    }

    /// `cannot` as GNU has it, `can't` as busybox has it.
    pub(crate) fn cannot(&self, what: &str, path: &str) -> String {
        let word = if self.is_busybox() { "can't" } else { "cannot" };
        format!("{word} {what} '{path}'")
    }

    pub(crate) fn missing_operand(&mut self) -> Result<i32> {
        self.fail("missing operand")
    }
}

pub(crate) fn rm(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &[]);
    let force = options.has(&["f", "--force"]);
    let recursive = options.has(&["r", "R", "--recursive"]);
    let dirs = options.has(&["d", "--dir"]);
    if options.operands.is_empty() {
        return if force { Ok(0) } else { call.missing_operand() };
    }
    let mut exit = 0;
    for given in &options.operands {
        let path = call.path(given);
        let last = given.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if matches!(last, "." | "..") {
            exit = call.fail(format!("refusing to remove '.' or '..' directory: skipping '{given}'"))?;
            continue;
        }
        if recursive && path.trim_matches('/').is_empty() {
            call.warn("rm: it is dangerous to operate recursively on '/'");
            exit = call.fail("use --no-preserve-root to override this failsafe")?;
            continue;
        }
        let node = match call.world.node(&path, Follow::AllButLast) {
            Ok((_, node)) => node.clone(),
            Err(Errno::NoEntry | Errno::NotDirectory) if force => continue,
            Err(errno) => {
                let what = format!("{}: {errno}", call.cannot("remove", given));
                exit = call.fail(what)?;
                continue;
            }
        };
        let what = call.cannot("remove", given);
        call.attempt(&what, &mut exit, |call| match node {
            Node::Dir(_) if recursive => remove_below(call, &path),
            Node::Dir(_) if dirs => call.world.rmdir(&path),
            Node::Dir(_) => Err(Errno::IsDirectory),
            _ => call.world.unlink(&path),
        })?;
    }
    Ok(exit)
}

/// Removes a directory with all it holds. Root needs no look inside unless a mount is there.
fn remove_below(call: &mut Call<'_>, path: &str) -> Result<()> {
    let target = call.world.resolve(path, Follow::AllButLast)?;
    if call.world.who.uid == 0 && !call.world.mounts.holds(&target) {
        return call.world.take(&target);
    }
    let names: Vec<(String, bool)> = match call.world.tree.get(&target) {
        Some(Node::Dir(dir)) => dir
            .entries
            .iter()
            .map(|(name, node)| (name.clone(), node.is_dir()))
            .collect(),
        _ => Vec::new(),
    };
    let mut first = Ok(());
    for (name, is_dir) in names {
        let below = format!("{}/{name}", path.trim_end_matches('/'));
        let done = if is_dir {
            remove_below(call, &below)
        } else {
            call.world.unlink(&below)
        };
        first = first.and(done);
    }
    first.and_then(|()| call.world.rmdir(path))
}

pub(crate) fn rmdir(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &[]);
    let parents = options.has(&["p", "--parents"]);
    let mut exit = 0;
    for given in &options.operands {
        let mut path = call.path(given);
        call.attempt(&format!("failed to remove '{given}'"), &mut exit, |call| {
            call.world.rmdir(&path)?;
            while parents && let Some((above, _)) = path.trim_end_matches('/').rsplit_once('/') {
                path.truncate(above.len());
                if path.is_empty() || call.world.rmdir(&path).is_err() {
                    break;
                }
            }
            Ok(())
        })?;
    }
    Ok(exit)
}

pub(crate) fn mkdir(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["m", "--mode"]);
    let parents = options.has(&["p", "--parents"]);
    if options.operands.is_empty() {
        return call.missing_operand();
    }
    let mode = match options.value(&["m", "--mode"]) {
        None => None,
        Some(text) => match super::modes::parse(text, 0o777, true, call.world.umask) {
            Some(mode) => Some(mode),
            None => return call.fail(format!("invalid mode '{text}'")),
        },
    };
    let mut exit = 0;
    for given in &options.operands {
        let path = call.path(given);
        let what = call.cannot("create directory", given);
        call.attempt(&what, &mut exit, |call| {
            if parents {
                let is_new = !call.world.exists(&path);
                call.world.mkdir_all(&path)?;
                if let Some(mode) = mode.filter(|_| is_new) {
                    let target = call.world.resolve(&path, Follow::Last)?;
                    call.world.chmod(&target, mode)?;
                }
                return Ok(());
            }
            let target = call.world.mkdir(&path, 0o777)?;
            match mode {
                Some(mode) => call.world.chmod(&target, mode),
                None => Ok(()),
            }
        })?;
    }
    Ok(exit)
}

pub(crate) fn ln(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["t", "--target-directory"]);
    let symbolic = options.has(&["s", "--symbolic"]);
    let force = options.has(&["f", "--force"]);
    let no_dereference = options.has(&["n", "T", "--no-dereference", "--no-target-directory"]);
    let relative = options.has(&["r", "--relative"]);
    let mut sources = options.operands.clone();
    let dest = match options.value(&["t", "--target-directory"]) {
        Some(dir) => dir.to_owned(),
        None if sources.len() > 1 => sources.pop().unwrap_or_default(),
        None if sources.len() == 1 => ".".to_owned(),
        None => return call.fail("missing file operand"),
    };
    let dest_path = call.path(&dest);
    let into = matches!(
        call.world.node(
            &dest_path,
            if no_dereference {
                Follow::AllButLast
            } else {
                Follow::Last
            }
        ),
        Ok((_, Node::Dir(_)))
    );
    let mut exit = 0;
    for source in &sources {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let new = if into {
            format!("{}/{name}", dest_path.trim_end_matches('/'))
        } else {
            dest_path.clone()
        };
        let shown = if into {
            format!("{}/{name}", dest.trim_end_matches('/'))
        } else {
            dest.clone()
        };
        let kind = if symbolic { "symbolic link" } else { "hard link" };
        let what = if call.is_busybox() {
            shown.clone()
        } else {
            format!("failed to create {kind} '{shown}'")
        };
        let text = if relative && symbolic {
            relative_to(&call.path(source), &new)
        } else {
            source.clone()
        };
        let existing = call.path(source);
        call.attempt(&what, &mut exit, |call| {
            if !symbolic {
                call.world.node(&existing, Follow::AllButLast)?;
            }
            if force && call.world.node(&new, Follow::AllButLast).is_ok() {
                call.world.unlink(&new)?;
            }
            if symbolic {
                call.world.symlink(&text, &new)
            } else {
                call.world.link(&existing, &new)
            }
        })?;
    }
    Ok(exit)
}

/// The path from the directory of `link` to `target`.
fn relative_to(target: &str, link: &str) -> String {
    let target: Vec<&str> = target.split('/').filter(|name| !name.is_empty()).collect();
    let mut from: Vec<&str> = link.split('/').filter(|name| !name.is_empty()).collect();
    from.pop();
    let common = target.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let ups = std::iter::repeat_n("..", from.len() - common);
    ups.chain(target[common..].iter().copied())
        .collect::<Vec<_>>()
        .join("/")
}

pub(crate) fn touch(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["t", "d", "r", "--date", "--reference"]);
    let no_create = options.has(&["c", "--no-create"]);
    let link_itself = options.has(&["h", "--no-dereference"]);
    let mut time = None;
    if let Some(reference) = options.value(&["r", "--reference"]) {
        let path = call.path(reference);
        match call.world.node(&path, Follow::Last) {
            Ok((_, node)) => time = Some(node.meta().mtime),
            Err(errno) => return call.fail(format!("failed to get attributes of '{reference}': {errno}")),
        }
    }
    if let Some(text) = options.value(&["d", "--date"]) {
        match super::system::parse_date(text, call.world.now_secs()) {
            Some(secs) => time = Some(Time { secs, nanos: 0 }),
            None => return call.fail(format!("invalid date format '{text}'")),
        }
    }
    if let Some(stamp) = options.value(&["t"]) {
        match super::system::parse_stamp(stamp) {
            Some(secs) => time = Some(Time { secs, nanos: 0 }),
            None => return call.fail(format!("invalid date format '{stamp}'")),
        }
    }
    let mut exit = 0;
    for given in &options.operands {
        let path = call.path(given);
        let what = if call.is_busybox() {
            given.clone()
        } else {
            format!("cannot touch '{given}'")
        };
        call.attempt(&what, &mut exit, |call| {
            let follow = if link_itself { Follow::AllButLast } else { Follow::Last };
            match call.world.resolve(&path, follow) {
                Ok(target) if call.world.tree.get(&target).is_some() => {
                    let time = time.unwrap_or_else(|| call.world.tick());
                    call.world.set_time(&target, time)
                }
                Ok(_) | Err(Errno::NoEntry) if no_create => Ok(()),
                Ok(_) | Err(Errno::NoEntry) => {
                    call.world.write(&path, b"")?;
                    match time {
                        Some(time) => call
                            .world
                            .resolve(&path, Follow::Last)
                            .and_then(|target| call.world.set_time(&target, time)),
                        None => Ok(()),
                    }
                }
                Err(errno) => Err(errno),
            }
        })?;
    }
    Ok(exit)
}
