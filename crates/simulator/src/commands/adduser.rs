//! adduser and addgroup, which Debian and busybox have each in their own way.

use super::accounts::{NewUser, group_exists, join, make_group, make_user, number};
use super::options::Options;
use crate::command::Call;
use crate::world::Result;

pub(crate) fn adduser(call: &mut Call<'_>) -> Result<i32> {
    if call.is_busybox() {
        adduser_busybox(call)
    } else {
        adduser_debian(call)
    }
}

fn adduser_busybox(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(
        call.args,
        &[
            "h",
            "g",
            "s",
            "G",
            "u",
            "k",
            "--home",
            "--gecos",
            "--shell",
            "--ingroup",
            "--uid",
        ],
    );
    let Some(name) = options.operands.first().cloned() else {
        call.warn("BusyBox: Usage: adduser [OPTIONS] USER [GROUP]");
        return Ok(1);
    };
    if let Some(group) = options.operands.get(1) {
        return Ok(i32::from(!join(call, &name, group)?));
    }
    let uid = match number(call, options.value(&["u", "--uid"])) {
        Ok(uid) => uid,
        Err(exit) => return Ok(exit),
    };
    let is_system = options.has(&["S", "--system"]);
    let group = options.value(&["G", "--ingroup"]).map(str::to_owned);
    // System users go to nogroup, unless a group is named.
    let nogroup = (is_system && group_exists(call, "nogroup")).then(|| "nogroup".to_owned());
    make_user(
        call,
        NewUser {
            uid,
            group: group.or(nogroup),
            home: options.value(&["h", "--home"]).map(str::to_owned),
            make_home: !options.has(&["H", "--no-create-home"]),
            shell: options
                .value(&["s", "--shell"])
                .map(str::to_owned)
                .or_else(|| is_system.then(|| "/sbin/nologin".to_owned())),
            comment: options
                .value(&["g", "--gecos"])
                .map_or_else(|| "Linux User,,,".to_owned(), str::to_owned),
            is_system,
            further: Vec::new(),
            name,
        },
    )
}

fn adduser_debian(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(
        call.args,
        &[
            "--home",
            "--shell",
            "--uid",
            "--gid",
            "--ingroup",
            "--gecos",
            "--comment",
            "--firstuid",
        ],
    );
    let Some(name) = options.operands.first().cloned() else {
        call.warn("adduser: Only one or two names allowed.");
        return Ok(1);
    };
    if let Some(group) = options.operands.get(1) {
        if join(call, &name, group)? {
            call.say(format!("Adding user `{name}' to group `{group}' ...\nDone."));
            return Ok(0);
        }
        return call.fail(format!("The group `{group}' does not exist."));
    }
    let uid = match number(call, options.value(&["--uid"])) {
        Ok(uid) => uid,
        Err(exit) => return Ok(exit),
    };
    let is_system = options.has(&["--system"]);
    let group = options.value(&["--ingroup", "--gid"]).map(str::to_owned);
    let nogroup = (is_system && !options.has(&["--group"])).then(|| "nogroup".to_owned());
    let kind = if is_system { "system user" } else { "user" };
    call.say(format!("Adding {kind} `{name}' ..."));
    let home = options.value(&["--home"]).map(str::to_owned);
    make_user(
        call,
        NewUser {
            uid,
            group: group.or(nogroup),
            home: home.or_else(|| is_system.then(|| "/nonexistent".to_owned())),
            make_home: !is_system && !options.has(&["--no-create-home"]),
            shell: options
                .value(&["--shell"])
                .map(str::to_owned)
                .or_else(|| Some(if is_system { "/usr/sbin/nologin" } else { "/bin/bash" }.to_owned())),
            comment: options.value(&["--gecos", "--comment"]).unwrap_or_default().to_owned(),
            is_system,
            further: Vec::new(),
            name,
        },
    )
}

pub(crate) fn addgroup(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["g", "--gid"]);
    let Some(name) = options.operands.first().cloned() else {
        return call.fail("a group name is needed");
    };
    if let Some(group) = options.operands.get(1) {
        return Ok(i32::from(!join(call, &name, group)?));
    }
    let gid = match number(call, options.value(&["g", "--gid"])) {
        Ok(gid) => gid,
        Err(exit) => return Ok(exit),
    };
    if group_exists(call, &name) {
        let message = if call.is_busybox() {
            format!("group '{name}' in use")
        } else {
            format!("The group `{name}' already exists.")
        };
        return call.fail(message);
    }
    let gid = make_group(call, &name, gid, options.has(&["S", "--system"]))?;
    if !call.is_busybox() {
        call.say(format!("Adding group `{name}' (GID {gid}) ...\nDone."));
    }
    Ok(0)
}
