//! What the cases are built with and compared by.

mod script;
mod show;
mod world;

pub(crate) use show::{config, history, layers, steps};
pub(crate) use world::{World, fill};
