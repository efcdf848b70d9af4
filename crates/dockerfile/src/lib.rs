//! The Dockerfile language: text becomes instructions with byte spans, and nothing is ever refused.
//!
//! [`parse`] takes any text and returns a [`Parse`]: the instructions it understood, what is wrong with the rest
//! ([`Diagnostic`]), and a [`Token`] for every byte, for highlighting. [`expand`] replaces variables in a word.
//! The rules and the wording of errors are those of BuildKit's Dockerfile frontend.
//!
//! It does no I/O, has no dependencies, and knows nothing of images.
//!
//! ```
//! use dockerfile::{Kind, parse};
//!
//! let parse = parse("FROM golang:1.12.4 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/app .\n");
//! assert!(parse.diagnostics.is_empty());
//! let Kind::From { image, alias, .. } = &parse.dockerfile.instructions[0].kind else { panic!("FROM comes first") };
//! assert_eq!(image.value, "golang:1.12.4");
//! assert_eq!(alias.as_ref().map(|alias| alias.value.as_str()), Some("build"));
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod ast;
mod diagnostic;

mod directives;
mod duration;
pub mod expand;
mod flags;
mod heredoc;
mod instruction;
mod json;
mod language;
mod lines;
mod parse;
mod problem;
mod quote;
mod render;
mod suggest;
mod tokens;
mod words;

pub use ast::*;
pub use diagnostic::*;
pub use duration::parse_duration;
pub use language::{INSTRUCTIONS, Syntax, Takes};
pub use parse::{first_error, parse, parse_trigger};
pub use quote::quote;
pub use render::render_plain;
pub use suggest::{suggest, suggest_ignoring_case};
