//! The executor: a request becomes a shell session over the tree, and the tree afterwards.

use crate::command::Dialect;
use crate::drive::Stuck;
use crate::lasting;
use crate::session::{self, Parked};
use crate::shell::{self, Session};
use crate::world::{Errno, Shared, Who, World};
use builder::{
    Answer, Done, ExecuteError, Executor, Fidelity, Line, Output, Purpose, RunOutcome, RunRequest, SessionId, Sessions,
    Turn,
};
use std::collections::BTreeMap;
use store::{BlobStore, Content, Follow, Node, Tree};

/// What a container's first process fails with when it could not be started.
const CANNOT_START: i32 = 1;
/// How long a container takes to start, in milliseconds.
const START_MILLIS: u64 = 60;

/// Runs commands in a virtual shell over the tree, deterministically, on one thread.
///
/// Every outcome is [`Fidelity::Simulated`].
#[derive(Debug, Default)]
pub struct Simulator {
    /// Lines that wait for their host.
    parked: BTreeMap<SessionId, Parked>,
}

impl Simulator {
    /// A simulator. From one run to the next it keeps nothing but the lines of sessions that are not done.
    pub fn new() -> Simulator {
        Simulator::default()
    }

    /// Goes on with a line; it is kept if it waits again.
    fn go(&mut self, id: SessionId, mut line: Parked, blobs: &mut dyn BlobStore) -> Result<Turn, ExecuteError> {
        let turn = line.go(blobs)?;
        if matches!(turn, Turn::Call(_) | Turn::Ask(_) | Turn::Lasts { .. }) {
            self.parked.insert(id, line);
        }
        Ok(turn)
    }
}

impl Sessions for Simulator {
    fn start(
        &mut self,
        id: SessionId,
        line: &Line,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError> {
        self.parked.remove(&id);
        match session::start(line, tree, blobs)? {
            Some(parked) => self.go(id, parked, blobs),
            None => Ok(Turn::Unfinished),
        }
    }

    fn resume(
        &mut self,
        id: SessionId,
        answer: Answer,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<Turn, ExecuteError> {
        let mut line = self.parked.remove(&id).ok_or_else(|| ExecuteError::Unsupported {
            what: "an answer for a session in which nothing runs".to_owned(),
        })?;
        line.answer(answer, tree)?;
        self.go(id, line, blobs)
    }

    fn abort(&mut self, id: SessionId) -> Option<Done> {
        self.parked.remove(&id).map(Parked::abort)
    }
}

impl Executor for Simulator {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let mut tree = tree.clone();
        // A tree that came over a wire has forgotten that its links belong to lower layers.
        tree.seal_links();
        let mut world = World::new(tree, request);
        world.millis = START_MILLIS;
        if request.purpose != Purpose::Build {
            world.reseed(0);
        }
        world.mount_system();
        world
            .mount(&request.mounts)
            .map_err(|errno| ExecuteError::Unsupported {
                what: format!("mounts: {errno}"),
            })?;
        let who = now(&mut world, blobs, |world| world.identify(&request.user))?;
        let shared = Shared::new(world);
        let ended = match who {
            None => Ended::refused(no_such_user(&request.user)),
            Some(who) => start(request, who, &shared, blobs)?,
        };
        finish(&shared, blobs, ended)
    }
}

/// How a command came to its end, or to a program that has none.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) output: Vec<Output>,
    pub(crate) lasting: Option<Vec<String>>,
}

impl Ended {
    fn refused(why: String) -> Ended {
        Ended {
            exit: CANNOT_START,
            output: vec![Output::err(why)],
            lasting: None,
        }
    }
}

/// Does `work` on the world, reading blobs as it asks for them.
pub(crate) fn now<T>(
    world: &mut World,
    blobs: &dyn BlobStore,
    work: impl Fn(&mut World) -> crate::world::Result<T>,
) -> Result<T, ExecuteError> {
    loop {
        match work(world) {
            Ok(done) => return Ok(done),
            Err(Errno::Need(digest)) => {
                let bytes = blobs.get(&digest)?;
                world.supply(digest, bytes);
            }
            Err(errno) => {
                return Err(ExecuteError::Unsupported {
                    what: errno.to_string(),
                });
            }
        }
    }
}

fn no_such_user(user: &str) -> String {
    let name = user.split(':').next().unwrap_or_default();
    format!("unable to find user {name}: no matching entries in passwd file\n")
}

fn not_started(program: &str, why: &str) -> String {
    format!(
        "runc run failed: unable to start container process: error during container init: exec: {program:?}: {why}\n"
    )
}

/// Finds the program and runs it.
fn start(request: &RunRequest, who: Who, shared: &Shared, blobs: &dyn BlobStore) -> Result<Ended, ExecuteError> {
    let Some(program) = request.argv.first() else {
        return Err(ExecuteError::Unsupported {
            what: "an empty command".to_owned(),
        });
    };
    let path_list = shell::path_list(request);
    let found = {
        let mut world = shared.lock();
        let accounts = now(&mut world, blobs, |world| world.accounts())?;
        let account = accounts.into_iter().find(|account| account.uid == who.uid);
        world.home = account
            .map(|account| account.home)
            .filter(|home| !home.is_empty())
            .unwrap_or_else(|| "/".to_owned());
        world.who = who;
        let absolute = if program.contains('/') && !program.starts_with('/') {
            format!("{}/{program}", request.cwd.trim_end_matches('/'))
        } else {
            program.clone()
        };
        if absolute.contains('/') {
            match world.node(&absolute, Follow::Last) {
                Err(_) => {
                    let why = format!("stat {program}: no such file or directory");
                    return Ok(Ended::refused(not_started(program, &why)));
                }
                Ok((_, Node::Dir(_))) => {
                    return Ok(Ended::refused(not_started(program, "is a directory")));
                }
                Ok(_) if !world.is_executable(&absolute) => {
                    return Ok(Ended::refused(not_started(program, "permission denied")));
                }
                Ok(_) => absolute,
            }
        } else if let Some(path) = world.which(program, path_list) {
            path
        } else {
            let why = "executable file not found in $PATH";
            return Ok(Ended::refused(not_started(program, why)));
        }
    };
    let dialect = dialect(&shared.lock(), &found);
    let session = Session {
        request,
        dialect: dialect.unwrap_or(Dialect::Dash),
        path_list,
        shared,
        host: None,
    };
    if request.purpose == Purpose::Interactive && lasting::reads_terminal(&found, &request.argv[1..]) {
        return lasting::read_all(&session, &found, blobs).map_err(refused);
    }
    let ran = match dialect.and_then(|_| shell::invocation(&request.argv[1..])) {
        Some(invocation) => shell::run(&session, &invocation, blobs),
        None => shell::run(&session, &shell::direct(&found, &request.argv[1..]), blobs),
    };
    ran.map_err(refused)
}

pub(crate) fn refused(stuck: Stuck) -> ExecuteError {
    match stuck {
        Stuck::Store(error) => ExecuteError::Store(error),
        Stuck::Waiting | Stuck::Lasting => ExecuteError::Unsupported {
            what: "a command that waits for something outside".to_owned(),
        },
    }
}

/// Which shell the file at `path` is, by its own name or that of what it links to.
pub(crate) fn dialect(world: &World, path: &str) -> Option<Dialect> {
    let called = path.rsplit('/').next().unwrap_or_default();
    if !matches!(called, "sh" | "ash" | "dash" | "bash") {
        return None;
    }
    let (target, node) = world.node(path, Follow::Last).ok()?;
    // A script that merely has a shell's name is run as what it is.
    if let Node::File(file) = node
        && let Ok(bytes) = world.bytes_of(&file.content)
        && bytes.starts_with(b"#!")
    {
        return None;
    }
    Some(match target.name().unwrap_or_default() {
        "bash" => Dialect::Bash,
        "dash" => Dialect::Dash,
        name if name.starts_with("busybox") => Dialect::Ash,
        _ if world.exists("/bin/busybox") => Dialect::Ash,
        _ if called == "bash" => Dialect::Bash,
        _ => Dialect::Dash,
    })
}

/// Takes the mounts away and stores the bytes that are still referred to.
fn finish(shared: &Shared, blobs: &mut dyn BlobStore, ended: Ended) -> Result<RunOutcome, ExecuteError> {
    let world = shared.lock();
    let (tree, caches) = world.unmounted();
    keep_all(&world, &tree, blobs)?;
    for (_, node) in &caches {
        keep_below(&world, node, blobs)?;
    }
    Ok(RunOutcome {
        tree,
        caches,
        exit: ended.exit,
        lasting: ended.lasting,
        output: ended.output,
        millis: world.millis,
        fidelity: Fidelity::Simulated,
    })
}

/// Stores the new bytes that `tree` refers to.
pub(crate) fn keep_all(world: &World, tree: &Tree, blobs: &mut dyn BlobStore) -> Result<(), ExecuteError> {
    for (_, node) in tree.walk() {
        keep(world, node, blobs)?;
    }
    Ok(())
}

fn keep(world: &World, node: &Node, blobs: &mut dyn BlobStore) -> Result<(), ExecuteError> {
    if let Node::File(file) = node
        && let Content::Blob { digest, .. } = &file.content
        && let Some(bytes) = world.fresh_in(digest)
    {
        blobs.put(&bytes)?;
    }
    Ok(())
}

fn keep_below(world: &World, node: &Node, blobs: &mut dyn BlobStore) -> Result<(), ExecuteError> {
    keep(world, node, blobs)?;
    if let Node::Dir(dir) = node {
        for node in dir.entries.values() {
            keep_below(world, node, blobs)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
