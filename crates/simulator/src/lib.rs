//! An [`Executor`](builder::Executor) without a machine: a virtual shell over the build's tree.
//!
//! Shell syntax and text filters come from `bashkit`; files, owners, users, mounts, package managers and compilers are
//! modelled here. What a command leaves behind is plausible, never exact: every outcome says
//! [`Fidelity::Simulated`](builder::Fidelity::Simulated).
//!
//! Not here: processes, networks, clocks. Commands end at once and say how long they would have taken; packages come
//! from recipes under `recipes/`; a program that has no model says so and does nothing.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(clippy::unnecessary_wraps, reason = "every command has one signature")]
#![allow(clippy::format_push_string, reason = "the texts are short")]

mod command;
mod commands;
mod drive;
mod lasting;
mod packages;
mod session;
mod shell;
mod simulator;
mod vfs;
mod world;

pub use simulator::Simulator;
