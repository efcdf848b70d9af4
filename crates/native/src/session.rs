//! What lasts from one build to the next, opened for one of them.

use crate::args::NamedContext;
use crate::cache_file::{self, SaveError};
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::images;
use crate::input::Input;
use crate::known_files::KnownFiles;
use crate::state::{State, default_root};
use crate::terminal::Terminal;
use crate::world::{FolderContext, Machine};
use builder::{Built, Cache, Fidelity, Records, Seen};
use engine::{Daemon, Prepared, Request, StandIn, StepImages, World};
use oci::Reference;
use std::path::{Path, PathBuf};
use store::Layer;

/// The state under `--root`, opened.
pub struct Session {
    /// Whose it is now.
    pub state: State,
    /// Its blobs.
    pub blobs: DiskBlobs,
    /// Its build cache, with what the last build of this project consisted of.
    pub cache: Cache,
    /// What is known of the files of contexts.
    pub known: KnownFiles,
    /// What is kept of it already.
    loaded: Records,
    /// Says which project this is.
    project: String,
}

impl Session {
    /// Opens the folder that `--root` names, or the default one, for a build of `project`. A cache that is lost is remarked upon.
    ///
    /// All projects share what the cache has; what changed since the last build is told for each on its own.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no such folder and none can be made.
    pub fn open(root: Option<&Path>, project: &str, terminal: &mut Terminal<'_>) -> Result<Session, Failure> {
        let root = root_of(root, terminal)?;
        let failed = |error: std::io::Error| Failure::new(format!("could not open {}: {error}", root.display()));
        let waiting = format!("waiting for another layerlab that cleans up {}", root.display());
        let state = State::open(&root, || terminal.remark(&waiting)).map_err(failed)?;
        let blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
        let loaded = cache_file::load(&state.cache_file(), &blobs);
        if let Some(warning) = loaded.warning {
            terminal.remark(&format!("warning: {warning}"));
        }
        let project = format!("{project}\0");
        let loaded = loaded.cache.records().clone();
        let mut records = loaded.clone();
        keep_seen_of(&mut records, &project);
        let known = KnownFiles::load(&state.known_files());
        Ok(Session {
            state,
            blobs,
            cache: Cache::of_records(records),
            known,
            loaded,
            project,
        })
    }

    /// The world as this session sees it.
    pub fn world<'a>(&self, contexts: &'a [NamedContext]) -> Machine<'a> {
        Machine {
            contexts,
            lender: self.blobs.lender(),
            known: self.known.clone(),
            stand_in: StandIn::default(),
        }
    }

    /// The context that `input` names.
    pub fn context(&self, input: &Input) -> FolderContext {
        FolderContext {
            folder: input.folder.clone(),
            ignore: input.ignore.clone(),
            lender: self.blobs.lender(),
            known: self.known.clone(),
        }
    }

    /// Everything before the first step. What is known of the files of contexts by then need not be read again for their cache keys.
    ///
    /// # Errors
    ///
    /// As [`engine::prepare`].
    pub fn prepare(&mut self, request: Request<'_>, world: &mut dyn World) -> Result<Prepared, engine::Failure> {
        let prepared = engine::prepare(request, world, &mut self.blobs)?;
        self.known.tell(self.cache.checksums_mut());
        Ok(prepared)
    }

    /// Goes on without what a preview has made, which is not real. It stays on disk until something real takes its place.
    pub fn forget_simulated(&mut self) {
        // The same step has the same name, whether it was simulated or not: what is real must count as new.
        keep_real(&mut self.loaded);
        let mut records = self.cache.records().clone();
        keep_real(&mut records);
        self.cache = Cache::of_records(records);
    }

    /// Keeps what the cache learned, beside what other processes learned meanwhile.
    ///
    /// # Errors
    ///
    /// [`SaveError`] if the disk refuses.
    pub fn save(&mut self, terminal: &mut Terminal<'_>) -> Result<(), SaveError> {
        let mut records = self.cache.records().clone();
        let own = records
            .seen
            .into_iter()
            .map(|(place, seen)| (format!("{}{place}", self.project), seen));
        records.seen = own.collect();
        // Without it the next build reads more.
        self.known.learn(self.cache.checksums());
        let _ = self.known.save(&self.state.known_files());
        cache_file::save(&self.state, &self.loaded, &records, &mut self.blobs, || {
            terminal.remark(WAITING);
        })?;
        self.loaded = records;
        Ok(())
    }

    /// Keeps what a build made, under `names`, with the images of this machine.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the disk refuses; then no name has changed.
    pub fn keep(&mut self, built: &Built, names: &[Reference], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let (before, mut after) = (Daemon::default(), Daemon::default());
        after
            .add_built(built, names, StepImages::Drop, terminal.now, &mut self.blobs)
            .map_err(Failure::new)?;
        images::keep(&before, &after, &mut self.blobs).map_err(Failure::new)?;
        let changing = self.state.change(|| terminal.remark(WAITING)).map_err(Failure::new)?;
        images::change(&self.state, &changing, &before, &after, &self.blobs).map_err(Failure::new)
    }
}

/// The folder that `--root` names, or the default one.
///
/// # Errors
///
/// [`Failure`] if there is neither.
pub fn root_of(root: Option<&Path>, terminal: &Terminal<'_>) -> Result<PathBuf, Failure> {
    let root = match root {
        Some(root) => root.to_owned(),
        None => default_root(terminal.environment).ok_or_else(|| {
            Failure::usage("expected --root, or LAYERLAB_ROOT, HOME or XDG_DATA_HOME in the environment")
        })?,
    };
    // The keepers of containers work in another folder than whoever types.
    std::path::absolute(&root).map_err(|error| Failure::usage(format!("--root {}: {error}", root.display())))
}

/// What a person is told if another process takes its time.
pub const WAITING: &str = "waiting for another layerlab that changes the images";

fn keep_real(records: &mut Records) {
    records.results.retain(|_, record| {
        record.fidelity == Fidelity::Exact && !record.layer.as_ref().is_some_and(Layer::is_simulated)
    });
    records.rewritten.retain(|_, layer| !layer.is_simulated());
}

/// Leaves in `records` what was seen of `project`, under the names it has there.
fn keep_seen_of(records: &mut Records, project: &str) {
    let own = |(place, seen): (String, Seen)| Some((place.strip_prefix(project)?.to_owned(), seen));
    records.seen = std::mem::take(&mut records.seen).into_iter().filter_map(own).collect();
}
