//! Layers: changesets with their names and sizes.

use crate::compression::gzip;
use crate::layer_tar::{Hashing, Written, read_tar_in};
use crate::{BlobStore, Changes, Changeset, Compression, LayerError, Limits, StoreError, Whiteouts, write_tar};
use oci::{Descriptor, DiffId, Digest, Time, media_type};
use std::io::Write;

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// The bytes of its tar.
    pub tar_size: u64,
    /// The blob as images list it: the tar, or the tar compressed.
    pub descriptor: Descriptor,
    /// Where the bytes of the blob come from.
    pub source: LayerSource,
    /// What it changes.
    pub changes: Changes,
}

/// Where the bytes of a layer's blob come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerSource {
    /// The blob store holds them.
    Blob,
    /// They are written from the changes whenever they are wanted; the blob store holds the files' contents only.
    Changes,
}

impl Layer {
    /// The layer that holds `changes`, its blob being the plain tar.
    ///
    /// With `latest`, no time in it is later, and its descriptor says so as BuildKit's does.
    ///
    /// # Errors
    ///
    /// As [`write_tar`].
    pub fn make(changes: Changeset, latest: Option<Time>, blobs: &dyn BlobStore) -> Result<Layer, LayerError> {
        let changes = changes.as_written(latest);
        let written = write_tar(&changes, blobs, &mut std::io::sink())?;
        Ok(Layer::of_tar(changes, latest, &written))
    }

    /// The same for a layer that is to be kept: the store may write the tar while it is hashed.
    ///
    /// # Errors
    ///
    /// As [`write_tar`].
    pub fn make_to_keep(
        changes: Changeset,
        latest: Option<Time>,
        blobs: &mut dyn BlobStore,
    ) -> Result<Layer, LayerError> {
        let changes = changes.as_written(latest);
        let mut sink = blobs.begin_tar(&changes);
        let written = write_tar(&changes, blobs, &mut sink)?;
        blobs.end_tar(written.diff_id, written.size);
        Ok(Layer::of_tar(changes, latest, &written))
    }

    fn of_tar(changes: Changeset, latest: Option<Time>, written: &Written) -> Layer {
        let mut descriptor = Descriptor::new(media_type::OCI_LAYER, written.diff_id.0, written.size);
        if let Some(latest) = latest {
            let key = "buildkit/rewritten-timestamp".to_owned();
            descriptor.annotations.insert(key, latest.secs.to_string());
        }
        Layer {
            diff_id: written.diff_id,
            tar_size: written.size,
            descriptor,
            source: LayerSource::Changes,
            changes: changes.into(),
        }
    }

    /// Reads the layer whose blob is `descriptor` from `blobs`, piece by piece, and puts the contents of its files there.
    ///
    /// The blob is read in pieces, if the store can. One that is a plain tar is not hashed again: its digest is the DiffID.
    ///
    /// # Errors
    ///
    /// [`LayerError::Store`] if the blob is missing or corrupt, [`LayerError::DiffId`] if its tar is not `expected`,
    /// otherwise as [`read_tar`](crate::read_tar).
    pub fn read(
        descriptor: Descriptor,
        expected: Option<DiffId>,
        limits: &Limits,
        blobs: &mut dyn BlobStore,
    ) -> Result<Layer, LayerError> {
        Layer::read_watched(descriptor, expected, limits, blobs, &mut |_| {})
    }

    /// As [`Layer::read`]; `watch` is told again and again how many bytes of the blob were read.
    pub(crate) fn read_watched(
        descriptor: Descriptor,
        expected: Option<DiffId>,
        limits: &Limits,
        blobs: &mut dyn BlobStore,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Layer, LayerError> {
        let blob = blobs.source(&descriptor.digest)?;
        if blob.size() != descriptor.size {
            return Err(LayerError::Size {
                entry: descriptor.digest.to_string(),
                expected: descriptor.size,
                found: blob.size(),
            });
        }
        let unpacked = blob.unpack()?;
        let (tar, hashing) = match unpacked {
            Some(tar) => (tar, Hashing::All),
            // The blob is the tar, so its name is known.
            None => (blob, Hashing::Files),
        };
        let read = read_tar_in(&tar, hashing, limits, Whiteouts::Delete, blobs, watch)?;
        let diff_id = read.diff_id.unwrap_or(DiffId(descriptor.digest));
        if let Some(expected) = expected.filter(|expected| *expected != diff_id) {
            return Err(LayerError::DiffId {
                expected,
                found: diff_id,
            });
        }
        Ok(Layer {
            diff_id,
            tar_size: read.size,
            descriptor,
            source: LayerSource::Blob,
            changes: read.changes.into(),
        })
    }

    /// Whether a file in it is simulated.
    pub fn is_simulated(&self) -> bool {
        self.changes.is_simulated()
    }

    /// The bytes of its files, those that are only claimed included.
    pub fn bytes(&self) -> u64 {
        self.changes.bytes()
    }

    /// Writes the bytes of its blob to `sink`.
    ///
    /// # Errors
    ///
    /// As [`write_tar`]; [`LayerError::DiffId`] if the tar came out otherwise than when the layer was made.
    pub fn write_blob(&self, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
        match self.source {
            LayerSource::Blob => copy_blob(&self.descriptor.digest, blobs, sink),
            LayerSource::Changes => self.write_changes(blobs, sink),
        }
    }

    /// The bytes of its blob, to be read in pieces: a blob that the store does not hold is written as it is read.
    ///
    /// # Errors
    ///
    /// [`LayerError::Store`] if the blob is missing; what is wrong with a file's content is found while reading, as an I/O
    /// error.
    pub fn open_blob<'a>(&'a self, blobs: &'a dyn BlobStore) -> Result<Box<dyn std::io::Read + 'a>, LayerError> {
        match self.source {
            LayerSource::Blob => Ok(Box::new(blobs.open(&self.descriptor.digest)?)),
            LayerSource::Changes => Ok(Box::new(crate::layer_tar::TarStream::new(&self.changes, blobs))),
        }
    }

    /// This layer with its blob compressed as gzip and kept in `blobs`. One that is a blob already stays as it is.
    ///
    /// # Errors
    ///
    /// As [`write_tar`] and [`BlobStore::put`].
    pub fn gzipped(&self, blobs: &mut dyn BlobStore) -> Result<Layer, LayerError> {
        if self.source == LayerSource::Blob {
            return Ok(self.clone());
        }
        let mut encoder = gzip(Vec::new());
        self.write_changes(blobs, &mut encoder)?;
        let bytes = encoder.finish().map_err(LayerError::Write)?;
        let digest = blobs.put(&bytes)?;
        Ok(Layer {
            descriptor: Descriptor {
                media_type: media_type::OCI_LAYER_GZIP.to_owned(),
                digest,
                size: bytes.len() as u64,
                ..self.descriptor.clone()
            },
            source: LayerSource::Blob,
            ..self.clone()
        })
    }

    /// How its blob is packed, by its media type.
    pub fn compression(&self) -> Compression {
        match self.descriptor.media_type.as_str() {
            media_type::OCI_LAYER_GZIP | media_type::DOCKER_LAYER_GZIP => Compression::Gzip,
            media_type::OCI_LAYER_ZSTD => Compression::Zstd,
            _ => Compression::None,
        }
    }

    fn write_changes(&self, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
        let written = write_tar(&self.changes, blobs, sink)?;
        if written.diff_id != self.diff_id {
            return Err(LayerError::DiffId {
                expected: self.diff_id,
                found: written.diff_id,
            });
        }
        Ok(())
    }
}

fn copy_blob(digest: &Digest, blobs: &dyn BlobStore, sink: &mut dyn Write) -> Result<(), LayerError> {
    let mut source = blobs.open(digest)?;
    loop {
        let bytes = source.fill_buf().map_err(|source| StoreError::Read {
            digest: *digest,
            source,
        })?;
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        sink.write_all(bytes).map_err(LayerError::Write)?;
        source.consume(count);
    }
}
