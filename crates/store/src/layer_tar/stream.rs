//! A layer's tar as something to read: written an entry at a time, never held as a whole.

use super::write::{END, is_written, write_head};
use super::{BLOCK, LayerError};
use crate::{BlobStore, Change, Changeset};
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// The bytes that [`write_tar`](crate::write_tar) writes. What it would say as an error is the source of an I/O error here.
pub(crate) struct TarStream<'a> {
    changes: std::slice::Iter<'a, Change>,
    blobs: &'a dyn BlobStore,
    /// Bytes to hand out next, and how many of them are gone.
    ready: Vec<u8>,
    gone: usize,
    /// The content that follows.
    content: Option<Content<'a>>,
    state: State,
}

/// The content of an entry.
struct Content<'a> {
    name: &'a str,
    source: Box<dyn BufRead + 'a>,
    size: u64,
    left: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Entries,
    End,
}

impl<'a> TarStream<'a> {
    pub(crate) fn new(changes: &'a Changeset, blobs: &'a dyn BlobStore) -> TarStream<'a> {
        TarStream {
            changes: changes.changes.iter(),
            blobs,
            ready: Vec::new(),
            gone: 0,
            content: None,
            state: State::Entries,
        }
    }

    /// Makes the next bytes ready. Whether there are any.
    fn prepare(&mut self) -> std::result::Result<bool, LayerError> {
        self.gone = 0;
        if self.state == State::End {
            self.ready.clear();
            return Ok(false);
        }
        let Some(change) = self.changes.by_ref().find(|change| is_written(change)) else {
            self.state = State::End;
            self.ready = END.to_vec();
            return Ok(true);
        };
        self.ready.clear();
        let content = write_head(change, self.blobs, &mut self.ready)?;
        if let Some((digest, size)) = content {
            self.content = Some(Content {
                name: change.path.as_str(),
                source: self.blobs.open(&digest)?,
                size,
                left: size,
            });
        }
        Ok(true)
    }

    /// After the last byte of a content: that it was the last, and zeros up to the next block.
    fn end_content(&mut self, mut content: Content<'_>) -> Result<()> {
        if !content.source.fill_buf()?.is_empty() {
            return Err(content.wrong_size(content.size.saturating_add(1)));
        }
        let over = (content.size % BLOCK as u64) as usize;
        self.gone = 0;
        self.ready = vec![0; (BLOCK - over) % BLOCK];
        Ok(())
    }
}

impl Content<'_> {
    fn wrong_size(&self, found: u64) -> Error {
        let error = LayerError::Size {
            entry: self.name.to_owned(),
            expected: self.size,
            found,
        };
        Error::new(ErrorKind::InvalidData, error)
    }
}

impl Read for TarStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let waiting = &self.ready[self.gone..];
            if !waiting.is_empty() {
                let count = waiting.len().min(buffer.len());
                buffer[..count].copy_from_slice(&waiting[..count]);
                self.gone += count;
                return Ok(count);
            }
            match self.content.take() {
                Some(content) if content.left == 0 => self.end_content(content)?,
                Some(mut content) => {
                    let room = content.left.min(buffer.len() as u64) as usize;
                    let count = content.source.read(&mut buffer[..room])?;
                    if count == 0 {
                        return Err(content.wrong_size(content.size - content.left));
                    }
                    content.left -= count as u64;
                    self.content = Some(content);
                    return Ok(count);
                }
                None => {
                    let more = self
                        .prepare()
                        .map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
                    if !more {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TarStream;
    use crate::{
        BlobStore, Change, ChangeKind, Changeset, Content, MemoryBlobs, Meta, Node, Special, TreePath, write_tar,
    };
    use oci::Digest;
    use std::io::Read;

    fn sample(blobs: &mut MemoryBlobs) -> Changeset {
        let path = |text: &str| TreePath::parse(text).expect("a path");
        let meta = || Meta::of_mode(0o644);
        let mut file = |size: usize| {
            let digest = blobs.put(&vec![7; size]).expect("memory takes it");
            let size = size as u64;
            ChangeKind::Put(Node::file(meta(), Content::Blob { digest, size }))
        };
        let long = "n".repeat(200);
        let special = Special::Char(1, 3);
        let kinds = [
            ("", ChangeKind::Put(Node::dir(meta()))),
            ("empty", file(0)),
            ("one", file(1)),
            ("block", file(512)),
            ("more", file(100_001)),
            (long.as_str(), file(3)),
            ("dir", ChangeKind::Put(Node::dir(meta()))),
            ("dir/link", ChangeKind::Put(Node::symlink(meta(), "../one"))),
            (
                "null",
                ChangeKind::Put(Node::Special {
                    meta: meta(),
                    kind: special,
                }),
            ),
            (
                "claimed",
                ChangeKind::Put(Node::file(meta(), Content::Absent { size: 1 << 40 })),
            ),
            (
                "again",
                ChangeKind::Link {
                    to: path("one"),
                    meta: meta(),
                },
            ),
            ("gone", ChangeKind::Delete),
            ("dir", ChangeKind::Opaque),
        ];
        let changes = kinds.into_iter().map(|(name, kind)| Change { path: path(name), kind });
        Changeset {
            changes: changes.collect(),
        }
    }

    #[test]
    fn what_is_read_is_what_would_be_written() {
        let mut blobs = MemoryBlobs::default();
        let changes = sample(&mut blobs);
        let mut written = Vec::new();
        write_tar(&changes, &blobs, &mut written).expect("a layer");
        for piece in [1, 7, 511, 512, 513, 1 << 20] {
            let mut stream = TarStream::new(&changes, &blobs);
            let mut read: Vec<u8> = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                let count = stream.read(&mut buffer).expect("a layer");
                if count == 0 {
                    break;
                }
                read.extend(&buffer[..count]);
            }
            assert!(read == written, "in pieces of {piece}");
        }
    }

    #[test]
    fn contents_that_are_missing_or_of_another_size_are_errors() {
        let mut blobs = MemoryBlobs::default();
        let digest = blobs.put(b"hello").expect("memory takes it");
        for (digest, size, words) in [
            (Digest::of(b"nothing"), 5, "blob not found: sha256:"),
            (digest, 4, "expected 4 bytes in \"file\", found 5"),
            (digest, 6, "expected 6 bytes in \"file\", found 5"),
        ] {
            let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
            let change = Change {
                path: TreePath::parse("file").expect("a path"),
                kind: ChangeKind::Put(node),
            };
            let changes = Changeset { changes: vec![change] };
            let error = TarStream::new(&changes, &blobs)
                .read_to_end(&mut Vec::new())
                .expect_err("wrong");
            assert!(error.to_string().starts_with(words), "{error}");
        }
    }
}
