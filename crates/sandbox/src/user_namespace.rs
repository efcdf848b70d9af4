//! Being root without being root: the whole program in a user namespace of its own.

mod map;

use self::map::{Map, Subordinate};
use crate::error::{Doing as _, SandboxError};
use crate::isolation;
use crate::system;
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, getegid, geteuid, pidfd_open};
use rustix::thread::{CapabilitySet, ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Tells the program that has been run once more how it got where it is.
const MARK: &str = "SANDBOX_USER_NAMESPACE";

/// Where a program stands after [`enter_user_namespace`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entered {
    /// It is root on the machine, or in a container that lets it make mounts: nothing was needed.
    NotNeeded,
    /// It is root in a namespace with many users and groups.
    ManyUsers,
    /// It is root in a namespace with no other user: files cannot be given away there, and a program that tries gets an error.
    OneUser {
        /// Why there are not more.
        reason: String,
    },
}

impl fmt::Display for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNeeded => f.write_str("root"),
            Self::ManyUsers => f.write_str("rootless, with subordinate users and groups"),
            Self::OneUser { reason } => write!(f, "rootless, with a single user ({reason})"),
        }
    }
}

/// Makes the program root in a user namespace of its own if it may not make mounts as it is.
///
/// It is run once more then, from the start and with the same arguments, as root in the namespace; the call returns there. So
/// call it early, right after [`crate::init`], before anything is done that must not be done twice and before a thread is made.
/// Users and groups come from `/etc/subuid` and `/etc/subgid` through `newuidmap` and `newgidmap`; without these there is one.
///
/// # Errors
///
/// [`SandboxError::Refused`] if the program has made threads, [`SandboxError::System`] if the machine allows no user namespaces.
pub fn enter_user_namespace() -> Result<Entered, SandboxError> {
    enter_user_namespace_noting(&mut || Ok(()))
}

/// The same; `note` is called in the namespace, before the program is run once more: it can tell others whom to
/// [join](join_user_namespace).
///
/// # Errors
///
/// As [`enter_user_namespace`], and what `note` says.
pub fn enter_user_namespace_noting(note: &mut dyn FnMut() -> io::Result<()>) -> Result<Entered, SandboxError> {
    if let Some(entered) = where_it_stands()? {
        return Ok(entered);
    }
    let entered = enter()?;
    note().doing("note the user namespace")?;
    system::unshare(UnshareFlags::NEWNS).doing("make a mount namespace")?;
    Err(run_again(&entered))
}

/// As [`enter_user_namespace`], but in the namespace of another process of this user: then what was made there may be joined.
///
/// # Errors
///
/// As there; [`SandboxError::System`] if that process is gone or belongs to somebody else.
pub fn join_user_namespace(pid: u32) -> Result<Entered, SandboxError> {
    if let Some(entered) = where_it_stands()? {
        return Ok(entered);
    }
    let doing = "join a user namespace";
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = pid.ok_or(Errno::SRCH).doing(doing)?;
    let process = pidfd_open(process, PidfdFlags::empty()).doing(doing)?;
    move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::USER).doing(doing)?;
    system::unshare(UnshareFlags::NEWNS).doing("make a mount namespace")?;
    let map = fs::read_to_string("/proc/self/uid_map").doing(doing)?;
    let entered = if map.lines().count() > 1 {
        Entered::ManyUsers
    } else {
        Entered::OneUser {
            reason: "as in the containers that run".to_owned(),
        }
    };
    Err(run_again(&entered))
}

/// Where the program stands if it need not go anywhere.
fn where_it_stands() -> Result<Option<Entered>, SandboxError> {
    let own = rustix::thread::capabilities(None).doing("ask for capabilities")?;
    if own.effective.contains(CapabilitySet::SYS_ADMIN) {
        let marked = std::env::var(MARK).ok().filter(|_| isolation::in_user_namespace());
        let entered = marked.and_then(|text| serde_json::from_str(&text).ok());
        return Ok(Some(entered.unwrap_or(Entered::NotNeeded)));
    }
    let n_threads = fs::read_dir("/proc/self/task").doing("count threads")?.count();
    if n_threads != 1 {
        return Err(SandboxError::Refused {
            path: "user namespace".to_owned(),
            expected: "a program with one thread".to_owned(),
            found: format!("{n_threads} threads"),
        });
    }
    Ok(None)
}

fn enter() -> Result<Entered, SandboxError> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let maps = Subordinate::read(uid).map(|of| (Map::with_ranges(uid, &of.uids), Map::with_ranges(gid, &of.gids)));
    let reason = match maps {
        Ok((uids, gids)) => match unshare_and_map(&uids, &gids)? {
            None => return Ok(Entered::ManyUsers),
            Some(reason) => reason,
        },
        Err(reason) => {
            system::unshare(UnshareFlags::NEWUSER).doing("make a user namespace")?;
            reason
        }
    };
    // The kernel lets nobody give up groups that keep it out of something.
    fs::write("/proc/self/setgroups", "deny").doing("map a user")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).doing("map a user")?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).doing("map a group")?;
    Ok(Entered::OneUser { reason })
}

/// Makes the namespace, and has the maps written from outside of it; a reason if that failed.
fn unshare_and_map(uids: &Map, gids: &Map) -> Result<Option<String>, SandboxError> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).doing("make a pipe");
    let ((made, is_made), (answer, answers)) = (pipe()?, pipe()?);
    let own = std::process::id();
    let Some(mapper) = system::fork().doing("start a process")? else {
        drop((is_made, answer));
        system::exit(map_when(made, answers, own, uids, gids));
    };
    drop((made, answers));
    let unshared = system::unshare(UnshareFlags::NEWUSER).doing("make a user namespace");
    // Closed without a byte, it ends the other process.
    let told = unshared.and_then(|()| rustix::io::write(&is_made, b"!").doing("map users"));
    drop(is_made);
    let mut reason = String::new();
    let read = fs::File::from(answer).read_to_string(&mut reason);
    let waited = system::wait_for(mapper).doing("map users");
    told?;
    read.doing("map users")?;
    Ok((waited?.status != 0).then_some(reason))
}

/// In the other process: waits until there is a namespace, and writes its maps. Returns the exit code.
fn map_when(made: OwnedFd, answers: OwnedFd, pid: u32, uids: &Map, gids: &Map) -> i32 {
    if fs::File::from(made).read(&mut [0]).ok() != Some(1) {
        return 1;
    }
    for (program, map) in [("newuidmap", uids), ("newgidmap", gids)] {
        if let Err(reason) = map_by(program, pid, map) {
            // The exit code says enough if the reason cannot be heard.
            let _ = fs::File::from(answers).write_all(reason.as_bytes());
            return 1;
        }
    }
    0
}

fn map_by(program: &str, pid: u32, map: &Map) -> Result<(), String> {
    let output = Command::new(program).arg(pid.to_string()).args(map.words()).output();
    let output = output.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => format!("{program} is not installed: Debian's package is uidmap"),
        _ => format!("{program}: {error}"),
    })?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().next().unwrap_or_default();
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{program} failed: {complaint}"))
}

/// Runs the program once more. Returns only if that failed.
fn run_again(entered: &Entered) -> SandboxError {
    let mark = serde_json::to_string(entered).expect("an enum of texts");
    let mut arguments = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let error = command.args(arguments).env(MARK, mark).exec();
    SandboxError::System {
        doing: "run the program in its user namespace".to_owned(),
        errno: error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()),
    }
}
