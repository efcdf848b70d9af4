//! What a daemon does with images, containers and volumes.

mod archives;
mod containers;
mod copying;
mod images;
mod inspect;
mod laws;
mod layers;
mod mounts;
mod removal;
mod runtime;
mod support;
mod time_passes;
