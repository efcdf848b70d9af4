//! The page's machines: two hosts with a shell, files and a Docker daemon each, registries that run on them, and a network between.
//!
//! A [`Lab`] is a value. [`Lab::give`] takes what a person types at a machine's terminal and returns what is shown; what runs is run by a
//! [`Shell`]. Layers, digests and the registry protocol are real; commands, certificates and times are simulated. It opens no socket and
//! reads no clock.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// The machines.
mod files;
mod lab;
mod machine;
mod names;
mod people;
// What is typed, and what comes of it.
mod calls;
mod complete;
mod terminal;
// What lies between the machines.
mod certificate;
mod claims;
mod hub;
mod network;
mod services;
mod wire;

pub use files::PROJECT;
pub use lab::{Lab, Shell, Tools, USER};
pub use machine::Machine;
pub use names::{PLACES, Place};
pub use services::Repository;
pub use terminal::{Input, Shown, Wants};
pub use wire::Exchange;
