//! From a request to a build: reads the Dockerfile, loads the context, finds what it takes from outside, plans.
//!
//! [`prepare`] does all that comes before the first step and returns a [`Prepared`] with a [`builder::Build`] in it. What a build takes
//! from outside its context (base images, downloads) it asks of a [`World`]; [`StandIn`] is one without a network.
//! [`check`] and [`check_text`] say what BuildKit's build checks find.
//!
//! It prints nothing, opens nothing and knows no command line.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod check;
mod failure;
mod named;
mod prepare;
mod stand_in;
mod world;

pub use check::{check, check_text};
pub use failure::Failure;
pub use named::context_name;
pub use prepare::{Prepared, Request, prepare};
pub use stand_in::StandIn;
pub use world::{Outside, World, WorldError};
