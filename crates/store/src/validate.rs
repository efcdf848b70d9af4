//! Recomputing everything that an image claims.

use crate::{
    BlobStore, ChangeKind, Compression, Content, Image, Layer, LayerError, LayerSource, Limits, Node, Source,
    StoreError, Whiteouts, read_tar,
};
use oci::{DiffId, Digest, Digester, ImageConfig, Manifest, media_type};
use std::fmt;
use std::io::BufRead;
use std::rc::Rc;
use std::sync::Arc;

/// Something that an image claims and that is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which part of the image.
    pub part: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.problem)
    }
}

/// Everything about `image` that is not as it claims; nothing if it is sound.
///
/// Recomputed are: the digests and sizes of config, layers and files, every DiffID from the bytes of its blob, the
/// changes from those bytes. Compared are: config with manifest, layers with both, history with layers. The filesystem
/// must come out of the layers. It costs reading all of it.
pub fn validate(image: &Image, blobs: &dyn BlobStore) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    check_config(image, &mut findings);
    check_manifest(image, &mut findings);
    for (number, layer) in image.layers.iter().enumerate() {
        let part = format!("layer {number}");
        check_names(&part, layer, &mut findings);
        check_contents(&part, layer, blobs, &mut findings);
        check_blob(&part, layer, blobs, &mut findings);
    }
    if let Err(error) = image.tree() {
        findings.add("layers", format!("they make no filesystem: {error}"));
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, part: &str, problem: impl Into<String>) {
        self.0.push(Finding {
            part: part.to_owned(),
            problem: problem.into(),
        });
    }

    fn equal<T: PartialEq + fmt::Display>(&mut self, part: &str, what: &str, claimed: T, found: T) {
        if claimed != found {
            self.add(part, format!("expected {what} {claimed}, found {found}"));
        }
    }
}

fn check_config(image: &Image, findings: &mut Findings) {
    match ImageConfig::parse(&image.config_bytes) {
        Ok(config) if config == image.config => {}
        Ok(_) => findings.add("config", "its bytes say something else"),
        Err(error) => findings.add("config", error.to_string()),
    }
    let config = &image.config;
    if config.platform.os.is_empty() || config.platform.architecture.is_empty() {
        findings.add("config", "expected an operating system and an architecture");
    }
    if !config.history.is_empty() {
        let steps = config.history.iter().filter(|step| !step.empty_layer).count();
        findings.equal("config", "history steps with a layer:", image.layers.len(), steps);
    }
    if let Some(bad) = config
        .config
        .env
        .iter()
        .find(|entry| entry.find('=').is_none_or(|at| at == 0))
    {
        findings.add("config", format!("expected NAME=value in Env, found {bad:?}"));
    }
    let claimed: Vec<DiffId> = image.layers.iter().map(|layer| layer.diff_id).collect();
    if claimed != config.diff_ids {
        findings.add("config", "its DiffIDs are not those of the layers");
    }
}

fn check_manifest(image: &Image, findings: &mut Findings) {
    match Manifest::parse(&image.manifest_bytes) {
        Ok(manifest) if manifest == image.manifest => {}
        Ok(_) => findings.add("manifest", "its bytes say something else"),
        Err(error) => findings.add("manifest", error.to_string()),
    }
    let config = &image.manifest.config;
    findings.equal("manifest", "config", config.digest, image.id());
    findings.equal("manifest", "config size", config.size, image.config_bytes.len() as u64);
    if !media_type::is_config(&config.media_type) {
        findings.add(
            "manifest",
            format!("expected a config's media type, found {:?}", config.media_type),
        );
    }
    let listed = image.manifest.layers.iter();
    if !listed.eq(image.layers.iter().map(|layer| &layer.descriptor)) {
        findings.add("manifest", "its layers are not those of the image");
    }
}

fn check_names(part: &str, layer: &Layer, findings: &mut Findings) {
    if !media_type::is_layer(&layer.descriptor.media_type) {
        findings.add(
            part,
            format!("expected a layer's media type, found {:?}", layer.descriptor.media_type),
        );
    }
    for change in &layer.changes.changes {
        if change.path.components().any(|name| name.starts_with(".wh.")) {
            findings.add(part, format!("{:?} would be read as a whiteout", change.path.as_str()));
        }
        if change.path.is_root() && !matches!(&change.kind, ChangeKind::Put(Node::Dir(_)) | ChangeKind::Opaque) {
            findings.add(part, "something other than a directory stands at the root");
        }
    }
}

fn check_contents(part: &str, layer: &Layer, blobs: &dyn BlobStore, findings: &mut Findings) {
    for (path, content) in layer.changes.files() {
        let Content::Blob { digest, size } = content else {
            continue;
        };
        match blobs.open(&digest) {
            Err(error) => findings.add(part, format!("{path}: {error}")),
            Ok(bytes) => match name_and_count(bytes) {
                Err(error) => findings.add(part, format!("{path}: {error}")),
                Ok((found, found_size)) => {
                    findings.equal(part, &format!("{path} with bytes"), size, found_size);
                    findings.equal(part, &format!("{path} as"), digest, found);
                }
            },
        }
    }
}

fn check_blob(part: &str, layer: &Layer, blobs: &dyn BlobStore, findings: &mut Findings) {
    let checked = blob_of(layer, blobs).and_then(|blob| {
        let (found, size) = name_and_count(Box::new(blob.read())).map_err(LayerError::Read)?;
        findings.equal(part, "blob", layer.descriptor.digest, found);
        findings.equal(part, "blob size", layer.descriptor.size, size);
        let unpacked = blob.unpack()?;
        let packing = Compression::of(blob.read().fill_buf().map_err(LayerError::Read)?);
        if packing != layer.compression() {
            findings.add(
                part,
                format!("expected its blob as {:?}, found {packing:?}", layer.compression()),
            );
        }
        let mut tar = unpacked.unwrap_or(blob).read();
        read_tar(&mut tar, &Limits::default(), Whiteouts::Delete, &mut Nowhere)
    });
    match checked {
        Err(error) => findings.add(part, error.to_string()),
        Ok(read) => {
            findings.equal(part, "DiffID", layer.diff_id, read.diff_id);
            findings.equal(part, "tar size", layer.tar_size, read.size);
            if !is_readable_as(layer, &read.changes) {
                findings.add(part, "its tar holds other changes");
            }
        }
    }
}

/// The bytes of a layer's blob; those of one that we made are written for it.
fn blob_of(layer: &Layer, blobs: &dyn BlobStore) -> Result<Source, LayerError> {
    if layer.source == LayerSource::Blob {
        return Ok(blobs.source(&layer.descriptor.digest)?);
    }
    let mut bytes = Vec::new();
    layer.write_blob(blobs, &mut bytes)?;
    Ok(Source::of(Rc::new(Arc::<[u8]>::from(bytes))))
}

fn name_and_count(mut bytes: Box<dyn BufRead + '_>) -> std::io::Result<(Digest, u64)> {
    let mut digester = Digester::new();
    let size = std::io::copy(&mut bytes, &mut digester)?;
    Ok((digester.finish(), size))
}

/// Whether what was read is what the layer holds. Attributes that layers do not keep make no difference.
fn is_readable_as(layer: &Layer, read: &crate::Changeset) -> bool {
    if layer.source == LayerSource::Blob {
        return *read == *layer.changes;
    }
    read.changes.len()
        == layer
            .changes
            .changes
            .iter()
            .filter(|change| !change.path.is_root())
            .count()
}

/// A store that names blobs and keeps none.
struct Nowhere;

impl BlobStore for Nowhere {
    fn put(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        Ok(Digest::of(bytes))
    }

    fn get(&self, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
        Err(StoreError::Missing { digest: *digest })
    }

    fn size(&self, _: &Digest) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests;
