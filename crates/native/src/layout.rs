//! An image in an OCI layout on disk, found by tag, digest or platform.

use crate::disk::Lender;
use oci::{Descriptor, Digest, DocumentError, ImageConfig, Index, Manifest, Platform, media_type};
use registry::client::{CacheDocument, FoundCache, is_cache, told_layers};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use store::{BlobStore, Image, Layer, LayerError, Limits};

/// An image that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The manifest or index that the layout names.
    pub root: Digest,
    /// The image's manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub manifest_bytes: Vec<u8>,
    /// Its config.
    pub config: ImageConfig,
    /// Its bytes.
    pub config_bytes: Vec<u8>,
}

impl Found {
    /// The image with its layers, which are read and verified now; their files go into `blobs`.
    ///
    /// # Errors
    ///
    /// As [`Layer::read`].
    pub fn read(self, blobs: &mut dyn BlobStore) -> Result<Image, LayerError> {
        let mut layers = Vec::new();
        for (descriptor, diff_id) in self.manifest.layers.iter().zip(&self.config.diff_ids) {
            layers.push(Layer::read(
                descriptor.clone(),
                Some(*diff_id),
                &Limits::default(),
                blobs,
            )?);
        }
        let Found {
            manifest,
            manifest_bytes,
            config,
            config_bytes,
            ..
        } = self;
        Ok(Image {
            config,
            config_bytes,
            manifest,
            manifest_bytes,
            layers,
        })
    }
}

/// Why no image was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A file of the layout cannot be read.
    #[error("could not read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A blob is no regular file: a layout must not lead elsewhere.
    #[error("expected a regular file, found something else at {path}")]
    NotFile {
        /// Which.
        path: String,
    },
    /// A document is larger than its descriptor or than any document should be.
    #[error("expected {expected} bytes in {path}, found {found}")]
    Size {
        /// Which.
        path: String,
        /// What its descriptor says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A blob is not what its name says.
    #[error("corrupt blob in {path}: found {found}")]
    Corrupt {
        /// Which.
        path: String,
        /// What the bytes are.
        found: Digest,
    },
    /// A document cannot be understood.
    #[error("{path}: {source}")]
    Document {
        /// Which.
        path: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// The layout has no such image.
    #[error("expected an image {wanted} in {path}, found {found}")]
    NoImage {
        /// Which layout.
        path: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// Indexes in indexes.
    #[error("expected at most {MAX_DEPTH} indexes in each other, found more in {path}")]
    Depth {
        /// Which layout.
        path: String,
    },
    /// Config and manifest contradict each other.
    #[error("expected as many layers as DiffIDs, found {layers} and {diff_ids} in {path}")]
    Layers {
        /// Which layout.
        path: String,
        /// In the manifest.
        layers: usize,
        /// In the config.
        diff_ids: usize,
    },
}

const MAX_DEPTH: usize = 4;

/// Finds an image in the layout at `layout` and lends its blobs; layers are read only when someone needs them.
///
/// `which` is a tag or a digest; without it the image tagged `latest`, or the only one. In an index it is the image for `platform`.
///
/// # Errors
///
/// [`LayoutError`].
///
/// Source: OCI image-spec, `image-layout.md`.
pub fn find_image(
    layout: &Path,
    which: Option<&str>,
    platform: &Platform,
    lender: &Lender,
) -> Result<Found, LayoutError> {
    let index = read_index(layout)?;
    let root = choose(layout, &index, which, platform)?.clone();
    let manifest_bytes = descend(layout, &root, platform)?;
    let failed = |source| LayoutError::Document {
        path: show(layout),
        source,
    };
    let manifest = Manifest::parse(&manifest_bytes).map_err(failed)?;
    let config_bytes = read_blob(layout, &manifest.config)?;
    let config = ImageConfig::parse(&config_bytes).map_err(failed)?;
    if manifest.layers.len() != config.diff_ids.len() {
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
        return Err(LayoutError::Layers {
            path: show(layout),
            layers,
            diff_ids,
        });
    }
    for blob in manifest.layers.iter().chain([&manifest.config, &root]) {
        let file = blob_file(layout, &blob.digest);
        check_file(&file)?;
        lender.lend(blob.digest, blob.size, &file);
    }
    Ok(Found {
        root: root.digest,
        manifest,
        manifest_bytes,
        config,
        config_bytes,
    })
}

/// Finds the build cache with a tag in the layout at `layout`.
///
/// # Errors
///
/// [`LayoutError`].
pub fn find_cache(layout: &Path, tag: &str) -> Result<FoundCache, LayoutError> {
    let index = read_index(layout)?;
    let tagged = |image: &&Descriptor| image.annotations.get(REF_NAME).is_some_and(|name| name == tag);
    let root = index.manifests.iter().find(tagged).or(match &index.manifests[..] {
        // Without a name it is what there is.
        [only] if !only.annotations.contains_key(REF_NAME) => Some(only),
        _ => None,
    });
    let root = root.ok_or_else(|| no_image(layout, tag, Vec::new()))?;
    let bytes = read_blob(layout, root)?;
    let failed = |source| LayoutError::Document {
        path: show(&blob_file(layout, &root.digest)),
        source,
    };
    // An index in which the cache is one entry, or, of newer versions, a manifest that has it as its config.
    let entries = if media_type::is_index(&root.media_type) {
        Index::parse(&bytes).map_err(failed)?.manifests
    } else {
        Manifest::parse(&bytes).map_err(failed)?.entries()
    };
    let document = entries.iter().find(|entry| is_cache(entry));
    let document = document.ok_or_else(|| no_image(layout, "that is a build cache", Vec::new()))?;
    let document = read_blob(layout, document)?;
    let layers = told_layers(&entries);
    for (layer, _) in &layers {
        let file = blob_file(layout, &layer.digest);
        check_file(&file)?;
    }
    Ok(FoundCache {
        document: CacheDocument::Whole(document),
        layers,
    })
}

/// The index of the layout at `layout`, which may not be there yet, with `root` in the place of what had its tag.
pub(crate) fn with_root(layout: &Path, root: Descriptor) -> Index {
    let before = read_index(layout).map(|index| index.manifests).unwrap_or_default();
    let tag = root.annotations.get(REF_NAME).cloned();
    let others = before
        .into_iter()
        .filter(|other| other.annotations.get(REF_NAME) != tag.as_ref());
    Index::new(others.chain([root]).collect())
}

/// The manifest or index that is the image which [`find_image`] finds.
pub(crate) fn find_root(layout: &Path, which: Option<&str>, platform: &Platform) -> Result<Digest, LayoutError> {
    Ok(choose(layout, &read_index(layout)?, which, platform)?.digest)
}

fn read_index(layout: &Path) -> Result<Index, LayoutError> {
    let path = layout.join("index.json");
    let bytes = read_document(&path, None)?;
    Index::parse(&bytes).map_err(|source| LayoutError::Document {
        path: show(&path),
        source,
    })
}

/// Follows indexes down to the manifest for `platform`.
fn descend(layout: &Path, from: &Descriptor, platform: &Platform) -> Result<Vec<u8>, LayoutError> {
    let mut at = from.clone();
    for _ in 0..MAX_DEPTH {
        let bytes = read_blob(layout, &at)?;
        let failed = |source| LayoutError::Document {
            path: show(&blob_file(layout, &at.digest)),
            source,
        };
        if !media_type::is_index(&at.media_type) {
            return Ok(bytes);
        }
        let index = Index::parse(&bytes).map_err(failed)?;
        at = choose_platform(layout, &index, platform)?.clone();
    }
    Err(LayoutError::Depth { path: show(layout) })
}

/// Where an index says what an image is called.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

fn choose<'a>(
    layout: &Path,
    index: &'a Index,
    which: Option<&str>,
    platform: &Platform,
) -> Result<&'a Descriptor, LayoutError> {
    let tagged = |tag: &str| {
        index
            .manifests
            .iter()
            .find(|image| image.annotations.get(REF_NAME).is_some_and(|name| name == tag))
    };
    let Some(which) = which else {
        // Several images that no tag tells apart can only be platforms of one.
        return tagged("latest").map_or_else(|| choose_platform(layout, index, platform), Ok);
    };
    let found = match which.parse::<Digest>() {
        Ok(digest) => index.manifests.iter().find(|image| image.digest == digest),
        Err(_) => tagged(which),
    };
    found.ok_or_else(|| {
        let names = index
            .manifests
            .iter()
            .map(|image| match image.annotations.get(REF_NAME) {
                Some(name) => name.clone(),
                None => image.digest.to_string(),
            });
        no_image(layout, which, names.collect())
    })
}

fn choose_platform<'a>(layout: &Path, index: &'a Index, platform: &Platform) -> Result<&'a Descriptor, LayoutError> {
    let images = || {
        index
            .manifests
            .iter()
            .filter(|image| media_type::is_manifest(&image.media_type) || media_type::is_index(&image.media_type))
    };
    let said = |image: &Descriptor| image.platform.clone();
    if let Some(image) = images().find(|image| said(image).is_some_and(|its| its.matches(platform))) {
        return Ok(image);
    }
    // An image that does not say its platform, or is the only one, is taken: its config says the rest.
    match images().collect::<Vec<_>>()[..] {
        [only] => Ok(only),
        ref several => several
            .iter()
            .find(|image| image.platform.is_none())
            .copied()
            .ok_or_else(|| {
                let names = several
                    .iter()
                    .filter_map(|image| said(image))
                    .map(|its| its.to_string());
                no_image(layout, &format!("for {platform}"), names.collect())
            }),
    }
}

fn no_image(layout: &Path, wanted: &str, found: Vec<String>) -> LayoutError {
    let found = if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    };
    LayoutError::NoImage {
        path: show(layout),
        wanted: wanted.to_owned(),
        found,
    }
}

/// Where a blob lies.
pub(crate) fn blob_file(layout: &Path, digest: &Digest) -> std::path::PathBuf {
    layout.join("blobs").join("sha256").join(digest.hex())
}

fn read_blob(layout: &Path, descriptor: &Descriptor) -> Result<Vec<u8>, LayoutError> {
    let path = blob_file(layout, &descriptor.digest);
    let bytes = read_document(&path, Some(descriptor.size))?;
    let found = Digest::of(&bytes);
    if found == descriptor.digest {
        Ok(bytes)
    } else {
        Err(LayoutError::Corrupt {
            path: show(&path),
            found,
        })
    }
}

fn read_document(path: &Path, size: Option<u64>) -> Result<Vec<u8>, LayoutError> {
    let failed = |source| LayoutError::Read {
        path: show(path),
        source,
    };
    check_file(path)?;
    let limit = oci::MAX_DOCUMENT_BYTES as u64;
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let found = bytes.len() as u64;
    let expected = size.unwrap_or(found.min(limit));
    if found == expected {
        Ok(bytes)
    } else {
        Err(LayoutError::Size {
            path: show(path),
            expected,
            found,
        })
    }
}

/// A layout from elsewhere may hold links to files that are nobody's business.
pub(crate) fn check_file(path: &Path) -> Result<(), LayoutError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(LayoutError::NotFile { path: show(path) }),
        Err(source) => Err(LayoutError::Read {
            path: show(path),
            source,
        }),
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskBlobs;
    use crate::testing::Scratch;

    /// A layout with one empty-handed image a tag.
    fn layout(scratch: &Scratch, tags: &[Option<&str>]) -> Vec<Digest> {
        let mut images = Vec::new();
        for (number, tag) in tags.iter().enumerate() {
            let config = ImageConfig {
                author: format!("a{number}"),
                ..ImageConfig::default()
            };
            let manifest = Manifest::new(write(scratch, media_type::OCI_CONFIG, &config.to_json()), Vec::new());
            let mut image = write(scratch, media_type::OCI_MANIFEST, &manifest.to_json());
            image
                .annotations
                .extend(tag.map(|tag| (REF_NAME.to_owned(), tag.to_owned())));
            images.push(image);
        }
        scratch.write("layout/index.json", Index::new(images.clone()).to_json());
        images.into_iter().map(|image| image.digest).collect()
    }

    fn write(scratch: &Scratch, kind: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(kind, bytes);
        scratch.write(&format!("layout/blobs/sha256/{}", descriptor.digest.hex()), bytes);
        descriptor
    }

    fn find(scratch: &Scratch, which: Option<&str>) -> Result<Digest, String> {
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let found = find_image(
            &scratch.path("layout"),
            which,
            &Platform::linux_amd64(),
            &blobs.lender(),
        );
        let found = found.map_err(|error| error.to_string())?;
        assert!(blobs.has(&found.root) && blobs.has(&found.manifest.config.digest));
        Ok(found.root)
    }

    #[test]
    fn an_image_is_found_by_tag_digest_or_because_it_is_the_only_one() {
        let scratch = Scratch::new();
        let images = layout(&scratch, &[Some("v1"), Some("latest")]);
        assert_eq!(find(&scratch, Some("v1")), Ok(images[0]));
        assert_eq!(find(&scratch, None), Ok(images[1]));
        assert_eq!(find(&scratch, Some(&images[0].to_string())), Ok(images[0]));
        let error = find(&scratch, Some("v2")).unwrap_err();
        assert!(
            error.contains("expected an image v2") && error.contains("found v1, latest"),
            "{error}"
        );
        let only = layout(&scratch, &[None]);
        assert_eq!(find(&scratch, None), Ok(only[0]));
    }

    #[test]
    fn an_index_leads_to_the_image_of_the_platform() {
        let scratch = Scratch::new();
        let images = layout(&scratch, &[None, None]);
        let with = |digest: &Digest, platform| {
            let bytes = fs::read(scratch.path(&format!("layout/blobs/sha256/{}", digest.hex()))).unwrap();
            Descriptor {
                platform: Some(platform),
                ..Descriptor::of(media_type::OCI_MANIFEST, &bytes)
            }
        };
        let arm = with(&images[0], Platform::new("linux", "arm64", ""));
        let amd = with(&images[1], Platform::linux_amd64());
        let inner = write(&scratch, media_type::OCI_INDEX, &Index::new(vec![arm, amd]).to_json());
        scratch.write("layout/index.json", Index::new(vec![inner.clone()]).to_json());
        let blobs = DiskBlobs::open(&scratch.path("store")).unwrap();
        let found = find_image(&scratch.path("layout"), None, &Platform::linux_amd64(), &blobs.lender()).unwrap();
        assert_eq!((found.root, found.config.author.as_str()), (inner.digest, "a1"));
    }

    #[test]
    fn a_blob_that_is_a_link_or_broken_is_refused() {
        let scratch = Scratch::new();
        let images = layout(&scratch, &[None]);
        let file = scratch.path(&format!("layout/blobs/sha256/{}", images[0].hex()));
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, vec![b' '; bytes.len()]).unwrap();
        assert!(find(&scratch, None).unwrap_err().contains("corrupt"));
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(scratch.write("elsewhere", &bytes), &file).unwrap();
        assert!(find(&scratch, None).unwrap_err().contains("regular file"));
    }

    #[test]
    fn a_folder_that_is_no_layout_is_named() {
        let scratch = Scratch::new();
        let error = find(&scratch, None).unwrap_err();
        assert!(error.contains("layout/index.json: No such file"), "{error}");
    }
}
