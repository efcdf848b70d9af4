//! Where in a layer's tar the contents of its files lie.

use super::BLOCK;
use super::write::{is_written, write_head};
use crate::{Changeset, MemoryBlobs};
use oci::Digest;

/// The content of a file, as a run of bytes of a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TarPart {
    /// The content.
    pub digest: Digest,
    /// Its first byte in the tar.
    pub start: u64,
    /// How many bytes it has: never none.
    pub size: u64,
}

/// Where the contents lie in the tar that [`write_tar`](crate::write_tar) makes of `changes`, in their order there. Empty and simulated
/// files have none.
pub fn tar_parts(changes: &Changeset) -> Vec<TarPart> {
    let none = MemoryBlobs::default();
    let (mut parts, mut at, mut head) = (Vec::new(), 0, Vec::new());
    for change in changes.changes.iter().filter(|change| is_written(change)) {
        head.clear();
        let content = write_head(change, &none, &mut head).expect("memory takes it, and a head needs no blob");
        at += head.len() as u64;
        if let Some((digest, size)) = content {
            parts.push(TarPart {
                digest,
                start: at,
                size,
            });
            at += size.next_multiple_of(BLOCK as u64);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::tar_parts;
    use crate::{BlobStore, Change, ChangeKind, Changeset, Content, MemoryBlobs, Meta, Node, TreePath, write_tar};
    use oci::Digest;

    #[test]
    fn every_content_lies_where_it_is_said_to() {
        let mut blobs = MemoryBlobs::default();
        let mut changes = Vec::new();
        let long = "é".repeat(90);
        for (name, size) in [("a", 0), ("b", 511), ("c", 512), (long.as_str(), 1), ("d", 2000)] {
            let digest = blobs.put(&vec![size as u8; size]).unwrap();
            let size = size as u64;
            changes.push(Change {
                path: TreePath::parse(name).unwrap(),
                kind: ChangeKind::Put(Node::file(Meta::of_mode(0o644), Content::Blob { digest, size })),
            });
        }
        changes.insert(
            1,
            Change {
                path: TreePath::parse("gone").unwrap(),
                kind: ChangeKind::Delete,
            },
        );
        let changes = Changeset { changes };
        let mut tar = Vec::new();
        write_tar(&changes, &blobs, &mut tar).unwrap();
        let parts = tar_parts(&changes);
        assert_eq!(parts.len(), 4);
        for part in parts {
            let range = part.start as usize..(part.start + part.size) as usize;
            assert_eq!(Digest::of(&tar[range]), part.digest);
        }
    }
}
