//! What is wrong with containers, volumes and snapshots.

use super::check::Report;
use crate::containers::{Containers, writable_layer};
use crate::references::References;
use crate::snapshots::unusable;
use crate::state::State;
use crate::volumes;
use engine::{Container, MountSource};
use oci::{Digest, Time};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Looks at them.
///
/// # Errors
///
/// If a folder, or the list of volumes, cannot be read.
pub(super) fn check_machine(state: &State, references: &References, report: &mut Report) -> io::Result<()> {
    let volumes = volumes::names(state)?;
    for name in &volumes {
        if !volumes::place(state, name).is_dir() {
            report
                .bad_volumes
                .insert(name.clone(), "its directory is missing".to_owned());
        }
    }
    let parts = references.entries.iter().filter_map(|entry| entry.parts.as_ref().ok());
    let documents: BTreeSet<Digest> = parts.flat_map(|parts| parts.documents.iter().copied()).collect();
    // No time is asked for.
    let containers = Containers::new(state.root(), &state.volumes(), Time::of_secs(0));
    for (folder, container) in containers.read_all()? {
        report.n_containers += 1;
        match container {
            Err(why) => drop(report.lost_containers.insert(folder, format!("its record: {why}"))),
            Ok(_) if !writable_layer(&folder).is_dir() => {
                report
                    .lost_containers
                    .insert(folder, "its writable layer is missing".to_owned());
            }
            Ok(container) => report.bad_containers.extend(lacks(&container, &documents, &volumes)),
        }
    }
    report.leftovers.extend(unusable(&state.snapshots())?);
    Ok(())
}

/// What a container refers to and is not there, a sentence each.
fn lacks(container: &Container, documents: &BTreeSet<Digest>, volumes: &BTreeSet<String>) -> Vec<String> {
    let name = &container.name;
    let mut lacks = Vec::new();
    if !documents.contains(&container.image) {
        let image = container.image;
        lacks.push(format!(
            "container {name}: its image {image} ({}) is missing",
            container.image_name
        ));
    }
    for mount in &container.mounts {
        if let MountSource::Volume(volume) = &mount.source
            && !volumes.contains(volume)
        {
            lacks.push(format!("container {name}: volume {volume} is missing"));
        }
    }
    lacks
}

/// A container in a sentence when its name is not known.
pub(super) fn short(folder: &Path) -> String {
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    id.chars().take(12).collect()
}
