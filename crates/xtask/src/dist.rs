//! The native companion: built beside the page to serve it at once, or with the page inside to be handed on as one file.

use crate::failure::Failure;
use crate::tools::PageTools;
use crate::{files, page, process, serve};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Builds the page, and the program with the page inside. Returns where the program is.
pub(crate) fn build(tools: &PageTools) -> Result<PathBuf, Failure> {
    page::build(tools)?;
    let kept = files::target().join("page");
    keep(&files::root().join("dist"), &kept)?;
    println!("program: building in release mode, with the page inside");
    let mut cargo = program();
    cargo.args(["--features", "page"]).env("LAYERLAB_PAGE", &kept);
    process::run(&mut cargo, "see the compiler's message above")?;
    let built = files::target().join("release/layerlab");
    println!(
        "program: {}; `layerlab play` serves the page from inside",
        built.display()
    );
    Ok(built)
}

/// Builds the page and the program and lets the program serve the page, where it can run builds: on Linux. Elsewhere the page is served
/// alone.
pub(crate) fn play(tools: &PageTools, port: u16) -> Result<ExitCode, Failure> {
    page::build(tools)?;
    if !cfg!(target_os = "linux") {
        println!("program: not built, since builds for real take Linux; the page does all the rest");
        return serve::forever(port);
    }
    println!("program: building in release mode");
    process::run(
        &mut program(),
        "see the compiler's message above; `cargo xtask serve` serves the page alone",
    )?;
    let mut play = Command::new(files::target().join("release/layerlab"));
    play.args(["play", "--port", &port.to_string(), "--page"])
        .arg(files::root().join("dist"));
    become_it(play)
}

/// A cargo that builds the program.
fn program() -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--locked", "--release", "--package", "native"])
        .current_dir(files::root());
    cargo
}

/// Puts the command in the place of this process, so that Ctrl-C is the command's alone.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failure::io(
        format!("could not start `{}`", process::show(&command)),
        &error,
    ))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<ExitCode, Failure> {
    process::run(&mut command, "see its message above").map(|()| ExitCode::SUCCESS)
}

/// Makes `kept` hold what `built` holds, and leaves it alone if it does: then nothing that was made of it is made again.
fn keep(built: &Path, kept: &Path) -> Result<(), Failure> {
    let new = files::contents(built, &[])?;
    if kept.is_dir() && files::contents(kept, &[])? == new {
        return Ok(());
    }
    files::remove_dir(kept)?;
    for (name, bytes) in new {
        files::write(&kept.join(name), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_did_not_change_is_left_alone() {
        let top = std::env::temp_dir().join(format!("layerlab-dist-{}", std::process::id()));
        let (built, kept) = (top.join("built"), top.join("kept"));
        files::write(&built.join("a/b"), "1").unwrap();
        keep(&built, &kept).unwrap();
        let before = std::fs::metadata(kept.join("a/b")).unwrap().modified().unwrap();
        files::write(&built.join("a/b"), "1").unwrap();
        keep(&built, &kept).unwrap();
        assert_eq!(std::fs::metadata(kept.join("a/b")).unwrap().modified().unwrap(), before);
        files::write(&built.join("a/b"), "2").unwrap();
        keep(&built, &kept).unwrap();
        assert_eq!(files::read(&kept.join("a/b")).unwrap(), "2");
        files::remove_dir(&top).unwrap();
    }
}
