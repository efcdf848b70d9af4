//! A store in a bucket as builds use it: images by their names, and what builds have learned.

use super::bucket::{Bucket, BucketError};
use super::location::Location;
use super::names::{find, give};
use super::shared::{fetch, key, share};
use super::{learn, publish};
use oci::{Descriptor, DiffId, Digest, DocumentError, ImageConfig, MAX_DOCUMENT_BYTES, Manifest, Reference};
use registry::client::{CacheDocument, FoundCache, told_layers};
use std::collections::{BTreeMap, BTreeSet};
use store::{BlobStore, Image, Layer, LayerError, Limits, StoreError};

/// A store that a team shares.
#[derive(Debug)]
pub struct TeamStore {
    bucket: Bucket,
    location: Location,
}

/// Why a store could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeamError {
    /// The bucket.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A blob.
    #[error(transparent)]
    Blob(#[from] StoreError),
    /// A document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A document is larger than any should be.
    #[error("expected a document of at most {MAX_DOCUMENT_BYTES} bytes, found {found}")]
    Size {
        /// How large it is.
        found: u64,
    },
    /// Config and manifest contradict each other.
    #[error("expected as many layers as DiffIDs, found {layers} and {diff_ids}")]
    Layers {
        /// In the manifest.
        layers: usize,
        /// In the config.
        diff_ids: usize,
    },
}

/// The variables that say where the server is and who asks.
const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

impl TeamStore {
    /// The store at `location`; where the server is and who asks is in the usual `AWS_*` variables. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// As [`Bucket::at`].
    pub fn open(location: &Location, environment: &dyn Fn(&str) -> Option<String>) -> Result<TeamStore, TeamError> {
        let variables: Vec<(String, String)> = VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), environment(name)?)))
            .collect();
        Ok(TeamStore {
            bucket: Bucket::at(location, &variables)?,
            location: location.clone(),
        })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The image that `name` stands for there, its layers brought here; `None` if it stands for none.
    ///
    /// # Errors
    ///
    /// [`TeamError`].
    pub fn image(&self, name: &Reference, blobs: &mut dyn BlobStore) -> Result<Option<Image>, TeamError> {
        let Some(found) = find(&self.bucket, name)? else {
            return Ok(None);
        };
        let manifest_bytes = self.document(&found.manifest, found.size, blobs)?;
        let manifest = Manifest::parse(&manifest_bytes)?;
        let config_bytes = self.document(&manifest.config.digest, manifest.config.size, blobs)?;
        let config = ImageConfig::parse(&config_bytes)?;
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
        if layers != diff_ids {
            return Err(TeamError::Layers { layers, diff_ids });
        }
        let told = manifest.layers.iter().cloned().zip(config.diff_ids.iter().copied());
        let told: Vec<(Descriptor, DiffId)> = told.collect();
        let read = self.layers(&told, blobs)?;
        let layers = told.iter().filter_map(|(descriptor, _)| read.get(&descriptor.digest));
        let layers = layers.cloned().collect();
        Ok(Some(Image {
            config,
            config_bytes,
            manifest,
            manifest_bytes,
            layers,
        }))
    }

    /// Lets names stand for an image whose layers are blobs.
    ///
    /// # Errors
    ///
    /// [`TeamError`]; names that were given stay.
    pub fn give(&self, image: &Image, names: &[Reference], blobs: &dyn BlobStore) -> Result<(), TeamError> {
        self.put(image, blobs)?;
        for name in names {
            give(&self.bucket, name, image.digest(), image.manifest_bytes.len() as u64)?;
        }
        Ok(())
    }

    /// What builds have left.
    ///
    /// # Errors
    ///
    /// [`TeamError`].
    pub fn caches(&self, blobs: &mut dyn BlobStore) -> Result<Vec<FoundCache>, TeamError> {
        let mut caches = Vec::new();
        for manifest in learn(&self.bucket, &mut BTreeSet::new())? {
            // One that cannot be read may be of another version: a cache may be lost.
            let Ok(manifest) = Manifest::parse(&manifest) else {
                continue;
            };
            let Ok(document) = self.document(&manifest.config.digest, manifest.config.size, blobs) else {
                continue;
            };
            caches.push(FoundCache {
                document: CacheDocument::Whole(document),
                layers: told_layers(&manifest.layers),
            });
        }
        Ok(caches)
    }

    /// Leaves a cache, as [`cache_image`](registry::client::cache_image) makes it.
    ///
    /// # Errors
    ///
    /// [`TeamError`].
    pub fn leave(&self, cache: &Image, blobs: &dyn BlobStore) -> Result<(), TeamError> {
        self.put(cache, blobs)?;
        publish(&self.bucket, &cache.manifest_bytes)?;
        Ok(())
    }

    /// Brings layers here and reads them; returns them by the digests of their blobs.
    ///
    /// # Errors
    ///
    /// [`TeamError`].
    pub fn layers(
        &self,
        layers: &[(Descriptor, DiffId)],
        blobs: &mut dyn BlobStore,
    ) -> Result<BTreeMap<Digest, Layer>, TeamError> {
        let limits = Limits::default();
        let mut read = BTreeMap::new();
        for (descriptor, diff_id) in layers {
            if read.contains_key(&descriptor.digest) {
                continue;
            }
            if descriptor.size > limits.tar_bytes {
                let limit = limits.tar_bytes;
                return Err(LayerError::Limit { what: "bytes", limit }.into());
            }
            if blobs.size(&descriptor.digest) != Some(descriptor.size) {
                fetch(&self.bucket, &descriptor.digest, blobs)?;
            }
            let layer = Layer::read(descriptor.clone(), Some(*diff_id), &limits, blobs)?;
            read.insert(descriptor.digest, layer);
        }
        Ok(read)
    }

    /// Puts an image's blobs there, the manifest last.
    fn put(&self, image: &Image, blobs: &dyn BlobStore) -> Result<(), TeamError> {
        for layer in &image.layers {
            share(&self.bucket, &layer.descriptor.digest, blobs)?;
        }
        let documents = [
            (image.manifest.config.digest, &image.config_bytes),
            (image.digest(), &image.manifest_bytes),
        ];
        for (digest, bytes) in documents {
            if self.bucket.size(&key(&digest))? != Some(bytes.len() as u64) {
                self.bucket.put(&key(&digest), bytes.clone())?;
            }
        }
        Ok(())
    }

    /// A blob that fits into memory.
    fn document(&self, digest: &Digest, size: u64, blobs: &mut dyn BlobStore) -> Result<Vec<u8>, TeamError> {
        if size > MAX_DOCUMENT_BYTES as u64 {
            return Err(TeamError::Size { found: size });
        }
        if !blobs.has(digest) {
            fetch(&self.bucket, digest, blobs)?;
        }
        Ok(blobs.get(digest)?.to_vec())
    }
}
