//! Permissions and owners: chmod, chown, chgrp, umask, stat.

use super::options::Options;
use crate::command::Call;
use crate::world::{Errno, Result};
use store::{Follow, Node, TreePath};

/// The mode that `text` makes of `mode`: octal, or clauses such as `u+x,go-w`. `None` if it is no mode.
///
/// Clauses that name nobody are held back by `umask`.
///
/// Source: POSIX.1-2024, chmod, "Extended Description".
pub(crate) fn parse(text: &str, mode: u32, is_dir: bool, umask: u32) -> Option<u32> {
    if text.bytes().next()?.is_ascii_digit() {
        let number = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)?;
        // GNU keeps the set-id bits of directories unless five digits say otherwise.
        let kept = if is_dir && text.len() < 5 { mode & 0o6000 } else { 0 };
        return Some(number | kept);
    }
    text.split(',')
        .try_fold(mode, |mode, clause| clause_of(clause, mode, is_dir, umask))
}

fn clause_of(clause: &str, mut mode: u32, is_dir: bool, umask: u32) -> Option<u32> {
    let ops_at = clause.find(['+', '-', '='])?;
    let (who, mut rest) = clause.split_at(ops_at);
    let mut classes = 0;
    for letter in who.chars() {
        classes |= match letter {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o0007,
            'a' => 0o6777,
            _ => return None,
        };
    }
    let held_back = if who.is_empty() { umask } else { 0 };
    let classes = if who.is_empty() { 0o6777 } else { classes };
    while !rest.is_empty() {
        let op = rest.chars().next()?;
        rest = &rest[1..];
        let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
        let (perms, further) = rest.split_at(end);
        rest = further;
        let mut bits = 0;
        for letter in perms.chars() {
            bits |= match letter {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if is_dir || mode & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                'u' => spread(mode >> 6),
                'g' => spread(mode >> 3),
                'o' => spread(mode),
                _ => return None,
            };
        }
        let bits = bits & (classes | 0o1000) & !held_back;
        mode = match op {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !(classes & 0o777) & !(classes & if is_dir { 0 } else { 0o6000 })) | bits,
        };
    }
    Some(mode)
}

/// One class's bits for all three.
fn spread(class: u32) -> u32 {
    let class = class & 7;
    class << 6 | class << 3 | class
}

/// Every path at and below `given` when `recursive`, else the one; symbolic links below are left alone.
fn paths(call: &Call<'_>, given: &str, recursive: bool, follow: Follow) -> Result<Vec<TreePath>> {
    let first = call.world.resolve(&call.path(given), follow)?;
    let mut all = vec![first.clone()];
    if recursive {
        let mut left = vec![first];
        while let Some(path) = left.pop() {
            if let Some(Node::Dir(dir)) = call.world.tree.get(&path) {
                for (name, node) in &dir.entries {
                    let below = path.join(name).map_err(|_| Errno::Invalid)?;
                    if node.is_dir() {
                        left.push(below.clone());
                    }
                    all.push(below);
                }
            }
        }
    }
    match call.world.tree.get(&all[0]) {
        Some(_) => Ok(all),
        None => Err(Errno::NoEntry),
    }
}

pub(crate) fn chmod(call: &mut Call<'_>) -> Result<i32> {
    // A mode may begin with a dash: `chmod -x file`.
    let is_mode = |arg: &String| {
        arg.len() > 1 && arg.starts_with('-') && arg[1..].bytes().all(|b| b"rwxXstugo,+-=".contains(&b)) && arg != "-R"
    };
    let dashed = call.args.iter().position(is_mode);
    let mut args = call.args.to_vec();
    let mode_text = dashed.map(|at| args.remove(at));
    let options = Options::read(&args, &["--reference"]);
    let recursive = options.has(&["R", "--recursive"]);
    let mut operands = options.operands.clone();
    let text = match (mode_text, options.value(&["--reference"])) {
        (Some(text), _) => text,
        (None, Some(reference)) => {
            let path = call.path(reference);
            format!("{:o}", call.world.node(&path, Follow::Last)?.1.meta().mode)
        }
        (None, None) if operands.is_empty() => return call.missing_operand(),
        (None, None) => operands.remove(0),
    };
    if operands.is_empty() {
        return call.fail(format!("missing operand after '{text}'"));
    }
    let mut exit = 0;
    for given in &operands {
        let what = if call.is_busybox() {
            given.clone()
        } else {
            format!("cannot access '{given}'")
        };
        let mut invalid = false;
        call.attempt(&what, &mut exit, |call| {
            for path in paths(call, given, recursive, Follow::Last)? {
                let Some(node) = call.world.tree.get(&path) else {
                    continue;
                };
                if matches!(node, Node::Symlink { .. }) {
                    continue;
                }
                match parse(&text, node.meta().mode, node.is_dir(), call.world.umask) {
                    Some(mode) => call.world.chmod(&path, mode)?,
                    None => invalid = true,
                }
            }
            Ok(())
        })?;
        if invalid {
            return call.fail(format!("invalid mode: '{text}'"));
        }
    }
    Ok(exit)
}

pub(crate) fn chown(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["--reference", "--from"]);
    let mut operands = options.operands.clone();
    let (uid, gid) = if let Some(reference) = options.value(&["--reference"]) {
        let path = call.path(reference);
        let meta = call.world.node(&path, Follow::Last)?.1.meta().clone();
        (Some(meta.uid), Some(meta.gid))
    } else {
        if operands.len() < 2 {
            return call.missing_operand();
        }
        let spec = operands.remove(0);
        let (user, group) = spec
            .split_once(':')
            .or_else(|| spec.split_once('.').filter(|_| spec.parse::<u32>().is_err()))
            .map_or((spec.as_str(), None), |(user, group)| (user, Some(group)));
        let uid = match user {
            "" => None,
            user => match call.world.uid_of(user)? {
                Some(uid) => Some(uid),
                None => return unknown(call, "user", user, &spec),
            },
        };
        let gid = match group {
            None => None,
            // `user:` means the user's own group.
            Some("") => call
                .world
                .accounts()?
                .iter()
                .find(|account| Some(account.uid) == uid)
                .map(|account| account.gid),
            Some(group) => match call.world.gid_of(group)? {
                Some(gid) => Some(gid),
                None => return unknown(call, "group", group, &spec),
            },
        };
        (uid, gid)
    };
    change_owner(call, &options, &operands, uid, gid)
}

fn unknown(call: &mut Call<'_>, kind: &str, name: &str, spec: &str) -> Result<i32> {
    if call.is_busybox() {
        call.fail(format!("unknown {kind} {name}"))
    } else {
        call.fail(format!("invalid {kind}: '{spec}'"))
    }
}

pub(crate) fn chgrp(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["--reference"]);
    let mut operands = options.operands.clone();
    if operands.len() < 2 {
        return call.missing_operand();
    }
    let group = operands.remove(0);
    let Some(gid) = call.world.gid_of(&group)? else {
        return unknown(call, "group", &group, &group);
    };
    change_owner(call, &options, &operands, None, Some(gid))
}

fn change_owner(
    call: &mut Call<'_>,
    options: &Options,
    operands: &[String],
    uid: Option<u32>,
    gid: Option<u32>,
) -> Result<i32> {
    let recursive = options.has(&["R", "--recursive"]);
    // Recursive changes leave links alone, as `-h` does.
    let follow = if options.has(&["h", "--no-dereference"]) || (recursive && !options.has(&["L", "H"])) {
        Follow::AllButLast
    } else {
        Follow::Last
    };
    let mut exit = 0;
    for given in operands {
        let what = if call.is_busybox() {
            given.clone()
        } else {
            format!("changing ownership of '{given}'")
        };
        let missing = format!("cannot access '{given}'");
        let found = paths(call, given, recursive, follow);
        let what = if matches!(found, Err(Errno::NoEntry)) && !call.is_busybox() {
            missing
        } else {
            what
        };
        call.attempt(&what, &mut exit, |call| {
            for path in found? {
                call.world.chown(&path, uid, gid)?;
            }
            Ok(())
        })?;
    }
    Ok(exit)
}

pub(crate) fn umask(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &[]);
    match options.operands.first() {
        None if options.has(&["S"]) => {
            let allowed = !call.world.umask & 0o777;
            let class = |bits: u32| -> String {
                "rwx"
                    .chars()
                    .zip([4, 2, 1])
                    .filter(|(_, bit)| bits & bit != 0)
                    .map(|(letter, _)| letter)
                    .collect()
            };
            let line = format!(
                "u={},g={},o={}",
                class(allowed >> 6),
                class(allowed >> 3),
                class(allowed)
            );
            call.say(line);
        }
        None => {
            let line = format!("{:04o}", call.world.umask);
            call.say(line);
        }
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => match u32::from_str_radix(text, 8) {
            Ok(mask) if mask <= 0o777 => call.world.umask = mask,
            _ => return call.fail(format!("{text}: octal number out of range")),
        },
        Some(text) => match parse(text, !call.world.umask & 0o777, false, 0) {
            Some(allowed) => call.world.umask = !allowed & 0o777,
            None => return call.fail(format!("{text}: invalid symbolic mode")),
        },
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn symbolic_modes_change_what_they_name() {
        assert_eq!(parse("u+x,o-r", 0o644, false, 0o022), Some(0o740));
        assert_eq!(parse("+x", 0o644, false, 0o022), Some(0o755));
        assert_eq!(parse("a=rX", 0o700, false, 0o022), Some(0o555));
        assert_eq!(parse("go=", 0o755, true, 0o022), Some(0o700));
        assert_eq!(parse("g=u", 0o741, false, 0), Some(0o771));
        assert_eq!(parse("+t", 0o755, true, 0o022), Some(0o1755));
        assert_eq!(parse("u+s", 0o755, false, 0o022), Some(0o4755));
        assert_eq!(parse("0755", 0o600, false, 0), Some(0o755));
        assert_eq!(parse("u+q", 0o600, false, 0), None);
    }
}
