//! `scp`, `ssh` and `ping`: from one machine to the other.

use super::{Called, failed, operands, said};
use crate::lab::{Lab, Tools};
use crate::names::{Destination, PLACES, look_up};
use crate::people::{Access, Person};
use crate::terminal::{Frame, Where};
use builder::{CallAnswer, HostCall};
use store::{Follow, Node};

/// `user@host:path`, or a path on this machine.
struct End<'a> {
    user: Option<&'a str>,
    host: Option<&'a str>,
    path: &'a str,
}

fn end(text: &str) -> End<'_> {
    match text.split_once(':') {
        Some((host, path)) if !host.contains('/') => {
            let (user, host) = match host.split_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, host),
            };
            End {
                user,
                host: Some(host),
                path,
            }
        }
        _ => End {
            user: None,
            host: None,
            path: text,
        },
    }
}

/// A path as seen from a directory.
pub(super) fn absolute(path: &str, cwd: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", cwd.trim_end_matches('/'))
    }
}

/// Copies one file between the machines; keys are set up, so nobody is asked for a password.
pub(super) fn scp(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> CallAnswer {
    let words = operands(call);
    let [from, to] = words[..] else {
        return failed(1, "usage: scp [[user@]host:]file [[user@]host:]file\n");
    };
    match copy(call, (&end(from), &end(to)), machine, lab, tools) {
        Ok(line) => said(&line),
        Err(why) => failed(1, &format!("{why}\n")),
    }
}

fn copy(
    call: &HostCall,
    (from, to): (&End<'_>, &End<'_>),
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Result<String, String> {
    let source = whose(from, machine, call, lab, tools)?;
    let target = whose(to, machine, call, lab, tools)?;
    let path = absolute(from.path, &source.home);
    let tree = &lab.machines[source.machine].tree;
    let missing = || format!("scp: {}: No such file or directory", from.path);
    let place = tree.resolve(&path, Follow::Last).map_err(|_| missing())?;
    let file = match tree.get(&place) {
        Some(Node::File(file)) => file.clone(),
        Some(Node::Dir(_)) => return Err(format!("scp: {}: not a regular file", from.path)),
        _ => return Err(missing()),
    };
    if !source.person.may(&file.meta, Access::Read) {
        return Err(format!("scp: {}: Permission denied", from.path));
    }
    let name = place.name().unwrap_or_default().to_owned();
    let mut path = absolute(to.path, &target.home);
    let tree = &mut lab.machines[target.machine].tree;
    let is_dir = |path: &str| {
        let place = tree.resolve(path, Follow::Last).ok();
        place.is_some_and(|place| {
            tree.get(&place).is_none_or(Node::is_dir) && (place.is_root() || tree.get(&place).is_some())
        })
    };
    if is_dir(&path) {
        path = format!("{}/{name}", path.trim_end_matches('/'));
    }
    let refused = |why: &str| format!("scp: {path}: {why}");
    let place = tree
        .resolve(&path, Follow::Last)
        .map_err(|_| refused("No such file or directory"))?;
    let parent = place.parent().ok_or_else(|| refused("Is a directory"))?;
    let above = tree.get(&parent).ok_or_else(|| refused("No such file or directory"))?;
    let judged = tree.get(&place).unwrap_or(above);
    if !target.person.may(judged.meta(), Access::Write) {
        return Err(refused("Permission denied"));
    }
    let mut meta = file.meta.clone();
    (meta.uid, meta.gid, meta.mtime) = (target.person.uid, target.person.gid, tools.now);
    tree.insert(&place, Node::file(meta, file.content))
        .map_err(|error| refused(&error.to_string()))?;
    let size = file.content.size();
    Ok(format!("{name:<50} 100% {size:>5}     1.9MB/s   00:00    \n"))
}

/// One end of a copy: the machine and the person there.
struct Side {
    machine: usize,
    person: Person,
    /// What relative paths start from.
    home: String,
}

fn whose(end: &End<'_>, machine: usize, call: &HostCall, lab: &Lab, tools: &Tools<'_>) -> Result<Side, String> {
    let Some(host) = end.host else {
        return Ok(Side {
            machine,
            person: Person::of(&lab.machines[machine], &call.user, tools.blobs),
            home: call.cwd.clone(),
        });
    };
    let Some(Destination::Machine(there)) = look_up(host, machine) else {
        return Err(format!(
            "ssh: Could not resolve hostname {host}: Name or service not known"
        ));
    };
    let person = Person::of(&lab.machines[there], end.user.unwrap_or(&call.user), tools.blobs);
    Ok(Side {
        machine: there,
        home: person.home.clone(),
        person,
    })
}

/// Opens a shell on the other machine.
pub(super) fn ssh(call: &HostCall, machine: usize) -> Called {
    let words = operands(call);
    let [target] = words[..] else {
        return Called::done(failed(
            255,
            "usage: ssh [user@]host (this simulation opens a shell; it runs no command of its own)\n",
        ));
    };
    let (user, host) = target.split_once('@').unwrap_or((&call.user, target));
    match look_up(host, machine) {
        Some(Destination::Machine(there)) => Called::Enter {
            output: Vec::new(),
            frame: Box::new(Frame::new(Where::Machine(there), user, "/bin/bash")),
        },
        _ => Called::done(failed(
            255,
            &format!("ssh: Could not resolve hostname {host}: Name or service not known\n"),
        )),
    }
}

/// Says whether a name leads somewhere.
pub(super) fn ping(call: &HostCall, machine: usize) -> CallAnswer {
    let Some(host) = call
        .args
        .iter()
        .rfind(|arg| !arg.starts_with('-') && arg.parse::<u32>().is_err())
    else {
        return failed(1, "ping: usage error: Destination address required\n");
    };
    match look_up(host, machine) {
        Some(Destination::Machine(there)) => {
            let address = if there == machine {
                "127.0.0.1"
            } else {
                PLACES[there].address
            };
            said(&format!(
                "PING {host} ({address}) 56(84) bytes of data.\n64 bytes from {address}: icmp_seq=1 ttl=64 time=0.4 ms\n\n--- {host} ping \
                 statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
            ))
        }
        _ => failed(2, &format!("ping: {host}: Name or service not known\n")),
    }
}
