//! What a registry looks at in a manifest; everything else in it is the client's business.

use super::refusal::{Code, Refusal};
use oci::{AnyDigest, media_type};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A manifest or an index. Unlike [`oci::Manifest`], it may name its parts by SHA-512.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    schema_version: Option<u32>,
    media_type: Option<String>,
    pub(super) artifact_type: Option<String>,
    pub(super) config: Option<Part>,
    pub(super) layers: Option<Vec<Part>>,
    pub(super) manifests: Option<Vec<Part>>,
    pub(super) subject: Option<Part>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// A descriptor.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: AnyDigest,
    pub(super) size: u64,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

impl Document {
    /// Reads a document; nesting is limited by the reader.
    pub(super) fn parse(bytes: &[u8]) -> Result<Document, Refusal> {
        let invalid = |reason: &str| Refusal::new(Code::ManifestInvalid).detail(reason);
        let document: Document = serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))?;
        if document.schema_version != Some(2) {
            return Err(invalid("unsupported schema version"));
        }
        // What is both would be one thing to us and another to the next reader (CVE-2021-41190).
        if document.manifests.is_some() && (document.config.is_some() || document.layers.is_some()) {
            return Err(invalid("expected a manifest or an index, found parts of both"));
        }
        Ok(document)
    }

    /// The media type, by the document and the `Content-Type` field, which must agree.
    pub(super) fn media_type<'a>(&'a self, content_type: Option<&'a str>) -> Result<&'a str, Refusal> {
        let invalid = |reason: String| Refusal::new(Code::ManifestInvalid).detail(reason);
        let content_type = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
        let content_type = content_type.filter(|text| !text.is_empty());
        let own = self.media_type.as_deref().filter(|text| !text.is_empty());
        let found = match (content_type, own) {
            (Some(given), Some(own)) if given != own => {
                return Err(invalid(format!(
                    "mediaType in manifest should be '{given}' not '{own}'"
                )));
            }
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => return Err(invalid("no media type given".to_owned())),
        };
        let is_whole = match found {
            found if media_type::is_manifest(found) => self.config.is_some() && self.manifests.is_none(),
            found if media_type::is_index(found) => self.config.is_none() && self.layers.is_none(),
            _ => return Err(invalid("unsupported manifest media type".to_owned())),
        };
        if !is_whole {
            return Err(invalid(format!("not of the type {found}")));
        }
        Ok(found)
    }

    /// What kind of artifact this is: what it says itself, or the type of its config.
    ///
    /// Source: OCI distribution-spec, "Listing Referrers".
    pub(super) fn kind(&self) -> Option<&str> {
        let own = self.artifact_type.as_deref().filter(|text| !text.is_empty());
        own.or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// In an index, the manifest for the platform of old clients.
    pub(super) fn for_linux_amd64(&self) -> Option<AnyDigest> {
        let is_it = |part: &&Part| {
            let platform = part.platform.as_ref();
            platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64")
        };
        self.manifests.iter().flatten().find(is_it).map(|part| part.digest)
    }
}

/// What a manifest or an index names: its config, its layers, its manifests. `None` if the bytes are neither.
pub fn manifest_parts(bytes: &[u8]) -> Option<Vec<AnyDigest>> {
    let document = Document::parse(bytes).ok()?;
    let lists = [document.layers, document.manifests];
    let parts = document.config.into_iter().chain(lists.into_iter().flatten().flatten());
    Some(parts.map(|part| part.digest).collect())
}

/// Whether layers of this type are kept elsewhere.
///
/// Source: OCI image-spec, `layer.md`, "Non-Distributable Layers".
pub(super) fn is_foreign_layer(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar"
}
