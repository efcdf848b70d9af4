//! Layers that go out and come back, and layers that must not come in.

mod attacks;
mod chaos;
mod foreign;
mod write;

use super::{Hashing, LayerError, Limits, ReadLayer, Whiteouts, read_tar, read_tar_in};
use crate::{BlobStore, Change, ChangeKind, Content, LentBlobs, MemoryBlobs, Meta, Node, Source, TreePath};
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use tar::{EntryType, Header};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).expect("a good path")
}

fn put(at: &str, node: Node) -> Change {
    Change {
        path: path(at),
        kind: ChangeKind::Put(node),
    }
}

fn file(blobs: &mut dyn BlobStore, bytes: &[u8]) -> Node {
    let digest = blobs.put(bytes).expect("memory takes it");
    let size = bytes.len() as u64;
    Node::file(Meta::of_mode(0o644), Content::Blob { digest, size })
}

fn read(tar: &[u8]) -> Result<ReadLayer, LayerError> {
    read_within(tar, &Limits::default())
}

/// What a tar holds, which is the same whether it comes as a stream or lies somewhere, packed or not.
fn read_within(tar: &[u8], limits: &Limits) -> Result<ReadLayer, LayerError> {
    let mut stream = tar;
    let read = read_tar(&mut stream, limits, Whiteouts::Delete, &mut MemoryBlobs::default());
    let mut encoder = crate::compression::gzip(Vec::new());
    encoder.write_all(tar).expect("memory takes it");
    let packed = encoder.finish().expect("memory takes it");
    let packed = lying(&packed).unpack().expect("gzip").expect("it is packed");
    for source in [lying(tar), packed] {
        let mut blobs = LentBlobs::default();
        let found = read_tar_in(
            &source,
            Hashing::All,
            limits,
            Whiteouts::Delete,
            &mut blobs,
            &mut |_| {},
        );
        match (&read, found) {
            (Ok(read), Ok(found)) => {
                assert_eq!(
                    (&found.changes, found.diff_id, found.size),
                    (&read.changes, Some(read.diff_id), read.size)
                );
                for (path, content) in found.changes.files() {
                    if let Content::Blob { digest, size } = content {
                        let bytes = blobs.get(&digest).unwrap_or_else(|error| panic!("{path}: {error}"));
                        assert_eq!((oci::Digest::of(&bytes), bytes.len() as u64), (digest, size));
                    }
                }
            }
            (Err(read), Err(found)) => assert_eq!(found.to_string(), read.to_string()),
            (read, found) => panic!("expected {read:?} of what lies somewhere too, found {found:?}"),
        }
    }
    read
}

fn lying(bytes: &[u8]) -> Source {
    Source::of(Rc::new(Arc::<[u8]>::from(bytes)))
}

fn error(tar: &[u8]) -> String {
    read(tar).expect_err("the layer is refused").to_string()
}

/// A tar built entry by entry, good or bad, ended when it is taken.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Archive {
        self.header(kind, name, link, content.len() as u64).bytes(content)
    }

    fn file(self, name: &str) -> Archive {
        self.entry(EntryType::Regular, name, "", b"x")
    }

    fn dir(self, name: &str) -> Archive {
        self.entry(EntryType::Directory, name, "", b"")
    }

    fn symlink(self, name: &str, target: &str) -> Archive {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    fn hard_link(self, name: &str, target: &str) -> Archive {
        self.entry(EntryType::Link, name, target, b"")
    }

    fn header(self, kind: EntryType, name: &str, link: &str, size: u64) -> Archive {
        self.changed_header(kind, name, link, size, |_| {})
    }

    fn changed_header(
        mut self,
        kind: EntryType,
        name: &str,
        link: &str,
        size: u64,
        change: impl FnOnce(&mut Header),
    ) -> Archive {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(7);
        header.set_size(size);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self
    }

    fn bytes(mut self, content: &[u8]) -> Archive {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn pax(self, records: &[(&str, &str)]) -> Archive {
        let bytes: Vec<u8> = records
            .iter()
            .flat_map(|(key, value)| super::pax::format_record(key, value.as_bytes()))
            .collect();
        self.entry(EntryType::XHeader, "PaxHeaders.0/x", "", &bytes)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}
