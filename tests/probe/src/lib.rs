//! What the engine is measured with, natively and in WebAssembly: recorded builds and sample projects, through the crates of the product.
//!
//! [`samples`] has the projects whose speed is measured, [`CachedPreview`] the one figure of them that needs the page's side. In
//! WebAssembly there is also a recorder, which builds what BuildKit built, so that both can be compared, and all of it is given to
//! JavaScript.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

#[cfg(target_arch = "wasm32")]
mod node;
mod page;
#[cfg(target_arch = "wasm32")]
mod recorder;
pub mod samples;
#[cfg(target_arch = "wasm32")]
mod wired;

pub use page::CachedPreview;
