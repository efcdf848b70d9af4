//! The world as the shell and its commands share it, and what they want of those outside.

use super::{Errno, Result, World};
use builder::{Answer, Echo, HostCall};
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// What a command asks of the session's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To run a program. Output and files are filled in when it is told.
    Call(Box<HostCall>),
    /// For a line of the terminal.
    Text {
        /// What the command wrote to standard error before.
        said: String,
        prompt: String,
        echo: Echo,
    },
}

/// What a run still wants, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) digests: Vec<Digest>,
    pub(crate) missing: BTreeSet<Digest>,
    asks: VecDeque<(u64, Asked)>,
    answers: BTreeMap<u64, Answer>,
    n_asks: u64,
    wakers: Vec<Waker>,
}

/// A [`World`] that the shell and its commands share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    wanted: Arc<Mutex<Wanted>>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Shared {
        Shared {
            world: Arc::new(Mutex::new(world)),
            wanted: Arc::default(),
        }
    }

    /// The world. Never held across an `await`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets everything that waits look again.
    pub(crate) fn wake(&self) {
        let wakers = std::mem::take(&mut self.wanted().wakers);
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits until the driver has fetched `digest`. `Err` if no store has it.
    pub(crate) async fn fetch(&self, digest: Digest) -> Result<()> {
        std::future::poll_fn(|cx| {
            if self.lock().bytes.contains_key(&digest) {
                return Poll::Ready(Ok(()));
            }
            let mut wanted = self.wanted();
            if wanted.missing.contains(&digest) {
                return Poll::Ready(Err(Errno::NotSimulated));
            }
            if !wanted.digests.contains(&digest) {
                wanted.digests.push(digest);
            }
            wanted.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Does `work`, fetching what it needs and trying again. `work` must read before it writes.
    pub(crate) async fn with<T>(&self, mut work: impl FnMut(&mut World) -> Result<T>) -> Result<T> {
        loop {
            let result = work(&mut self.lock());
            match result {
                Err(Errno::Need(digest)) => self.fetch(digest).await?,
                other => return other,
            }
        }
    }

    /// Asks the host and waits for its answer.
    pub(crate) async fn ask(&self, asked: Asked) -> Answer {
        let number = {
            let mut wanted = self.wanted();
            wanted.n_asks += 1;
            let number = wanted.n_asks;
            wanted.asks.push_back((number, asked));
            number
        };
        std::future::poll_fn(|cx| {
            let mut wanted = self.wanted();
            if let Some(answer) = wanted.answers.remove(&number) {
                return Poll::Ready(answer);
            }
            wanted.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Whether something is asked that has not been told.
    pub(crate) fn asks(&self) -> bool {
        !self.wanted().asks.is_empty()
    }

    /// What is asked first, with its number. It counts as told.
    pub(crate) fn asked(&self) -> Option<(u64, Asked)> {
        self.wanted().asks.pop_front()
    }

    /// Answers what was asked under `number`.
    pub(crate) fn answer(&self, number: u64, answer: Answer) {
        self.wanted().answers.insert(number, answer);
    }
}
