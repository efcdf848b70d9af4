//! The folders that a worker may read: what is in them, in the order and the words of BuildKit's file transfer.

use super::follow::Follow;
use bollard_buildkit_proto::fsutil::types::Stat;
use builder::Ignore;
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a worker may read under one name.
#[derive(Debug, Clone)]
pub(super) enum Shared {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Texts by their names, such as the Dockerfile.
    Texts(Vec<(String, Vec<u8>)>),
}

/// Which part of a folder a worker asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Patterns of what is left out.
    pub(super) excluded: Vec<String>,
    /// Paths or patterns of what is asked for, with what they link to; everything if there are none.
    pub(super) followed: Vec<String>,
}

/// Something that is sent, and where its bytes are.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) stat: Stat,
    pub(super) bytes: Bytes,
}

/// Where the bytes of an [`Item`] are.
#[derive(Debug)]
pub(super) enum Bytes {
    None,
    File(PathBuf),
    Text(Vec<u8>),
}

// The kinds of files in Go's `os.FileMode`, which the transfer uses.
const DIR: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const FIFO: u32 = 1 << 25;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const CHAR_DEVICE: u32 = 1 << 21;
const STICKY: u32 = 1 << 20;

impl Shared {
    /// Everything that is wanted of it, parents first and siblings by name.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read, a pattern is none, or a name is no text.
    pub(super) fn list(&self, wanted: &Wanted) -> io::Result<Vec<Item>> {
        let patterns = wanted.excluded.iter().map(String::as_str);
        let ignore = Ignore::patterns(patterns).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        match self {
            Shared::Folder(root) => {
                let follow = Follow::new(root, &wanted.followed)?;
                let mut walk = Walk {
                    root,
                    ignore: &ignore,
                    follow: &follow,
                    items: Vec::new(),
                    above: Vec::new(),
                };
                walk.folder("", None)?;
                Ok(walk.items)
            }
            Shared::Texts(texts) => {
                let mut texts: Vec<&(String, Vec<u8>)> = texts.iter().collect();
                texts.sort();
                let wanted = |name: &str| wanted.followed.is_empty() || wanted.followed.iter().any(|path| path == name);
                let texts = texts
                    .into_iter()
                    .filter(|(name, _)| wanted(name) && !ignore.ignores(name));
                Ok(texts.map(|(name, bytes)| text(name, bytes)).collect())
            }
        }
    }
}

fn text(name: &str, bytes: &[u8]) -> Item {
    let stat = Stat {
        path: name.to_owned(),
        mode: 0o644,
        size: bytes.len() as i64,
        ..Stat::default()
    };
    Item {
        stat,
        bytes: Bytes::Text(bytes.to_vec()),
    }
}

struct Walk<'a> {
    root: &'a Path,
    ignore: &'a Ignore,
    follow: &'a Follow,
    items: Vec<Item>,
    /// Folders on the way that are ignored themselves, and come only with something in them.
    above: Vec<Item>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &str, trail: Option<&builder::Trail>) -> io::Result<()> {
        let place = self.root.join(folder);
        let mut names = Vec::new();
        for entry in fs::read_dir(&place).map_err(|error| at(&place, error))? {
            let entry = entry.map_err(|error| at(&place, error))?;
            let name = entry.file_name().into_string().map_err(|name| {
                let message = format!(
                    "expected file names in UTF-8, found {:?}",
                    place.join(name).display().to_string()
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
            names.push((name, entry));
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, entry) in names {
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if !self.follow.wants(&path) {
                continue;
            }
            let metadata = entry.metadata().map_err(|error| at(&entry.path(), error))?;
            // A socket is no content, as in BuildKit's client.
            if metadata.file_type().is_socket() {
                continue;
            }
            let trail = self.ignore.enter(&path, trail);
            let kept = !trail.is_ignored();
            if kept {
                self.items.append(&mut self.above);
                self.items.push(item(&path, &entry.path(), &metadata)?);
            }
            if metadata.is_dir() && (kept || self.ignore.has_exceptions()) {
                if !kept {
                    self.above.push(item(&path, &entry.path(), &metadata)?);
                }
                self.folder(&path, Some(&trail))?;
                if !kept {
                    self.above.pop();
                }
            }
        }
        Ok(())
    }
}

fn item(path: &str, place: &Path, metadata: &Metadata) -> io::Result<Item> {
    let kind = metadata.file_type();
    let mut stat = Stat {
        path: path.to_owned(),
        mode: mode(metadata),
        // Owners of this machine mean nothing to a build: all is root's, as in BuildKit's client.
        uid: 0,
        gid: 0,
        size: 0,
        mod_time: nanos(metadata),
        linkname: String::new(),
        devmajor: 0,
        devminor: 0,
        xattrs: HashMap::new(),
    };
    let mut bytes = Bytes::None;
    if kind.is_symlink() {
        let target = fs::read_link(place).map_err(|error| at(place, error))?;
        stat.linkname = target.to_string_lossy().into_owned();
    } else if kind.is_file() {
        stat.size = metadata.len() as i64;
        bytes = Bytes::File(place.to_owned());
    } else if kind.is_char_device() || kind.is_block_device() {
        stat.devmajor = i64::from(rustix::fs::major(metadata.rdev()));
        stat.devminor = i64::from(rustix::fs::minor(metadata.rdev()));
    }
    Ok(Item { stat, bytes })
}

fn mode(metadata: &Metadata) -> u32 {
    let kind = metadata.file_type();
    let unix = metadata.permissions().mode();
    let mut mode = unix & 0o777;
    for (bit, go) in [(0o4000, SETUID), (0o2000, SETGID), (0o1000, STICKY)] {
        if unix & bit != 0 {
            mode |= go;
        }
    }
    mode | match () {
        () if kind.is_dir() => DIR,
        () if kind.is_symlink() => SYMLINK,
        () if kind.is_fifo() => FIFO,
        () if kind.is_char_device() => DEVICE | CHAR_DEVICE,
        () if kind.is_block_device() => DEVICE,
        () => 0,
    }
}

fn nanos(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn paths(shared: &Shared, excluded: &[&str], followed: &[&str]) -> Vec<String> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let wanted = Wanted {
            excluded: owned(excluded),
            followed: owned(followed),
        };
        let items = shared.list(&wanted).unwrap();
        items.into_iter().map(|item| item.stat.path).collect()
    }

    fn sample() -> (Scratch, Shared) {
        let scratch = Scratch::new();
        for file in ["a/x", "a/y/z", "a.txt", "b", "B"] {
            scratch.write(&format!("context/{file}"), file);
        }
        let folder = scratch.path("context");
        (scratch, Shared::Folder(folder))
    }

    #[test]
    fn a_folder_comes_before_what_is_in_it_and_siblings_by_name() {
        let (_scratch, shared) = sample();
        // As BuildKit checks it: `a/…` before `a.txt`, as the folder's name is the shorter one.
        let all = ["B", "a", "a/x", "a/y", "a/y/z", "a.txt", "b"];
        assert_eq!(paths(&shared, &[], &[]), all);
    }

    #[test]
    fn what_is_excluded_stays_here_and_exceptions_bring_their_folders() {
        let (_scratch, shared) = sample();
        assert_eq!(paths(&shared, &["a"], &[]), ["B", "a.txt", "b"]);
        let exception = ["a", "a/y", "a/y/z", "b"];
        assert_eq!(paths(&shared, &["*", "!a/y/z", "!b"], &[]), exception);
    }

    #[test]
    fn only_what_is_followed_is_sent() {
        let (_scratch, shared) = sample();
        assert_eq!(paths(&shared, &[], &["a/y"]), ["a", "a/y", "a/y/z"]);
        assert_eq!(paths(&shared, &[], &["*.txt", "missing"]), ["a.txt"]);
        assert_eq!(paths(&shared, &["a.txt"], &["*.txt"]), Vec::<String>::new());
    }

    #[test]
    fn modes_are_those_of_go() {
        let (scratch, shared) = sample();
        let file = scratch.path("context/b");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).unwrap();
        std::os::unix::fs::symlink("b", scratch.path("context/link")).unwrap();
        let items = shared.list(&Wanted::default()).unwrap();
        let find = |path: &str| items.iter().find(|item| item.stat.path == path).unwrap();
        assert_eq!(find("b").stat.mode, SETUID | 0o755);
        assert_eq!(find("a").stat.mode, DIR | 0o755);
        assert_eq!(find("link").stat.mode, SYMLINK | 0o777);
        assert_eq!(find("link").stat.linkname, "b");
        assert_eq!((find("b").stat.size, find("b").stat.uid), (1, 0));
    }

    #[test]
    fn texts_are_sent_like_files() {
        let texts = Shared::Texts(vec![
            ("Dockerfile".to_owned(), b"FROM scratch\n".to_vec()),
            ("Dockerfile.dockerignore".to_owned(), b"x\n".to_vec()),
        ]);
        assert_eq!(paths(&texts, &[], &["Dockerfile", "dockerfile"]), ["Dockerfile"]);
        assert_eq!(paths(&texts, &[], &[]).len(), 2);
    }
}
