//! Who one is, and being someone else: id, whoami, groups, getent, su, sudo, gosu.

use super::options::Options;
use crate::command::Call;
use crate::world::Result;

pub(crate) fn id(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &[]);
    let who = match options.operands.first() {
        None => call.world.who.clone(),
        Some(name) => {
            let known = call
                .world
                .accounts()?
                .iter()
                .any(|account| account.name == *name || account.uid.to_string() == *name);
            match call.world.identify(name)? {
                Some(who) if known => who,
                _ => {
                    let message = if call.is_busybox() {
                        format!("unknown user {name}")
                    } else {
                        format!("'{name}': no such user")
                    };
                    return call.fail(message);
                }
            }
        }
    };
    let by_name = options.has(&["n", "--name"]);
    let (user, group) = (call.world.user_name(who.uid)?, call.world.group_name(who.gid)?);
    let mut all = vec![who.gid];
    all.extend(who.groups.iter().copied().filter(|gid| *gid != who.gid));
    let line = if options.has(&["u", "--user"]) {
        if by_name { user } else { who.uid.to_string() }
    } else if options.has(&["g", "--group"]) {
        if by_name { group } else { who.gid.to_string() }
    } else if options.has(&["G", "--groups"]) {
        let mut words = Vec::new();
        for gid in all {
            words.push(if by_name {
                call.world.group_name(gid)?
            } else {
                gid.to_string()
            });
        }
        words.join(" ")
    } else {
        let named = |number: u32, name: String| {
            if name == number.to_string() {
                name
            } else {
                format!("{number}({name})")
            }
        };
        let mut groups = Vec::new();
        for gid in all {
            groups.push(named(gid, call.world.group_name(gid)?));
        }
        format!(
            "uid={} gid={} groups={}",
            named(who.uid, user),
            named(who.gid, group),
            groups.join(",")
        )
    };
    call.say(line);
    Ok(0)
}

pub(crate) fn whoami(call: &mut Call<'_>) -> Result<i32> {
    let uid = call.world.who.uid;
    let name = call.world.user_name(uid)?;
    if name == uid.to_string() {
        let message = if call.is_busybox() {
            format!("unknown uid {uid}")
        } else {
            format!("cannot find name for user ID {uid}")
        };
        return call.fail(message);
    }
    call.say(name);
    Ok(0)
}

pub(crate) fn groups(call: &mut Call<'_>) -> Result<i32> {
    let who = call.world.who.clone();
    let mut names = vec![call.world.group_name(who.gid)?];
    for gid in who.groups {
        names.push(call.world.group_name(gid)?);
    }
    call.say(names.join(" "));
    Ok(0)
}

pub(crate) fn getent(call: &mut Call<'_>) -> Result<i32> {
    let (Some(database), Some(key)) = (call.args.first(), call.args.get(1)) else {
        return Ok(1);
    };
    let file = match database.as_str() {
        "passwd" => "/etc/passwd",
        "group" => "/etc/group",
        _ => return Ok(2),
    };
    let found = call.world.text(file)?.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (name == key || number == key).then(|| line.to_owned())
    });
    match found {
        Some(line) => {
            call.say(line);
            Ok(0)
        }
        None => Ok(2),
    }
}

/// The user and the words of the command that `sudo`, `su` and their like are asked to run. `None` if they are asked
/// for something else.
pub(crate) fn target_user(name: &str, args: &[String]) -> Option<(String, Vec<String>)> {
    let words = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    match name {
        "gosu" | "su-exec" => Some((args.first()?.clone(), words(&args[1..])?)),
        "sudo" | "runuser" => {
            let mut user = "root".to_owned();
            let mut rest = args;
            loop {
                match rest {
                    [flag, value, further @ ..] if matches!(flag.as_str(), "-u" | "--user") => {
                        user.clone_from(value);
                        rest = further;
                    }
                    [flag, further @ ..] if flag == "--" => return Some((user, words(further)?)),
                    [flag, further @ ..] if flag.starts_with('-') => rest = further,
                    [word, further @ ..] if word.contains('=') => rest = further,
                    _ => return Some((user, words(rest)?)),
                }
            }
        }
        "su" => {
            let mut user = "root".to_owned();
            let mut script = None;
            let mut rest = args.iter();
            while let Some(arg) = rest.next() {
                match arg.as_str() {
                    "-c" | "--command" => script = rest.next().cloned(),
                    "-s" | "--shell" => drop(rest.next()),
                    arg if arg.starts_with('-') => {}
                    name => name.clone_into(&mut user),
                }
            }
            Some((user, vec!["sh".to_owned(), "-c".to_owned(), script?]))
        }
        _ => None,
    }
}

/// The words of the command that a container's init is asked to start.
pub(crate) fn started(name: &str, args: &[String]) -> Option<Vec<String>> {
    let with_value: &[&str] = match name {
        "tini" => &["-p", "-e"],
        "dumb-init" => &["-r", "--rewrite"],
        "catatonit" => &[],
        _ => return None,
    };
    let mut rest = args;
    loop {
        match rest {
            [flag, words @ ..] if flag == "--" => rest = words,
            [flag, _, words @ ..] if with_value.contains(&flag.as_str()) => rest = words,
            [flag, words @ ..] if flag.starts_with('-') => rest = words,
            [] => return None,
            words => return Some(words.to_vec()),
        }
    }
}

/// What an init says that has nothing to start.
pub(crate) fn starter(call: &mut Call<'_>) -> Result<i32> {
    call.fail("a program to start is needed")
}

/// Groups whose members may do anything with `sudo`.
const SUDOERS: &[&str] = &["sudo", "wheel", "admin"];

/// Whether who runs this may become another user by way of `via`.
fn may_become(call: &mut Call<'_>, via: &str) -> Result<bool> {
    if call.world.who.uid == 0 {
        return Ok(true);
    }
    if via != "sudo" {
        call.warn(if via == "su" {
            "Password: \nsu: Authentication failure"
        } else {
            "operation not permitted"
        });
        return Ok(false);
    }
    let who = call.world.who.clone();
    let mut may = false;
    for gid in std::iter::once(who.gid).chain(who.groups) {
        may |= SUDOERS.contains(&call.world.group_name(gid)?.as_str());
    }
    if !may {
        let name = call.world.user_name(who.uid)?;
        call.warn(format!("{name} is not in the sudoers file."));
    }
    Ok(may)
}

/// What `su` and `sudo` do when there is nothing to run: at a terminal a shell of the other user is wanted.
pub(crate) fn unreachable_user(call: &mut Call<'_>) -> Result<i32> {
    if call.world.terminal.is_some() && matches!(call.name, "su" | "sudo") {
        let mut user = "root".to_owned();
        let mut rest = call.args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "-u" | "--user" => rest.next().unwrap_or(arg).clone_into(&mut user),
                flag if flag.starts_with('-') => {}
                name if call.name == "su" => name.clone_into(&mut user),
                _ => {}
            }
        }
        if call.world.identify(&user)?.is_none() {
            return call.fail(format!(
                "user {user} does not exist or the user entry does not contain all the required fields"
            ));
        }
        let via = call.name;
        if !may_become(call, via)? {
            return Ok(1);
        }
        call.world.next_user = Some(user);
        return Ok(0);
    }
    call.fail("a command to run is needed: a terminal is not simulated")
}

pub(crate) fn push_user(call: &mut Call<'_>) -> Result<i32> {
    let name = call.args.first().cloned().unwrap_or_default();
    let via = call.args.get(1).cloned().unwrap_or_default();
    let Some(who) = call.world.identify(&name)? else {
        call.warn(format!("su: user {name} does not exist"));
        return Ok(1);
    };
    if who != call.world.who && !may_become(call, &via)? {
        return Ok(1);
    }
    let before = std::mem::replace(&mut call.world.who, who);
    call.world.who_before.push(before);
    Ok(0)
}

pub(crate) fn pop_user(call: &mut Call<'_>) -> Result<i32> {
    if let Some(before) = call.world.who_before.pop() {
        call.world.who = before;
    }
    Ok(0)
}
