//! The volumes of this machine: a directory each, and one file that says which there are.

use crate::state::{Changing, State};
use engine::{Daemon, Volume};
use oci::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use store::{Meta, Node};

/// The whole file, by name.
type Doc = BTreeMap<String, VolumeDoc>;

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
struct VolumeDoc {
    #[serde(default)]
    anonymous: bool,
    created: (i64, u32),
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Puts the volumes into `daemon`.
///
/// # Errors
///
/// If the file is there and cannot be understood.
pub fn load(state: &State, daemon: &mut Daemon) -> io::Result<()> {
    for (name, doc) in read(state)? {
        let created = Time {
            secs: doc.created.0,
            nanos: doc.created.1,
        };
        daemon.restore_volume(Volume {
            name,
            anonymous: doc.anonymous,
            created,
            labels: doc.labels,
            node: Node::dir(Meta {
                mtime: created,
                ..Meta::of_mode(0o755)
            }),
            counted: None,
        });
    }
    Ok(())
}

/// Makes and removes the volumes that were made and removed between `before` and `after`.
///
/// # Errors
///
/// If the disk refuses.
pub fn change(state: &State, _changing: &Changing, before: &Daemon, after: &Daemon) -> io::Result<()> {
    let made = after.volumes().filter(|volume| before.volume(&volume.name).is_err());
    let removed = before.volumes().filter(|volume| after.volume(&volume.name).is_err());
    let (made, removed): (Vec<&Volume>, Vec<&Volume>) = (made.collect(), removed.collect());
    if made.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let mut doc = read(state)?;
    for volume in &made {
        fs::create_dir_all(place(state, &volume.name))?;
        doc.entry(volume.name.clone()).or_insert_with(|| VolumeDoc {
            anonymous: volume.anonymous,
            created: (volume.created.secs, volume.created.nanos),
            labels: volume.labels.clone(),
        });
    }
    for volume in &removed {
        doc.remove(&volume.name);
    }
    let bytes = serde_json::to_vec_pretty(&doc).expect("texts and numbers have a JSON form");
    crate::atomic::write_file(&state.volumes_file(), &bytes)?;
    for volume in removed {
        // Without a name its files are nobody's; what stays is removed with the next volume of that name, or by hand.
        if let Some(folder) = place(state, &volume.name).parent() {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The names of all volumes.
///
/// # Errors
///
/// If the file is there and cannot be understood.
pub(crate) fn names(state: &State) -> io::Result<BTreeSet<String>> {
    Ok(read(state)?.into_keys().collect())
}

/// The directory of a volume.
pub fn place(state: &State, name: &str) -> PathBuf {
    state.volumes().join(name).join("_data")
}

fn read(state: &State) -> io::Result<Doc> {
    let bytes = match fs::read(state.volumes_file()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Doc::new()),
        other => other?,
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let path = state.volumes_file();
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
    })
}
