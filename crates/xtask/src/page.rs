//! Building the page with Trunk.

use crate::failure::Failure;
use crate::tools::PageTools;
use crate::{files, process};
use std::path::Path;
use std::process::Command;

/// Folders whose change leaves the page as it is: programs and tests, and what building puts beside the sources.
const NOT_IN_THE_PAGE: [&str; 7] = [
    "native",
    "sandbox",
    "probe",
    "tests",
    "benches",
    "generated",
    "node_modules",
];

/// Builds the page in release mode into `dist/`, unless it is there and made of the sources as they stand.
pub(crate) fn build(tools: &PageTools) -> Result<(), Failure> {
    let root = files::root();
    let stamp = files::target().join("page.stamp");
    let made_of = sources(tools)?;
    if is_made_of(&made_of, &stamp) {
        println!("page: there ({})", root.join("dist").display());
        return Ok(());
    }
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
    files::write(&stamp, format!("{made_of} {}", hash_of(&root.join("dist"), &[])?))?;
    println!("page: in {}", root.join("dist").display());
    Ok(())
}

/// True if the page was last made of these sources, and has not been touched since.
fn is_made_of(sources: &str, stamp: &Path) -> bool {
    let Ok(made) = hash_of(&files::root().join("dist"), &[]) else {
        return false;
    };
    files::read(stamp).is_ok_and(|stamp| stamp == format!("{sources} {made}"))
}

/// One name for all that the page is made of: its sources, those of its crates, the versions of its dependencies and its compiler.
fn sources(tools: &PageTools) -> Result<String, Failure> {
    let root = files::root();
    let mut all = vec![format!("{:?}", tools.wasm)];
    for file in ["index.html", "Trunk.toml", "Cargo.toml", "Cargo.lock"] {
        all.push(files::content_hash([files::read_bytes(&root.join(file))?.as_slice()]));
    }
    for folder in ["web", "crates"] {
        all.push(hash_of(&root.join(folder), &NOT_IN_THE_PAGE)?);
    }
    Ok(files::content_hash(all.iter().map(String::as_bytes)))
}

fn hash_of(folder: &Path, without: &[&str]) -> Result<String, Failure> {
    let contents = files::contents(folder, without)?;
    let parts = contents
        .iter()
        .flat_map(|(path, bytes)| [path.as_os_str().as_encoded_bytes(), bytes]);
    Ok(files::content_hash(parts))
}
