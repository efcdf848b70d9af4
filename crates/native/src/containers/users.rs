//! Containers without root: all commands and keepers of a root folder share one namespace of users, so that each may join what another
//! has made.
//!
//! The namespace lives as long as a process in it. A command looks for one: a keeper, or the command that made the namespace last and
//! whose keeper may not be there yet. Only if there is none it makes one.

use super::Containers;
use super::status::{Identity, Status};
use crate::atomic;
use oci::Time;
use sandbox::{Entered, SandboxError};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// In the root folder: held while somebody looks for a namespace or makes one.
const LOCK: &str = "users.lock";
/// In the root folder: who made one last.
const MAKER: &str = "users.json";

/// Makes the program root in the namespace of users of the containers under `root`, if it is not root anyway: see
/// [`sandbox::enter_user_namespace`].
///
/// # Errors
///
/// As there; and [`SandboxError::System`] if the folder cannot be used.
pub fn enter(root: &Path) -> Result<Entered, SandboxError> {
    if rustix::process::geteuid().is_root() {
        return sandbox::enter_user_namespace();
    }
    let failed = |error: io::Error| SandboxError::System {
        doing: format!("open {}", root.display()),
        errno: error.raw_os_error().unwrap_or_default(),
    };
    fs::create_dir_all(root).map_err(failed)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join(LOCK))
        .map_err(failed)?;
    // Let go of when the program is run again in its namespace.
    lock.lock().map_err(failed)?;
    for process in inhabitants(root) {
        // One that has just ended is none; what it left may be joined through another one.
        let _ = sandbox::join_user_namespace(process.pid);
    }
    sandbox::enter_user_namespace_noting(&mut || {
        let own = serde_json::to_vec(&Identity::own()?)?;
        atomic::write_file(&root.join(MAKER), &own)
    })
}

/// Processes that are alive in the namespace.
fn inhabitants(root: &Path) -> Vec<Identity> {
    let maker = fs::read(root.join(MAKER)).ok();
    let maker = maker.and_then(|bytes| serde_json::from_slice::<Identity>(&bytes).ok());
    let containers = Containers::new(root, root, Time::default());
    let ids = containers.ids().unwrap_or_default();
    let keepers = ids.iter().filter_map(|id| {
        let status = Status::read(&containers.folder_of(id)).ok().flatten();
        status.map(|status| status.keeper)
    });
    maker.into_iter().chain(keepers).filter(Identity::is_alive).collect()
}
