//! The commands of ours: names, what does the work, and how they stand to the shell.

mod accounts;
mod adduser;
mod bytes;
mod cat;
pub(crate) mod clock;
mod compress;
mod copy;
mod files;
pub(crate) mod find;
mod htpasswd;
mod identity;
mod install;
mod list;
mod machine;
mod modes;
mod openssl;
mod options;
mod stat;
mod system;
mod tail;
mod tar;
mod test;

use crate::command::{Call, Command, Dialect, Work};
use crate::lasting;
use crate::packages;
use crate::shell::quoted;
use crate::vfs::UNSIMULATED;
use crate::world::{Result, Shared};
use bashkit::{Builtin, BuiltinContext, CommandResolver, ExecResult, async_trait};
use std::sync::Arc;

/// Whether a command needs a file in the tree to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of the shell.
    Internal,
    /// A program: found on PATH or not at all.
    Program,
}

/// Every command of ours.
pub(crate) fn all() -> Vec<(&'static str, Work, Kind)> {
    use Kind::{Internal, Program};
    let mut all: Vec<(&'static str, Work, Kind)> = vec![
        ("umask", modes::umask, Internal),
        ("echo", system::echo, Internal),
        ("test", test::test, Internal),
        ("[", test::test, Internal),
        (UNSIMULATED, unsimulated, Internal),
        (lasting::WAITS, lasting::waits, Internal),
        (find::OWNER, find::owner, Internal),
        (PUSH_USER, identity::push_user, Internal),
        (POP_USER, identity::pop_user, Internal),
    ];
    let programs: &[(&'static str, Work)] = &[
        ("cp", copy::cp),
        ("mv", copy::mv),
        ("install", install::install),
        ("ls", list::ls),
        ("rm", files::rm),
        ("unlink", files::rm),
        ("rmdir", files::rmdir),
        ("mkdir", files::mkdir),
        ("ln", files::ln),
        ("link", files::ln),
        ("touch", files::touch),
        ("mktemp", bytes::mktemp),
        ("dd", bytes::dd),
        ("truncate", bytes::truncate),
        ("tar", tar::tar),
        ("gzip", compress::gzip),
        ("gunzip", compress::gzip),
        ("zcat", compress::gzip),
        ("fallocate", bytes::truncate),
        ("chmod", modes::chmod),
        ("chown", modes::chown),
        ("chgrp", modes::chgrp),
        ("stat", stat::stat),
        ("id", identity::id),
        ("whoami", identity::whoami),
        ("groups", identity::groups),
        ("getent", identity::getent),
        ("useradd", accounts::useradd),
        ("adduser", adduser::adduser),
        ("groupadd", accounts::groupadd),
        ("addgroup", adduser::addgroup),
        ("usermod", accounts::usermod),
        ("su", identity::unreachable_user),
        ("sudo", identity::unreachable_user),
        ("gosu", identity::unreachable_user),
        ("su-exec", identity::unreachable_user),
        ("runuser", identity::unreachable_user),
        ("cat", cat::cat),
        ("tail", tail::tail),
        ("tini", identity::starter),
        ("dumb-init", identity::starter),
        ("catatonit", identity::starter),
        ("htpasswd", htpasswd::htpasswd),
        ("openssl", openssl::openssl),
        ("sleep", system::sleep),
        ("usleep", system::sleep),
        ("uname", system::uname),
        ("arch", system::uname),
        ("hostname", machine::hostname),
        ("ip", machine::ip),
        ("ps", machine::ps),
        ("top", machine::top),
        ("free", machine::free),
        ("df", machine::df),
        ("uptime", machine::uptime),
        ("man", machine::man),
        ("less", machine::pager),
        ("more", machine::pager),
        ("nproc", system::nproc),
        ("which", system::which),
        ("sync", system::nothing),
        ("ldconfig", system::nothing),
        ("update-ca-certificates", system::nothing),
        ("chpasswd", system::nothing),
        ("passwd", system::nothing),
        ("systemctl", system::systemctl),
    ];
    all.extend(programs.iter().map(|&(name, work)| (name, work, Program)));
    all.extend(packages::commands().iter().map(|&(name, work)| (name, work, Program)));
    all
}

/// The hidden builtins around a command that runs as another user.
const PUSH_USER: &str = "__layerlab_as";
const POP_USER: &str = "__layerlab_back";

/// What a POSIX shell knows without a file: these of bashkit's builtins are always there.
const PART_OF_SHELL: &[&str] = &[
    "!",
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fg",
    "getopts",
    "hash",
    "help",
    "jobs",
    "kill",
    "let",
    "local",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "unalias",
    "unset",
    "wait",
];

/// Builtins of bashkit that stand for programs which must not do what they would do there.
const REFUSED: &[&str] = &[
    "git", "ssh", "scp", "sftp", "curl", "wget", "http", "python", "python3", "node", "npm", "pip", "sqlite3", "sudo",
    "su", "shuf", "uptime", "who", "w", "users", "top", "ps",
];

pub(crate) fn is_part_of_shell(name: &str) -> bool {
    PART_OF_SHELL.contains(&name)
}

pub(crate) fn is_refused(name: &str) -> bool {
    REFUSED.contains(&name)
}

/// Whether a builtin runs other commands: files that are looked at below it are programs again.
pub(crate) fn runs_others(name: &str) -> bool {
    matches!(
        name,
        "xargs"
            | "find"
            | "env"
            | "timeout"
            | "time"
            | "nohup"
            | "nice"
            | "busybox"
            | "command"
            | "exec"
            | "eval"
            | "su"
            | "sudo"
            | "gosu"
            | "su-exec"
            | "runuser"
            | "tini"
            | "dumb-init"
            | "catatonit"
            | UNSIMULATED
            | "sh"
            | "bash"
            | "."
            | "source"
            | "builtin"
    )
}

/// The arguments of the `sh` that a command turns into, if it is one that runs another, as another user or not.
pub(crate) fn becomes(name: &str, args: &[String]) -> Option<Vec<String>> {
    if let Some(words) = identity::started(name, args) {
        let script = ["-c", "\"$@\"", name].map(str::to_owned);
        return Some(script.into_iter().chain(words).collect());
    }
    let (user, words) = identity::target_user(name, args)?;
    let script = format!(
        "{PUSH_USER} {} {name} || exit 1; \"$@\"; layerlab_exit=$?; {POP_USER}; exit $layerlab_exit",
        quoted(&user)
    );
    Some(
        ["-c".to_owned(), script, name.to_owned()]
            .into_iter()
            .chain(words)
            .collect(),
    )
}

fn unsimulated(call: &mut Call<'_>) -> Result<i32> {
    let Some((program, args)) = call.args.split_first() else {
        return Ok(0);
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    if lasting::lasts(call, name, args)? {
        let argv = std::iter::once(name.to_owned()).chain(args.iter().cloned()).collect();
        return Err(call.last(argv));
    }
    if is_hello_world(call, program) {
        call.say(HELLO);
        return Ok(0);
    }
    call.warn(format!(
        "layerlab: {program} is not simulated: it was not run, and nothing was changed"
    ));
    Ok(0)
}

/// What the only program of the image `hello-world` says, in its first two lines and one of ours.
const HELLO: &str = "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n\n\
    (simulated: the program of hello-world was not run)\n";
/// Its size, by which it is told from others of that name.
const HELLO_BYTES: u64 = 13_256;

fn is_hello_world(call: &Call<'_>, program: &str) -> bool {
    let content = call.world.node(program, store::Follow::Last).ok();
    let content = content.and_then(|(_, node)| node.as_file()).map(|file| file.content);
    program == "/hello" && content == Some(store::Content::Absent { size: HELLO_BYTES })
}

/// Answers for every name that nothing else answers for.
pub(crate) struct Absentees {
    pub(crate) dialect: Dialect,
    pub(crate) shared: Shared,
}

impl CommandResolver for Absentees {
    fn resolve(&self, name: &str) -> Option<Arc<dyn Builtin>> {
        // As a builtin of ours it would be taken for the shell's own, which knows no line before this one.
        if name == "history" && self.shared.lock().terminal.is_some() {
            return Some(Arc::new(Command {
                name: "history",
                work: system::history,
                shared: self.shared.clone(),
                is_internal: true,
                dialect: self.dialect,
            }));
        }
        Some(Arc::new(NotFound(self.dialect.not_found(name))))
    }
}

/// Says that there is no such command.
struct NotFound(String);

#[async_trait]
impl Builtin for NotFound {
    async fn execute(&self, _: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        Ok(ExecResult::err(self.0.clone(), 127))
    }
}
