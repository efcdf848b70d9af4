//! Uploads to a registry over a bucket: they grow in files of this machine, and go to the bucket when they are whole.
//!
//! They end with the process. A client whose upload is unknown begins it again, here or at another registry of the bucket.

use super::blobs::nameless;
use oci::{AnyDigest, Digest, Time};
use registry::{Upload, Uploads};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{BlobStore, StoreError};

/// [`Uploads`] in files without names.
#[derive(Debug)]
pub struct SpooledUploads {
    folder: PathBuf,
    uploads: Mutex<BTreeMap<String, Arc<Mutex<Held>>>>,
}

#[derive(Debug)]
struct Held {
    repository: String,
    started: Time,
    file: File,
}

const PIECE: usize = 1 << 18;

impl SpooledUploads {
    /// Uploads whose files are in `folder`.
    pub fn new(folder: PathBuf) -> SpooledUploads {
        SpooledUploads {
            folder,
            uploads: Mutex::default(),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<Held>>>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One upload alone: others go on meanwhile.
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Held) -> io::Result<T>) -> io::Result<T> {
        let held = self.all().get(id).cloned().ok_or(ErrorKind::NotFound)?;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut held)
    }
}

impl Uploads for SpooledUploads {
    fn count(&self) -> io::Result<usize> {
        Ok(self.all().len())
    }

    fn begin(&self, id: &str, repository: &str, now: Time) -> io::Result<()> {
        let held = Held {
            repository: repository.to_owned(),
            started: now,
            file: nameless(&self.folder)?,
        };
        self.all().insert(id.to_owned(), Arc::new(Mutex::new(held)));
        Ok(())
    }

    fn find(&self, id: &str) -> io::Result<Option<Upload>> {
        let found = self.with(id, |held| {
            Ok(Upload {
                repository: held.repository.clone(),
                size: held.file.metadata()?.len(),
                started: held.started,
            })
        });
        match found {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn append(&self, id: &str, body: &mut dyn Read) -> io::Result<()> {
        self.with(id, |held| {
            held.file.seek(SeekFrom::End(0))?;
            io::copy(body, &mut held.file).map(drop)
        })
    }

    fn truncate(&self, id: &str, size: u64) -> io::Result<()> {
        self.with(id, |held| held.file.set_len(size))
    }

    fn remove(&self, id: &str) -> io::Result<bool> {
        Ok(self.all().remove(id).is_some())
    }

    fn expire(&self, time: Time) -> io::Result<()> {
        let is_young = |held: &Arc<Mutex<Held>>| held.lock().unwrap_or_else(PoisonError::into_inner).started >= time;
        self.all().retain(|_, held| is_young(held));
        Ok(())
    }

    fn digest(&self, id: &str, like: &AnyDigest) -> io::Result<AnyDigest> {
        self.with(id, |held| {
            held.file.rewind()?;
            let (mut digester, mut piece) = (like.digester(), vec![0; PIECE]);
            loop {
                match held.file.read(&mut piece)? {
                    0 => return Ok(digester.finish()),
                    count => digester.update(&piece[..count]),
                }
            }
        })
    }

    fn keep(&self, id: &str, blobs: &mut dyn BlobStore) -> Result<Digest, StoreError> {
        let mut kept = None;
        self.with(id, |held| {
            held.file.rewind()?;
            kept = Some(blobs.put_from(&mut held.file));
            Ok(())
        })
        .map_err(StoreError::Source)?;
        let (digest, _) = kept.ok_or(StoreError::Source(ErrorKind::NotFound.into()))??;
        self.remove(id).map_err(StoreError::Source)?;
        Ok(digest)
    }
}
