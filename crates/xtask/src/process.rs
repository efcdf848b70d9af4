//! Running other programs.

use crate::failure::Failure;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a command with its output on the terminal.
pub(crate) fn run(command: &mut Command, advice: &str) -> Result<(), Failure> {
    let shown = show(command);
    println!("  $ {shown}");
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("could not start `{shown}`: {error}"), advice))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{shown}` failed ({status})"), advice))
    }
}

/// Runs a command whose output nobody wants unless it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::new(
            format!("could not start `{shown}`: {error}"),
            "see that it is installed",
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("`{shown}` failed ({})", output.status), message))
}

/// What a command prints on standard output, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// True if the command succeeds; it prints nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Where on `PATH` a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// `PATH` with `dirs` before everything else.
pub(crate) fn path_with(dirs: &[&Path]) -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = dirs
        .iter()
        .map(|dir| dir.to_path_buf())
        .chain(std::env::split_paths(&rest));
    std::env::join_paths(all).unwrap_or(rest)
}

/// The command as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
