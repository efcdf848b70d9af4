//! The commands of the `docker` command language on this machine's images and volumes.
//!
//! A command works on a [`Daemon`] that is read before it and whose changes are written after it; what it says is said when they are
//! durable. Commands that only name and remove things have the images to themselves while they work; those that take long do not.

mod ask;
mod attend;
mod host;
mod plugged;

use crate::args::is_docker;
use crate::build::Isolation;
use crate::cache_file;
use crate::collect::collect;
use crate::containers::{Attended, Containers};
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::images;
use crate::session::{WAITING, root_of};
use crate::state::{Changing, State, default_root};
use crate::terminal::Terminal;
use crate::volumes;
use builder::{Cache, Record, Records};
use cli::docker::{Lasting, Outcome};
use cli::grammar::{Effect, Flag, Kind, Verb};
use cli::program::Program;
use cli::words::{Answer, Call, parse_for};
use engine::Daemon;
use host::{Here, HereFiles};
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// This program, as its commands name it.
pub static PROGRAM: Program = Program {
    name: "layerlab",
    global: &[],
    everywhere: EVERYWHERE,
};

const EVERYWHERE: &[Flag] = &[Flag {
    short: "",
    long: "root",
    kind: Kind::Text,
    default: "",
    about: "Where the store, the build cache and the images are (default $LAYERLAB_ROOT, or $XDG_DATA_HOME/layerlab)",
    effect: Effect::Has,
}];

/// Executes the words after `layerlab`. Returns the exit code.
///
/// # Errors
///
/// [`Failure`] if the state cannot be opened or written; then nothing has changed.
pub fn run(words: &[String], isolation: Option<&Isolation>, terminal: &mut Terminal<'_>) -> Result<u8, Failure> {
    let call = match parse_for(&PROGRAM, words) {
        Ok(call) => call,
        Err(answer) => return say(&answer, terminal),
    };
    if takes_root(call.spec.verb) {
        check_rights(isolation)?;
    }
    let root = root_of(call.text("root").map(AsRef::as_ref), terminal)?;
    let mut machine = Machine::open(&root, &call, terminal)?;
    let mut answers = Vec::new();
    loop {
        match machine.execute(words, &answers, terminal)? {
            Outcome::Exit(code) => return Ok(u8::try_from(code).unwrap_or(1)),
            Outcome::Asks { prompt, hidden } => match ask::line(&prompt, hidden, terminal) {
                Some(line) => answers.push(line),
                None => return Ok(1),
            },
            outcome @ (Outcome::Lasts { .. } | Outcome::Interactive { .. }) => {
                match machine.attend(&outcome, terminal)? {
                    Attended::Exit(code) => return Ok(u8::try_from(code).unwrap_or(1)),
                    Attended::Again => {}
                }
            }
        }
    }
}

/// The root folder of the containers, if the words are a command for which one must be root, at least in a namespace of users.
pub fn root_of_containers(words: &[String]) -> Option<PathBuf> {
    if !is_docker(words) {
        return None;
    }
    let call = parse_for(&PROGRAM, words).ok()?;
    if !takes_root(call.spec.verb) && !meets_others(call.spec.verb) {
        return None;
    }
    let given = call.text("root").map(PathBuf::from);
    given.or_else(|| default_root(|name| std::env::var(name).ok()))
}

/// Refuses what only root can do before anything is locked, fetched or made.
fn check_rights(isolation: Option<&Isolation>) -> Result<(), Failure> {
    match isolation {
        Some(Err(error)) => Err(Failure::new(format!(
            "expected to be root, or a user who may make a namespace of users: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Whether a command mounts the filesystem of a container, or joins its namespaces.
fn takes_root(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Commit
            | Verb::Cp
            | Verb::Create
            | Verb::Diff
            | Verb::Exec
            | Verb::Export
            | Verb::Restart
            | Verb::Run
            | Verb::Start
    )
}

/// Whether a command looks at or removes files that belong to the users of containers: without them it does what it can.
fn meets_others(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::ContainerPrune
            | Verb::ImagePrune
            | Verb::ImageRm
            | Verb::Kill
            | Verb::Ps
            | Verb::Rm
            | Verb::Stop
            | Verb::SystemDf
            | Verb::SystemPrune
            | Verb::VolumePrune
            | Verb::VolumeRm
    )
}

fn say(answer: &Answer, terminal: &mut Terminal<'_>) -> Result<u8, Failure> {
    terminal.print(&answer.stdout)?;
    // A remark that nobody can read is lost, and the exit code says the rest.
    let _ = terminal.stderr.write_all(answer.stderr.as_bytes());
    Ok(answer.code)
}

/// How a command stands to what other processes do meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It changes nothing.
    Reads,
    /// It is over at once and decides by what is there: nobody else may change names meanwhile.
    Alone,
    /// It takes its time, and only adds.
    Adds,
}

fn manner(verb: Verb) -> Manner {
    match verb {
        Verb::ImageTag
        | Verb::ImageRm
        | Verb::ImagePrune
        | Verb::ContainerPrune
        | Verb::SystemPrune
        | Verb::BuilderPrune
        | Verb::VolumeCreate
        | Verb::VolumePrune
        | Verb::VolumeRm
        | Verb::Create
        | Verb::Kill
        | Verb::Pause
        | Verb::Rename
        | Verb::Rm
        | Verb::Run
        | Verb::Start
        | Verb::Unpause => Manner::Alone,
        Verb::ImageLoad
        | Verb::ImageImport
        | Verb::Pull
        | Verb::Push
        | Verb::Build
        | Verb::Commit
        // These may wait for a container, and change nothing but that.
        | Verb::Restart
        | Verb::Stop => Manner::Adds,
        _ => Manner::Reads,
    }
}

/// The results that a command dropped from the build cache.
fn forgotten(before: &BTreeMap<Digest, Record>, after: &Records) -> BTreeSet<Digest> {
    let keys = before.keys().filter(|key| !after.results.contains_key(*key));
    keys.copied().collect()
}

/// Whether a command may leave something that nobody needs.
fn removes(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::ImageRm | Verb::ImagePrune | Verb::SystemPrune | Verb::BuilderPrune
    )
}

/// Whether a command needs the build cache.
fn wants_cache(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Build | Verb::BuilderPrune | Verb::SystemPrune | Verb::SystemDf
    )
}

/// What a command works with.
struct Machine {
    state: State,
    blobs: DiskBlobs,
    containers: Containers,
    verb: Verb,
}

impl Machine {
    fn open(root: &std::path::Path, call: &Call, terminal: &mut Terminal<'_>) -> Result<Machine, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("could not open {}: {error}", root.display()));
        let waiting = format!("waiting for another layerlab that cleans up {}", root.display());
        let state = State::open(root, || terminal.remark(&waiting)).map_err(failed)?;
        let blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
        let containers = Containers::new(root, &state.volumes(), terminal.now);
        Ok(Machine {
            state,
            blobs,
            containers,
            verb: call.spec.verb,
        })
    }

    /// Reads what there is, runs the command on it, and keeps what it changed.
    fn execute(
        &mut self,
        words: &[String],
        answers: &[String],
        terminal: &mut Terminal<'_>,
    ) -> Result<Outcome, Failure> {
        let manner = manner(self.verb);
        let changing = match manner {
            Manner::Alone => Some(self.change(terminal)?),
            Manner::Reads | Manner::Adds => None,
        };
        let before = self.load(terminal)?;
        let mut cache = if wants_cache(self.verb) {
            cache_file::load(&self.state.cache_file(), &self.blobs).cache
        } else {
            Cache::default()
        };
        let results = cache.records().results.clone();
        let mut daemon = before.clone();
        self.observe(&mut daemon, terminal)?;
        // What is said is believed: it waits until what it says is durable.
        let mut held = Vec::new();
        let outcome = self.call(words, answers, (&mut daemon, &mut cache), (&mut held, terminal))?;
        if matches!(outcome, Outcome::Asks { .. }) {
            terminal.print_bytes(&held)?;
            return Ok(outcome);
        }
        // It is executed again when what it waits for has happened, and says all of it then.
        let waits = matches!(
            &outcome,
            Outcome::Lasts {
                doing: Lasting::Waiting,
                ..
            }
        );
        let forgotten = forgotten(&results, cache.records());
        if manner != Manner::Reads && (daemon != before || !forgotten.is_empty()) {
            images::keep(&before, &daemon, &mut self.blobs).map_err(Failure::new)?;
            let changing = match changing {
                Some(changing) => changing,
                None => self.change(terminal)?,
            };
            images::change(&self.state, &changing, &before, &daemon, &self.blobs).map_err(Failure::new)?;
            volumes::change(&self.state, &changing, &before, &daemon).map_err(Failure::new)?;
            self.containers.save(&before, &daemon).map_err(Failure::new)?;
            self.containers.sweep().map_err(Failure::new)?;
            if !forgotten.is_empty() {
                cache_file::forget(&self.state, &changing, &forgotten).map_err(Failure::new)?;
            }
        }
        if removes(self.verb) {
            self.collect(terminal);
        }
        if !waits {
            terminal.print_bytes(&held)?;
        }
        Ok(outcome)
    }

    /// Frees what nobody needs any more. What cannot be freed now is by the next command that removes something.
    fn collect(&self, terminal: &mut Terminal<'_>) {
        match collect(&self.state, &self.blobs) {
            Ok(Some(_)) => {}
            Ok(None) if self.verb == Verb::ImageRm => {}
            Ok(None) => terminal.remark("the space is freed later: another layerlab uses the store"),
            Err(error) => terminal.remark(&format!("warning: the space could not be freed: {error}")),
        }
    }

    fn change(&self, terminal: &mut Terminal<'_>) -> Result<Changing, Failure> {
        let changing = self.state.change(|| terminal.remark(WAITING));
        changing.map_err(|error| Failure::new(format!("could not lock the images: {error}")))
    }

    fn load(&mut self, terminal: &mut Terminal<'_>) -> Result<Daemon, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("could not read the images: {error}"));
        let loaded = images::load(&self.state, &mut self.blobs).map_err(failed)?;
        for warning in loaded.warnings {
            terminal.remark(&format!("warning: {warning}"));
        }
        let mut daemon = loaded.daemon;
        volumes::load(&self.state, &mut daemon).map_err(failed)?;
        let failed = |error: std::io::Error| Failure::new(format!("could not read the containers: {error}"));
        self.containers.load(&mut daemon).map_err(failed)?;
        Ok(daemon)
    }

    fn call(
        &mut self,
        words: &[String],
        answers: &[String],
        (daemon, cache): (&mut Daemon, &mut Cache),
        (held, terminal): (&mut Vec<u8>, &mut Terminal<'_>),
    ) -> Result<Outcome, Failure> {
        // These write as long as somebody reads, and have nothing to keep.
        let streams = matches!(self.verb, Verb::ImageSave | Verb::Export);
        let mut reach = plugged::reach(self.verb, &self.state, terminal.environment)?;
        let mut machine = cli::docker::Machine {
            daemon,
            cache,
            blobs: &mut self.blobs,
            executor: &mut *plugged::executor(),
            runtime: &mut self.containers,
            registries: &reach.surroundings.registries.clone(),
            transport: &mut *reach.transport,
            wire: &mut reach.surroundings,
            host: &mut Here { files: HereFiles },
            now: terminal.now,
            out: if streams { terminal.stdout } else { held },
            err: terminal.stderr,
            answers,
        };
        Ok(cli::docker::run(words, &mut machine))
    }
}
