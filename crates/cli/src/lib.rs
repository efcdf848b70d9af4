//! What Layerlab says on a terminal, the same in the page and natively: progress, excerpts, sizes, as Docker words them.
//!
//! It writes to what it is given and holds no state of its own.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod complete;
pub mod excerpt;
pub mod grammar;
pub mod help;
pub mod progress;
pub mod table;
pub mod template;
pub mod units;
pub mod words;
