//! The commands of `docker`, typed on a workstation with a daemon and registries, all in memory.

mod archives;
mod builds;
mod containers;
mod course;
mod images;
mod registries;
mod support;
mod system;
