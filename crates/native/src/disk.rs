//! Blobs in a folder: an OCI layout's `blobs/sha256`, one file a blob, each verified when it is read.

mod keeping;
mod place;

use crate::ingest::Ingest;
pub use crate::lender::Lender;
use crate::packs::{Packs, Part};
use crate::placed::PlacedFile;
use keeping::{Begun, spool};
use oci::{DiffId, Digest, Digester};
use place::{Place, Whose, open_file};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use store::{BlobStore, Changeset, Source, StoreError, Verified};

/// A [`BlobStore`] on disk, which several processes may have open at once.
///
/// What is stored stays in a folder of this process alone until [`DiskBlobs::sync`] has made it durable: only then does it get its
/// name among the blobs. So every blob there is whole, whatever ends a process or the machine, and nobody sees half of one.
/// Whoever names a blob in something durable calls `sync` before.
///
/// Files of a build context are not copied: a [`Lender`] says where bytes already stand. When a layer is kept that has mostly such files,
/// they are copied once, as the layer's tar: see [`DiskBlobs::pack`].
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
    packs: Packs,
    /// The tar that is being hashed, and written if it is worth it.
    tar: Option<Begun>,
    /// Tars that were hashed and whose layers nobody has kept: those that are written, and those that are not worth it.
    tars: BTreeMap<Digest, Option<Temporary>>,
}

/// So much of a large blob is in memory at once, in bytes; smaller blobs are handled whole.
const PIECE: usize = 1 << 18;

/// A file that goes away unless it was given another name.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It was renamed, or goes away with its folder.
        let _ = fs::remove_file(&self.0);
    }
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
            packs: Packs::new(layout.join("layers")),
            layers: layout.join("layers"),
            folder,
            is_broken: false,
            ingest,
            fresh: BTreeSet::new(),
            files: Vec::new(),
            written: 0,
            lent: Lender::default(),
            tar: None,
            tars: BTreeMap::new(),
        })
    }

    /// A handle that lends files to this store.
    pub fn lender(&self) -> Lender {
        self.lent.clone()
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

    /// A place for a file that has no name yet.
    fn temporary(&mut self) -> Temporary {
        self.written += 1;
        Temporary(self.ingest.path(&self.written.to_string()))
    }

    /// Gives a file that was written whole the name of its blob, unless that is there.
    fn name(&mut self, temporary: &Temporary, digest: &Digest, size: u64) -> Result<(), StoreError> {
        if self.is_kept(digest, size) {
            return Ok(());
        }
        fs::rename(&temporary.0, self.ingest.path(&digest.hex())).map_err(|source| StoreError::Write {
            digest: *digest,
            source,
        })?;
        self.fresh.insert(*digest);
        Ok(())
    }

    /// The folder of the blobs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder beside the blobs that has what layers list.
    pub fn layers(&self) -> &Path {
        &self.layers
    }

    /// The blob in which this one lies, if it has no file of its own.
    pub(crate) fn pack_of(&self, digest: &Digest) -> Option<Digest> {
        match self.find(digest).ok()?.whose {
            Whose::Packed(pack) => Some(pack),
            Whose::Ours | Whose::Lent => None,
        }
    }

    /// Where a blob is, or would be.
    fn path(&self, digest: &Digest) -> PathBuf {
        if self.fresh.contains(digest) {
            self.ingest.path(&digest.hex())
        } else {
            self.folder.join(digest.hex())
        }
    }

    /// Where the bytes of a blob are, or should be.
    fn find(&self, digest: &Digest) -> Result<Place, StoreError> {
        let own = self.path(digest);
        let failed = match fs::metadata(&own) {
            Ok(file) => return Ok(Place::whole(own, file.len(), Whose::Ours)),
            Err(error) => error,
        };
        if let Some(place) = self.packs.find(digest).and_then(|part| self.place_of(part)) {
            return Ok(place);
        }
        if let Some(lent) = self.lent.find(digest) {
            return Ok(Place::whole(lent.path, lent.size, Whose::Lent));
        }
        if failed.kind() != io::ErrorKind::NotFound {
            let (digest, source) = (*digest, failed);
            return Err(StoreError::Read { digest, source });
        }
        // Another process may have packed it just now.
        let part = self.packs.find_again(digest);
        part.and_then(|part| self.place_of(part))
            .ok_or(StoreError::Missing { digest: *digest })
    }

    /// The place of a part, if its pack is there.
    fn place_of(&self, part: Part) -> Option<Place> {
        let path = self.path(&part.pack);
        path.exists().then_some(Place {
            path,
            start: part.start,
            size: part.size,
            whose: Whose::Packed(part.pack),
        })
    }

    /// Whether a blob of `size` bytes need not be stored: a file of another size is what something else left.
    fn is_kept(&self, digest: &Digest, size: u64) -> bool {
        if fs::metadata(self.path(digest)).is_ok_and(|file| file.len() == size) {
            return true;
        }
        let Some(part) = self.packs.find(digest).filter(|part| part.size == size) else {
            return false;
        };
        let is_listed = self.fresh.contains(&part.pack) || self.layers.join(part.pack.hex()).exists();
        is_listed && self.path(&part.pack).exists()
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
    fn begin_tar(&mut self, changes: &Changeset) -> Box<dyn Write> {
        self.begin_spool(changes)
    }

    fn end_tar(&mut self, diff_id: DiffId, size: u64) {
        self.end_spool(diff_id, size);
    }

    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.is_kept(&digest, bytes.len() as u64) {
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
        let temporary = self.temporary();
        let (digest, size) = spool(&temporary.0, &start, source)?;
        self.name(&temporary, &digest, size)?;
        Ok((digest, size))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        let bytes = self.find(digest)?.read().map_err(|source| StoreError::Read {
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
        let place = self.find(digest)?;
        let file = place.open().map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let is_known = match place.whose {
            Whose::Ours => self.fresh.contains(digest),
            Whose::Packed(pack) => self.fresh.contains(&pack),
            Whose::Lent => self.lent.find(digest).is_some_and(|lent| lent.is_known_to_be(&file)),
        };
        let bytes = BufReader::with_capacity(1 << 16, file.take(place.limit()));
        // What this process has written or read itself is not read once more to see whether it is right.
        if is_known {
            return Ok(Box::new(bytes));
        }
        Ok(Box::new(Verified::new(bytes, *digest)))
    }

    fn source(&self, digest: &Digest) -> Result<Source, StoreError> {
        let place = self.find(digest)?;
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let file = open_file(&place.path).and_then(PlacedFile::new).map_err(failed)?;
        let source = Source::of(Rc::new(file));
        let source = match place.whose {
            Whose::Packed(_) => source.part(place.start, place.size),
            Whose::Ours | Whose::Lent => source,
        };
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
        self.find(digest).ok().map(|place| place.size)
    }
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
