//! Building the page with Trunk.

use crate::failure::Failure;
use crate::tools::PageTools;
use crate::{files, process};
use std::path::Path;
use std::process::Command;

/// Builds the page in release mode into `dist/`.
pub(crate) fn build(tools: &PageTools) -> Result<(), Failure> {
    let root = files::root();
    println!("page: building in release mode");
    // Trunk passes --offline on to cargo, so that the crates must be here before.
    let mut fetch = tools.wasm.cargo();
    fetch.args(["fetch", "--quiet", "--locked"]).current_dir(&root);
    process::run(
        &mut fetch,
        "cargo needs to reach crates.io; if Cargo.lock is out of date, run `cargo metadata` and commit it",
    )?;

    let dirs = tools.path_dirs()?;
    let dirs: Vec<&Path> = dirs.iter().map(AsRef::as_ref).collect();
    let mut trunk = Command::new(&tools.trunk);
    tools.wasm.apply(&mut trunk);
    trunk
        .args(["build", "--release", "--offline=true", "--skip-version-check"])
        .current_dir(&root);
    trunk.env("PATH", process::path_with(&dirs));
    // Trunk reads NO_COLOR as a boolean and refuses the usual values.
    trunk.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    process::run(
        &mut trunk,
        "see the first error above; the sources of the page are index.html, web/ and crates/",
    )?;
    println!("page: in {}", root.join("dist").display());
    Ok(())
}
