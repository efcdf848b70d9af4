//! A run's request and outcome, and a session's turns, as bytes between the engine's module and the shell's.
//!
//! The two modules share no memory. What travels is metadata and digests; the bytes of files stay where they are, and new ones come back
//! with the outcome. Each side holds an end of the wire, and both ends remember the tree that passed last, so that a run sends only
//! the directories that differ from it. Knows nothing of JavaScript: it is bytes in and bytes out.
//!
//! ```
//! # use builder::{Fidelity, Purpose, RunOutcome, RunRequest};
//! # use store::{Time, Tree};
//! # use wire::{EngineEnd, ShellEnd};
//! # let request = RunRequest { argv: vec!["true".into()], env: vec![], cwd: "/".into(), user: String::new(), mounts: vec![], network: false, now: Time::default(), purpose: Purpose::Build, stdin: vec![], hostname: String::new() };
//! # let tree = Tree::new();
//! let (mut engine, mut shell) = (EngineEnd::default(), ShellEnd::default());
//! let call = engine.send(&request, &tree)?;
//! let (asked, over) = shell.receive(&call)?;
//! assert_eq!((&asked, &over), (&request, &tree));
//! # let outcome = RunOutcome { tree: over, caches: vec![], exit: 0, lasting: None, output: vec![], millis: 1, fidelity: Fidelity::Simulated };
//! let answer = shell.send(&Ok(outcome.clone()), &[b"a new file".to_vec()])?;
//! let answered = engine.receive(&answer)?;
//! assert_eq!(answered.result.expect("the run went well"), outcome);
//! assert_eq!(answered.blobs, [b"a new file"]);
//! # Ok::<(), wire::WireError>(())
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod ends;
mod run;
mod session;
mod tree;

pub use ends::{Answered, EngineEnd, ShellEnd, Told};
pub use session::SessionAsk;

/// Why bytes could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// They are not what the other end sends.
    #[error("expected a message of the other module, found something else: {0}")]
    Message(#[from] postcard::Error),
    /// The sender left out what the receiver does not have.
    #[error("expected the tree that passed last at both ends, found different ones")]
    OutOfStep,
    /// Directories lie deeper in each other than any filesystem allows.
    #[error("expected at most {limit} directories inside each other, found more")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A name in a tree is no name.
    #[error(transparent)]
    Tree(#[from] store::TreeError),
}
