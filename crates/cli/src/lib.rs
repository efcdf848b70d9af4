//! What is typed and said on a terminal, the same in the page and natively: the `docker` command language.
//!
//! [`docker::run`] executes the words of a command line against a daemon. [`grammar`] is the table of commands that [`words`] parses by,
//! [`help`] prints and [`complete`] completes from; [`table`] and [`template`] make what lists and `--format` print.
//!
//! It writes to what it is given and holds no state of its own.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod complete;
pub mod docker;
pub mod excerpt;
pub mod grammar;
pub mod help;
pub mod program;
pub mod progress;
pub mod table;
pub mod template;
mod ulimit;
pub mod units;
pub mod words;

pub use ulimit::{Ulimit, UlimitError};
