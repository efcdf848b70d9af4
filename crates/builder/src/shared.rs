//! What builds on different machines share of their caches, in the form in which BuildKit writes it.
//!
//! A [`CacheConfig`] says which results there are, what leads to them, and in which layers they are. [`Build::export`] writes one of a
//! build that is done; [`Build::wanted`] says which layers of one this build may use; [`Cache::import`] takes them in.
//!
//! The form is BuildKit's, and so are the rules and what operations are called: a cache that BuildKit wrote leads to the same results
//! here, and this one there.
//!
//! Source: BuildKit, `cache/remotecache/v1` (`doc.go`, `spec.go`, `parse.go`), `cache/remotecache/import.go`.

mod config;
mod export;
mod import;

pub use config::{CacheChain, CacheConfig, CacheConfigError, CacheInput, CacheLayer, CacheRecord, CacheResult};
pub use export::{Export, ExportMode};

#[cfg(doc)]
use crate::{Build, Cache};
