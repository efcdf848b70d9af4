//! Processes with a filesystem of their own: what a RUN and a container are on Linux.
//!
//! A [`Spec`] says what is to be run, in which filesystem and with which rights; [`spawn`] starts it in namespaces of its own and
//! returns a [`Child`]. The program that uses this crate calls [`init`] first thing in `main`: the process is started by running
//! the program itself once more, so that nothing but one thread exists when namespaces are made.
//!
//! It knows nothing of images, layers and Dockerfiles.

mod error;
mod processes;
mod spawn;
mod spec;
mod stubs;

mod cgroup;
mod child;
mod isolation;
mod message;
mod own_program;
mod protocol;
mod seccomp;
mod system;
mod user_namespace;

pub use child::init;
pub(crate) use child::start_time;
pub use error::SandboxError;
pub use processes::{Process, pause, processes, unpause};
pub use spawn::{Child, Ended, How, Stdio, Usage, exec_in, spawn};
pub use spec::*;
pub use stubs::{Stub, remove_stubs};
pub use user_namespace::{Entered, enter_user_namespace};
