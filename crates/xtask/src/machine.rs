//! The machine this runs on: its packages, and the right to install them.

use crate::failure::Failure;
use crate::process;
use std::io::IsTerminal;
use std::process::Command;

/// Installs Debian or Ubuntu packages.
pub(crate) fn apt_install(packages: &[&str]) -> Result<(), Failure> {
    let by_hand = format!(
        "run `apt-get update && apt-get install {}` as root, then this command again",
        packages.join(" ")
    );
    if process::find("apt-get").is_none() {
        return Err(Failure::new(
            format!(
                "expected the packages {}, and there is no apt-get to install them with",
                packages.join(", ")
            ),
            "install them, or what your system calls them, by hand; then run this command again",
        ));
    }
    process::run(as_root("apt-get", &by_hand)?.args(["update", "-q"]), &by_hand)?;
    let mut install = as_root("apt-get", &by_hand)?;
    install
        .args(["install", "-qq", "--yes", "--no-install-recommends"])
        .args(packages);
    process::run(&mut install, &by_hand)
}

/// A command with root's rights: as it is for root, through `sudo` otherwise.
pub(crate) fn as_root(program: &str, by_hand: &str) -> Result<Command, Failure> {
    let is_root = process::output(Command::new("id").arg("-u")).as_deref() == Some("0");
    let mut command = if is_root {
        Command::new(program)
    } else if process::succeeds(Command::new("sudo").args(["-n", "true"])) || can_ask_for_password() {
        let mut command = Command::new("sudo");
        command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
        command
    } else {
        return Err(Failure::new(
            format!("`{program}` needs root's rights, and sudo is not to be had"),
            by_hand,
        ));
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn can_ask_for_password() -> bool {
    process::find("sudo").is_some() && std::io::stdin().is_terminal()
}
