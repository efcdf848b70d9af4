//! Where things are, and small deeds on files.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package lies two folders below the top")
        .to_owned()
}

/// Build output: `CARGO_TARGET_DIR` or `target/`.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Tools that outlive a clone: `$XDG_CACHE_HOME/layerlab`, or `~/.cache/layerlab`.
pub(crate) fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    base.map_or_else(|| root().join("target/tools"), |base| base.join("layerlab"))
}

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::io(format!("could not read {}", path.display()), &error))
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::io(format!("could not read {}", path.display()), &error))
}

/// Writes a file, making the folders above it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    fs::write(path, bytes).map_err(|error| Failure::io(format!("could not write {}", path.display()), &error))
}

pub(crate) fn create_dir(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::io(format!("could not create {}", path.display()), &error))
}

pub(crate) fn remove_dir(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        fs::remove_dir_all(path)
            .map_err(|error| Failure::io(format!("could not remove {}", path.display()), &error))?;
    }
    Ok(())
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to)
        .map(|_| ())
        .map_err(|error| Failure::io(format!("could not copy {} to {}", from.display(), to.display()), &error))
}

/// A name for content, so that a cache never serves an old file under a new page: FNV-1a, 64 bits, in hexadecimal.
pub(crate) fn content_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.into_iter().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// Every file below a folder, by its path from there; folders of these names are passed over.
pub(crate) fn contents(folder: &Path, without: &[&str]) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failure> {
    let failed = |error: &std::io::Error| Failure::io(format!("could not read {}", folder.display()), error);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let (path, name) = (entry.path(), PathBuf::from(entry.file_name()));
        if !path.is_dir() {
            found.insert(name, read_bytes(&path)?);
        } else if !without.iter().any(|other| name.as_os_str() == *other) {
            let below = contents(&path, without)?.into_iter();
            found.extend(below.map(|(below, bytes)| (name.join(below), bytes)));
        }
    }
    Ok(found)
}
