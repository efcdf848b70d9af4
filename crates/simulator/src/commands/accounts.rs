//! Making users and groups: useradd, adduser, groupadd, addgroup, usermod, as Debian and busybox have them.

use super::options::Options;
use crate::command::Call;
use crate::world::{Account, Errno, Result};
use store::{Follow, Node};

/// What to make.
#[derive(Debug, Default)]
struct NewUser {
    name: String,
    uid: Option<u32>,
    /// Name or number of the main group; made if `None`.
    group: Option<String>,
    further: Vec<String>,
    home: Option<String>,
    make_home: bool,
    shell: Option<String>,
    comment: String,
    is_system: bool,
}

fn append(call: &mut Call<'_>, path: &str, line: &str, needed: bool) -> Result<()> {
    if !needed && !call.world.exists(path) {
        return Ok(());
    }
    let mut text = call.world.text(path)?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    call.world.write(path, text.as_bytes())
}

/// The next free number: users from 1000 up, system accounts from 999 down (100 up on busybox).
fn free(taken: &[u32], is_system: bool, is_busybox: bool) -> u32 {
    let mut range: Box<dyn Iterator<Item = u32>> = match (is_system, is_busybox) {
        (false, _) => Box::new(1000..60_000),
        (true, true) => Box::new(100..1000),
        (true, false) => Box::new((100..1000).rev()),
    };
    range.find(|number| !taken.contains(number)).unwrap_or(60_000)
}

fn make_group(call: &mut Call<'_>, name: &str, gid: Option<u32>, is_system: bool) -> Result<u32> {
    let taken: Vec<u32> = call.world.groups()?.iter().map(|(_, gid, _)| *gid).collect();
    let gid = gid.unwrap_or_else(|| free(&taken, is_system, call.is_busybox()));
    append(call, "/etc/group", &format!("{name}:x:{gid}:"), true)?;
    append(call, "/etc/gshadow", &format!("{name}:!::"), false)?;
    Ok(gid)
}

/// Adds `user` to the members of `group`; false if there is no such group.
fn join(call: &mut Call<'_>, user: &str, group: &str) -> Result<bool> {
    let text = call.world.text("/etc/group")?;
    let mut found = false;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.splitn(4, ':').collect();
            let [name, _, gid, members] = fields.as_slice() else {
                return line.to_owned();
            };
            if *name != group && *gid != group {
                return line.to_owned();
            }
            found = true;
            if members.split(',').any(|member| member == user) {
                return line.to_owned();
            }
            let comma = if members.is_empty() { "" } else { "," };
            format!("{line}{comma}{user}")
        })
        .collect();
    if found {
        let text = lines.join("\n") + "\n";
        call.world.write("/etc/group", text.as_bytes())?;
    }
    Ok(found)
}

fn make_user(call: &mut Call<'_>, user: NewUser) -> Result<i32> {
    let accounts = call.world.accounts()?;
    if accounts.iter().any(|account| account.name == user.name) {
        let message = if call.is_busybox() {
            format!("user '{}' in use", user.name)
        } else {
            format!("user '{}' already exists", user.name)
        };
        call.fail(message)?;
        return Ok(if call.name == "useradd" { 9 } else { 1 });
    }
    if let Some(uid) = user
        .uid
        .filter(|uid| accounts.iter().any(|account| account.uid == *uid))
    {
        let message = if call.is_busybox() {
            format!("uid '{uid}' in use")
        } else {
            format!("UID {uid} is not unique")
        };
        call.fail(message)?;
        return Ok(if call.name == "useradd" { 4 } else { 1 });
    }
    if call.world.who.uid != 0 {
        return call.fail("Permission denied.");
    }
    let taken: Vec<u32> = accounts.iter().map(|account| account.uid).collect();
    let uid = user
        .uid
        .unwrap_or_else(|| free(&taken, user.is_system, call.is_busybox()));
    let gid = match &user.group {
        Some(group) => match call.world.gid_of(group)?.filter(|_| group_exists(call, group)) {
            Some(gid) => gid,
            None => {
                let message = if call.is_busybox() {
                    format!("unknown group {group}")
                } else {
                    format!("group '{group}' does not exist")
                };
                call.fail(message)?;
                return Ok(if call.name == "useradd" { 6 } else { 1 });
            }
        },
        None => {
            let wanted = (!call.world.groups()?.iter().any(|(_, gid, _)| *gid == uid)).then_some(uid);
            make_group(call, &user.name, wanted, user.is_system)?
        }
    };
    let home = user.home.clone().unwrap_or_else(|| format!("/home/{}", user.name));
    let shell = user.shell.clone().unwrap_or_else(|| "/bin/sh".to_owned());
    let line = format!("{}:x:{uid}:{gid}:{}:{home}:{shell}", user.name, user.comment);
    append(call, "/etc/passwd", &line, true)?;
    append(
        call,
        "/etc/shadow",
        &format!("{}:!:19700:0:99999:7:::", user.name),
        false,
    )?;
    for group in &user.further {
        if !join(call, &user.name, group)? {
            call.fail(format!("group '{group}' does not exist"))?;
            return Ok(6);
        }
    }
    if user.make_home && !call.world.exists(&home) {
        make_home(call, &home, uid, gid)?;
    }
    Ok(0)
}

fn group_exists(call: &Call<'_>, group: &str) -> bool {
    call.world.groups().is_ok_and(|groups| {
        groups
            .iter()
            .any(|(name, gid, _)| name == group || gid.to_string() == *group)
    })
}

/// Makes a home from /etc/skel, owned by its user.
fn make_home(call: &mut Call<'_>, home: &str, uid: u32, gid: u32) -> Result<()> {
    call.world.mkdir_all(home)?;
    let skeleton: Vec<(String, Node)> = match call.world.node("/etc/skel", Follow::Last) {
        Ok((_, Node::Dir(dir))) => dir
            .entries
            .iter()
            .map(|(name, node)| (name.clone(), node.clone()))
            .collect(),
        _ => Vec::new(),
    };
    for (name, mut node) in skeleton {
        let path = call.world.resolve_new(&format!("{home}/{name}"), Follow::AllButLast)?;
        node.meta_mut().uid = uid;
        node.meta_mut().gid = gid;
        call.world.put(&path, node)?;
    }
    let target = call.world.resolve(home, Follow::Last)?;
    call.world.chown(&target, Some(uid), Some(gid))
}

fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn number(call: &mut Call<'_>, text: Option<&str>) -> std::result::Result<Option<u32>, i32> {
    match text.map(str::parse) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(call
            .fail(format!("invalid number '{}'", text.unwrap_or_default()))
            .unwrap_or(1)),
    }
}

const USERADD_VALUES: &[&str] = &[
    "u",
    "g",
    "G",
    "d",
    "s",
    "c",
    "k",
    "K",
    "p",
    "b",
    "e",
    "f",
    "--uid",
    "--gid",
    "--groups",
    "--home-dir",
    "--home",
    "--shell",
    "--comment",
    "--password",
    "--base-dir",
    "--skel",
];

pub(crate) fn useradd(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, USERADD_VALUES);
    let Some(name) = options.operands.first() else {
        call.warn("Usage: useradd [options] LOGIN");
        return Ok(2);
    };
    let uid = match number(call, options.value(&["u", "--uid"])) {
        Ok(uid) => uid,
        Err(exit) => return Ok(exit),
    };
    let group = options.value(&["g", "--gid"]).map(str::to_owned);
    let no_group = options.has(&["N", "--no-user-group"]).then(|| "100".to_owned());
    make_user(
        call,
        NewUser {
            name: name.clone(),
            uid,
            group: group.or(no_group),
            further: list(options.value(&["G", "--groups"])),
            home: options.value(&["d", "--home-dir", "--home"]).map(str::to_owned),
            make_home: options.has(&["m", "--create-home"]),
            shell: options.value(&["s", "--shell"]).map(str::to_owned),
            comment: options.value(&["c", "--comment"]).unwrap_or_default().to_owned(),
            is_system: options.has(&["r", "--system"]),
        },
    )
}

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

pub(crate) fn groupadd(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, &["g", "--gid", "K", "p"]);
    let Some(name) = options.operands.first().cloned() else {
        call.warn("Usage: groupadd [options] GROUP");
        return Ok(2);
    };
    let gid = match number(call, options.value(&["g", "--gid"])) {
        Ok(gid) => gid,
        Err(exit) => return Ok(exit),
    };
    if group_exists(call, &name) {
        if options.has(&["f", "--force"]) {
            return Ok(0);
        }
        call.fail(format!("group '{name}' already exists"))?;
        return Ok(9);
    }
    if let Some(gid) = gid.filter(|gid| group_exists(call, &gid.to_string())) {
        call.fail(format!("GID '{gid}' already exists"))?;
        return Ok(4);
    }
    make_group(call, &name, gid, options.has(&["r", "--system"]))?;
    Ok(0)
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

pub(crate) fn usermod(call: &mut Call<'_>) -> Result<i32> {
    let options = Options::read(call.args, USERADD_VALUES);
    let Some(name) = options.operands.first().cloned() else {
        return Ok(2);
    };
    let Some(before) = call.world.accounts()?.into_iter().find(|account| account.name == name) else {
        call.fail(format!("user '{name}' does not exist"))?;
        return Ok(6);
    };
    for group in list(options.value(&["G", "--groups"])) {
        if !join(call, &name, &group)? {
            call.fail(format!("group '{group}' does not exist"))?;
            return Ok(6);
        }
    }
    let mut after = before.clone();
    if let Some(uid) = options.value(&["u", "--uid"]) {
        after.uid = uid.parse().map_err(|_| Errno::Invalid)?;
    }
    if let Some(group) = options.value(&["g", "--gid"]) {
        after.gid = call.world.gid_of(group)?.ok_or(Errno::Invalid)?;
    }
    if let Some(home) = options.value(&["d", "--home"]) {
        home.clone_into(&mut after.home);
    }
    if let Some(shell) = options.value(&["s", "--shell"]) {
        shell.clone_into(&mut after.shell);
    }
    if before != after {
        rewrite(call, &after)?;
    }
    Ok(0)
}

fn rewrite(call: &mut Call<'_>, after: &Account) -> Result<()> {
    let text: String = call
        .world
        .text("/etc/passwd")?
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [name, password, _, _, comment, _, _] if *name == after.name => {
                    format!(
                        "{name}:{password}:{}:{}:{comment}:{}:{}\n",
                        after.uid, after.gid, after.home, after.shell
                    )
                }
                _ => format!("{line}\n"),
            }
        })
        .collect();
    call.world.write("/etc/passwd", text.as_bytes())
}
