//! install: copies with the mode and owner that it is told.

use super::copy::{beneath, last_name, targets};
use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, Result};
use store::Follow;

pub(crate) fn install(call: &mut Call<'_>) -> Result<i32> {
    let with_value = ["m", "o", "g", "t", "--mode", "--owner", "--group", "--target-directory"];
    let options = Options::read(call.args, &with_value);
    let mode = match options.value(&["m", "--mode"]) {
        None => 0o755,
        Some(text) => match super::modes::parse(text, 0, false, 0) {
            Some(mode) => mode,
            None => return call.fail(format!("invalid mode '{text}'")),
        },
    };
    let mut owner = None;
    if let Some(user) = options.value(&["o", "--owner"]) {
        owner = call.world.uid_of(user)?;
        if owner.is_none() {
            return call.fail(format!("invalid user '{user}'"));
        }
    }
    let mut group = None;
    if let Some(name) = options.value(&["g", "--group"]) {
        group = call.world.gid_of(name)?;
        if group.is_none() {
            return call.fail(format!("invalid group '{name}'"));
        }
    }
    let mut exit = 0;
    if options.has(&["d", "--directory"]) {
        for given in &options.operands {
            let path = call.path(given);
            call.attempt(&format!("cannot create directory '{given}'"), &mut exit, |call| {
                call.world.mkdir_all(&path)?;
                finish_install(call, &path, mode, owner, group)
            })?;
        }
        return Ok(exit);
    }
    if options.has(&["D"])
        && let Some(dest) = options.operands.last().filter(|_| options.value(&["t"]).is_none())
    {
        let dest = call.path(dest);
        if let Some((dir, _)) = dest.rsplit_once('/').filter(|(dir, _)| !dir.is_empty()) {
            call.world.mkdir_all(dir)?;
        }
    }
    let Some(targets) = targets(call, &options)? else {
        return Ok(1);
    };
    for source in &targets.sources {
        let from = call.path(source);
        let dest = call.path(&targets.dest);
        let to = if targets.into {
            beneath(&dest, last_name(source))
        } else {
            dest
        };
        let what = call.cannot("stat", source);
        call.attempt(&what, &mut exit, |call| {
            let (_, node) = call.world.node(&from, Follow::Last)?;
            let content = node.as_file().ok_or(Errno::IsDirectory)?.content;
            if call.world.node(&to, Follow::AllButLast).is_ok() {
                call.world.unlink(&to)?;
            }
            call.world.write_content(&to, content)?;
            finish_install(call, &to, mode, owner, group)
        })?;
    }
    Ok(exit)
}

fn finish_install(call: &mut Call<'_>, path: &str, mode: u32, owner: Option<u32>, group: Option<u32>) -> Result<()> {
    let target = call.world.resolve(path, Follow::Last)?;
    if owner.is_some() || group.is_some() {
        call.world.chown(&target, owner, group)?;
    }
    call.world.chmod(&target, mode)
}
