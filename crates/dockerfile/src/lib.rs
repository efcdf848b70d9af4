//! The Dockerfile language: text becomes instructions with byte spans, and nothing is ever refused.
//!
//! [`parse`] takes any text and returns a [`Parse`]: the instructions it understood, what is wrong with the rest
//! ([`Diagnostic`]), and a [`Token`] for every byte, for highlighting. [`expand`] replaces variables in a word.
//! The rules and the wording of errors are those of BuildKit's Dockerfile frontend.
//!
//! It does no I/O, has no dependencies, and knows nothing of images.

mod ast;
mod diagnostic;

pub use ast::*;
pub use diagnostic::*;
