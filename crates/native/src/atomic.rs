//! Files and folders that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file under a temporary name beside its place; [`Pending::finish`] gives it its name, dropping it removes it.
#[derive(Debug)]
pub struct Pending {
    temporary: PathBuf,
    place: PathBuf,
    file: Option<File>,
}

impl Pending {
    /// Starts a file for `place`. The folder must exist.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written, or a folder stands at `place`.
    pub fn create(place: &Path) -> io::Result<Pending> {
        // What the process may not give to others, the system takes away.
        Pending::create_as(place, 0o666)
    }

    /// The same with these permission bits.
    ///
    /// # Errors
    ///
    /// As [`Pending::create`].
    pub fn create_as(place: &Path, mode: u32) -> io::Result<Pending> {
        if place.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let temporary = beside(place);
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        Ok(Pending {
            temporary,
            place: place.to_owned(),
            file: Some(file),
        })
    }

    /// Makes the bytes durable and gives the file its name, in place of one that was there.
    ///
    /// # Errors
    ///
    /// If the disk refuses; then what was at the place is still there.
    pub fn finish(mut self) -> io::Result<()> {
        let file = self.file.take().expect("only `finish` takes it, and consumes");
        file.sync_all()?;
        drop(file);
        fs::rename(&self.temporary, &self.place)?;
        sync_folder(&self.place)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file
            .as_mut()
            .expect("only `finish` takes it, and consumes")
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file
            .as_mut()
            .expect("only `finish` takes it, and consumes")
            .flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name any more, and before it nothing worth a report.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes a whole file, or leaves what was there.
///
/// # Errors
///
/// As [`Pending::create`] and [`Pending::finish`].
pub fn write_file(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut pending = Pending::create(place)?;
    pending.write_all(bytes)?;
    pending.finish()
}

/// A name in the same folder that nothing else uses: hidden, and told from others by process and count.
pub fn beside(place: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(format!(
        ".{}-{}.tmp",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    place.with_file_name(name)
}

/// Makes a rename in the folder of `place` survive a power cut.
fn sync_folder(place: &Path) -> io::Result<()> {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_file_that_is_not_finished_leaves_no_trace() {
        let scratch = Scratch::new();
        let place = scratch.path("out");
        write_file(&place, b"old").unwrap();
        let mut pending = Pending::create(&place).unwrap();
        pending.write_all(b"half").unwrap();
        drop(pending);
        assert_eq!(fs::read(&place).unwrap(), b"old");
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_finished_replaces_the_old_one() {
        let scratch = Scratch::new();
        let place = scratch.path("out");
        write_file(&place, b"old").unwrap();
        write_file(&place, b"new").unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert_eq!(fs::read_dir(scratch.dir()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_not_replaced_by_a_file() {
        let scratch = Scratch::new();
        assert!(write_file(scratch.dir(), b"x").is_err());
    }
}
