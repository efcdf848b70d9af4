//! Descriptors, manifests and indexes: how blobs are tied together.

use crate::json::{go_json, null_as_empty, read, write_indented};
use crate::{Digest, DocumentError, Platform, media_type};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// A blob by media type, digest and size.
///
/// Source: OCI image-spec, `descriptor.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their name.
    pub digest: Digest,
    /// Their count.
    pub size: u64,
    /// Other places to get them from.
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Remarks.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The bytes themselves, base64, for very small blobs. Kept, never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// In an index: for which platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// In an index: what kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// An image: one config and its layers, base first.
///
/// Source: OCI image-spec, `manifest.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::OCI_MANIFEST`] or Docker's; old OCI manifests leave it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What kind of artifact this is, if it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, base first; `null` if there are none, as BuildKit writes it.
    #[serde(deserialize_with = "null_as_empty", serialize_with = "empty_as_null")]
    pub layers: Vec<Descriptor>,
    /// The manifest this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Remarks.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

/// Manifests, usually one a platform.
///
/// Source: OCI image-spec, `image-index.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::OCI_INDEX`] or Docker's; old OCI indexes leave it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What kind of artifact this is, if they are no images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests.
    #[serde(deserialize_with = "null_as_empty")]
    pub manifests: Vec<Descriptor>,
    /// The manifest this index is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Remarks.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The descriptor of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Descriptor {
        Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// A descriptor of a blob whose name and size are known.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }
}

impl Manifest {
    /// Everything that it names: the config, then the layers.
    pub fn entries(&self) -> Vec<Descriptor> {
        let layers = self.layers.iter();
        std::iter::once(&self.config).chain(layers).cloned().collect()
    }

    /// An OCI image manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Manifest {
        Manifest {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST.to_owned(),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if it is too long, not JSON, or not of schema version 2 and a manifest's media type.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, DocumentError> {
        let manifest: Manifest = read("an image manifest", bytes)?;
        check_version("an image manifest", manifest.schema_version)?;
        if !manifest.media_type.is_empty() && !media_type::is_manifest(&manifest.media_type) {
            return Err(DocumentError::Value {
                what: "an image manifest",
                expected: "the media type of one",
                found: manifest.media_type.chars().take(100).collect(),
            });
        }
        Ok(manifest)
    }

    /// The JSON as BuildKit writes it: indented by two blanks, no line end at the end.
    pub fn to_json(&self) -> Vec<u8> {
        write_indented(self)
    }
}

impl Index {
    /// An OCI image index.
    pub fn new(manifests: Vec<Descriptor>) -> Index {
        Index {
            schema_version: 2,
            media_type: media_type::OCI_INDEX.to_owned(),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Reads an index.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if it is too long, not JSON, or not of schema version 2 and an index's media type.
    pub fn parse(bytes: &[u8]) -> Result<Index, DocumentError> {
        let index: Index = read("an image index", bytes)?;
        check_version("an image index", index.schema_version)?;
        if !index.media_type.is_empty() && !media_type::is_index(&index.media_type) {
            return Err(DocumentError::Value {
                what: "an image index",
                expected: "the media type of one",
                found: index.media_type.chars().take(100).collect(),
            });
        }
        Ok(index)
    }

    /// The JSON without blanks, as BuildKit writes `index.json`.
    pub fn to_json(&self) -> Vec<u8> {
        go_json(self)
    }

    /// The JSON indented by two blanks, as BuildKit writes an index that is a blob.
    pub fn to_json_indented(&self) -> Vec<u8> {
        write_indented(self)
    }
}

fn empty_as_null<S: Serializer>(layers: &[Descriptor], serializer: S) -> Result<S::Ok, S::Error> {
    (!layers.is_empty()).then_some(layers).serialize(serializer)
}

fn check_version(what: &'static str, version: u32) -> Result<(), DocumentError> {
    if version == 2 {
        return Ok(());
    }
    Err(DocumentError::Value {
        what,
        expected: "schema version 2",
        found: version.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_indented_in_the_order_of_the_specification() {
        let mut layer = Descriptor::of(media_type::OCI_LAYER, b"layer");
        layer.annotations.insert("b".to_owned(), "<2>".to_owned());
        layer.annotations.insert("a".to_owned(), "1".to_owned());
        let manifest = Manifest::new(Descriptor::of(media_type::OCI_CONFIG, b"{}"), vec![layer.clone()]);
        let text = String::from_utf8(manifest.to_json()).expect("text");
        let expected = format!(
            r#"{{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {{
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "{}",
    "size": 2
  }},
  "layers": [
    {{
      "mediaType": "application/vnd.oci.image.layer.v1.tar",
      "digest": "{}",
      "size": 5,
      "annotations": {{
        "a": "1",
        "b": "\u003c2\u003e"
      }}
    }}
  ]
}}"#,
            manifest.config.digest, layer.digest
        );
        assert_eq!(text, expected);
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest));
    }

    #[test]
    fn an_index_is_not_taken_for_a_manifest() {
        let config = Descriptor::of(media_type::OCI_CONFIG, b"{}");
        let mut manifest = Manifest::new(config, Vec::new());
        manifest.media_type = media_type::OCI_INDEX.to_owned();
        assert!(Manifest::parse(&manifest.to_json()).is_err());
        assert!(Index::parse(br#"{"schemaVersion":1,"manifests":[]}"#).is_err());
        assert!(Index::parse(br#"{"schemaVersion":2,"manifests":null}"#).is_ok());
    }

    #[test]
    fn hostile_descriptors_are_refused() {
        let bad = [
            r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:00","size":1},"layers":[]}"#,
            r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":-1},"layers":[]}"#,
            r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"../../etc/passwd","size":1},"layers":[]}"#,
            r#"{"schemaVersion":2}"#,
            "[]",
            "",
        ];
        for text in bad {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
