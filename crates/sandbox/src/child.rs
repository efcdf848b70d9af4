//! The helper process: it becomes a sandbox, and waits for it.

mod devices;
mod exec;
mod first_process;
mod masks;
mod mounts;
mod namespaces;
mod network;
mod overlay;
mod rights;
mod root;
mod start;
mod supervise;
mod tree;

pub(crate) use self::masks::{MASKED_PROC, MASKED_SYS, READ_ONLY_PROC};
pub(crate) use self::namespaces::start_time;
pub(crate) use self::rights::capabilities;
pub(crate) use self::tree::{Kind, Tree, open_inside};

use crate::own_program::HELPER_NAME;
use crate::system;

/// Does the helper process's work and does not return, if this process was started as one; otherwise does nothing.
///
/// A program that uses [`crate::spawn`] calls it first thing in `main`, before it makes a thread. A user who starts the program
/// under the helper's name gets nothing by it: it does what it is told over its standard input, with the rights that it has.
pub fn init() {
    if std::env::args_os().next().is_some_and(|name| name == HELPER_NAME) {
        system::exit(supervise::run());
    }
}
