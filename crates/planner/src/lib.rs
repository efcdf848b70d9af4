//! Plans builds: stages, scopes, reachability and steps, without seeing a byte of any file.
//!
//! [`needs`] says which base images must be known, [`plan`] turns a parsed Dockerfile and [`Options`] into a [`Plan`]: the
//! steps that change filesystems, each with all it depends on, and the configuration and history of every stage. The rules
//! and the wording of errors are those of BuildKit's Dockerfile frontend. [`explain`] puts an instruction into words.
//!
//! ```
//! use planner::{Known, Options, needs, plan};
//!
//! let file = dockerfile::parse("FROM scratch\nCOPY a b /c/\n").dockerfile;
//! let options = Options::new(oci::Platform::linux_amd64());
//! let known = Known::new();
//! assert!(needs(&file, &options, &known).unwrap().images.is_empty());
//! let plan = plan(&file, &options, &known).unwrap();
//! assert_eq!(plan.steps[0].text, "COPY a b /c/");
//! assert_eq!(plan.stages[0].history[0].created_by, "COPY a b /c/ # buildkit");
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// In and out.
mod options;
mod order;
mod plan;
mod prepare;
// Stages and what they take from which.
mod place;
mod states;
// One stage after the other.
mod assemble;
mod definition;
mod instructions;
mod lines;
mod mount_target;
mod mounts;
mod run;
mod scope;
mod transfer;
// What BuildKit warns of.
pub mod checks;
// The words of instructions.
pub mod chmod;
mod effect;
mod env;
mod explain;
pub mod path;
mod platform;
mod ports;
mod print;
mod suggest;
mod words;

pub use effect::{Effect, effect};
pub use env::Env;
pub use explain::explain;
pub use mounts::{MOUNT_FIELDS, MOUNT_TYPES};
pub use options::{ImageName, Known, NoCache, Options, Reach, Resolved};
pub use plan::*;
pub use prepare::{NeededImage, Needs, missing_images, needs, plan};
