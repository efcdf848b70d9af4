//! The page's side of the engine: one project, what a build of it would do, the build, and what is in the image.
//!
//! [`Workbench::handle`] answers every [`Ask`] but a build. A build is begun by [`Workbench::start`] and walked by [`Workbench::step`], one
//! step a call, so that its host can let other messages through in between and fetch what [`Workbench::next`] says it needs.
//! It does no I/O and reads no clock: the time is an argument.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use builder::Executor;
use messages::{Answer, Ask, Options};
use store::Time;

/// What the next [`Workbench::step`] will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// No build is going on.
    Idle,
    /// A step that needs no executor, or the end of the build.
    Step,
    /// A command will run: the executor is needed.
    Execute,
}

/// One project and what was built of it.
#[derive(Debug, Default)]
pub struct Workbench {}

impl Workbench {
    /// An empty project with an empty cache.
    pub fn new() -> Workbench {
        Workbench::default()
    }

    /// What the worker says first.
    pub fn ready(&self) -> Answer {
        Answer::Ready { version: env!("CARGO_PKG_VERSION").to_owned(), images: Vec::new() }
    }

    /// Answers everything but [`Ask::Build`], which is begun like [`Workbench::start`].
    pub fn handle(&mut self, _ask: Ask, _now: Time) -> Vec<Answer> {
        Vec::new()
    }

    /// Begins a build. What it answers comes before the first step; if it cannot begin, the last answer is [`Answer::Failed`].
    pub fn start(&mut self, _options: &Options, _now: Time) -> Vec<Answer> {
        Vec::new()
    }

    /// What the next step will do.
    pub fn next(&self) -> Next {
        Next::Idle
    }

    /// Walks one step. The last step's last answer is [`Answer::Built`] or [`Answer::Failed`]; then [`Workbench::next`] is idle.
    pub fn step(&mut self, _executor: &mut dyn Executor) -> Vec<Answer> {
        Vec::new()
    }

    /// Gives the running build up; answers [`Answer::Failed`] if there was one.
    pub fn cancel(&mut self) -> Vec<Answer> {
        Vec::new()
    }
}
