//! A filesystem as a value: cheap to clone, compared by content, changed by path.

use oci::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A time: seconds since the Unix epoch and the nanoseconds past them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

/// What every node carries beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// Permission bits with setuid, setgid and sticky: at most 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content.
    pub mtime: Time,
    /// Extended attributes, `security.capability` among them.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// The bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Bytes that a blob store holds.
    Blob {
        /// Their name.
        digest: Digest,
        /// Their count.
        size: u64,
    },
    /// A simulated file: its size is known (or claimed), its bytes are nowhere.
    Absent {
        /// The size that the real file has.
        size: u64,
    },
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Mode, owner, time.
    pub meta: Meta,
    /// Its bytes.
    pub content: Content,
    /// Equal numbers are hard links to one file. `Tree` keeps all of them alike.
    pub link: Option<u64>,
}

/// A directory. Names are single components: not empty, not `.` or `..`, without `/` or NUL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dir {
    /// Mode, owner, time.
    pub meta: Meta,
    /// What it holds, in byte order.
    pub entries: BTreeMap<String, Node>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File(Arc<File>),
    /// A directory, shared until changed.
    Dir(Arc<Dir>),
    /// A symbolic link (mode 0o777) and its target as written.
    Symlink {
        /// Owner and time.
        meta: Meta,
        /// The target text.
        target: String,
    },
    /// A device node or a fifo.
    Special {
        /// Mode, owner, time.
        meta: Meta,
        /// Which.
        kind: Special,
    },
}

/// Kinds of special files, with major and minor numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// A character device.
    Char(u32, u32),
    /// A block device.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
}

/// A path inside a tree: components joined by `/`, no leading slash, never `.` or `..`; empty for the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(String);

/// A filesystem from its root down.
///
/// A clone costs one reference count; a change copies the directories from the root to the path and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: Arc<Dir>,
}
