//! What lasts from one build to the next, opened for one of them.

use crate::args::NamedContext;
use crate::cache_file::{self, SaveError};
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::state::{State, default_root};
use crate::terminal::Terminal;
use crate::world::Machine;
use builder::{Cache, Records, Seen};
use engine::StandIn;
use std::collections::BTreeMap;
use std::path::Path;

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
    /// What the last builds of other projects consisted of.
    elsewhere: BTreeMap<String, Seen>,
}

/// So many steps of other projects are remembered.
const MAX_ELSEWHERE: usize = 20_000;

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
        let waiting = format!("waiting for another layerlab that uses {}", root.display());
        let state = State::open(&root, || terminal.remark(&waiting)).map_err(failed)?;
        let blobs = DiskBlobs::open(&state.layout()).map_err(failed)?;
        let loaded = cache_file::load(&state.cache_file(), &blobs);
        if let Some(warning) = loaded.warning {
            terminal.remark(&format!("warning: {warning}"));
        }
        let project = format!("{project}\0");
        let mut records = loaded.cache.records().clone();
        let elsewhere = set_aside(&mut records, &project);
        Ok(Session {
            state,
            blobs,
            cache: Cache::of_records(records),
            project,
            elsewhere,
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

    /// Keeps what the cache learned.
    ///
    /// # Errors
    ///
    /// [`SaveError`] if the disk refuses.
    pub fn save(&mut self) -> Result<(), SaveError> {
        let mut records = self.cache.records().clone();
        let own = records
            .seen
            .into_iter()
            .map(|(place, seen)| (format!("{}{place}", self.project), seen));
        let elsewhere = self.elsewhere.clone().into_iter().take(MAX_ELSEWHERE);
        records.seen = own.chain(elsewhere).collect();
        cache_file::save(&self.state.cache_file(), &records, &mut self.blobs)
    }
}

/// Leaves in `records` what was seen of `project`, under the names it has there, and returns what was seen of others.
fn set_aside(records: &mut Records, project: &str) -> BTreeMap<String, Seen> {
    let mut elsewhere = BTreeMap::new();
    for (place, seen) in std::mem::take(&mut records.seen) {
        match place.strip_prefix(project) {
            Some(own) => {
                records.seen.insert(own.to_owned(), seen);
            }
            None => {
                elsewhere.insert(place, seen);
            }
        }
    }
    elsewhere
}
