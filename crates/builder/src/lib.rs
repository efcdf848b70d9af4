//! The walk: a plan becomes layers and an image, one step at a time.

mod checksum;
mod execute;
mod ignore;
mod pattern;

pub use checksum::Checksums;
pub use execute::*;
pub use ignore::{Ignore, IgnoreError, Rule};
pub use pattern::{Pattern, PatternError};
