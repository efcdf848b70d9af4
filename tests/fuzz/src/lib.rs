//! What must hold of any bytes: one check for each reader of foreign text, each of which panics if it does not hold.
//!
//! The fuzz targets call them with what they think of, `tests/corpus.rs` with what was kept of that.

mod dockerfile;
mod documents;
mod ignore;
mod layer_tar;
mod reference;

pub use dockerfile::dockerfile;
pub use documents::json;
pub use ignore::ignore;
pub use layer_tar::layer_tar;
pub use reference::reference;
