//! What stands at a path: files, directories, symbolic links, devices.

use oci::{Digest, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// In a [`Tree`](crate::Tree): `Some` exactly if the file has several names, and then equal for all of them. The
    /// number itself means nothing; [`Tree::link`](crate::Tree::link) gives it.
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

/// Kinds of special files, with major and minor numbers: at most 12 and 20 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// A character device.
    Char(u32, u32),
    /// A block device.
    Block(u32, u32),
    /// A named pipe.
    Fifo,
}

impl Meta {
    /// Mode `mode`, owner 0:0, the epoch.
    pub fn of_mode(mode: u32) -> Meta {
        Meta {
            mode,
            ..Meta::default()
        }
    }
}

impl Content {
    /// The number of bytes the file has or claims.
    pub fn size(&self) -> u64 {
        match self {
            Content::Blob { size, .. } | Content::Absent { size } => *size,
        }
    }
}

impl Dir {
    /// An empty directory.
    pub fn new(meta: Meta) -> Dir {
        Dir {
            meta,
            entries: BTreeMap::new(),
        }
    }
}

impl Node {
    /// A file with one name.
    pub fn file(meta: Meta, content: Content) -> Node {
        Node::File(Arc::new(File {
            meta,
            content,
            link: None,
        }))
    }

    /// An empty directory.
    pub fn dir(meta: Meta) -> Node {
        Node::Dir(Arc::new(Dir::new(meta)))
    }

    /// A symbolic link to `target`; its mode is 0o777 whatever `meta` says.
    pub fn symlink(meta: Meta, target: impl Into<String>) -> Node {
        Node::Symlink {
            meta: Meta { mode: 0o777, ..meta },
            target: target.into(),
        }
    }

    /// Mode, owner, time.
    pub fn meta(&self) -> &Meta {
        match self {
            Node::File(file) => &file.meta,
            Node::Dir(dir) => &dir.meta,
            Node::Symlink { meta, .. } | Node::Special { meta, .. } => meta,
        }
    }

    /// Mode, owner, time, to be changed. A file or directory that is shared is copied first.
    ///
    /// On a node inside a tree this is not reachable: see [`Tree::update_meta`](crate::Tree::update_meta).
    pub fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Node::File(file) => &mut Arc::make_mut(file).meta,
            Node::Dir(dir) => &mut Arc::make_mut(dir).meta,
            Node::Symlink { meta, .. } | Node::Special { meta, .. } => meta,
        }
    }

    /// The directory, if it is one.
    pub fn as_dir(&self) -> Option<&Dir> {
        match self {
            Node::Dir(dir) => Some(dir),
            _ => None,
        }
    }

    /// The file, if it is one.
    pub fn as_file(&self) -> Option<&File> {
        match self {
            Node::File(file) => Some(file),
            _ => None,
        }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self, Node::Dir(_))
    }

    /// The link number, if it is a file with several names.
    pub(crate) fn link(&self) -> Option<u64> {
        self.as_file().and_then(|file| file.link)
    }

    /// Whether both are the same memory, and so certainly alike.
    pub(crate) fn is_shared_with(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::File(a), Node::File(b)) => Arc::ptr_eq(a, b),
            (Node::Dir(a), Node::Dir(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// The extended attribute that holds the capabilities of a program: the only one that layers keep.
pub const CAPABILITY: &str = "security.capability";
