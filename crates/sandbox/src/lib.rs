//! Processes with a filesystem of their own: what a RUN and a container are on Linux.
//!
//! A [`Spec`] says what is to be run, in which filesystem and with which rights; [`spawn`] starts it in namespaces of its own and
//! returns a [`Child`]. The program that uses this crate calls [`init`] first thing in `main`: the process is started by running
//! the program itself once more, so that nothing but one thread exists when namespaces are made. A program that is not root calls
//! [`enter_user_namespace`] next, and is root in a namespace from there on.
//!
//! ```ignore
//! fn main() {
//!     sandbox::init();
//!     let entered = sandbox::enter_user_namespace()?;   // nothing to do for root
//!     println!("{}\n{entered}", sandbox::Isolation::detect());
//!     let child = sandbox::spawn(&spec, sandbox::Stdio::default())?;
//!     let beside = sandbox::exec_in(&child.running, &exec, sandbox::Stdio::default())?;
//!     let stubs = child.stubs.clone();
//!     let ended = child.wait()?;                         // all of it has ended, nothing is mounted
//!     sandbox::remove_stubs(&upper, &stubs)?;
//! }
//! ```
//!
//! Three processes take part: the caller; a helper, which is the caller's program once more and stays outside of the sandbox; and
//! the sandbox's first process, which the helper starts and which becomes the program that was asked for. The helper's death is
//! the sandbox's, and the caller's is too, unless the [`Spec`] says otherwise.
//!
//! It needs Linux 5.12 or later. A sandbox of root's trusts the kernel and its filter as Docker's do: the capability `SYS_ADMIN`,
//! given by name, is as good as being root on the machine. It knows nothing of images, layers and Dockerfiles.

mod error;
mod isolation;
mod processes;
mod spawn;
mod spec;
mod stubs;

mod cgroup;
mod child;
mod message;
pub mod oci;
mod own_program;
mod protocol;
mod seccomp;
mod system;
mod user_namespace;

pub use child::init;
pub(crate) use child::start_time;
pub use error::SandboxError;
pub use isolation::{Isolation, Limiting, RootIs, Storage};
pub use processes::{Process, pause, processes, unpause};
pub use spawn::{Child, Ended, How, Stdio, Usage, exec_in, spawn};
pub use spec::*;
pub use stubs::{Stub, remove_stubs};
pub use user_namespace::{Entered, enter_user_namespace, enter_user_namespace_noting, join_user_namespace};
