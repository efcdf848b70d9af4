//! Keeping the snapshots few: those that were not used for longest go.

use super::record::{self, RECORD, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How much may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// So many snapshots.
    pub count: usize,
    /// So many bytes, about.
    pub bytes: u64,
}

impl Default for Kept {
    /// A thousand snapshots, 20 GiB.
    fn default() -> Kept {
        Kept {
            count: 1000,
            bytes: 20 << 30,
        }
    }
}

/// Removes snapshots from `folder` until what stays is within `kept`, and says how many. Nobody else may use the folder meanwhile.
///
/// One that another lies on stays as long as that one; one that nobody can use goes first, one that is held ([`hold`]) stays.
///
/// # Errors
///
/// If the folder cannot be read, or a snapshot cannot be removed.
pub fn prune(folder: &Path, kept: Kept) -> io::Result<usize> {
    let mut all = read_all(folder)?;
    let mut bytes: u64 = all.values().map(|(record, _)| record.bytes).sum();
    let mut removed = 0;
    let mut held = BTreeSet::new();
    while all.len() > kept.count || bytes > kept.bytes {
        let is_parent = |name: &String| all.values().any(|(record, _)| record.parent.as_ref() == Some(name));
        let leaves = all.iter().filter(|(name, _)| !held.contains(*name) && !is_parent(name));
        let Some((oldest, _)) = leaves.min_by_key(|(_, (_, used))| *used) else {
            break;
        };
        let oldest = oldest.clone();
        if is_held(&folder.join(&oldest))? {
            held.insert(oldest);
            continue;
        }
        // The record first: what is left of a removal that was cut short is no snapshot.
        fs::remove_file(folder.join(&oldest).join(RECORD))?;
        fs::remove_dir_all(folder.join(&oldest))?;
        let (record, _) = all.remove(&oldest).expect("it was found there");
        bytes -= record.bytes;
        removed += 1;
    }
    Ok(removed)
}

/// Folders among the snapshots that nobody can use: without a record, or lying on one that is not there.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn unusable(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut unusable = Vec::new();
    for path in folders(folder)? {
        let record = Record::read(&path);
        let is_whole = record.is_some_and(|record| record.parent.is_none_or(|parent| folder.join(parent).is_dir()));
        if !is_whole {
            unusable.push(path);
        }
    }
    Ok(unusable)
}

/// Keeps a snapshot, and those that it lies on, from being pruned as long as the file is open: a container runs over it.
///
/// `fs` is the uppermost of its folders.
///
/// # Errors
///
/// If there is no such snapshot, or the system refuses.
pub fn hold(fs: &Path) -> io::Result<File> {
    let record = File::open(fs.with_file_name(RECORD))?;
    record.lock_shared()?;
    Ok(record)
}

fn is_held(snapshot: &Path) -> io::Result<bool> {
    match File::open(snapshot.join(RECORD))?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read_all(folder: &Path) -> io::Result<BTreeMap<String, (Record, std::time::SystemTime)>> {
    let mut all = BTreeMap::new();
    for path in folders(folder)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        match (Record::read(&path), record::used(&path)) {
            (Some(record), Some(used)) => drop(all.insert(name, (record, used))),
            _ => fs::remove_dir_all(&path)?,
        }
    }
    Ok(all)
}

/// All but those that are being filled.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name() != "work" && entry.file_name().to_str().is_some() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}
