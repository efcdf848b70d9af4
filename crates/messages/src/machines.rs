//! The simulated hosts: their images, containers and registries, and how images share layers.

use serde::{Deserialize, Serialize};

/// Of which image or container something is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Subject {
    /// The image that the editor built last.
    #[default]
    Built,
    /// An image of a host.
    Image {
        /// Index of the host in [`crate::Answer::Machines`].
        host: usize,
        /// Digest of its config: [`ImageRow::id`].
        id: String,
    },
    /// A container of a host: its image's layers, and its writable layer as the last one.
    Container {
        /// Index of the host in [`crate::Answer::Machines`].
        host: usize,
        /// Its whole id: [`ContainerRow::id`].
        id: String,
    },
}

/// One host as its daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostView {
    /// `workstation`.
    pub name: String,
    /// Its address in the simulated network.
    pub address: String,
    /// One row for each name and tag, in the order of `docker image ls -a`: an image with two tags has two rows.
    pub images: Vec<ImageRow>,
    /// In the order of `docker ps -a`.
    pub containers: Vec<ContainerRow>,
    /// What layers shared between images spare.
    pub sharing: SharingView,
    /// What a registry that runs on this host keeps; empty where none runs.
    pub repositories: Vec<RepositoryRow>,
}

/// One row of `docker image ls`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageRow {
    /// Digest of its config, `sha256:` and 64 digits.
    pub id: String,
    /// As docker shows it; `<none>` without a name.
    pub repository: String,
    /// `<none>` without a tag.
    pub tag: String,
    /// True if it has neither name nor tag.
    pub dangling: bool,
    /// `2 minutes ago`.
    pub created: String,
    /// Bytes of all its layers.
    pub bytes: u64,
    /// True if any of its layers is simulated.
    pub simulated: bool,
    /// Base first.
    pub layers: Vec<LayerCell>,
    /// Names of the containers made of it.
    pub used_by: Vec<String>,
}

/// A layer in the picture of what is shared. Two images share it if the chain id is the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerCell {
    /// Digest of this layer and all below it.
    pub chain_id: String,
    /// Bytes of the files in it.
    pub bytes: u64,
    /// What made it.
    pub instruction: String,
    /// True if its content is simulated.
    pub simulated: bool,
}

/// Bytes of a host's images, with and without sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SharingView {
    /// Each different layer once: what is stored.
    pub unique_bytes: u64,
    /// Each image by itself: what would be stored if nothing were shared. An image with two tags counts once.
    pub sum_bytes: u64,
}

/// One row of `docker ps -a`, and what its writable layer holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerRow {
    /// 64 digits.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// The image as it was named when the container was made.
    pub image: String,
    /// Digest of that image's config.
    pub image_id: String,
    /// As docker shows it, without quotes.
    pub command: String,
    /// `created`, `running`, `exited`, `restarting`, `dead`.
    pub state: String,
    /// `Up 2 minutes (healthy)`.
    pub status: String,
    /// `0.0.0.0:5000->5000/tcp`.
    pub ports: String,
    /// Bytes in its writable layer.
    pub writable_bytes: u64,
    /// Bytes it reads from its image's layers and stores no second time.
    pub shared_bytes: u64,
    /// The writable layer's files, in order of path, directories that are only on the way left out; the first of them if there are many.
    pub paths: Vec<PathRow>,
    /// How many there are in all.
    pub n_paths: usize,
}

/// A path of a container's writable layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PathRow {
    /// Without a leading slash.
    pub path: String,
    /// How it came there.
    pub origin: Origin,
    /// Its bytes; for a whiteout those it hides.
    pub bytes: u64,
}

/// How a path came into a writable layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Origin {
    /// Made by the container: the image has no such path.
    #[default]
    Own,
    /// The image has it too: copied up when the container first changed it.
    CopiedUp,
    /// The image has it, the container deleted it.
    Whiteout,
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RepositoryRow {
    /// Without the registry's own address.
    pub name: String,
    /// In order.
    pub tags: Vec<String>,
    /// Bytes of its blobs, each once.
    pub bytes: u64,
}
