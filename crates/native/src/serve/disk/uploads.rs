//! Uploads as files that grow, hashed while they do. They are found again after a restart.

use super::{Disk, DiskError};
use crate::large_file::LargeFile;
use oci::{AnyDigest, Digest, Digester, Time};
use registry::{Upload, Uploads};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{BlobStore, StoreError};

/// So much is hashed and written at once.
const PIECE_BYTES: usize = 256 << 10;

/// Where uploads of a registry's folder grow.
pub(in crate::serve) struct DiskUploads {
    disk: Arc<Disk>,
    all: Mutex<BTreeMap<String, Growing>>,
}

/// What `UUID.json` says.
#[derive(Serialize, Deserialize)]
struct Label {
    repository: String,
    /// Seconds since the epoch.
    started: i64,
}

struct Growing {
    repository: String,
    started: Time,
    size: u64,
    /// Of all bytes; `None` if they must be read for it.
    hash: Option<Digester>,
}

impl DiskUploads {
    /// The uploads that the folder has.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(in crate::serve) fn open(disk: Arc<Disk>) -> Result<DiskUploads, DiskError> {
        let folder = disk.root.join("uploads");
        let failed = DiskError::io(&folder);
        let all = find_all(&disk).map_err(failed)?;
        Ok(DiskUploads {
            disk,
            all: Mutex::new(all),
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Growing>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Growing) -> T) -> io::Result<T> {
        self.all()
            .get_mut(id)
            .map(work)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.disk.root.join("uploads").join(id)
    }

    fn label(&self, id: &str) -> PathBuf {
        self.path(&format!("{id}.json"))
    }

    /// The digest of all bytes, and their number.
    fn hashed(&self, id: &str) -> io::Result<(Digest, u64)> {
        let (hash, size) = self.with(id, |growing| (growing.hash.clone(), growing.size))?;
        if let Some(hash) = hash {
            return Ok((hash.finish(), size));
        }
        let mut hash = Digester::new();
        io::copy(&mut File::open(self.path(id))?.take(size), &mut hash)?;
        self.with(id, |growing| growing.hash = Some(hash.clone()))?;
        Ok((hash.finish(), size))
    }

    /// Adds what `body` has to the file, and what it is to the digester. What came before an error stays.
    fn grow(&self, id: &str, file: &mut LargeFile, body: &mut dyn Read, hash: &mut Digester) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        let came = loop {
            let (count, outcome) = fill(body, &mut piece);
            let bytes = &piece[..count];
            file.write_all(bytes)?;
            hash.update(bytes);
            self.with(id, |growing| growing.size = file.written())?;
            if outcome.is_err() || count < PIECE_BYTES {
                break outcome;
            }
        };
        file.finish()?;
        came
    }
}

/// Fills as much of `into` as there is; how much, and whether the source failed.
fn fill(source: &mut dyn Read, into: &mut [u8]) -> (usize, io::Result<()>) {
    let mut count = 0;
    while count < into.len() {
        match source.read(&mut into[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Err(error)),
        }
    }
    (count, Ok(()))
}

fn find_all(disk: &Disk) -> io::Result<BTreeMap<String, Growing>> {
    let folder = disk.root.join("uploads");
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let Ok(label) = serde_json::from_slice::<Label>(&fs::read(folder.join(&name))?) else {
            continue;
        };
        let size = fs::metadata(folder.join(id)).map_or(0, |file| file.len());
        let growing = Growing {
            repository: label.repository,
            started: Time::of_secs(label.started),
            size,
            hash: (size == 0).then(Digester::new),
        };
        all.insert(id.to_owned(), growing);
    }
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        let is_known = name
            .to_str()
            .is_some_and(|name| all.contains_key(name.strip_suffix(".json").unwrap_or(name)));
        if !is_known {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(all)
}

impl Uploads for DiskUploads {
    fn count(&self) -> io::Result<usize> {
        Ok(self.all().len())
    }

    fn begin(&self, id: &str, repository: &str, now: Time) -> io::Result<()> {
        let label = Label {
            repository: repository.to_owned(),
            started: now.secs,
        };
        fs::write(self.label(id), serde_json::to_vec(&label)?)?;
        let growing = Growing {
            repository: label.repository,
            started: now,
            size: 0,
            hash: Some(Digester::new()),
        };
        self.all().insert(id.to_owned(), growing);
        Ok(())
    }

    fn find(&self, id: &str) -> io::Result<Option<Upload>> {
        Ok(self.all().get(id).map(|growing| Upload {
            repository: growing.repository.clone(),
            size: growing.size,
            started: growing.started,
        }))
    }

    fn append(&self, id: &str, body: &mut dyn Read) -> io::Result<()> {
        // After a restart, what is here is read once.
        let (_, size) = self.hashed(id)?;
        let mut file = LargeFile::append(&self.path(id), size)?;
        let mut hash = self.with(id, |growing| growing.hash.take())?.unwrap_or_default();
        let outcome = self.grow(id, &mut file, body, &mut hash);
        let (size, is_whole) = (file.written(), file.is_finished());
        drop(file);
        if !is_whole {
            // Of what could not be written, nothing stays.
            OpenOptions::new().write(true).open(self.path(id))?.set_len(size)?;
        }
        self.with(id, |growing| {
            growing.size = size;
            growing.hash = is_whole.then_some(hash);
        })?;
        outcome
    }

    fn truncate(&self, id: &str, size: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(id))?.set_len(size)?;
        self.with(id, |growing| {
            growing.size = size;
            growing.hash = (size == 0).then(Digester::new);
        })
    }

    fn remove(&self, id: &str) -> io::Result<bool> {
        let was_there = self.all().remove(id).is_some();
        for path in [self.label(id), self.path(id)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(was_there)
    }

    fn expire(&self, time: Time) -> io::Result<()> {
        let is_old = |growing: &Growing| growing.started < time;
        let old: Vec<String> = {
            let all = self.all();
            let old = all.iter().filter(|(_, growing)| is_old(growing));
            old.map(|(id, _)| id.clone()).collect()
        };
        for id in old {
            self.remove(&id)?;
        }
        Ok(())
    }

    fn digest(&self, id: &str, like: &AnyDigest) -> io::Result<AnyDigest> {
        if let AnyDigest::Sha256(_) = like {
            return Ok(self.hashed(id)?.0.into());
        }
        let size = self.with(id, |growing| growing.size)?;
        let mut digester = like.digester();
        if size > 0 {
            let mut file = File::open(self.path(id))?.take(size);
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                match fill(&mut file, &mut piece) {
                    (0, Ok(())) => break,
                    (count, Ok(())) => digester.update(&piece[..count]),
                    (_, Err(error)) => return Err(error),
                }
            }
        }
        Ok(digester.finish())
    }

    fn keep(&self, id: &str, _: &mut dyn BlobStore) -> Result<Digest, StoreError> {
        let (content, size) = self.hashed(id).map_err(StoreError::Source)?;
        let failed = |source| StoreError::Write {
            digest: content,
            source,
        };
        if size == 0 {
            // Nothing ever came, so there may be no file.
            fs::write(self.path(id), []).map_err(failed)?;
        }
        self.disk.adopt(content, &self.path(id), size).map_err(failed)?;
        self.remove(id).map_err(failed)?;
        Ok(content)
    }
}
