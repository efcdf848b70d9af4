//! Blobs of a folder that come from elsewhere: written by others, lent before, read from streams, packed as layers.

use super::{DiskBlobs, PIECE, Place, Temporary, Whose, open_file};
use crate::hashed::Hashed;
use crate::large_file::LargeFile;
use oci::{DiffId, Digest, Digester};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{BlobStore, Changeset, Layer, LayerError, LayerSource, StoreError, TarPart, tar_parts};

/// A layer is worth a pack if it would add so many files to the folder, or so many bytes.
const MIN_PACKED_FILES: usize = 16;
const MIN_PACKED_BYTES: u64 = 1 << 20;

impl DiskBlobs {
    /// Copies a lent blob, so that it stays when its file changes. Nothing happens if it is already ours.
    ///
    /// # Errors
    ///
    /// As [`BlobStore::get`] and [`BlobStore::put`].
    pub fn keep(&mut self, digest: &Digest) -> Result<(), StoreError> {
        let place = self.find(digest)?;
        if !matches!(place.whose, Whose::Lent) {
            return Ok(());
        }
        let Place { path, size, .. } = place;
        let failed = |source| StoreError::Read {
            digest: *digest,
            source,
        };
        let mut file = open_file(&path).map_err(failed)?;
        if let Some(lent) = self.lent.find(digest).filter(|lent| lent.is_known_to_be(&file)) {
            let temporary = self.temporary();
            File::create(&temporary.0)
                .and_then(|mut copy| io::copy(&mut file, &mut copy))
                .map_err(|source| StoreError::Write {
                    digest: *digest,
                    source,
                })?;
            // It is what it was if nothing has touched it while it was copied.
            if lent.is_known_to_be(&file) {
                return self.name(&temporary, digest, size);
            }
            file = open_file(&path).map_err(failed)?;
        }
        let (found, _) = self.put_from(&mut file.take(size.saturating_add(1)))?;
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

    /// Stores what `fill` writes, which may read blobs of this store for it.
    ///
    /// # Errors
    ///
    /// What `fill` returns, or [`StoreError::Write`] as [`LayerError::Store`].
    pub fn put_written(
        &mut self,
        fill: impl FnOnce(&DiskBlobs, &mut dyn Write) -> Result<(), LayerError>,
    ) -> Result<(Digest, u64), LayerError> {
        let temporary = self.temporary();
        // The name is known only at the end.
        let failed = |source| StoreError::Write {
            digest: Digest::of(b""),
            source,
        };
        let file = File::create(&temporary.0).map_err(failed)?;
        let mut sink = Hashed::new(BufWriter::with_capacity(PIECE, file));
        fill(self, &mut sink)?;
        sink.flush().map_err(failed)?;
        let (digest, size) = sink.finish();
        self.name(&temporary, &digest, size)?;
        Ok((digest, size))
    }

    /// Keeps the contents of a layer's files by keeping its tar, if most of them are not kept yet. They are read from there from then on.
    /// Returns whether that was done; if not, each is to be [kept](DiskBlobs::keep) by itself.
    ///
    /// The tar is that of the layer's DiffID because the files are those it was made of: whoever finds that one has changed does not pack.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`] if the disk refuses.
    pub fn pack(&mut self, layer: &Layer) -> Result<bool, StoreError> {
        let pack = layer.diff_id.0;
        let is_plain = layer.source == LayerSource::Changes && layer.descriptor.digest == pack;
        if !is_plain || layer.is_simulated() {
            return Ok(false);
        }
        let parts = tar_parts(&layer.changes);
        let (temporary, written) = match self.tars.remove(&pack) {
            Some(Some(temporary)) => (temporary, Ok(())),
            Some(None) => return Ok(false),
            None if !self.is_worth(&parts) => return Ok(false),
            None => {
                let temporary = self.temporary();
                let written = self.write_pack(layer, &temporary.0);
                (temporary, written)
            }
        };
        match written {
            Ok(()) if self.are_unchanged(&parts) => {}
            Err(LayerError::Write(source)) => return Err(StoreError::Write { digest: pack, source }),
            // The file that changed is found again when it is kept by itself.
            Ok(()) | Err(_) => return Ok(false),
        }
        self.name(&temporary, &pack, layer.tar_size)?;
        self.packs.add(pack, &parts);
        Ok(true)
    }

    /// Begins the tar of a layer that will be packed: see [`BlobStore::begin_tar`].
    pub(super) fn begin_spool(&mut self, changes: &Changeset) -> Box<dyn Write> {
        if changes.is_simulated() || !self.is_worth(&tar_parts(changes)) {
            self.tar = Some(Begun::NotWorth);
            return Box::new(io::sink());
        }
        let temporary = self.temporary();
        let spool = Spool(Arc::new(Mutex::new(LargeFile::append(&temporary.0, 0).ok())));
        self.tar = Some(Begun::Written(temporary, spool.clone()));
        Box::new(spool)
    }

    /// The tar that was begun is that of `diff_id`.
    pub(super) fn end_spool(&mut self, diff_id: DiffId, size: u64) {
        match self.tar.take() {
            Some(Begun::NotWorth) => drop(self.tars.insert(diff_id.0, None)),
            Some(Begun::Written(temporary, spool)) => {
                let file = spool.file().take();
                if file.is_some_and(|mut file| file.finish().is_ok() && file.written() == size) {
                    self.tars.insert(diff_id.0, Some(temporary));
                }
            }
            None => {}
        }
    }

    /// Whether most of a layer is lent.
    fn is_worth(&self, parts: &[TarPart]) -> bool {
        let (mut files, mut bytes) = (0, 0);
        for part in parts {
            let is_lent = self
                .find(&part.digest)
                .is_ok_and(|place| matches!(place.whose, Whose::Lent));
            if is_lent {
                files += 1;
                bytes += part.size;
            }
        }
        let all: u64 = parts.iter().map(|part| part.size).sum();
        (files >= MIN_PACKED_FILES || bytes >= MIN_PACKED_BYTES) && bytes > all / 2
    }

    /// Whether the files that were read as they are known to be still are.
    fn are_unchanged(&self, parts: &[TarPart]) -> bool {
        let lent = parts.iter().filter_map(|part| self.lent.find(&part.digest));
        lent.into_iter().all(|lent| !lent.has_changed())
    }

    fn write_pack(&self, layer: &Layer, path: &Path) -> Result<(), LayerError> {
        let mut file = LargeFile::append(path, 0).map_err(LayerError::Write)?;
        let mut tar = layer.open_blob(self)?;
        copy(tar.as_mut(), &mut file, layer.tar_size)?;
        file.finish().map_err(LayerError::Write)
    }
}

/// What becomes of a tar that is being hashed.
#[derive(Debug)]
pub(super) enum Begun {
    /// Nothing.
    NotWorth,
    /// It is written to a file.
    Written(Temporary, Spool),
}

/// A tar on its way to the disk, for the one who writes and the one who keeps it; `None` once that went wrong.
#[derive(Debug, Clone)]
pub(super) struct Spool(Arc<Mutex<Option<LargeFile>>>);

impl Spool {
    fn file(&self) -> MutexGuard<'_, Option<LargeFile>> {
        // A file is as it is, whatever a thread was doing that ended with it in its hands.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file();
        // The tar is written again when the layer is kept, and then the error counts.
        if file.as_mut().is_some_and(|file| file.write_all(bytes).is_err()) {
            file.take();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies exactly `size` bytes.
fn copy(from: &mut dyn Read, to: &mut LargeFile, size: u64) -> Result<(), LayerError> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut written = 0;
    loop {
        piece.clear();
        from.take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(LayerError::Read)?;
        if piece.is_empty() {
            break;
        }
        to.write_all(&piece).map_err(LayerError::Write)?;
        written += piece.len() as u64;
    }
    if written == size {
        return Ok(());
    }
    Err(LayerError::Size {
        entry: "tar".to_owned(),
        expected: size,
        found: written,
    })
}

/// Writes `start` and the rest of `source` to a file and says what they are.
pub(super) fn spool(path: &Path, start: &[u8], source: &mut dyn Read) -> Result<(Digest, u64), StoreError> {
    // The name is known only at the end: until then an error can name no blob but the one that begins so.
    let failed = |source| StoreError::Write {
        digest: Digest::of(start),
        source,
    };
    let mut file = LargeFile::append(path, 0).map_err(failed)?;
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
    file.finish().map_err(failed)?;
    Ok((digester.finish(), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::needed;
    use crate::layers;
    use crate::references::References;
    use crate::testing::Scratch;
    use std::fs;
    use store::{Change, ChangeKind, Changeset, Content, Meta, Node, TreePath};

    /// The layer of these files of a context, which lends them.
    fn layer(scratch: &Scratch, files: &[(&str, &[u8])], blobs: &DiskBlobs) -> Layer {
        let put = |(name, bytes): &(&str, &[u8])| {
            let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
            let path = scratch.write(&format!("context/{name}"), bytes);
            blobs.lender().lend(digest, size, &path);
            Change {
                path: TreePath::parse(name).unwrap(),
                kind: ChangeKind::Put(Node::file(Meta::of_mode(0o644), Content::Blob { digest, size })),
            }
        };
        let changes = files.iter().map(put).collect();
        Layer::make(Changeset { changes }, None, blobs).unwrap()
    }

    fn names(blobs: &DiskBlobs) -> Vec<String> {
        let folder = fs::read_dir(blobs.folder()).unwrap();
        folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_tar_that_was_written_while_it_was_hashed_is_not_written_again() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let large = vec![7; 3 << 20];
        let made = layer(&scratch, &[("large", &large)], &blobs);
        let again = Layer::make_to_keep((*made.changes).clone(), None, &mut blobs).unwrap();
        assert_eq!(again, made);
        let of_tar = |blobs: &DiskBlobs| Some(blobs.tars.get(&made.diff_id.0)?.as_ref()?.0.clone());
        let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
        let before = inode(&of_tar(&blobs).expect("it is written"));
        layers::keep(&made, &mut blobs).unwrap();
        blobs.sync().unwrap();
        let kept = blobs.folder().join(made.diff_id.0.hex());
        assert_eq!(inode(&kept), before);
        assert_eq!(Digest::of(&fs::read(kept).unwrap()), made.diff_id.0);
        assert_eq!(names(&blobs), [made.diff_id.0.hex()]);
        // A small layer is not worth it, and one that nobody keeps leaves nothing.
        let small = layer(&scratch, &[("small", b"x")], &blobs);
        Layer::make_to_keep((*small.changes).clone(), None, &mut blobs).unwrap();
        let other = layer(&scratch, &[("other", &vec![8; 3 << 20])], &blobs);
        Layer::make_to_keep((*other.changes).clone(), None, &mut blobs).unwrap();
        let mut written = blobs.tars.values().flatten();
        let left = written.next().expect("the other one is written").0.clone();
        assert!(written.next().is_none(), "the small one is not");
        drop(blobs);
        assert!(!left.exists());
    }

    #[test]
    fn a_tar_that_was_written_is_whole_whatever_becomes_of_its_files() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let bytes = vec![7; 3 << 20];
        let made = layer(&scratch, &[("large", &bytes)], &blobs);
        Layer::make_to_keep((*made.changes).clone(), None, &mut blobs).unwrap();
        scratch.write("context/large", vec![9; 3 << 20]);
        layers::keep(&made, &mut blobs).unwrap();
        blobs.sync().unwrap();
        assert!(*blobs.get(&Digest::of(&bytes)).unwrap() == *bytes);
    }

    #[test]
    fn a_large_file_is_kept_once_as_the_tar_of_its_layer_and_read_from_there() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let large: Vec<u8> = (0..3 << 20).map(|at| (at % 251) as u8).collect();
        let layer = layer(&scratch, &[("a", b"small"), ("large", &large)], &blobs);
        layers::keep(&layer, &mut blobs).unwrap();
        fs::remove_dir_all(scratch.path("context")).unwrap();
        let check = |blobs: &DiskBlobs| {
            for bytes in [&b"small"[..], &large] {
                let digest = Digest::of(bytes);
                assert!(*blobs.get(&digest).unwrap() == *bytes);
                let (mut opened, mut placed) = (Vec::new(), Vec::new());
                blobs.open(&digest).unwrap().read_to_end(&mut opened).unwrap();
                let source = blobs.source(&digest).unwrap();
                source.read().read_to_end(&mut placed).unwrap();
                assert!(opened == bytes && placed == bytes);
                assert_eq!(blobs.size(&digest), Some(bytes.len() as u64));
            }
            assert_eq!(blobs.size(&layer.diff_id.0), Some(layer.tar_size));
        };
        check(&blobs);
        let early = DiskBlobs::open(&scratch.path("store")).unwrap();
        assert_eq!(early.size(&Digest::of(&large)), None);
        blobs.sync().unwrap();
        check(&early);
        drop(blobs);
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        check(&blobs);
        assert_eq!(names(&blobs), [layer.diff_id.0.hex()]);
        // What lies in a tar is here, and need not be stored once more.
        blobs.put(b"small").unwrap();
        blobs.put_from(&mut large.as_slice()).unwrap();
        blobs.sync().unwrap();
        assert_eq!(names(&blobs), [layer.diff_id.0.hex()]);
        assert_eq!(layer.gzipped(&mut blobs).unwrap().diff_id, layer.diff_id);
    }

    #[test]
    fn a_tar_that_is_damaged_or_gone_is_noticed() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let large = vec![7; 3 << 20];
        let layer = layer(&scratch, &[("large", &large)], &blobs);
        layers::keep(&layer, &mut blobs).unwrap();
        blobs.sync().unwrap();
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let tar = blobs.folder().join(layer.diff_id.0.hex());
        let mut bytes = fs::read(&tar).unwrap();
        bytes[1000] = 8;
        fs::write(&tar, bytes).unwrap();
        let digest = Digest::of(&large);
        assert!(matches!(blobs.get(&digest), Err(StoreError::Corrupt { .. })));
        assert!(io::copy(&mut blobs.open(&digest).unwrap(), &mut io::sink()).is_err());
        assert!(matches!(blobs.source(&digest), Err(StoreError::Corrupt { .. })));
        fs::remove_file(&tar).unwrap();
        assert!(matches!(blobs.get(&digest), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn a_file_that_changed_since_its_layer_was_made_is_not_kept_as_what_it_was() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let layer = layer(&scratch, &[("large", &vec![7; 3 << 20])], &blobs);
        scratch.write("context/large", vec![8; 3 << 20]);
        let error = layers::keep(&layer, &mut blobs).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(!blobs.has(&layer.diff_id.0));
        assert!(!layers::place(&blobs, layer.diff_id).exists());
    }

    #[test]
    fn a_tar_is_needed_as_long_as_another_layer_lists_what_lies_in_it() {
        let scratch = Scratch::new();
        let mut blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let large = vec![7; 3 << 20];
        let first = layer(&scratch, &[("a", &vec![9; 2 << 20]), ("large", &large)], &blobs);
        let second = layer(&scratch, &[("b", b"other"), ("large", &large)], &blobs);
        for layer in [&first, &second] {
            layers::keep(layer, &mut blobs).unwrap();
        }
        blobs.sync().unwrap();
        assert!(!blobs.has(&second.diff_id.0));
        let references = References {
            cached: vec![(second.diff_id, None)],
            ..References::default()
        };
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let needed = needed(&references, &blobs).unwrap();
        assert!(needed.blobs.contains(&first.diff_id.0) && needed.blobs.contains(&Digest::of(b"other")));
        assert!(needed.layers.contains(&first.diff_id.0) && needed.layers.contains(&second.diff_id.0));
    }
}
