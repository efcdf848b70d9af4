//! The edges of `layerlab` on a machine: command line, files, terminal.
//!
//! What a build is, is decided in the pure crates; here their values meet folders, archives, locks and terminals.

#![forbid(unsafe_code)]

// The commands.
pub mod advising;
pub mod build;
pub mod check;
pub mod completion;
pub mod containers;
pub mod docker;
pub mod fsck;
pub mod job;
pub mod manual;
pub mod play;
pub mod preview;
#[cfg(feature = "remote")]
pub mod remote;
pub mod serve;
// What a person says.
pub mod args;
pub mod input;
pub mod request;
pub mod terminal;
// What lies on disk.
pub mod atomic;
pub mod beyond;
mod both_sums;
pub mod cache_file;
pub mod collect;
pub mod disk;
pub mod executor;
pub mod files;
pub mod folder;
pub mod git;
mod hashed;
pub mod http_date;
pub mod images;
pub mod ingest;
pub mod known_files;
mod large_file;
pub mod layers;
pub mod layout;
pub mod lender;
mod live_logs;
pub mod logins;
pub mod net;
pub mod network;
#[cfg(feature = "s3")]
pub mod objects;
pub mod outputs;
pub mod outside;
mod packs;
pub mod placed;
pub mod records;
pub mod references;
pub mod session;
mod shared_caches;
pub mod snapshots;
pub mod state;
pub mod volumes;
pub mod world;
// What a person sees.
pub mod checks;
pub mod comparison;
pub mod failure;
pub mod report;
pub mod rows;
pub mod walk;

pub use cli::{excerpt, progress, units};

#[cfg(test)]
mod testing;
