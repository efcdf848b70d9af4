//! Layers as tar streams, in and out.

mod entry;
mod header;
mod in_place;
mod number;
mod parts;
mod pax;
mod read;
mod stream;
mod write;

pub(crate) use in_place::{Hashing, read_tar_in};
pub use parts::{TarPart, tar_parts};
pub use read::{Limits, ReadLayer, Whiteouts, read_tar};
pub(crate) use stream::TarStream;
pub(crate) use write::plain_header;
pub use write::{Written, write_tar};

use crate::StoreError;
use oci::DiffId;

/// Names that start so take something away.
pub(crate) const WHITEOUT: &str = ".wh.";
/// The name that hides everything lower layers put into its directory.
pub(crate) const OPAQUE: &str = ".wh..wh..opq";
/// The PAX record with the size of a file whose bytes are simulated, in decimal.
const SIMULATED_SIZE: &str = "LAYERLAB.size";
/// What the PAX records of extended attributes start with.
const XATTR: &str = "SCHILY.xattr.";
const BLOCK: usize = 512;

/// Why a layer could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A file's bytes could not be had or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream could not be read: it ends too early or its compression is broken.
    #[error("could not read the layer: {0}")]
    Read(std::io::Error),
    /// The tar could not be written.
    #[error("could not write the layer: {0}")]
    Write(std::io::Error),
    /// The stream ends inside an entry.
    #[error("expected the rest of layer entry {entry:?}, found the end of the stream")]
    Truncated {
        /// Its name.
        entry: String,
    },
    /// An entry is malformed, forbidden or unknown.
    #[error("layer entry {entry:?}: {rule}")]
    Entry {
        /// Its name, shortened; its place in the stream if the name is not known.
        entry: String,
        /// The rule that it breaks.
        rule: EntryRule,
    },
    /// The layer is larger than the limits allow.
    #[error("expected a layer of at most {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// Something other than zeros follows the end of the archive.
    #[error("expected nothing after the end of the layer's archive")]
    Trailing,
    /// The layer is compressed in a way that cannot be read.
    #[error("expected a layer as plain tar or gzip, found {found}")]
    Compression {
        /// In which.
        found: &'static str,
    },
    /// The bytes are not those that the DiffID names.
    #[error("corrupt layer: expected {expected}, found {found}")]
    DiffId {
        /// The name.
        expected: DiffId,
        /// What the bytes are.
        found: DiffId,
    },
    /// A file's content has another size than the tree says.
    #[error("expected {expected} bytes in {entry:?}, found {found}")]
    Size {
        /// The file.
        entry: String,
        /// What the tree says.
        expected: u64,
        /// What the blob store holds.
        found: u64,
    },
}

/// A rule that an entry of a layer breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryRule {
    /// Its header's checksum is wrong.
    #[error("expected a header with its checksum")]
    Checksum,
    /// A number in its header is none, is negative or too large.
    #[error("expected a number as its {field}")]
    Number {
        /// The field.
        field: &'static str,
    },
    /// An extended header is malformed.
    #[error("expected PAX records as \"LENGTH KEY=VALUE\"")]
    Pax,
    /// An extended header is too large.
    #[error("expected an extended header of at most {limit} bytes")]
    Extension {
        /// How large it may be.
        limit: u64,
    },
    /// An extended header comes twice, or none follows it, or two of them disagree.
    #[error("expected one name for the entry, found contradicting headers")]
    Contradiction,
    /// A name is no UTF-8.
    #[error("expected a name in UTF-8")]
    Utf8,
    /// It has no name.
    #[error("expected a name")]
    NoName,
    /// The name starts with a slash.
    #[error("expected a relative name")]
    Absolute,
    /// The name holds `..` or NUL.
    #[error("expected a name that stays in the root")]
    Climbs,
    /// The name is too long or too deep.
    #[error("expected a name of at most {bytes} bytes and {depth} levels")]
    Long {
        /// Allowed bytes.
        bytes: usize,
        /// Allowed components.
        depth: usize,
    },
    /// Something above it in the same layer is no directory.
    #[error("expected a directory at {at:?}, where the layer has put something else")]
    Through {
        /// The path above.
        at: String,
    },
    /// The target of a hard link starts with a slash, holds `..`, or is the link itself.
    #[error("expected a hard link to a file of the image, found {target:?}")]
    LinkTarget {
        /// The target.
        target: String,
    },
    /// The kind of entry is not one of files, directories, links and devices.
    #[error("expected a file, directory, link or device, found type {found:?}")]
    Kind {
        /// The type flag.
        found: char,
    },
    /// The name of a whiteout takes away nothing that could be there.
    #[error("expected a whiteout that names a file")]
    Whiteout,
    /// The file is sparse.
    #[error("expected a file without holes")]
    Sparse,
    /// A simulated file has content, or its size is no number.
    #[error("expected a simulated file with a size and no content")]
    Simulated,
    /// The mode has bits that are no permissions.
    #[error("expected a mode of at most 0o7777, found {mode:#o}")]
    Mode {
        /// The mode.
        mode: u64,
    },
}

#[cfg(test)]
mod tests;
