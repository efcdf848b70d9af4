//! The compiler for WebAssembly: rustup's where it can be had, else Debian's with a standard library built here.

use crate::failure::Failure;
use crate::{files, machine, process};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
const CHOICE: &str = "LAYERLAB_WASM";
const LINKER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A toolchain that compiles for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The compiler that everything else is built with.
    Rustup,
    /// Debian's `rustc-web`, with this linker. It is another compiler, so its output lies in a folder of its own.
    Debian {
        /// `wasm-ld` of the LLVM that the compiler was built with.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Makes `command`, a cargo or something that calls one, use this toolchain.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("CARGO_TARGET_DIR", self.target_dir());
        match self {
            Toolchain::Rustup => {
                command.env(CHOICE, "rustup").env_remove(LINKER);
            }
            Toolchain::Debian { linker } => {
                command
                    .env(CHOICE, "debian")
                    .env(LINKER, linker)
                    .env("RUSTUP_TOOLCHAIN", "debian");
            }
        }
    }

    /// Where its output goes.
    pub(crate) fn target_dir(&self) -> PathBuf {
        let target = files::target();
        match self {
            Toolchain::Rustup => target,
            Toolchain::Debian { .. } if target.ends_with("wasm") => target,
            Toolchain::Debian { .. } => target.join("wasm"),
        }
    }

    /// A cargo of this toolchain.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        self.apply(&mut command);
        command
    }
}

/// The toolchain, installed if need be.
pub(crate) fn toolchain() -> Result<Toolchain, Failure> {
    let choice = std::env::var(CHOICE).unwrap_or_default();
    match choice.as_str() {
        "rustup" => return rustup_ready().or_else(rustup_install).ok_or_else(no_rustup),
        "debian" => return debian_ready().map_or_else(debian_install, Ok),
        "" => {}
        other => {
            return Err(Failure::new(
                format!("expected rustup or debian in {CHOICE}, found {other:?}"),
                format!("unset {CHOICE} to let this command choose"),
            ));
        }
    }
    if let Some(ready) = rustup_ready().or_else(debian_ready) {
        println!("WebAssembly compiler: there ({})", name(&ready));
        return Ok(ready);
    }
    println!("WebAssembly compiler: asking rustup for {TARGET}");
    if let Some(ready) = rustup_install() {
        return Ok(ready);
    }
    println!("WebAssembly compiler: rustup has none to give; taking Debian's, with a standard library built here");
    debian_install()
}

fn name(toolchain: &Toolchain) -> &'static str {
    match toolchain {
        Toolchain::Rustup => "rustup",
        Toolchain::Debian { .. } => "Debian's rustc-web",
    }
}

fn no_rustup() -> Failure {
    Failure::new(
        format!("rustup could not install the target {TARGET}"),
        format!("run `rustup target add {TARGET}` to see why, or unset {CHOICE}"),
    )
}

fn rustup_ready() -> Option<Toolchain> {
    links(&mut Command::new("rustc")).then_some(Toolchain::Rustup)
}

fn rustup_install() -> Option<Toolchain> {
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET]).env("RUSTUP_MAX_RETRIES", "1");
    process::run(&mut add, "").ok()?;
    rustup_ready()
}

fn debian_ready() -> Option<Toolchain> {
    let linker = debian_linker()?;
    let mut rustc = Command::new(DEBIAN_RUSTC);
    rustc.arg("-C").arg(format!("linker={}", linker.display()));
    let known = process::succeeds(Command::new("rustc").args(["+debian", "--version"]));
    (known && links(&mut rustc)).then_some(Toolchain::Debian { linker })
}

/// The linker that belongs to the LLVM of Debian's compiler.
fn debian_linker() -> Option<PathBuf> {
    let linker = PathBuf::from(format!("/usr/bin/wasm-ld-{}", debian_llvm()?));
    linker.is_file().then_some(linker)
}

fn debian_llvm() -> Option<String> {
    let version = process::output(Command::new(DEBIAN_RUSTC).arg("-vV"))?;
    let llvm = version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    Some(llvm.split('.').next()?.to_owned())
}

/// True if `rustc` makes a module that uses the standard library. Asked of the real thing, so that a half-installed or outdated
/// library counts as none.
fn links(rustc: &mut Command) -> bool {
    let dir = std::env::temp_dir().join(format!("layerlab-probe-{}", std::process::id()));
    let source = dir.join("probe.rs");
    let text = "#[unsafe(no_mangle)] pub extern \"C\" fn probe() -> usize { std::vec::Vec::<u8>::with_capacity(9).capacity() }";
    if files::write(&source, text).is_err() {
        return false;
    }
    rustc
        .args(["--edition", "2024", "--crate-type", "cdylib", "--target", TARGET, "-o"])
        .arg(dir.join("probe.wasm"))
        .arg(&source);
    let done = process::succeeds(rustc);
    // Left-over probes in the temporary folder do no harm.
    let _ = files::remove_dir(&dir);
    done
}

fn debian_install() -> Result<Toolchain, Failure> {
    let advice = "see the message above; with access to Rust's servers, `rustup target add wasm32-unknown-unknown` is all it takes";
    if !Path::new(DEBIAN_RUSTC).is_file() || !Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir() {
        machine::apt_install(&["rustc-web", "cargo-web", "rust-web-src"])?;
    }
    if debian_linker().is_none() {
        let llvm =
            debian_llvm().ok_or_else(|| Failure::new(format!("{DEBIAN_RUSTC} does not say its version"), advice))?;
        machine::apt_install(&[&format!("lld-{llvm}")])?;
    }
    let mut link = Command::new("rustup");
    process::run(link.args(["toolchain", "link", "debian", "/usr"]), advice)?;
    if debian_ready().is_none() {
        install_standard_library(advice)?;
    }
    debian_ready().ok_or_else(|| Failure::new("Debian's compiler still makes no WebAssembly module", advice))
}

fn install_standard_library(advice: &str) -> Result<(), Failure> {
    println!("WebAssembly standard library: building it from source, about a minute");
    let dir = files::cache().join("wasm-std");
    files::remove_dir(&dir)?;
    files::write(
        &dir.join("Cargo.toml"),
        "[workspace]\n[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n",
    )?;
    files::write(&dir.join("src/lib.rs"), "#![no_std]\n")?;
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo.args([
        "build",
        "-q",
        "--release",
        "-Zbuild-std=std,panic_abort,test",
        "--target",
        TARGET,
    ]);
    cargo
        .current_dir(&dir)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", dir.join("target"));
    process::run(&mut cargo, advice)?;

    let built = dir.join("target").join(TARGET).join("release/deps");
    let rlibs = std::fs::read_dir(&built)
        .map_err(|error| Failure::io(format!("could not read {}", built.display()), &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "rlib"))
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("libempty"))
        });
    let home = format!("/usr/lib/rustlib/{TARGET}/lib");
    let by_hand = format!("copy the .rlib files of {} to {home} as root", built.display());
    process::run(machine::as_root("rm", &by_hand)?.args(["-rf", &home]), &by_hand)?;
    process::run(machine::as_root("mkdir", &by_hand)?.args(["-p", &home]), &by_hand)?;
    process::run(machine::as_root("cp", &by_hand)?.args(rlibs).arg(&home), &by_hand)?;
    files::remove_dir(&dir)
}
