//! What lasts from one build to the next, opened for one of them.

use crate::args::NamedContext;
use crate::cache_file::{self, SaveError};
use crate::disk::DiskBlobs;
use crate::failure::Failure;
use crate::state::{State, default_root};
use crate::terminal::Terminal;
use crate::world::Machine;
use builder::Cache;
use engine::StandIn;
use std::path::Path;

/// The state under `--root`, opened.
pub struct Session {
    /// Whose it is now.
    pub state: State,
    /// Its blobs.
    pub blobs: DiskBlobs,
    /// Its build cache.
    pub cache: Cache,
}

impl Session {
    /// Opens the folder that `--root` names, or the default one. A cache that is lost is remarked upon.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no such folder and none can be made.
    pub fn open(root: Option<&Path>, terminal: &mut Terminal<'_>) -> Result<Session, Failure> {
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
        Ok(Session {
            state,
            blobs,
            cache: loaded.cache,
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
        cache_file::save(&self.state.cache_file(), self.cache.records(), &mut self.blobs)
    }
}
