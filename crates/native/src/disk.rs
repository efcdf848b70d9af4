//! Blobs in a folder: an OCI layout's `blobs/sha256`, one file a blob, each verified when it is read.

use crate::ingest::Ingest;
use crate::placed::PlacedFile;
use oci::{Digest, Digester};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{BlobStore, LayerError, Source, StoreError, Verified};

/// A [`BlobStore`] on disk, which several processes may have open at once.
///
/// What is stored stays in a folder of this process alone until [`DiskBlobs::sync`] has made it durable: only then does it get its
/// name among the blobs. So every blob there is whole, whatever ends a process or the machine, and nobody sees half of one.
/// Whoever names a blob in something durable calls `sync` before.
///
/// Files of a build context are not copied: a [`Lender`] says where bytes already stand.
#[derive(Debug)]
pub struct DiskBlobs {
    /// `…/blobs/sha256`.
    folder: PathBuf,
    /// `…/layers`.
    layers: PathBuf,
    /// The filesystem, opened before anything was written: it then reports what went wrong with that.
    filesystem: File,
    /// Whether it did report something. It does so once, and what was written before may be lost.
    is_broken: bool,
    /// Where blobs are before they are durable, on the same filesystem.
    ingest: Ingest,
    /// Which blobs are there.
    fresh: BTreeSet<Digest>,
    /// Which other files are there under a name of the moment, and where they belong.
    files: Vec<(PathBuf, PathBuf)>,
    written: u64,
    lent: Lender,
}

/// Says where bytes already stand, so that they need not be copied: a handle to one store, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lender(Arc<Mutex<BTreeMap<Digest, Lent>>>);

impl Lender {
    /// Says that the file at `path` holds the blob `digest` of `size` bytes. It is read from there as long as it does.
    pub fn lend(&self, digest: Digest, size: u64, path: &Path) {
        self.known().entry(digest).or_insert_with(|| Lent {
            path: path.to_owned(),
            size,
        });
    }

    fn find(&self, digest: &Digest) -> Option<Lent> {
        self.known().get(digest).cloned()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Digest, Lent>> {
        // The map is whole whatever a thread was doing that ended with it in its hands.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So much of a large blob is in memory at once, in bytes; smaller blobs are handled whole.
const PIECE: usize = 1 << 18;

/// A file that goes away unless it was given another name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It was renamed, or goes away with its folder.
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens a blob's file; an error names the file, as a digest says nothing to a person.
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// A file that is not ours and holds a blob, or did when it was looked at.
#[derive(Debug, Clone)]
struct Lent {
    path: PathBuf,
    size: u64,
}

impl DiskBlobs {
    /// The blobs of the layout at `layout`, which is made if it is missing. What killed processes left half-written goes away.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made.
    pub fn open(layout: &Path) -> io::Result<DiskBlobs> {
        let folder = layout.join("blobs").join("sha256");
        fs::create_dir_all(&folder)?;
        fs::create_dir_all(layout.join("layers"))?;
        let ingest = Ingest::open(&layout.join("ingest"))?;
        let marker = layout.join("oci-layout");
        if !marker.exists() {
            crate::atomic::write_file(&marker, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        Ok(DiskBlobs {
            filesystem: File::open(&folder)?,
            layers: layout.join("layers"),
            folder,
            is_broken: false,
            ingest,
            fresh: BTreeSet::new(),
            files: Vec::new(),
            written: 0,
            lent: Lender::default(),
        })
    }

    /// A handle that lends files to this store.
    pub fn lender(&self) -> Lender {
        self.lent.clone()
    }

    /// Copies a lent blob, so that it stays when its file changes. Nothing happens if it is already ours.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::get`] and [`BlobStore::put`].
    pub fn keep(&mut self, digest: &Digest) -> Result<(), StoreError> {
        if self.path(digest).exists() {
            return Ok(());
        }
        let (path, size) = self.find(digest)?;
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let mut file = open_file(&path).map_err(failed)?.take(size.saturating_add(1));
        let (found, _) = self.put_from(&mut file)?;
        if found == *digest {
            Ok(())
        } else {
            // What was stored has its own right name, and nothing refers to it.
            Err(StoreError::Corrupt {
                expected: *digest,
                found,
            })
        }
    }

    /// Makes everything that was stored so far survive a power cut, and lets other processes see it.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Once it has refused, it does so for ever: what was written is not known to be there.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("an earlier write to this disk failed"));
        }
        let synced = self.publish();
        self.is_broken = synced.is_err();
        synced
    }

    fn publish(&mut self) -> io::Result<()> {
        // Also without blobs of our own: one of another process that was found here may have its name but for a moment.
        rustix::fs::syncfs(&self.filesystem)?;
        while let Some(digest) = self.fresh.first().copied() {
            fs::rename(self.ingest.path(&digest.hex()), self.folder.join(digest.hex()))?;
            self.fresh.remove(&digest);
        }
        self.filesystem.sync_all()?;
        let mut folders = BTreeSet::new();
        while let Some((temporary, place)) = self.files.last() {
            fs::rename(temporary, place)?;
            folders.extend(place.parent().map(Path::to_owned));
            self.files.pop();
        }
        folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Writes a file that is no blob and lies beside them, in a folder that is there. It becomes durable with the blobs, after them,
    /// and only then stands at `place`.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn write_beside(&mut self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.files.iter().any(|(_, known)| known == place) {
            return Ok(());
        }
        self.written += 1;
        let temporary = self.ingest.path(&self.written.to_string());
        fs::write(&temporary, bytes)?;
        self.files.push((temporary, place.to_owned()));
        Ok(())
    }

    /// Stores what `fill` writes, which may read blobs of this store for it.
    ///
    /// # Errors
    ///
    /// What `fill` returns, or [`StoreError::Write`] as [`LayerError::Store`].
    pub fn put_written(
        &mut self,
        fill: impl FnOnce(&DiskBlobs, &mut dyn Write) -> Result<(), LayerError>,
    ) -> Result<(Digest, u64), LayerError> {
        self.written += 1;
        let temporary = Temporary(self.ingest.path(&self.written.to_string()));
        // The name is known only at the end.
        let failed = |source| StoreError::Write {
            digest: Digest::of(b""),
            source,
        };
        let file = File::create(&temporary.0).map_err(failed)?;
        let mut sink = Hashed {
            file: BufWriter::with_capacity(PIECE, file),
            digester: Digester::new(),
            size: 0,
        };
        fill(self, &mut sink)?;
        sink.flush().map_err(failed)?;
        let (digest, size) = (sink.digester.finish(), sink.size);
        self.name(&temporary, &digest, size)?;
        Ok((digest, size))
    }

    /// Gives a file that was written whole the name of its blob, unless that is there.
    fn name(&mut self, temporary: &Temporary, digest: &Digest, size: u64) -> Result<(), StoreError> {
        if fs::metadata(self.path(digest)).is_ok_and(|file| file.len() == size) {
            return Ok(());
        }
        fs::rename(&temporary.0, self.ingest.path(&digest.hex())).map_err(|source| StoreError::Write {
            digest: *digest,
            source,
        })?;
        self.fresh.insert(*digest);
        Ok(())
    }

    /// The folder beside the blobs that has what layers list.
    pub fn layers(&self) -> &Path {
        &self.layers
    }

    /// Where a blob is, or would be.
    fn path(&self, digest: &Digest) -> PathBuf {
        if self.fresh.contains(digest) {
            self.ingest.path(&digest.hex())
        } else {
            self.folder.join(digest.hex())
        }
    }

    /// The file that should hold a blob, and its size.
    fn find(&self, digest: &Digest) -> Result<(PathBuf, u64), StoreError> {
        let own = self.path(digest);
        match (fs::metadata(&own), self.lent.find(digest)) {
            (Ok(file), _) => Ok((own, file.len())),
            (Err(_), Some(lent)) => Ok((lent.path, lent.size)),
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Missing { digest: *digest })
            }
            (Err(source), None) => Err(StoreError::Read {
                digest: *digest,
                source,
            }),
        }
    }

    fn write(&mut self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        // Nobody but us sees this folder, so that the file may have its name before it is whole.
        let place = self.ingest.path(&digest.hex());
        let done = File::create(&place).and_then(|mut file| file.write_all(bytes));
        match done {
            Ok(()) => {
                self.fresh.insert(*digest);
            }
            // The first error is the one to report; a leftover goes away with the folder.
            Err(_) => drop(fs::remove_file(&place)),
        }
        done
    }
}

impl BlobStore for DiskBlobs {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        // A file of another size is what something else left: it is written again.
        if fs::metadata(self.path(&digest)).is_ok_and(|file| file.len() == bytes.len() as u64) {
            return Ok(digest);
        }
        self.write(&digest, bytes)
            .map_err(|source| StoreError::Write { digest, source })?;
        Ok(digest)
    }

    fn put_from(&mut self, source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
        let mut start = Vec::new();
        let count = source
            .take(PIECE as u64)
            .read_to_end(&mut start)
            .map_err(StoreError::Source)?;
        if count < PIECE {
            return Ok((self.put(&start)?, count as u64));
        }
        self.written += 1;
        let temporary = Temporary(self.ingest.path(&self.written.to_string()));
        let (digest, size) = spool(&temporary.0, &start, source)?;
        self.name(&temporary, &digest, size)?;
        Ok((digest, size))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        let (path, size) = self.find(digest)?;
        let bytes = read_at_most(&path, size).map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let found = Digest::of(&bytes);
        if found == *digest {
            Ok(bytes.into())
        } else {
            Err(StoreError::Corrupt {
                expected: *digest,
                found,
            })
        }
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn BufRead + '_>, StoreError> {
        let (path, size) = self.find(digest)?;
        let file = open_file(&path).map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let bytes = BufReader::with_capacity(1 << 16, file.take(size.saturating_add(1)));
        Ok(Box::new(Verified::new(bytes, *digest)))
    }

    fn source(&self, digest: &Digest) -> Result<Source, StoreError> {
        let (path, _) = self.find(digest)?;
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let file = open_file(&path).and_then(PlacedFile::new).map_err(failed)?;
        let source = Source::of(Rc::new(file));
        let mut digester = Digester::new();
        io::copy(&mut source.read(), &mut digester).map_err(failed)?;
        let found = digester.finish();
        if found == *digest {
            Ok(source)
        } else {
            Err(StoreError::Corrupt {
                expected: *digest,
                found,
            })
        }
    }

    fn size(&self, digest: &Digest) -> Option<u64> {
        match fs::metadata(self.path(digest)) {
            Ok(file) => Some(file.len()),
            Err(_) => self.lent.find(digest).map(|lent| lent.size),
        }
    }
}

/// A file that is hashed while it is written.
struct Hashed {
    file: BufWriter<File>,
    digester: Digester,
    size: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digester.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes `start` and the rest of `source` to a file and says what they are.
fn spool(path: &Path, start: &[u8], source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
    // The name is known only at the end: until then an error can name no blob but the one that begins so.
    let failed = |source| StoreError::Write {
        digest: Digest::of(start),
        source,
    };
    let mut file = File::create(path).map_err(failed)?;
    let (mut digester, mut size) = (Digester::new(), 0);
    let mut piece = start.to_vec();
    while !piece.is_empty() {
        file.write_all(&piece).map_err(failed)?;
        digester.update(&piece);
        size += piece.len() as u64;
        piece.clear();
        source
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(StoreError::Source)?;
    }
    Ok((digester.finish(), size))
}

/// Reads a file that should have `size` bytes; one that grew meanwhile is cut one byte later, which its digest shows.
fn read_at_most(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    open_file(path)?.take(size.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_folder_keeps_the_laws_of_blob_stores() {
        let scratch = Scratch::new();
        let mut count = 0;
        store::testing::blob_store_laws(|| {
            count += 1;
            DiskBlobs::open(&scratch.path(&count.to_string())).unwrap()
        });
    }

    #[test]
    fn a_large_blob_comes_in_pieces_and_leaves_nothing_beside_it() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(scratch.dir()).unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE + 17).map(|at| (at % 251) as u8).collect();
        for _ in 0..2 {
            let stored = blobs.put_from(&mut bytes.as_slice()).unwrap();
            assert_eq!(stored, (Digest::of(&bytes), bytes.len() as u64));
        }
        assert_eq!(&*blobs.get(&Digest::of(&bytes)).unwrap(), bytes);
        assert_eq!(blobs.fresh.len(), 1);
        blobs.sync().unwrap();
        drop(blobs);
        assert_eq!(fs::read_dir(scratch.path("ingest")).unwrap().count(), 0);
    }

    #[test]
    fn a_blob_outlives_the_process_that_stored_it() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(scratch.dir()).unwrap();
        let digest = blobs.put(b"hello").unwrap();
        assert_eq!(&*blobs.get(&digest).unwrap(), b"hello");
        let other = DiskBlobs::open(scratch.dir()).unwrap();
        assert_eq!(other.size(&digest), None);
        blobs.sync().unwrap();
        drop(blobs);
        assert_eq!(&*other.get(&digest).unwrap(), b"hello");
        assert_eq!(other.size(&digest), Some(5));
    }

    #[test]
    fn a_blob_that_was_never_stored_is_missing() {
        let scratch = Scratch::new();
        let blobs = DiskBlobs::open(scratch.dir()).unwrap();
        assert!(matches!(blobs.get(&Digest::of(b"x")), Err(StoreError::Missing { .. })));
        assert_eq!(blobs.size(&Digest::of(b"x")), None);
    }

    #[test]
    fn a_broken_blob_is_noticed_and_storing_it_again_mends_it() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(scratch.dir()).unwrap();
        let digest = blobs.put(b"hello").unwrap();
        blobs.sync().unwrap();
        let file = scratch.path("blobs/sha256").join(digest.hex());
        fs::write(&file, b"").unwrap();
        assert!(matches!(blobs.get(&digest), Err(StoreError::Corrupt { .. })));
        assert!(matches!(blobs.source(&digest), Err(StoreError::Corrupt { .. })));
        assert!(io::copy(&mut blobs.open(&digest).unwrap(), &mut io::sink()).is_err());
        blobs.put(b"hello").unwrap();
        assert_eq!(&*blobs.get(&digest).unwrap(), b"hello");
        let mut bytes = Vec::new();
        blobs.open(&digest).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"hello");
    }

    #[test]
    fn a_lent_file_is_read_where_it_is_and_verified() {
        let scratch = Scratch::new();
        let file = scratch.write("context/a", "hello");
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let digest = Digest::of(b"hello");
        blobs.lender().lend(digest, 5, &file);
        assert_eq!(&*blobs.get(&digest).unwrap(), b"hello");
        blobs.keep(&digest).unwrap();
        fs::write(&file, b"hello and more").unwrap();
        assert_eq!(&*blobs.get(&digest).unwrap(), b"hello");
        fs::remove_file(blobs.path(&digest)).unwrap();
        assert!(matches!(blobs.get(&digest), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn what_a_killed_process_left_goes_away_and_what_a_living_one_writes_stays() {
        let scratch = Scratch::new();
        let mut living = DiskBlobs::open(scratch.dir()).unwrap();
        let digest = living.put(b"hello").unwrap();
        let leftover = scratch.write("ingest/7-1/half", "half");
        DiskBlobs::open(scratch.dir()).unwrap();
        assert!(!leftover.exists());
        living.sync().unwrap();
        assert_eq!(&*living.get(&digest).unwrap(), b"hello");
    }
}
