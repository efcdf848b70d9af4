//! The machine a command sees: a tree with an owner, a clock and a umask.

mod access;
mod files;
mod mounts;
mod shared;
mod users;

pub(crate) use mounts::Mounts;
pub(crate) use shared::{Asked, Shared};
pub(crate) use users::{Account, Who};

use builder::{Echo, Output, Purpose, RunRequest};
use oci::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use store::{Content, Time, Tree};

/// Files larger than this keep their size and lose their bytes: a playground does not need 100 MB of zeros.
pub(crate) const MAX_KEPT_BYTES: u64 = 8 << 20;
/// The same at a terminal, where archives are made to be carried elsewhere.
const MAX_KEPT_AT_TERMINAL: u64 = 64 << 20;
/// What one command may hold in new bytes altogether.
pub(crate) const MAX_FRESH_BYTES: u64 = 128 << 20;
/// How many nodes a command may make.
const MAX_NEW_NODES: u64 = 200_000;

/// Why a filesystem operation failed, in the words of `strerror`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Errno {
    NoEntry,
    NotDirectory,
    IsDirectory,
    Exists,
    NotEmpty,
    Access,
    NotPermitted,
    ReadOnly,
    Busy,
    Loop,
    Invalid,
    /// The limits of this simulation, not of a filesystem.
    Limit,
    /// The file is there and its bytes are not.
    NotSimulated,
    /// The bytes are in the blob store: fetch them and try again.
    Need(Digest),
    /// The program goes on until it is stopped; nothing after it happens.
    Lasts,
    /// A line of the terminal is needed: ask for it and try again.
    Ask {
        prompt: String,
        echo: Echo,
    },
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Errno::NoEntry => "No such file or directory",
            Errno::NotDirectory => "Not a directory",
            Errno::IsDirectory => "Is a directory",
            Errno::Exists => "File exists",
            Errno::NotEmpty => "Directory not empty",
            Errno::Access => "Permission denied",
            Errno::NotPermitted => "Operation not permitted",
            Errno::ReadOnly => "Read-only file system",
            Errno::Busy => "Device or resource busy",
            Errno::Loop => "Too many levels of symbolic links",
            Errno::Invalid => "Invalid argument",
            Errno::Limit => "No space left on device (the limit of this simulation)",
            Errno::NotSimulated => "the content of this file is not simulated",
            Errno::Need(_) => "the content is not loaded yet",
            Errno::Lasts => "the program does not end",
            Errno::Ask { .. } => "nobody is there to answer",
        })
    }
}

impl From<store::TreeError> for Errno {
    fn from(error: store::TreeError) -> Errno {
        use store::TreeError;
        match error {
            TreeError::Missing { .. } => Errno::NoEntry,
            TreeError::NotDirectory { .. } => Errno::NotDirectory,
            TreeError::IsDirectory { .. } => Errno::IsDirectory,
            TreeError::Exists { .. } => Errno::Exists,
            TreeError::TooManyLinks { .. } => Errno::Loop,
            _ => Errno::Invalid,
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// A program that does not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lasting {
    /// Its name and arguments.
    pub(crate) argv: Vec<String>,
    /// What it says when it starts.
    pub(crate) said: Vec<Output>,
}

/// What commands know of the terminal they run at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Lines typed before, oldest first.
    pub(crate) history: Vec<String>,
    /// Working directory of the command that runs.
    pub(crate) cwd: String,
}

/// The state of one run.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) tree: Tree,
    pub(crate) who: Who,
    /// Users to go back to: one for each `su` that has not ended.
    pub(crate) who_before: Vec<Who>,
    pub(crate) umask: u32,
    pub(crate) network: bool,
    pub(crate) mounts: Mounts,
    pub(crate) home: String,
    pub(crate) hostname: String,
    pub(crate) purpose: Purpose,
    /// Set once, by the program that does not end; then nothing more happens.
    pub(crate) lasting: Option<Lasting>,
    /// The terminal a line was typed at, if this is a session.
    pub(crate) terminal: Option<Terminal>,
    /// True once `exit` has left the shell itself.
    pub(crate) is_left: bool,
    /// Whose shell `sudo -i` or `su` has asked for at a terminal.
    pub(crate) next_user: Option<String>,
    /// Milliseconds spent in `sleep`.
    pub(crate) slept: u64,
    start: Time,
    /// Simulated milliseconds since the start.
    pub(crate) millis: u64,
    /// Nanoseconds past the millisecond: each change gets a time of its own, so that no change is invisible.
    ticks: u32,
    bytes: BTreeMap<Digest, Arc<[u8]>>,
    fresh: BTreeSet<Digest>,
    fresh_bytes: u64,
    new_nodes: u64,
    random: u64,
    /// How deep builtins are nested: zero while the shell itself looks at files.
    pub(crate) tools: u32,
    /// For each nested builtin whether it walks the tree and must see links as links.
    pub(crate) walkers: Vec<bool>,
    /// What was last asked for on standard output and not fetched.
    pub(crate) unfetched: Option<String>,
    /// Output that is no text, by the digest of the text that the shell's hooks make of it in a pipe.
    binaries: BTreeMap<Digest, Arc<[u8]>>,
    binary_bytes: usize,
}

impl World {
    pub(crate) fn new(tree: Tree, request: &RunRequest) -> World {
        World {
            tree,
            who: Who::root(),
            who_before: Vec::new(),
            umask: 0o022,
            network: request.network,
            mounts: Mounts::default(),
            home: "/root".to_owned(),
            hostname: request.hostname.clone(),
            purpose: request.purpose,
            lasting: None,
            terminal: None,
            is_left: false,
            next_user: None,
            slept: 0,
            start: request.now,
            millis: 0,
            ticks: 0,
            bytes: BTreeMap::new(),
            fresh: BTreeSet::new(),
            fresh_bytes: 0,
            new_nodes: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            tools: 0,
            walkers: Vec::new(),
            unfetched: None,
            binaries: BTreeMap::new(),
            binary_bytes: 0,
        }
    }

    /// The time of the next change: later than all before.
    pub(crate) fn tick(&mut self) -> Time {
        self.ticks += 1;
        let nanos = u64::from(self.start.nanos) + (self.millis % 1000) * 1_000_000 + u64::from(self.ticks);
        Time {
            secs: self.start.secs + (self.millis / 1000) as i64 + (nanos / 1_000_000_000) as i64,
            nanos: (nanos % 1_000_000_000) as u32,
        }
    }

    /// The time on the clock, in seconds since the Unix epoch.
    pub(crate) fn now_secs(&self) -> i64 {
        self.start.secs + ((u64::from(self.start.nanos) / 1_000_000 + self.millis) / 1000) as i64
    }

    /// Makes the random numbers those of this moment and place. A build's are the same in every run.
    pub(crate) fn reseed(&mut self, salt: u64) {
        self.random ^= self.start.secs.unsigned_abs() ^ (u64::from(self.start.nanos) << 32) ^ salt;
    }

    /// A number that looks random and is the same in every run (splitmix64).
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Keeps `bytes` as the content of a file.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Result<Content> {
        let size = bytes.len() as u64;
        let limit = if self.terminal.is_some() {
            MAX_KEPT_AT_TERMINAL
        } else {
            MAX_KEPT_BYTES
        };
        if size > limit {
            return Ok(Content::Absent { size });
        }
        let digest = Digest::of(bytes);
        if self.fresh.insert(digest) {
            self.fresh_bytes += size;
            if self.fresh_bytes > MAX_FRESH_BYTES {
                return Err(Errno::Limit);
            }
            self.bytes.entry(digest).or_insert_with(|| bytes.into());
        }
        Ok(Content::Blob { digest, size })
    }

    /// The bytes of `content`.
    pub(crate) fn bytes_of(&self, content: &Content) -> Result<Arc<[u8]>> {
        match content {
            Content::Absent { size: 0 } => Ok(Arc::from(&[][..])),
            Content::Absent { .. } => Err(Errno::NotSimulated),
            Content::Blob { digest, .. } => self.bytes.get(digest).cloned().ok_or(Errno::Need(*digest)),
        }
    }

    /// Remembers output that a pipe would turn into text: bashkit hands it to its hooks as such.
    pub(crate) fn keep_binary(&mut self, out: &[u8]) {
        let std::borrow::Cow::Owned(text) = String::from_utf8_lossy(out) else {
            return;
        };
        self.binary_bytes += out.len();
        if self.binary_bytes as u64 > MAX_FRESH_BYTES {
            self.binaries.clear();
            self.binary_bytes = out.len();
        }
        self.binaries.insert(Digest::of(text.as_bytes()), out.into());
    }

    /// What `stdin` was before a pipe made text of it.
    pub(crate) fn binary(&self, stdin: Vec<u8>) -> Vec<u8> {
        if self.binaries.is_empty() || stdin.is_empty() {
            return stdin;
        }
        self.binaries
            .get(&Digest::of(&stdin))
            .map_or(stdin, |original| original.to_vec())
    }

    /// Gives the world the bytes of a blob it needed.
    pub(crate) fn supply(&mut self, digest: Digest, bytes: Arc<[u8]>) {
        self.bytes.insert(digest, bytes);
    }

    /// The bytes that this run made and `tree` still refers to.
    pub(crate) fn fresh_in(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.fresh
            .get(digest)
            .and_then(|digest| self.bytes.get(digest))
            .cloned()
    }

    fn count_node(&mut self) -> Result<()> {
        self.new_nodes += 1;
        if self.new_nodes > MAX_NEW_NODES {
            return Err(Errno::Limit);
        }
        Ok(())
    }
}
