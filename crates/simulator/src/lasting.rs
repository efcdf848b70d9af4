//! Programs that do not end by themselves: which they are, and what they say when they start.

pub(crate) mod banner;
mod catalogue;

pub(crate) use catalogue::lasts;

use crate::command::Call;
use crate::drive::Stuck;
use crate::shell::{self, Invocation, Session};
use crate::simulator::Ended;
use crate::world::{Errno, Lasting, Result};
use builder::{Output, Purpose};
use store::BlobStore;

/// The hidden builtin that stands for a program that waits for a terminal.
pub(crate) const WAITS: &str = "__layerlab_waits";
/// Programs that read what is typed when they are given nothing else to do.
const READERS: &[&str] = &[
    "cat",
    "node",
    "python",
    "python3",
    "irb",
    "redis-cli",
    "psql",
    "mysql",
    "mongosh",
    "sqlite3",
];

impl Call<'_> {
    /// The program that is called `argv` lasts from here on, after what this call has written.
    pub(crate) fn last(&mut self, argv: Vec<String>) -> Errno {
        let mut said = Vec::new();
        if !self.out.is_empty() {
            said.push(Output::out(std::mem::take(&mut self.out)));
        }
        if !self.err.is_empty() {
            said.push(Output::err(std::mem::take(&mut self.err)));
        }
        self.world.lasting.get_or_insert(Lasting { argv, said });
        Errno::Lasts
    }

    /// The same for the command that is running.
    pub(crate) fn last_as_called(&mut self) -> Errno {
        let argv = std::iter::once(self.name.to_owned())
            .chain(self.args.iter().cloned())
            .collect();
        self.last(argv)
    }

    pub(crate) fn is_build(&self) -> bool {
        self.world.purpose == Purpose::Build
    }
}

/// [`WAITS`]: its arguments are the program that waits.
pub(crate) fn waits(call: &mut Call<'_>) -> Result<i32> {
    let argv = call.args.to_vec();
    Err(call.last(argv))
}

/// Whether a program with these arguments reads what is typed until that ends.
pub(crate) fn reads_terminal(program: &str, args: &[String]) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    let is_bare = |known: &[&str]| args.iter().all(|arg| known.contains(&arg.as_str()));
    match name {
        "sh" | "ash" | "dash" | "bash" => is_bare(&["-", "-i", "-l", "-il", "-li", "-s", "--login", "--norc"]),
        name => READERS.contains(&name) && is_bare(&["-", "-i", "-u"]),
    }
}

/// What a program that reads its terminal does with the bytes that are there already; then it waits for more.
pub(crate) fn read_all(
    session: &Session<'_>,
    program: &str,
    blobs: &dyn BlobStore,
) -> std::result::Result<Ended, Stuck> {
    let name = program.rsplit('/').next().unwrap_or_default();
    let stdin = &session.request.stdin;
    let mut output = Vec::new();
    if name == "cat" && !stdin.is_empty() {
        output.push(Output::out(stdin.clone()));
    } else if name.ends_with("sh") && !stdin.is_empty() {
        let ended = shell::run(session, &Invocation::of_text(&String::from_utf8_lossy(stdin)), blobs)?;
        if ended.lasting.is_some() {
            return Ok(ended);
        }
        output = ended.output;
    }
    let mut argv = session.request.argv.clone();
    if let Some(first) = argv.first_mut() {
        name.clone_into(first);
    }
    Ok(Ended {
        exit: 0,
        output,
        lasting: Some(argv),
    })
}
