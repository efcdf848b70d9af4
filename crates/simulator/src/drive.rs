//! Driving the shell's futures on one thread: to their end, or until they ask for something; and feeding them the bytes they want.

use crate::world::Shared;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use store::{BlobStore, StoreError};

/// How often a future may stop without asking for bytes before it counts as stuck, where nobody could wake it.
const MAX_IDLE_POLLS: u32 = 10_000;
/// How long a future may take at a time, where time passes: far longer than the shell's own limits let it run.
#[cfg(not(target_family = "wasm"))]
const MAX_WAIT: std::time::Duration = std::time::Duration::from_mins(5);

/// Why a future did not end.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// A blob is there and cannot be read.
    Store(StoreError),
    /// It waits for something that will not happen here.
    Waiting,
    /// It came to a program that does not end.
    Lasting,
}

/// How far a future came.
#[derive(Debug)]
pub(crate) enum Advance<T> {
    /// It is done.
    Done(T),
    /// It has asked something, see [`Shared::asked`].
    Asks,
}

/// Polls `future` until it is done. Whenever it waits for blobs, they are read from `blobs` and it goes on.
pub(crate) fn complete<T>(shared: &Shared, blobs: &dyn BlobStore, future: impl Future<Output = T>) -> Result<T, Stuck> {
    match Driver::new().advance(shared, blobs, pin!(future))? {
        Advance::Done(done) => Ok(done),
        // Nobody is there to answer.
        Advance::Asks => Err(Stuck::Waiting),
    }
}

/// What polls one future. It lives as long as the future: on an operating system the shell's timers belong to it.
#[derive(Debug)]
pub(crate) struct Driver {
    #[cfg(not(target_family = "wasm"))]
    runtime: Option<tokio::runtime::Runtime>,
}

impl Driver {
    /// Goes on with `future` until it is done or asks for something that is no blob.
    pub(crate) fn advance<T>(
        &self,
        shared: &Shared,
        blobs: &dyn BlobStore,
        mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>,
    ) -> Result<Advance<T>, Stuck> {
        let mut n_idle = 0;
        let driven = std::future::poll_fn(move |cx: &mut Context<'_>| {
            loop {
                shared.wake();
                if let Poll::Ready(done) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Advance::Done(done)));
                }
                if shared.lock().lasting.is_some() {
                    return Poll::Ready(Err(Stuck::Lasting));
                }
                match supply(shared, blobs) {
                    Ok(0) if shared.asks() => return Poll::Ready(Ok(Advance::Asks)),
                    // On an operating system another thread may be at work for the shell, and wakes it when done.
                    Ok(0) if cfg!(not(target_family = "wasm")) => return Poll::Pending,
                    Ok(0) => {
                        n_idle += 1;
                        if n_idle > MAX_IDLE_POLLS {
                            return Poll::Ready(Err(Stuck::Waiting));
                        }
                    }
                    Ok(_) => n_idle = 0,
                    Err(error) => return Poll::Ready(Err(Stuck::Store(error))),
                }
            }
        });
        self.block_on(driven)
    }
}

/// Hands over what is wanted; returns how many blobs that was.
fn supply(shared: &Shared, blobs: &dyn BlobStore) -> Result<usize, StoreError> {
    let digests = std::mem::take(&mut shared.wanted().digests);
    for digest in &digests {
        match blobs.get(digest) {
            Ok(bytes) => shared.lock().supply(*digest, bytes),
            Err(StoreError::Missing { .. }) => {
                shared.wanted().missing.insert(*digest);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(digests.len())
}

/// On an operating system bashkit needs tokio: it reads its clock, and lets a thread parse what `sh -c` is given.
#[cfg(not(target_family = "wasm"))]
impl Driver {
    pub(crate) fn new() -> Driver {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without I/O needs nothing that could fail");
        Driver { runtime: Some(runtime) }
    }

    fn block_on<T>(&self, future: impl Future<Output = Result<T, Stuck>>) -> Result<T, Stuck> {
        let runtime = self.runtime.as_ref().ok_or(Stuck::Waiting)?;
        let result = runtime.block_on(async { tokio::time::timeout(MAX_WAIT, future).await });
        result.unwrap_or(Err(Stuck::Waiting))
    }
}

#[cfg(not(target_family = "wasm"))]
impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Without waiting for a thread that still parses.
            runtime.shutdown_background();
        }
    }
}

/// In WebAssembly one poll is enough: `advance` loops until the future is done, asks or is stuck.
#[cfg(target_family = "wasm")]
impl Driver {
    pub(crate) fn new() -> Driver {
        Driver {}
    }

    #[allow(clippy::unused_self, reason = "elsewhere it has a runtime")]
    fn block_on<T>(&self, future: impl Future<Output = Result<T, Stuck>>) -> Result<T, Stuck> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match pin!(future).as_mut().poll(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(Stuck::Waiting),
        }
    }
}
