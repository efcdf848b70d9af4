//! From the entries of a layer to its changes: parents made, bytes shared out.

use crate::parse::{Data, DataError, LayerText, Line};
use oci::Time;
use std::collections::BTreeMap;
use store::{BlobStore, Change, ChangeKind, Changeset, Content, Meta, Node, StoreError, TreePath};

/// Fragments may use fragments this deep.
const MAX_DEPTH: usize = 8;

/// Something in a layer, before the bytes are shared out.
#[derive(Debug, Clone)]
enum Entry {
    Dir,
    Link(String),
    Text(String),
    Sized(u64),
    Weighted(u64),
}

/// Entries of a layer by path, with mode and owner.
#[derive(Debug, Default)]
struct Entries {
    at: BTreeMap<TreePath, (Entry, Meta)>,
    owner: (u32, u32),
    mtime: Time,
}

/// The changes of `layer`, its texts put into `blobs`. Every entry gets the time `mtime`.
pub(crate) fn changes(
    data: &Data,
    layer: &LayerText,
    mtime: Time,
    blobs: &mut dyn BlobStore,
) -> Result<Changeset, crate::CatalogueError> {
    let entries = read(data, layer, mtime)?;
    let shares = shares(layer, &entries)?;
    let mut changeset = Changeset::default();
    for (path, (entry, meta)) in entries.at {
        let node = match entry {
            Entry::Dir => Node::dir(meta),
            Entry::Link(target) => Node::symlink(meta, target),
            Entry::Text(text) => Node::file(meta, kept(&text, blobs)?),
            Entry::Sized(size) => Node::file(meta, Content::Absent { size }),
            Entry::Weighted(_) => {
                let size = shares.get(&path).copied().unwrap_or_default();
                Node::file(meta, Content::Absent { size })
            }
        };
        changeset.changes.push(Change {
            path,
            kind: ChangeKind::Put(node),
        });
    }
    Ok(changeset)
}

fn kept(text: &str, blobs: &mut dyn BlobStore) -> Result<Content, StoreError> {
    Ok(Content::Blob {
        digest: blobs.put(text.as_bytes())?,
        size: text.len() as u64,
    })
}

fn read(data: &Data, layer: &LayerText, mtime: Time) -> Result<Entries, DataError> {
    let mut entries = Entries {
        mtime,
        ..Entries::default()
    };
    for line in &layer.entries {
        entries.add(data, layer, line, 0)?;
    }
    Ok(entries)
}

/// What each weighted file gets, so that the layer holds exactly the bytes it says.
fn shares(layer: &LayerText, entries: &Entries) -> Result<BTreeMap<TreePath, u64>, DataError> {
    let error = |message: String| DataError {
        file: layer.by.chars().take(60).collect(),
        line: 0,
        message,
    };
    let fixed: u64 = entries
        .at
        .values()
        .map(|(entry, _)| match entry {
            Entry::Text(text) => text.len() as u64,
            Entry::Sized(size) => *size,
            _ => 0,
        })
        .sum();
    let left = layer
        .size
        .checked_sub(fixed)
        .ok_or_else(|| error(format!("expected at most {} bytes, found {fixed}", layer.size)))?;
    let weighted: Vec<(&TreePath, u64)> = entries
        .at
        .iter()
        .filter_map(|(path, (entry, _))| match entry {
            Entry::Weighted(weight) => Some((path, *weight)),
            _ => None,
        })
        .collect();
    let total: u64 = weighted.iter().map(|(_, weight)| weight).sum();
    if left > 0 && total == 0 {
        return Err(error(format!("expected a file for the last {left} bytes, found none")));
    }
    let mut shares = BTreeMap::new();
    let mut given = 0;
    for (at, (path, weight)) in weighted.iter().enumerate() {
        let share = if at + 1 == weighted.len() {
            left - given
        } else {
            left * weight / total
        };
        given += share;
        shares.insert((*path).clone(), share);
    }
    Ok(shares)
}

impl Entries {
    fn add(&mut self, data: &Data, layer: &LayerText, line: &Line, depth: usize) -> Result<(), DataError> {
        let text = filled(line.text, layer);
        let (word, rest) = text
            .split_once(' ')
            .ok_or_else(|| line.error("expected an entry with its path"))?;
        let words: Vec<&str> = rest.split(' ').collect();
        match (word, words.as_slice()) {
            ("use", [name]) => {
                let fragment = data
                    .fragments
                    .get(*name)
                    .filter(|_| depth < MAX_DEPTH)
                    .ok_or_else(|| line.error(format!("expected a fragment, found {name:?}")))?;
                for line in fragment {
                    self.add(data, layer, line, depth + 1)?;
                }
            }
            ("o", [uid, gid]) => self.owner = (number(line, uid)?, number(line, gid)?),
            ("d", [mode, path]) => self.put(line, path, Entry::Dir, octal(line, mode)?)?,
            ("f", [mode, size, path]) => self.put(line, path, Entry::Sized(number(line, size)?), octal(line, mode)?)?,
            ("w", [mode, weight, path]) => {
                self.put(line, path, Entry::Weighted(number(line, weight)?), octal(line, mode)?)?;
            }
            ("bins", [dir, weight, names @ ..]) => {
                let weight = number(line, weight)?;
                for name in names {
                    self.put(line, &format!("{dir}/{name}"), Entry::Weighted(weight), 0o755)?;
                }
            }
            ("l", [path, target]) => self.put(line, path, Entry::Link((*target).to_owned()), 0o777)?,
            ("ln", [dir, names @ ..]) => {
                for name in names {
                    self.put(
                        line,
                        &format!("{dir}/{name}"),
                        Entry::Link("/bin/busybox".to_owned()),
                        0o777,
                    )?;
                }
            }
            ("t", [path]) => self.put(line, path, Entry::Text(filled(&line.content, layer)), 0o644)?,
            ("t", [mode, path]) => {
                let mode = octal(line, mode)?;
                self.put(line, path, Entry::Text(filled(&line.content, layer)), mode)?;
            }
            ("a", [path, ..]) => {
                let more = &rest[path.len() + 1..];
                let path = TreePath::parse(path).map_err(|error| line.error(error.to_string()))?;
                match self.at.get_mut(&path) {
                    Some((Entry::Text(text), _)) => {
                        text.push_str(more);
                        text.push('\n');
                    }
                    _ => return Err(line.error(format!("expected a text at {path:?}"))),
                }
            }
            _ => return Err(line.error(format!("expected an entry, found {word:?} with {} words", words.len()))),
        }
        Ok(())
    }

    fn put(&mut self, line: &Line, path: &str, entry: Entry, mode: u32) -> Result<(), DataError> {
        let path = TreePath::parse(path).map_err(|error| line.error(error.to_string()))?;
        let mut above = path.parent();
        while let Some(dir) = above.filter(|dir| !dir.is_root()) {
            above = dir.parent();
            // What is named later may still give the directory its own mode.
            let implied = self.meta(default_mode(&dir), (0, 0));
            self.at.entry(dir).or_insert((Entry::Dir, implied));
        }
        let meta = self.meta(mode, self.owner);
        self.at.insert(path, (entry, meta));
        Ok(())
    }

    fn meta(&self, mode: u32, (uid, gid): (u32, u32)) -> Meta {
        Meta {
            mode,
            uid,
            gid,
            mtime: self.mtime,
            ..Meta::default()
        }
    }
}

/// The mode of a directory that is there because something is in it.
fn default_mode(path: &TreePath) -> u32 {
    match path.as_str() {
        "root" => 0o700,
        "tmp" | "var/tmp" => 0o1777,
        _ => 0o755,
    }
}

/// `{KEY}` replaced by what the layer says it is.
fn filled(text: &str, layer: &LayerText) -> String {
    let mut text = text.to_owned();
    if text.contains('{') {
        for (key, value) in &layer.with {
            text = text.replace(&format!("{{{key}}}"), value);
        }
    }
    text
}

fn octal(line: &Line, text: &str) -> Result<u32, DataError> {
    u32::from_str_radix(text, 8).map_err(|_| line.error(format!("expected a mode, found {text:?}")))
}

fn number<T: std::str::FromStr>(line: &Line, text: &str) -> Result<T, DataError> {
    text.parse()
        .map_err(|_| line.error(format!("expected a number, found {text:?}")))
}
