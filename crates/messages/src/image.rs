//! What is inside an image: layers, history, files and their content.

use serde::{Deserialize, Serialize};

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ImageView {
    /// Name and tag, if it has one.
    pub tag: String,
    /// Digest of the config.
    pub id: String,
    /// Digest of the manifest.
    pub manifest: String,
    /// True if any layer or the base is simulated: then the digests are this page's, not BuildKit's.
    pub simulated: bool,
    /// Bytes of all layers, as `docker image ls` counts.
    pub bytes: u64,
    /// Layers, base first.
    pub layers: Vec<LayerView>,
    /// The history, oldest first.
    pub history: Vec<HistoryView>,
    /// The config, as JSON with indentation.
    pub config: String,
    /// The manifest, as JSON.
    pub manifest_json: String,
    /// Steps that ran and steps that came from the cache.
    pub ran: usize,
    /// See `ran`.
    pub cached: usize,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerView {
    /// The instruction that made it, or the base image's name.
    pub instruction: String,
    /// Line of the Dockerfile, if this build made it.
    pub line: Option<usize>,
    /// True for a layer of the base image.
    pub base: bool,
    /// True if its content is simulated.
    pub simulated: bool,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Digest of this layer and all below it.
    pub chain_id: String,
    /// Bytes of the files in it.
    pub bytes: u64,
    /// Of those, bytes in new files.
    pub added: u64,
    /// Of those, bytes in files that a lower layer had.
    pub changed: u64,
    /// Of those, bytes that an upper layer hides or replaces: shipped for nothing.
    pub hidden: u64,
    /// Files that upper layers hide, `41.2 MB hidden by line 4`; empty if none.
    pub hidden_by: String,
}

/// A line of `docker history`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryView {
    /// RFC 3339.
    pub created: String,
    /// As BuildKit words it.
    pub created_by: String,
    /// Bytes of its layer.
    pub bytes: u64,
    /// True if it made no layer.
    pub empty: bool,
    /// The layer it made.
    pub layer: Option<usize>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChangeView {
    /// New in this layer.
    Added,
    /// Was there, is replaced or changed.
    Changed,
    /// Removed by a whiteout.
    Deleted,
    /// Only seen through (in a merged view, or a directory on the way).
    #[default]
    Same,
}

/// One row of a tree, parents before children, in order of path.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileRow {
    /// Without a leading slash.
    pub path: String,
    /// `dir`, `file`, `link`, `symlink`, `device`, `fifo`.
    pub kind: String,
    /// Bytes; for a directory the sum of what is in it.
    pub bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Target of a symbolic or hard link.
    pub target: String,
    /// What became of it.
    pub change: ChangeView,
    /// The layer it comes from.
    pub layer: usize,
    /// True if a later layer hides it.
    pub hidden: bool,
    /// True if its bytes are not there, only its size.
    pub absent: bool,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentView {
    /// Text, cut at 64 KiB if `more`.
    Text {
        /// The text.
        text: String,
        /// True if there is more.
        more: bool,
    },
    /// Not text; the first bytes as a hex dump.
    Binary {
        /// Sixteen bytes a line.
        dump: String,
        /// All its bytes.
        bytes: u64,
    },
    /// A simulated file: only its size is known.
    Absent {
        /// The size.
        bytes: u64,
    },
    /// No such file.
    Missing,
}
