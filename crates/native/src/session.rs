//! What lasts from one build to the next, opened for one of them.

use crate::args::NamedContext;
use crate::cache_file::{self, SaveError};
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::outputs::{OutputError, keep};
use crate::state::{State, default_root};
use crate::terminal::Terminal;
use crate::world::Machine;
use builder::{Cache, Records, Seen};
use engine::StandIn;
use oci::Reference;
use std::path::Path;
use store::Image;

/// The state under `--root`, opened.
pub struct Session {
    /// Whose it is now.
    pub state: State,
    /// Its blobs.
    pub blobs: DiskBlobs,
    /// Its build cache, with what the last build of this project consisted of.
    pub cache: Cache,
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
        let root = match root {
            Some(root) => root.to_owned(),
            None => default_root(terminal.environment)
                .ok_or_else(|| Failure::usage("expected --root, or HOME or XDG_DATA_HOME in the environment"))?,
        };
        let failed = |error: std::io::Error| Failure::new(format!("could not open {}: {error}", root.display()));
        let waiting = format!("waiting for another layerlab that cleans up {}", root.display());
        let state = State::open(&root, || terminal.remark(&waiting)).map_err(failed)?;
        let blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
        let loaded = cache_file::load(&state.cache_file(), &blobs);
        if let Some(warning) = loaded.warning {
            terminal.remark(&format!("warning: {warning}"));
        }
        let project = format!("{project}\0");
        let mut records = loaded.cache.records().clone();
        keep_seen_of(&mut records, &project);
        Ok(Session {
            state,
            blobs,
            cache: Cache::of_records(records),
            project,
        })
    }

    /// The world as this session sees it.
    pub fn world<'a>(&self, contexts: &'a [NamedContext]) -> Machine<'a> {
        Machine {
            contexts,
            lender: self.blobs.lender(),
            stand_in: StandIn::default(),
        }
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
        cache_file::save(&self.state, &records, &mut self.blobs, || terminal.remark(WAITING))
    }

    /// Keeps an image under its names.
    ///
    /// # Errors
    ///
    /// [`OutputError`] if the disk refuses.
    pub fn keep(&mut self, image: &Image, names: &[Reference], terminal: &mut Terminal<'_>) -> Result<(), OutputError> {
        keep(image, names, &self.state, &mut self.blobs, || terminal.remark(WAITING))
    }
}

/// What a person is told if another process takes its time.
const WAITING: &str = "waiting for another layerlab that changes the images";

/// Leaves in `records` what was seen of `project`, under the names it has there.
fn keep_seen_of(records: &mut Records, project: &str) {
    let own = |(place, seen): (String, Seen)| Some((place.strip_prefix(project)?.to_owned(), seen));
    records.seen = std::mem::take(&mut records.seen).into_iter().filter_map(own).collect();
}
