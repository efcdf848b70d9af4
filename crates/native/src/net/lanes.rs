//! Several layers at once: a thread, a client and a connection for each, and one thread that tells of all of them.

mod fetch;
mod gzip;
mod push;
mod remembered;
mod side;

use super::Sockets;
use crate::disk::DiskBlobs;
use registry::client::{Fetching, Host, Lanes, Pushing, RegistryError};
use side::Side;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use store::{BlobStore, Image, Layer, LayerError, StoreError};

/// How many layers are fetched at once, as with Docker.
const N_FETCHED: usize = 3;
/// How many layers are pushed at once, as with Docker.
const N_PUSHED: usize = 5;

/// Moves layers between registries and the store at a folder.
pub(super) struct DiskLanes {
    /// Another transport is made of it for each thread.
    pub(super) sockets: Sockets,
    /// The store's folder.
    pub(super) layout: PathBuf,
}

/// What one thread works with.
struct Lane<'l> {
    sockets: Sockets,
    side: Side<'l>,
    /// A handle of the store for the layers' blobs.
    blobs: DiskBlobs,
    /// Another one for what is in them, which is written at the same time.
    files: DiskBlobs,
}

impl Lanes for DiskLanes {
    fn fetch(&mut self, work: &Fetching<'_>, host: &mut dyn Host) -> Result<Vec<Layer>, RegistryError> {
        self.side_by_side(work.layers, N_FETCHED, host, |wanted, lane| {
            fetch::fetch(wanted, work, lane)
        })
    }

    fn push(&mut self, work: &Pushing<'_>, host: &mut dyn Host) -> Result<u64, RegistryError> {
        let sent = self.side_by_side(work.layers, N_PUSHED, host, |layer, lane| push::push(layer, work, lane))?;
        Ok(sent.iter().sum())
    }

    fn gzip(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<Image, LayerError> {
        gzip::image(image, &self.layout, blobs)
    }
}

impl DiskLanes {
    /// Does `work` for each of `items`, `n_lanes` at a time, each in a thread with a transport of its own. Events and questions go to
    /// `host`, in this thread. The first failure ends the rest.
    fn side_by_side<I: Sync, T: Send>(
        &self,
        items: &[I],
        n_lanes: usize,
        host: &mut dyn Host,
        work: impl Fn(&I, &mut Lane<'_>) -> Result<T, RegistryError> + Sync,
    ) -> Result<Vec<T>, RegistryError> {
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Mutex<Vec<Option<T>>> = Mutex::new(items.iter().map(|_| None).collect());
        let (sender, receiver) = mpsc::channel();
        let failure = std::thread::scope(|scope| {
            for _ in 0..n_lanes.min(items.len()) {
                let side = Side::new(sender.clone(), &is_over, self.sockets.shared.patience.pause);
                let (next, done, work) = (&next, &done, &work);
                scope.spawn(move || {
                    let failing = side.clone();
                    if let Err(error) = self.lane(items, next, done, side, work) {
                        failing.fail(error);
                    }
                });
            }
            drop(sender);
            side::serve(&receiver, host, &is_over)
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(done.into_iter().flatten().collect())
    }

    fn lane<I, T>(
        &self,
        items: &[I],
        next: &AtomicUsize,
        done: &Mutex<Vec<Option<T>>>,
        side: Side<'_>,
        work: &impl Fn(&I, &mut Lane<'_>) -> Result<T, RegistryError>,
    ) -> Result<(), RegistryError> {
        let mut lane = Lane {
            sockets: self.sockets.another().map_err(StoreError::Source)?,
            side,
            blobs: DiskBlobs::open(&self.layout).map_err(StoreError::Source)?,
            files: DiskBlobs::open(&self.layout).map_err(StoreError::Source)?,
        };
        while !lane.side.is_over() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            let result = work(item, &mut lane)?;
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done[at] = Some(result);
        }
        // Once for all layers of this lane: from here on other handles of the store see what was kept.
        lane.blobs.sync().map_err(StoreError::Source)?;
        lane.files.sync().map_err(StoreError::Source)?;
        Ok(())
    }
}
