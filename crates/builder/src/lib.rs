//! The walk: a plan becomes layers and an image, one step at a time.

mod execute;

pub use execute::*;
