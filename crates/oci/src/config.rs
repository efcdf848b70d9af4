//! The image config: platform, defaults of containers, layers and history.

use crate::json::{go_json, null_as_empty, read};
use crate::{Descriptor, DiffId, Digest, DocumentError, Platform, Timestamp, media_type};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// What an image says about itself. Its digest is the image ID.
///
/// Fields this type does not have are dropped when a config is read, as BuildKit drops them.
///
/// Source: OCI image-spec, `config.md`; Docker image-spec v1.3.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// For which machine.
    pub platform: Platform,
    /// Who made it.
    pub author: String,
    /// Defaults of containers.
    pub config: ContainerConfig,
    /// When the last step was made.
    pub created: Option<Timestamp>,
    /// How it was made, base first.
    pub history: Vec<History>,
    /// DiffIDs of the layers, base first.
    pub diff_ids: Vec<DiffId>,
    /// The build cache that the image carries, in Base64. It is of this very image: a config that is read to build on has none.
    pub inline_cache: Option<String>,
}

/// Defaults of the containers of an image; everything empty is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerConfig {
    /// User, and group after `:`.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `80/tcp` and the like.
    #[serde(with = "keys", skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// `NAME=value`, in order.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The program.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Its arguments, or the program.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Directories that are volumes.
    #[serde(with = "keys", skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// Working directory.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Signal that stops a container.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Whether the arguments are already escaped for Windows.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "is_false")]
    pub args_escaped: bool,
    /// How to see that a container is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Instructions for builds on top of this image.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
    /// The shell of the shell forms.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
}

/// How to see that a container is well. Times are nanoseconds, 0 is the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, `CMD` and arguments, or `CMD-SHELL` and a command; empty inherits.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Between checks.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// Until a check counts as failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// In which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Between checks in the start period.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures until the container counts as unwell.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// One step of the history.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// By which instruction.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// By whom.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// A remark.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Whether the step made no layer.
    #[serde(deserialize_with = "null_as_empty", skip_serializing_if = "is_false")]
    pub empty_layer: bool,
}

/// Sets as Go writes them: maps whose values are `{}`.
#[allow(clippy::zero_sized_map_values)] // the JSON has maps
mod keys {
    use serde::de::IgnoredAny;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::{BTreeMap, BTreeSet};

    pub(super) fn serialize<S: Serializer>(keys: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
        let empty: BTreeMap<(), ()> = BTreeMap::new();
        serializer.collect_map(keys.iter().map(|key| (key, &empty)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
        let map = Option::<BTreeMap<String, IgnoredAny>>::deserialize(deserializer)?;
        Ok(map.unwrap_or_default().into_keys().collect())
    }
}

// serde passes references to `skip_serializing_if`.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// The layers of a config as JSON has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// DiffIDs, base first; `null` if there are none.
    pub diff_ids: Option<Vec<DiffId>>,
}

/// The config as JSON has it.
#[derive(Deserialize)]
struct Document {
    #[serde(flatten)]
    platform: Platform,
    #[serde(default, deserialize_with = "null_as_empty")]
    author: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    config: ContainerConfig,
    #[serde(default)]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "null_as_empty")]
    history: Vec<History>,
    rootfs: RootFs,
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if it is too long, not JSON, or its layers are not listed as layers.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, DocumentError> {
        let document: Document = read("an image config", bytes)?;
        if document.rootfs.kind != "layers" {
            return Err(DocumentError::Value {
                what: "an image config",
                expected: "a rootfs of type layers",
                found: document.rootfs.kind.chars().take(100).collect(),
            });
        }
        Ok(ImageConfig {
            platform: document.platform,
            author: document.author,
            config: document.config,
            created: document.created,
            history: document.history,
            diff_ids: document.rootfs.diff_ids.unwrap_or_default(),
            inline_cache: None,
        })
    }

    /// The JSON as BuildKit writes it: top-level keys sorted, no blanks, no line end.
    pub fn to_json(&self) -> Vec<u8> {
        go_json(self)
    }

    /// The digest of [`to_json`](ImageConfig::to_json): the image ID.
    pub fn id(&self) -> Digest {
        Digest::of(&self.to_json())
    }

    /// The descriptor of [`to_json`](ImageConfig::to_json).
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(media_type::OCI_CONFIG, &self.to_json())
    }
}

impl Serialize for ImageConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let platform = &self.platform;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("architecture", &platform.architecture)?;
        if !self.author.is_empty() {
            map.serialize_entry("author", &self.author)?;
        }
        map.serialize_entry("config", &self.config)?;
        // `null` where there is none, as for the two lists below: what Go makes of a pointer or slice that was never set.
        map.serialize_entry("created", &self.created)?;
        map.serialize_entry("history", &(!self.history.is_empty()).then_some(&self.history))?;
        if let Some(cache) = &self.inline_cache {
            map.serialize_entry("moby.buildkit.cache.v0", cache)?;
        }
        map.serialize_entry("os", &platform.os)?;
        if !platform.os_features.is_empty() {
            map.serialize_entry("os.features", &platform.os_features)?;
        }
        if !platform.os_version.is_empty() {
            map.serialize_entry("os.version", &platform.os_version)?;
        }
        let rootfs = RootFs {
            kind: "layers".to_owned(),
            diff_ids: (!self.diff_ids.is_empty()).then(|| self.diff_ids.clone()),
        };
        map.serialize_entry("rootfs", &rootfs)?;
        if !platform.variant.is_empty() {
            map.serialize_entry("variant", &platform.variant)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
