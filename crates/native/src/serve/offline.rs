//! What is done to a registry's folder while no registry runs: garbage is collected, everything is checked.

use super::disk::{Disk, Finding, Untagged};
use super::{read_config, storage};
use crate::args::{CollectArgs, RegistryFsckArgs};
use crate::check::Verdict;
use crate::failure::Failure;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// `layerlab registry garbage-collect`: deletes what no manifest refers to, or says what that would be.
///
/// # Errors
///
/// [`Failure`] if there is no such folder, a registry is using it, or it cannot be read or changed.
pub fn collect(args: &CollectArgs, variables: &[(String, String)], out: &mut dyn Write) -> Result<(), Failure> {
    let disk = open(&args.config, variables)?;
    let untagged = if args.delete_untagged {
        Untagged::Remove
    } else {
        Untagged::Keep
    };
    let collected = if args.dry_run {
        disk.collectable(untagged)
    } else {
        // Nobody else is here, so nobody is about to refer to anything.
        disk.collect(Duration::ZERO, untagged)
    };
    let collected = collected.map_err(|error| failed(&disk, &error))?;
    let manifests = collected.manifests.iter();
    let manifests = manifests.map(|(repository, name)| format!("{repository}: manifest eligible for deletion: {name}"));
    let links = collected.links.iter();
    let links = links.map(|(repository, name)| format!("{repository}: blob of no manifest: {name}"));
    let blobs = collected.blobs.iter();
    let blobs = blobs.map(|content| format!("blob eligible for deletion: {content}"));
    let unreadable = collected.unreadable.iter().map(|(repository, name)| {
        format!("{repository}: manifest {name} cannot be read, nothing of this repository is deleted")
    });
    let done = if args.dry_run {
        "eligible for deletion"
    } else {
        "deleted"
    };
    let sum = format!(
        "{} blobs and {} manifests {done}, {} bytes",
        collected.blobs.len(),
        collected.manifests.len(),
        collected.bytes
    );
    print(out, manifests.chain(links).chain(blobs).chain(unreadable).chain([sum]))
}

/// `layerlab registry fsck`: says what is missing or broken. It is not clean if something was lost.
///
/// # Errors
///
/// [`Failure`] if there is no such folder, a registry is using it, or it cannot be listed.
pub fn check(args: &RegistryFsckArgs, variables: &[(String, String)], out: &mut dyn Write) -> Result<Verdict, Failure> {
    let disk = open(&args.config, variables)?;
    let (count, findings) = disk.check().map_err(|error| failed(&disk, &error))?;
    let lost = findings.iter().filter(|finding| finding.is_loss()).count();
    let sum = format!("{count} blobs are whole, {lost} things are missing or broken");
    print(out, findings.iter().map(Finding::to_string).chain([sum]))?;
    let is_clean = !findings.iter().any(Finding::is_loss);
    Ok(if is_clean { Verdict::Clean } else { Verdict::Warned })
}

fn open(config: &Path, variables: &[(String, String)]) -> Result<Disk, Failure> {
    let config = read_config(Some(config), variables)?;
    if config.storage.driver != "filesystem" {
        let found = &config.storage.driver;
        return Err(Failure::new(format!("expected storage filesystem, found {found:?}")));
    }
    let root = storage::root(&config.storage);
    // To look for garbage must not make a folder.
    if !root.is_dir() {
        return Err(Failure::new(format!(
            "expected the folder of a registry, found no {}",
            root.display()
        )));
    }
    Disk::open(root).map_err(Failure::new)
}

fn failed(disk: &Disk, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}", disk.root().display()))
}

fn print(out: &mut dyn Write, mut lines: impl Iterator<Item = String>) -> Result<(), Failure> {
    lines
        .try_for_each(|line| writeln!(out, "{line}"))
        .map_err(|error| Failure::new(format!("could not write the report: {error}")))
}
