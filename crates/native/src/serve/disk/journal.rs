//! The journal: entries that are appended, and made durable many at a time.

use super::entry::{self, Entry};
use super::sync_folder;
use registry::Change;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A journal of so many bytes is worth a new snapshot.
const ENOUGH_BYTES: u64 = 32 << 20;

/// Files `N.snapshot` and `N.journal` in a folder: what was when journal N began, and what changed since.
pub(super) struct Journal {
    folder: PathBuf,
    writer: Mutex<Writer>,
    /// Something was synced, or failed to be.
    turned: Condvar,
}

struct Writer {
    file: Arc<File>,
    number: u64,
    /// Of this file.
    bytes: u64,
    /// Entries since the start.
    written: u64,
    /// As many of them are durable.
    synced: u64,
    is_syncing: bool,
    /// After a sync that failed, nobody knows what is on the disk: nothing more is promised.
    has_failed: bool,
}

/// What to do with each entry that is read.
pub(super) type Restore<'r> = &'r mut dyn FnMut(Change, Option<&[u8]>) -> io::Result<()>;

impl Journal {
    /// Reads what the folder has, hands it to `restore`, and begins a new journal after it.
    ///
    /// What follows an entry that was cut off was promised to nobody; it is kept as `N.torn` and not read.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, or a snapshot is broken.
    pub(super) fn open(folder: &Path, restore: Restore<'_>) -> io::Result<Journal> {
        let numbers = |ending: &str| numbers(folder, ending);
        let newest = numbers(".snapshot")?.pop();
        if let Some(newest) = newest {
            let path = folder.join(format!("{newest}.snapshot"));
            if read(&path, restore)? != End::Marked {
                let message = format!("{}: the snapshot has no end", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        let mut is_torn = false;
        let journals = numbers(".journal")?;
        for number in journals.iter().filter(|number| **number >= newest.unwrap_or(0)) {
            let path = folder.join(format!("{number}.journal"));
            if !is_torn {
                is_torn = read(&path, restore)? == End::Torn;
            }
            if is_torn {
                fs::copy(&path, folder.join(format!("{number}.torn")))?;
            }
        }
        let number = newest.max(journals.last().copied()).map_or(0, |last| last + 1);
        let file = create(folder, number)?;
        Ok(Journal {
            folder: folder.to_owned(),
            writer: Mutex::new(Writer {
                file: Arc::new(file),
                number,
                bytes: 0,
                written: 0,
                synced: 0,
                is_syncing: false,
                has_failed: false,
            }),
            turned: Condvar::new(),
        })
    }

    /// Appends an entry, which is not durable yet; returns its place, for [`sync`](Journal::sync).
    ///
    /// # Errors
    ///
    /// If the disk refuses; then the entry is not there.
    pub(super) fn append(&self, entry: &[u8]) -> io::Result<u64> {
        let mut writer = self.writer();
        writer.check()?;
        if let Err(error) = (&*writer.file).write_all(entry) {
            // Half an entry would hide all that follow.
            if writer.file.set_len(writer.bytes).is_err() {
                writer.has_failed = true;
            }
            return Err(error);
        }
        writer.bytes += entry.len() as u64;
        writer.written += 1;
        Ok(writer.written)
    }

    /// Returns when the entry at `place` and all before it are durable. Who comes while another syncs is served by the next
    /// sync, with all who came meanwhile.
    ///
    /// # Errors
    ///
    /// If the disk refuses, for ever after.
    pub(super) fn sync(&self, place: u64) -> io::Result<()> {
        let mut writer = self.writer();
        loop {
            if writer.synced >= place {
                return Ok(());
            }
            writer.check()?;
            if !writer.is_syncing {
                break;
            }
            writer = self.turned.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        writer.is_syncing = true;
        let (file, written) = (Arc::clone(&writer.file), writer.written);
        drop(writer);
        self.synced(written, file.sync_data())
    }

    /// Whether more can be promised.
    ///
    /// # Errors
    ///
    /// If a sync has failed.
    pub(super) fn health(&self) -> io::Result<()> {
        self.writer().check()
    }

    /// The place of the last entry.
    pub(super) fn last(&self) -> u64 {
        self.writer().written
    }

    /// Whether a new snapshot would save the next start much reading.
    pub(super) fn is_long(&self) -> bool {
        self.writer().bytes > ENOUGH_BYTES
    }

    /// Writes a snapshot of what `look` returns, and begins a new journal after it. Everything in `root` is made durable, so
    /// that no bytes of the old journal are needed any more.
    ///
    /// `look` is called once, when entries go to the new journal: it must lock out whoever appends, and call what it is given
    /// while it does.
    pub(super) fn checkpoint(&self, root: &Path, look: impl FnOnce(&mut dyn FnMut()) -> Vec<Change>) -> io::Result<()> {
        let mut writer = self.writer();
        while writer.is_syncing {
            writer = self.turned.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        writer.check()?;
        writer.is_syncing = true;
        let number = writer.number + 1;
        drop(writer);
        let mut new = match create(&self.folder, number) {
            Ok(file) => Some(Arc::new(file)),
            Err(error) => {
                self.release();
                return Err(error);
            }
        };
        let mut old = None;
        let changes = look(&mut || {
            let mut writer = self.writer();
            if let Some(new) = new.take() {
                old = Some((std::mem::replace(&mut writer.file, new), writer.written));
                (writer.number, writer.bytes) = (number, 0);
            }
        });
        let Some((file, written)) = old else {
            self.release();
            return Ok(());
        };
        self.synced(written, file.sync_data())?;
        rustix::fs::syncfs(File::open(root)?)?;
        self.write_snapshot(number, &changes)?;
        for ending in [".snapshot", ".journal"] {
            for old in numbers(&self.folder, ending)?.into_iter().filter(|old| *old < number) {
                fs::remove_file(self.folder.join(format!("{old}{ending}")))?;
            }
        }
        Ok(())
    }

    fn write_snapshot(&self, number: u64, changes: &[Change]) -> io::Result<()> {
        let place = self.folder.join(format!("{number}.snapshot"));
        let temporary = self.folder.join(format!("{number}.part"));
        let mut file = BufWriter::with_capacity(1 << 18, File::create(&temporary)?);
        for change in changes {
            file.write_all(&entry::encode(change, None))?;
        }
        file.write_all(&entry::encode_end())?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&temporary, &place)?;
        sync_folder(&self.folder)
    }

    fn synced(&self, written: u64, outcome: io::Result<()>) -> io::Result<()> {
        let mut writer = self.writer();
        writer.is_syncing = false;
        match outcome {
            Ok(()) => writer.synced = writer.synced.max(written),
            Err(_) => writer.has_failed = true,
        }
        drop(writer);
        self.turned.notify_all();
        outcome
    }

    fn release(&self) {
        self.writer().is_syncing = false;
        self.turned.notify_all();
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn check(&self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other(
                "the disk refused to keep earlier changes; nothing is taken on any more",
            ));
        }
        Ok(())
    }
}

/// How a file of entries ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// After its last entry.
    Clean,
    /// By the entry that says so.
    Marked,
    /// In something that is no entry.
    Torn,
}

fn read(path: &Path, restore: Restore<'_>) -> io::Result<End> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut source = Counted {
        source: BufReader::with_capacity(1 << 18, file),
        count: 0,
    };
    let mut whole = 0;
    while let Some(entry) = entry::decode(&mut source).map_err(named)? {
        match entry {
            Entry::Change(change, bytes) => restore(change, bytes.as_deref())?,
            Entry::End => return Ok(End::Marked),
        }
        whole = source.count;
    }
    Ok(if whole == size { End::Clean } else { End::Torn })
}

struct Counted<R> {
    source: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// A new file whose name is durable.
fn create(folder: &Path, number: u64) -> io::Result<File> {
    let path = folder.join(format!("{number}.journal"));
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    file.set_len(0)?;
    sync_folder(folder)?;
    Ok(file)
}

/// The numbers of the files with this ending, in order.
fn numbers(folder: &Path, ending: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ending));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
