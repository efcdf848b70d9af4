//! Driving the shell's futures to their end on one thread, and feeding them the bytes they ask for.

use crate::world::Shared;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use store::{BlobStore, StoreError};

/// How often a future may stop without asking for bytes before it counts as stuck, where nobody could wake it.
const MAX_IDLE_POLLS: u32 = 10_000;
/// How long a future may take altogether, where time passes: far longer than the shell's own limits let it run.
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

/// Polls `future` until it is done. Whenever it waits for blobs, they are read from `blobs` and it goes on.
pub(crate) fn complete<T>(shared: &Shared, blobs: &dyn BlobStore, future: impl Future<Output = T>) -> Result<T, Stuck> {
    let mut future = pin!(future);
    let mut n_idle = 0;
    let driven = std::future::poll_fn(move |cx: &mut Context<'_>| {
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if shared.lock().lasting.is_some() {
                return Poll::Ready(Err(Stuck::Lasting));
            }
            match supply(shared, blobs) {
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
    block_on(driven)
}

/// Hands over what is wanted; returns how many blobs that was.
fn supply(shared: &Shared, blobs: &dyn BlobStore) -> Result<usize, StoreError> {
    let (digests, wakers) = {
        let mut wanted = shared.wanted();
        (std::mem::take(&mut wanted.digests), std::mem::take(&mut wanted.wakers))
    };
    for digest in &digests {
        match blobs.get(digest) {
            Ok(bytes) => shared.lock().supply(*digest, bytes),
            Err(StoreError::Missing { .. }) => {
                shared.wanted().missing.insert(*digest);
            }
            Err(error) => return Err(error),
        }
    }
    for waker in wakers {
        waker.wake();
    }
    Ok(digests.len())
}

/// On an operating system bashkit needs tokio: it reads its clock, and lets a thread parse what `sh -c` is given.
#[cfg(not(target_family = "wasm"))]
fn block_on<T>(future: impl Future<Output = Result<T, Stuck>>) -> Result<T, Stuck> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O needs nothing that could fail");
    let result = runtime.block_on(async { tokio::time::timeout(MAX_WAIT, future).await });
    runtime.shutdown_background();
    result.unwrap_or(Err(Stuck::Waiting))
}

/// In WebAssembly one poll is enough: `complete` loops until the future is done or stuck.
#[cfg(target_family = "wasm")]
fn block_on<T>(future: impl Future<Output = Result<T, Stuck>>) -> Result<T, Stuck> {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    match pin!(future).as_mut().poll(&mut cx) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Stuck::Waiting),
    }
}
