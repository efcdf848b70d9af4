//! The walk: a plan becomes layers and an image, one step at a time.
//!
//! A [`Build`] follows a [`planner::Plan`] over [`Sources`]. It asks its [`Cache`] before every step, computes COPY, ADD and
//! WORKDIR itself, and asks an [`Executor`] what a command does. Every step's layer is known when the step is done;
//! [`Build::finish`] makes the image. The keys of the cache are BuildKit's rules, and every [`Miss`] says what differs.
//!
//! It matches on no instruction but the plan's actions, reads no clock, and does no I/O beyond the blob store.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// The walk.
mod build;
mod error;
mod execute;
mod image;
mod make;
mod run;
mod session;
mod sources;
// What comes from the cache, and why not.
mod cache;
mod checksum;
mod content;
mod deps;
mod look;
mod miss;
mod operation;
mod predict;
mod shared;
// Files: the context, and copying.
mod context;
pub mod copy;
mod glob;
mod ignore;
mod owner;
mod pattern;
mod unpack;

pub use build::{Build, Next, StepReport, Tools};
pub use cache::{Cache, Key, Record, Records};
pub use checksum::{Checksums, PlainFile};
pub use context::{Context, ContextError, Entry, EntryKind, MemoryContext, ignore_file, load};
pub use error::{BuildError, BuildErrorKind};
pub use execute::*;
pub use ignore::{Ignore, IgnoreError, Rule, Trail};
pub use image::{Built, Timestamps};
pub use miss::{Miss, Part, Seen};
pub use pattern::{Pattern, PatternError};
pub use predict::{Expected, Prediction};
pub use session::*;
pub use shared::{
    CacheChain, CacheConfig, CacheConfigError, CacheInput, CacheLayer, CacheRecord, CacheResult, Export, ExportMode,
};
pub use sources::{BaseImage, Download, Sources};
