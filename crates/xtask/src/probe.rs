//! The engine as a module for Node: recorded cases and figures in WebAssembly.

use crate::failure::Failure;
use crate::{files, modules, process, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the recorded cases lie, if they lie beside the repository.
const CASES: &str = "../shared/parity";

/// Builds the module as the page's are built, and makes it small as they are made; returns the file for JavaScript to load.
pub(crate) fn as_in_the_page() -> Result<PathBuf, Failure> {
    let module = build()?;
    if let (_, _, Some(wasm_opt)) = tools::for_modules()? {
        modules::optimise(&wasm_opt, &module.with_file_name("probe_bg.wasm"))?;
    }
    Ok(module)
}

/// Builds the module with the page's compiler and profile, and leaves it at that: its answers are the same.
fn build() -> Result<PathBuf, Failure> {
    let (wasm, wasm_bindgen, _) = tools::for_modules()?;
    tools::node()?;
    let mut cargo = wasm.cargo();
    cargo.args(["build", "--quiet", "--locked", "--profile", modules::PROFILE, "--lib"]);
    cargo
        .args(["--target", crate::wasm::TARGET, "--package", "probe"])
        .current_dir(files::root());
    process::run(&mut cargo, "see the compiler's message above")?;
    let built = wasm
        .target_dir()
        .join(crate::wasm::TARGET)
        .join(modules::PROFILE)
        .join("probe.wasm");
    let dir = wasm.target_dir().join("probe");
    let mut bindgen = Command::new(&wasm_bindgen);
    bindgen
        .args([
            "--target",
            "nodejs",
            "--no-typescript",
            "--out-name",
            "probe",
            "--out-dir",
        ])
        .arg(&dir)
        .arg(&built);
    process::run(
        &mut bindgen,
        "see wasm-bindgen's message above; its version must be the one in Cargo.lock",
    )?;
    Ok(dir.join("probe.js"))
}

/// `cargo xtask recorded [FOLDER]`: builds what BuildKit built, in WebAssembly, and says how many agree.
pub(crate) fn recorded(folder: Option<&str>) -> Result<(), Failure> {
    let folder = files::root().join(folder.unwrap_or(CASES));
    if !folder.join("cases").is_dir() {
        return Err(Failure::new(
            format!("expected recorded cases in {}, found none", folder.display()),
            "name the folder that has cases/, rebuilds/ and bases/; the project's own cases run in `cargo xtask test wasm`",
        ));
    }
    let module = build()?;
    let mut node = script("recorded.mjs", &module);
    node.arg(&folder);
    process::run(&mut node, "see Node's message above")
}

/// Node with one of the scripts of `tests/node` and the module.
pub(crate) fn script(name: &str, module: &Path) -> Command {
    let mut node = Command::new("node");
    node.arg(files::root().join("tests/node").join(name)).arg(module);
    node
}
