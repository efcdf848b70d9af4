//! From a request to a build: reads the Dockerfile, loads the context, finds what it takes from outside, plans.
//!
//! [`prepare`] does all that comes before the first step and returns a [`Prepared`] with a [`builder::Build`] in it. What a build takes
//! from outside its context (base images, downloads) it asks of a [`World`]; [`StandIn`] is one without a network.
//! [`check`] and [`check_text`] say what BuildKit's build checks find.
//!
//! [`Daemon`] is one machine's Docker: images, containers and volumes as a value, and every operation on them.
//!
//! It prints nothing, opens nothing and knows no command line.
//!
//! ```
//! use engine::{Daemon, Force, Parents};
//! use oci::{ImageConfig, Platform, Time};
//! use store::{Image, MemoryBlobs};
//!
//! let (mut daemon, mut blobs) = (Daemon::default(), MemoryBlobs::default());
//! let config = ImageConfig { platform: Platform::linux_amd64(), ..ImageConfig::default() };
//! let id = daemon.add_image(Image::new(config, Vec::new()), builder::Fidelity::Exact, &mut blobs).unwrap();
//! daemon.tag(&id.short(), &"app:1".parse().unwrap(), Time::of_secs(0)).unwrap();
//! assert_eq!(daemon.image("app:1").unwrap().id, id);
//! let removed = daemon.remove_image("app:1", Force::No, Parents::Prune).unwrap();
//! assert_eq!(removed[0].to_string(), "Untagged: app:1");
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

// Builds.
mod check;
mod failure;
mod local;
mod named;
mod prepare;
mod stand_in;
mod world;
// What becomes of their images.
mod daemon;

pub use check::{check, check_text};
pub use daemon::*;
pub use failure::Failure;
pub use local::LocalImages;
pub use named::context_name;
pub use prepare::{Prepared, Request, prepare};
pub use stand_in::StandIn;
pub use world::{Outside, World, WorldError};
