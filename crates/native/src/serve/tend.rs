//! What is done while nobody asks for it: garbage is collected, the journal is kept short.

use super::answer::Shared;
use super::disk::Untagged;
use registry::{CollectionConfig, Level};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the journal is looked at.
const OFTEN: Duration = Duration::from_secs(5);

/// Tends a registry's folder for ever. In memory there is nothing to tend.
pub(super) async fn tend(shared: Arc<Shared>, collection: Option<CollectionConfig>, is_read_only: bool) {
    let mut collected = Instant::now();
    loop {
        tokio::time::sleep(OFTEN).await;
        let Some(disk) = shared.blobs().disk().cloned() else {
            return;
        };
        let due = collection
            .filter(|collection| !is_read_only && collected.elapsed() >= Duration::from_secs(collection.interval_secs));
        if due.is_some() {
            collected = Instant::now();
        }
        let shared = Arc::clone(&shared);
        let done = tokio::task::spawn_blocking(move || {
            if disk.wants_checkpoint()
                && let Err(error) = disk.checkpoint()
            {
                shared.log(Level::Error, &format!("could not shorten the journal: {error}"));
            }
            if let Some(collection) = due {
                collect(&shared, &disk, Duration::from_secs(collection.grace_secs));
            }
        });
        let _ = done.await;
    }
}

fn collect(shared: &Shared, disk: &super::disk::Disk, grace: Duration) {
    match disk.collect(grace, Untagged::Keep) {
        Ok(collected) => {
            shared.metrics.collected(collected.blobs.len() as u64, collected.bytes);
            for (repository, name) in &collected.unreadable {
                let message = format!("garbage of {repository} is kept: its manifest {name} cannot be read");
                shared.log(Level::Warn, &message);
            }
            if !collected.blobs.is_empty() {
                let (count, bytes) = (collected.blobs.len(), collected.bytes);
                let message = format!("deleted {count} blobs that no manifest refers to, {bytes} bytes");
                shared.log(Level::Info, &message);
            }
        }
        Err(error) => shared.log(Level::Error, &format!("could not collect garbage: {error}")),
    }
}
