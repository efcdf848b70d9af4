//! The modules that Trunk does not build: the engine's worker and the shell, added to the page after Trunk's own build.
//!
//! They lie together in one folder whose name carries the hash of its content, so that a browser that cached an older page never
//! mixes versions. `index.html` names that folder in a `meta` element; every other address is relative to the file that uses it.

use crate::failure::Failure;
use crate::{editor, files, process, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How everything that the page loads is compiled.
pub(crate) const PROFILE: &str = "web";
const MARK: &str = "engine/worker.js";
/// What today's compilers emit and every browser since 2023 takes. Naming them keeps wasm-opt from writing what browsers refuse.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Package, and the name its files get in the page.
const MODULES: [(&str, &str); 2] = [("wasm", "engine"), ("shell", "shell")];

/// Builds the modules and puts them into the folder that Trunk is filling. Trunk's `post_build` hook.
pub(crate) fn add_to_page() -> Result<(), Failure> {
    let staging = std::env::var_os("TRUNK_STAGING_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| {
            Failure::new(
                "expected the folder of a Trunk build in TRUNK_STAGING_DIR, found nothing",
                "run `cargo xtask build`; Trunk calls this command",
            )
        })?;
    let index = staging.join("index.html");
    let mut html = files::read(&index)?;
    let engine = add_engine(&staging)?;
    if !html.contains(MARK) {
        return Err(Failure::new(
            format!("expected {MARK:?} in index.html, found none"),
            format!("add <meta name=\"layerlab-engine\" content=\"{MARK}\"> to index.html"),
        ));
    }
    html = html.replace(MARK, &format!("{engine}/worker.js"));
    if let Some(file) = editor::add(&staging)? {
        html = html.replace(editor::MARK, &format!("name=\"layerlab-editor\" content=\"{file}\""));
    }
    files::write(&index, html)
}

/// Builds engine and shell and returns the name of the folder they are in.
fn add_engine(staging: &Path) -> Result<String, Failure> {
    let (wasm, wasm_bindgen, wasm_opt) = tools::for_modules()?;
    let mut cargo = wasm.cargo();
    cargo
        .args([
            "build",
            "--locked",
            "--profile",
            PROFILE,
            "--lib",
            "--target",
            crate::wasm::TARGET,
        ])
        .current_dir(files::root());
    cargo.args(MODULES.iter().flat_map(|(package, _)| ["--package", package]));
    process::run(&mut cargo, "see the compiler's message above")?;

    let work = wasm.target_dir().join("modules");
    files::remove_dir(&work)?;
    for (package, name) in MODULES {
        let built = wasm
            .target_dir()
            .join(crate::wasm::TARGET)
            .join(PROFILE)
            .join(format!("{package}.wasm"));
        let mut bindgen = Command::new(&wasm_bindgen);
        bindgen
            .args([
                "--target",
                "web",
                "--no-typescript",
                "--remove-name-section",
                "--out-name",
                name,
                "--out-dir",
            ])
            .arg(&work)
            .arg(&built);
        process::run(
            &mut bindgen,
            "see wasm-bindgen's message above; its version must be the one in Cargo.lock",
        )?;
        if let Some(wasm_opt) = &wasm_opt {
            optimise(wasm_opt, &work.join(format!("{name}_bg.wasm")))?;
        }
    }
    files::copy(&files::root().join("crates/wasm/worker.js"), &work.join("worker.js"))?;

    let names = ["worker.js", "engine.js", "engine_bg.wasm", "shell.js", "shell_bg.wasm"];
    let contents = names
        .iter()
        .map(|name| files::read_bytes(&work.join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let folder = format!("engine-{}", files::content_hash(contents.iter().map(Vec::as_slice)));
    for (name, bytes) in names.iter().zip(&contents) {
        files::write(&staging.join(&folder).join(name), bytes)?;
    }
    Ok(folder)
}

/// Makes a module smaller. Optimising takes longest of all, so its result is kept beside the hash of what it came from.
pub(crate) fn optimise(wasm_opt: &Path, module: &Path) -> Result<(), Failure> {
    let hash = files::content_hash([files::read_bytes(module)?.as_slice()]);
    let kept = files::target().join("optimised").join(format!("{hash}.wasm"));
    if !kept.is_file() {
        let unfinished = kept.with_extension("unfinished");
        files::create_dir(&files::target().join("optimised"))?;
        let mut command = Command::new(wasm_opt);
        command
            // The second round finds what the first one made equal: 3 KiB of the engine as it is downloaded.
            .args(["-Oz", "-Oz"])
            .args(FEATURES)
            .arg("--output")
            .arg(&unfinished)
            .arg(module);
        process::run(&mut command, "see wasm-opt's message above; its version must be 132")?;
        std::fs::rename(&unfinished, &kept)
            .map_err(|error| Failure::io(format!("could not keep {}", kept.display()), &error))?;
    }
    files::copy(&kept, module)
}
