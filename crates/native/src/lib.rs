//! The edges of `layerlab` on a machine: command line, files, terminal.
//!
//! What a build is, is decided in the pure crates; here their values meet folders, archives, locks and terminals.

#![forbid(unsafe_code)]

// The commands.
pub mod advising;
pub mod check;
pub mod docker;
pub mod preview;
pub mod serve;
// What a person says.
pub mod args;
pub mod input;
pub mod request;
pub mod terminal;
// What lies on disk.
pub mod atomic;
pub mod cache_file;
pub mod disk;
pub mod files;
pub mod folder;
pub mod images;
pub mod ingest;
pub mod layers;
pub mod layout;
pub mod net;
pub mod outputs;
pub mod placed;
pub mod records;
pub mod session;
pub mod state;
pub mod volumes;
pub mod world;
// What a person sees.
pub mod checks;
pub mod failure;
pub mod report;
pub mod rows;
pub mod walk;

pub use cli::{excerpt, progress, units};

#[cfg(test)]
mod testing;
