//! The programs that building and testing the page takes, in the versions that fit each other.

use crate::failure::Failure;
use crate::wasm::{self, Toolchain};
use crate::{files, machine, process};
use std::path::{Path, PathBuf};
use std::process::Command;

const TRUNK: &str = "0.21.14";
const BINARYEN: &str = "132";
/// Oldest Node that runs the tests and the packages they use.
const NODE_MAJOR: u32 = 18;

/// What the page is built with.
#[derive(Debug)]
pub(crate) struct PageTools {
    /// The compiler.
    pub(crate) wasm: Toolchain,
    /// Trunk's program.
    pub(crate) trunk: PathBuf,
    /// wasm-bindgen's program; its version is the library's.
    pub(crate) wasm_bindgen: PathBuf,
    /// Binaryen's optimiser, where npm could bring it.
    pub(crate) wasm_opt: Option<PathBuf>,
}

impl PageTools {
    /// Folders to put first on `PATH`, so that Trunk finds these tools and fetches none of its own.
    pub(crate) fn path_dirs(&self) -> Result<Vec<PathBuf>, Failure> {
        let wasm_opt = match &self.wasm_opt {
            Some(file) => file.clone(),
            None => stand_in_for_wasm_opt()?,
        };
        let dirs = [&self.wasm_bindgen, &wasm_opt, &self.trunk].map(|file| file.parent().map(Path::to_owned));
        Ok(dirs.into_iter().flatten().collect())
    }
}

/// Finds or installs what building the page takes.
pub(crate) fn for_page() -> Result<PageTools, Failure> {
    Ok(PageTools {
        wasm: wasm::toolchain()?,
        wasm_bindgen: cargo_tool(
            "wasm-bindgen",
            "wasm-bindgen-cli",
            &wasm_bindgen_version()?,
            &[],
            "five minutes",
        )?,
        trunk: cargo_tool(
            "trunk",
            "trunk",
            TRUNK,
            &["--locked", "--no-default-features", "--features", "rustls"],
            "six minutes",
        )?,
        wasm_opt: wasm_opt()?,
    })
}

/// The same without Trunk, for the modules that Trunk does not build.
pub(crate) fn for_modules() -> Result<(Toolchain, PathBuf, Option<PathBuf>), Failure> {
    let wasm_bindgen = cargo_tool(
        "wasm-bindgen",
        "wasm-bindgen-cli",
        &wasm_bindgen_version()?,
        &[],
        "five minutes",
    )?;
    Ok((wasm::toolchain()?, wasm_bindgen, wasm_opt()?))
}

/// What the browser tests run with.
#[derive(Debug)]
pub(crate) struct BrowserTools {
    /// Chromium's program.
    pub(crate) chromium: PathBuf,
}

/// Finds or installs Node, Chromium and the tests' packages.
pub(crate) fn for_browser() -> Result<BrowserTools, Failure> {
    node()?;
    npm_ci(&files::root().join("tests/browser"))?;
    Ok(BrowserTools { chromium: chromium()? })
}

/// Finds or installs what native tests are held against: clients of registries, a root filesystem in one file, another runtime.
pub(crate) fn for_wire() -> Result<(), Failure> {
    install(&[
        ("busybox", "busybox-static"),
        ("curl", "curl"),
        ("newuidmap", "uidmap"),
        ("openssl", "openssl"),
        ("runc", "runc"),
        ("skopeo", "skopeo"),
        ("slirp4netns", "slirp4netns"),
    ])
}

/// Finds or installs Docker, whose daemon the tests start themselves, and what a power cut takes. False where they could not.
pub(crate) fn for_peers() -> Result<bool, Failure> {
    let is_root = process::output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if !is_root || !cfg!(target_os = "linux") {
        return Ok(false);
    }
    install(&[
        ("buildah", "buildah"),
        ("debootstrap", "debootstrap"),
        ("docker-registry", "docker-registry"),
        ("dockerd", "docker.io"),
        ("htpasswd", "apache2-utils"),
        ("ip", "iproute2"),
        ("mkfs.xfs", "xfsprogs"),
        ("strace", "strace"),
        ("umoci", "umoci"),
    ])?;
    Ok(true)
}

/// Installs the packages whose programs are missing.
pub(crate) fn install(programs: &[(&str, &str)]) -> Result<(), Failure> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| process::find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("{}: installing", missing.join(", "));
    machine::apt_install(&missing)
}

/// Makes sure that `cargo SUBCOMMAND` is there, from a component of the toolchain.
pub(crate) fn component(name: &str, subcommand: &str) -> Result<(), Failure> {
    if process::succeeds(Command::new("cargo").args([subcommand, "--version"])) {
        return Ok(());
    }
    println!("{name}: installing");
    let advice = format!("install {name} for the toolchain in use; without rustup, take your system's package");
    process::run(Command::new("rustup").args(["component", "add", name]), &advice)
}

/// True if npm is there; the page can be built without it.
pub(crate) fn has_npm() -> bool {
    process::find("npm").is_some() && node_major().is_some_and(|major| major >= NODE_MAJOR)
}

/// The program of a crate in exactly `version`: one on `PATH`, one installed earlier, or one installed now.
fn cargo_tool(program: &str, package: &str, version: &str, flags: &[&str], time: &str) -> Result<PathBuf, Failure> {
    let home = files::cache().join(format!("{package}-{version}"));
    let own = home.join("bin").join(program);
    let candidates = process::find(program).into_iter().chain([own.clone()]);
    for file in candidates {
        if reported_version(&file).as_deref() == Some(version) {
            println!("{program} {version}: there");
            return Ok(file);
        }
    }
    println!("{program} {version}: installing, about {time} on two cores");
    let mut install = Command::new("cargo");
    install
        .args(["install", "--quiet", package, "--version", version])
        .args(flags)
        .arg("--root")
        .arg(&home);
    install
        .env("CARGO_TARGET_DIR", home.join("build"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    let advice = "cargo needs to reach crates.io; see its message above";
    process::run(&mut install, advice)?;
    files::remove_dir(&home.join("build"))?;
    if reported_version(&own).as_deref() == Some(version) {
        Ok(own)
    } else {
        Err(Failure::new(
            format!("{} does not report version {version}", own.display()),
            advice,
        ))
    }
}

/// The last word of the first line that `--version` prints.
fn reported_version(program: &Path) -> Option<String> {
    let text = process::output(Command::new(program).arg("--version"))?;
    text.lines().next()?.split_whitespace().nth(1).map(str::to_owned)
}

/// wasm-bindgen's version as `Cargo.lock` has it: program and library must be the same.
fn wasm_bindgen_version() -> Result<String, Failure> {
    let lock = files::read(&files::root().join("Cargo.lock"))?;
    locked_version(&lock, "wasm-bindgen").ok_or_else(|| {
        Failure::new(
            "Cargo.lock does not name wasm-bindgen",
            "run `cargo metadata` once, so that cargo completes Cargo.lock",
        )
    })
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"').map(str::to_owned)
}

/// Binaryen's `wasm-opt`, from npm: Debian's is too old to read what wasm-bindgen writes.
fn wasm_opt() -> Result<Option<PathBuf>, Failure> {
    let home = files::cache().join(format!("binaryen-{BINARYEN}"));
    let own = home.join("node_modules/.bin/wasm-opt");
    for file in process::find("wasm-opt").into_iter().chain([own.clone()]) {
        let version = process::output(Command::new(&file).arg("--version")).unwrap_or_default();
        if version.contains(&format!("version_{BINARYEN}")) {
            println!("wasm-opt {BINARYEN}: there");
            return Ok(Some(file));
        }
    }
    if !has_npm() {
        println!("wasm-opt {BINARYEN}: not there, and no npm to bring it: the page will be larger, and work the same");
        return Ok(None);
    }
    println!("wasm-opt {BINARYEN}: installing from npm");
    files::create_dir(&home)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&home)
        .arg(format!("binaryen@{BINARYEN}.0.0"));
    process::run(&mut npm, "npm needs to reach its registry; see its message above")?;
    Ok(Some(own))
}

/// A `wasm-opt` that copies, for Trunk, which insists on one.
fn stand_in_for_wasm_opt() -> Result<PathBuf, Failure> {
    const SCRIPT: &str = "#!/bin/sh\n# Copies: stands in for Binaryen's wasm-opt where there is none.\n\
        for arg in \"$@\"; do\n  case \"$arg\" in\n    --version) echo 'wasm-opt version 132 (version_132)'; exit 0 ;;\n    \
        --output=*) out=${arg#--output=} ;;\n    -*) ;;\n    *) in=$arg ;;\n  esac\ndone\nexec cp \"$in\" \"$out\"\n";
    let file = files::target().join("stand-in/wasm-opt");
    files::write(&file, SCRIPT)?;
    process::run(
        Command::new("chmod").arg("+x").arg(&file),
        "check that the folder target/ may be written",
    )?;
    Ok(file)
}

/// Installs the packages that a `package-lock.json` names, unless they are there.
pub(crate) fn npm_ci(dir: &Path) -> Result<(), Failure> {
    let lock = files::read(&dir.join("package-lock.json"))?;
    let stamp = dir.join("node_modules/.layerlab-lock");
    if files::read(&stamp).is_ok_and(|installed| installed == lock) {
        println!(
            "packages of {}: there",
            dir.strip_prefix(files::root()).unwrap_or(dir).display()
        );
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(dir);
    process::run(&mut npm, "npm needs to reach its registry; see its message above")?;
    files::write(&stamp, lock)
}

pub(crate) fn node() -> Result<(), Failure> {
    if !has_npm() {
        println!("node and npm: installing");
        machine::apt_install(&["nodejs", "npm"])?;
    }
    match node_major() {
        Some(major) if major >= NODE_MAJOR => {
            println!("node {major}: there");
            Ok(())
        }
        found => Err(Failure::new(
            format!(
                "expected node {NODE_MAJOR} or newer, found {}",
                found.map_or("none".to_owned(), |major| major.to_string())
            ),
            "install a newer Node.js and put it first on PATH",
        )),
    }
}

fn node_major() -> Option<u32> {
    let version = process::output(Command::new("node").arg("--version"))?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn chromium() -> Result<PathBuf, Failure> {
    if let Some(file) = std::env::var_os("CHROMIUM") {
        return Ok(PathBuf::from(file));
    }
    let find = || {
        ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find_map(process::find)
    };
    if let Some(file) = find() {
        println!("browser: there ({})", file.display());
        return Ok(file);
    }
    println!("browser: installing Chromium");
    machine::apt_install(&["chromium"])?;
    find().ok_or_else(|| {
        Failure::new(
            "the package chromium brought no browser",
            "set CHROMIUM to the path of a Chromium or Chrome",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_the_version_of_a_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.1\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").as_deref(), Some("0.2.1"));
        assert_eq!(locked_version(lock, "other"), None);
    }
}
