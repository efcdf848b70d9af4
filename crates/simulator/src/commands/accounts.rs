//! Making users and groups: useradd, groupadd, usermod, and what adduser shares with them.

use super::options::Options;
use crate::command::Call;
use crate::world::{Account, Errno, Result};
use store::{Follow, Node};

/// What to make.
#[derive(Debug, Default)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) uid: Option<u32>,
    /// Name or number of the main group; made if `None`.
    pub(crate) group: Option<String>,
    pub(crate) further: Vec<String>,
    pub(crate) home: Option<String>,
    pub(crate) make_home: bool,
    pub(crate) shell: Option<String>,
    pub(crate) comment: String,
    pub(crate) is_system: bool,
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

pub(crate) fn make_group(call: &mut Call<'_>, name: &str, gid: Option<u32>, is_system: bool) -> Result<u32> {
    let taken: Vec<u32> = call.world.groups()?.iter().map(|(_, gid, _)| *gid).collect();
    let gid = gid.unwrap_or_else(|| free(&taken, is_system, call.is_busybox()));
    append(call, "/etc/group", &format!("{name}:x:{gid}:"), true)?;
    append(call, "/etc/gshadow", &format!("{name}:!::"), false)?;
    Ok(gid)
}

/// Adds `user` to the members of `group`; false if there is no such group.
pub(crate) fn join(call: &mut Call<'_>, user: &str, group: &str) -> Result<bool> {
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

pub(crate) fn make_user(call: &mut Call<'_>, user: NewUser) -> Result<i32> {
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
    let gid = if let Some(group) = &user.group {
        let Some(gid) = call.world.gid_of(group)?.filter(|_| group_exists(call, group)) else {
            let message = if call.is_busybox() {
                format!("unknown group {group}")
            } else {
                format!("group '{group}' does not exist")
            };
            call.fail(message)?;
            return Ok(if call.name == "useradd" { 6 } else { 1 });
        };
        gid
    } else {
        let wanted = (!call.world.groups()?.iter().any(|(_, gid, _)| *gid == uid)).then_some(uid);
        make_group(call, &user.name, wanted, user.is_system)?
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

pub(crate) fn group_exists(call: &Call<'_>, group: &str) -> bool {
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

pub(crate) fn number(call: &mut Call<'_>, text: Option<&str>) -> std::result::Result<Option<u32>, i32> {
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
