//! What is known of a registry's folder, in memory: its records, and which bytes somebody counts on.

use oci::Digest;
use registry::Tables;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What is known. Locked for moments, never over a sync.
pub(super) struct Books {
    pub(super) tables: Tables,
    /// Blobs whose files were not synced and whose bytes stand in no entry of the journal yet.
    pub(super) fresh: BTreeMap<Digest, Arc<[u8]>>,
    /// Blobs that have files and no links.
    pub(super) loose: BTreeSet<Digest>,
    /// When a blob was last asked for by somebody who may be about to link to it.
    touched: BTreeMap<Digest, Duration>,
}

impl Books {
    pub(super) fn new(tables: Tables) -> Books {
        Books {
            tables,
            fresh: BTreeMap::new(),
            loose: BTreeSet::new(),
            touched: BTreeMap::new(),
        }
    }

    /// Somebody counts on this blob from now on, for a while.
    pub(super) fn touch(&mut self, content: Digest, now: Duration) {
        self.touched.insert(content, now);
    }

    /// Whether nobody asked for this blob since `time`. What was never asked for counts from the start.
    pub(super) fn is_idle(&self, content: &Digest, time: Duration) -> bool {
        self.touched.get(content).copied().unwrap_or_default() < time
    }

    /// Forgets who asked before `time`: it makes no difference any more.
    pub(super) fn forget(&mut self, time: Duration) {
        self.touched.retain(|_, at| *at >= time);
    }

    /// Whether the blob's bytes are or will be durable, as far as we know.
    pub(super) fn knows(&self, content: &Digest) -> bool {
        self.tables.links_to(content) > 0 || self.fresh.contains_key(content)
    }
}
