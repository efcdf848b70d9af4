//! A cache in a folder that is an OCI layout.

use super::Place;
use crate::atomic::{Pending, write_file};
use crate::layout;
use oci::{Descriptor, DiffId, Digest};
use registry::client::FoundCache;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use store::{BlobStore, Image, Layer, LayerError, Limits, StoreError, Verified};

/// The place.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) tag: String,
}

impl Place for Folder {
    fn find(&mut self, _blobs: &mut dyn BlobStore) -> Result<Vec<FoundCache>, String> {
        let found = layout::find_cache(&self.path, &self.tag).map_err(|error| error.to_string())?;
        Ok(vec![found])
    }

    fn fetch(
        &mut self,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, String> {
        let mut read = BTreeMap::new();
        for (descriptor, diff_id) in layers {
            let path = layout::blob_file(&self.path, &descriptor.digest);
            take(&path, descriptor, blobs).map_err(|error| format!("{}: {error}", path.display()))?;
            let layer = Layer::read(descriptor.clone(), Some(*diff_id), &Limits::default(), blobs);
            read.insert(descriptor.digest, layer.map_err(|error| error.to_string())?);
        }
        Ok(read)
    }

    fn put(&mut self, image: &Image, blobs: &mut dyn BlobStore) -> Result<(), String> {
        let failed = |path: &Path, error: io::Error| format!("could not write {}: {error}", path.display());
        let folder = layout::blob_file(&self.path, &image.manifest.config.digest);
        let folder = folder.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        for layer in &image.layers {
            let place = layout::blob_file(&self.path, &layer.descriptor.digest);
            if fs::metadata(&place).is_ok_and(|found| found.len() == layer.descriptor.size) {
                continue;
            }
            write_layer(layer, &place, blobs).map_err(|error| format!("{}: {error}", place.display()))?;
        }
        let documents = [
            (image.manifest.config.digest, &image.config_bytes),
            (image.digest(), &image.manifest_bytes),
        ];
        for (digest, bytes) in documents {
            let place = layout::blob_file(&self.path, &digest);
            write_file(&place, bytes).map_err(|error| failed(&place, error))?;
        }
        let mark = self.path.join("oci-layout");
        write_file(&mark, br#"{"imageLayoutVersion":"1.0.0"}"#).map_err(|error| failed(&mark, error))?;
        // The index comes last: a reader never finds a name without its bytes.
        let mut root = Descriptor::new(
            &image.manifest.media_type,
            image.digest(),
            image.manifest_bytes.len() as u64,
        );
        root.annotations.insert(layout::REF_NAME.to_owned(), self.tag.clone());
        let index = layout::with_root(&self.path, root);
        let place = self.path.join("index.json");
        write_file(&place, &index.to_json()).map_err(|error| failed(&place, error))
    }
}

/// Copies a blob: the folder may be gone when the layer is wanted again.
fn take(path: &Path, descriptor: &Descriptor, blobs: &mut dyn BlobStore) -> Result<(), StoreError> {
    if blobs.size(&descriptor.digest) == Some(descriptor.size) {
        return Ok(());
    }
    let file = BufReader::new(File::open(path).map_err(StoreError::Source)?);
    blobs.put_from(&mut Verified::new(file, descriptor.digest)).map(|_| ())
}

fn write_layer(layer: &Layer, place: &Path, blobs: &dyn BlobStore) -> Result<(), LayerError> {
    let mut file = BufWriter::with_capacity(1 << 16, Pending::create(place).map_err(LayerError::Write)?);
    layer.write_blob(blobs, &mut file)?;
    file.flush().map_err(LayerError::Write)?;
    let file = file
        .into_inner()
        .map_err(|error| LayerError::Write(error.into_error()))?;
    file.finish().map_err(LayerError::Write)
}
