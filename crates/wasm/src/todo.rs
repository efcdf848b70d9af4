//! What the engine tells the worker to do.
#![allow(
    clippy::float_cmp,
    reason = "wasm-bindgen's own code compares the number that JavaScript gives"
)]

use wasm_bindgen::prelude::wasm_bindgen;

/// What the worker does next.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// Wait for a message.
    Nothing,
    /// Call [`Engine::step`] again.
    Step,
    /// Load the shell, give it to [`Engine::attach_shell`], then call [`Engine::step`] again.
    LoadShell,
}
