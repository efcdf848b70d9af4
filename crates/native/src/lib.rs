//! The edges of `layerlab` on a machine: command line, files, terminal.
//!
//! What a build is, is decided in the pure crates; here their values meet folders, archives, locks and terminals.

#![forbid(unsafe_code)]

pub mod args;
pub mod atomic;
pub mod checks;
pub mod disk;
pub mod excerpt;
pub mod failure;
pub mod files;
pub mod folder;
pub mod input;
pub mod layout;
pub mod progress;
pub mod report;
pub mod request;
pub mod state;
pub mod units;

#[cfg(test)]
mod testing;
