//! The end: asked to stop, what is under way is finished first.

use crate::failure::Failure;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Tells when to stop; every connection has one.
pub(super) type Stopping = watch::Receiver<bool>;

/// The signals that ask to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens for them from now on, inside of a runtime.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the system does not let us.
    pub(super) fn new() -> Result<Signals, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error: io::Error| Failure::new(format!("could not listen for signals: {error}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one; its name and what a shell says of a program that it ended.
    pub(super) async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
            _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
        }
    }
}

/// Waits until it is time to stop.
pub(super) async fn asked(stopping: &mut Stopping) {
    // Without a sender there is nobody left to wait for.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}
