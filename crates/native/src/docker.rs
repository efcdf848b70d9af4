//! The commands of the `docker` command language on this machine's images and volumes.
//!
//! A command works on a [`Daemon`] that is read before it and whose changes are written after it; what it says is said when they are
//! durable. Commands that only name and remove things have the images to themselves while they work; those that take long do not.

mod ask;
mod host;
mod plugged;

use crate::cache_file;
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::images;
use crate::session::{WAITING, root_of};
use crate::state::{Changing, State};
use crate::terminal::Terminal;
use crate::volumes;
use builder::Cache;
use cli::docker::Outcome;
use cli::grammar::{Effect, Flag, Kind, Verb};
use cli::program::Program;
use cli::words::{Answer, Call, parse_for};
use engine::Daemon;
use host::{Here, HereFiles};

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
pub fn run(words: &[String], terminal: &mut Terminal<'_>) -> Result<u8, Failure> {
    let call = match parse_for(&PROGRAM, words) {
        Ok(call) => call,
        Err(answer) => return say(&answer, terminal),
    };
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
            Outcome::Lasts { .. } | Outcome::Interactive { .. } => {
                return Err(Failure::new(
                    "expected a command that ends, found one that waits for a container",
                ));
            }
        }
    }
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
        | Verb::VolumeRm => Manner::Alone,
        Verb::ImageLoad | Verb::ImageImport | Verb::Pull | Verb::Push | Verb::Build | Verb::Commit => Manner::Adds,
        _ => Manner::Reads,
    }
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
    verb: Verb,
}

impl Machine {
    fn open(root: &std::path::Path, call: &Call, terminal: &mut Terminal<'_>) -> Result<Machine, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("could not open {}: {error}", root.display()));
        let waiting = format!("waiting for another layerlab that cleans up {}", root.display());
        let state = State::open(root, || terminal.remark(&waiting)).map_err(failed)?;
        let blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
        Ok(Machine {
            state,
            blobs,
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
        let had_records = !cache.records().results.is_empty();
        let mut daemon = before.clone();
        // What is said is believed: it waits until what it says is durable.
        let mut held = Vec::new();
        let outcome = self.call(words, answers, (&mut daemon, &mut cache), (&mut held, terminal))?;
        if matches!(outcome, Outcome::Asks { .. }) {
            flush(&held, terminal)?;
            return Ok(outcome);
        }
        if manner != Manner::Reads && daemon != before {
            images::keep(&before, &daemon, &mut self.blobs).map_err(Failure::new)?;
            let changing = match changing {
                Some(changing) => changing,
                None => self.change(terminal)?,
            };
            images::change(&self.state, &changing, &before, &daemon, &self.blobs).map_err(Failure::new)?;
            volumes::change(&self.state, &changing, &before, &daemon).map_err(Failure::new)?;
            if had_records && cache.records().results.is_empty() {
                cache_file::clear(&self.state, &changing).map_err(Failure::new)?;
            }
        }
        flush(&held, terminal)?;
        Ok(outcome)
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

fn flush(held: &[u8], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    terminal.print(&String::from_utf8_lossy(held))
}
