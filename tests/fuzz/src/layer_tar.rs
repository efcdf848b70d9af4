//! A layer is read or refused, and one that is read can be written and read again to the same changes.

use store::{
    CAPABILITY, Change, ChangeKind, Changeset, Limits, MemoryBlobs, ReadLayer, Tree, TreePath, Whiteouts, apply, diff,
    read_tar, write_tar,
};

const BLOCK: usize = 512;
/// Enough for every rule to be met, little enough that no input takes long.
const LIMITS: Limits = Limits {
    entries: 100,
    name_bytes: 300,
    depth: 20,
    tar_bytes: 1 << 18,
    extension_bytes: 1 << 12,
};
/// What is written may be longer than what was read: whole headers where there were none.
const LIMITS_AGAIN: Limits = Limits {
    tar_bytes: 1 << 20,
    ..LIMITS
};

/// The bytes as they are, and with checksums and an end that let more of them be read.
pub fn layer_tar(bytes: &[u8]) {
    for whiteouts in [Whiteouts::Delete, Whiteouts::Keep] {
        check(bytes, whiteouts);
        check(&mended(bytes), whiteouts);
    }
}

fn check(tar: &[u8], whiteouts: Whiteouts) {
    let mut blobs = MemoryBlobs::default();
    let mut source = tar;
    let read = match read_tar(&mut source, &LIMITS, whiteouts, &mut blobs) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says something");
            return;
        }
    };
    assert_eq!(read.size, tar.len() as u64, "every byte is counted");
    assert_eq!(read.diff_id, oci::DiffId::of(tar), "and hashed");

    let mut again = Vec::new();
    let written = write_tar(&read.changes, &blobs, &mut again).expect("what was read can be written");
    assert_eq!(written.diff_id, oci::DiffId::of(&again), "what is written is hashed");
    let mut source = &again[..];
    let reread = read_tar(&mut source, &LIMITS_AGAIN, whiteouts, &mut blobs).expect("what was written can be read");
    assert_eq!(reread.changes, kept(&read));

    if let Ok(tree) = apply(&Tree::new(), &read.changes) {
        // A diff says nothing of the root itself.
        let mut empty = Tree::new();
        let root = tree.root().meta.clone();
        empty
            .update_meta(&TreePath::root(), |meta| *meta = root)
            .expect("there is a root");
        let changes = diff(&empty, &tree);
        assert_eq!(apply(&empty, &changes).as_ref(), Ok(&tree), "a diff leads there");
    }
}

/// What of the changes a layer keeps: whole seconds, of extended attributes the capabilities, and not the root itself.
fn kept(read: &ReadLayer) -> Changeset {
    let mut changes = read.changes.clone().as_written(None);
    changes
        .changes
        .retain(|change| !change.path.is_root() || change.kind == ChangeKind::Opaque);
    for Change { kind, .. } in &mut changes.changes {
        match kind {
            ChangeKind::Put(node) => node.meta_mut().xattrs.retain(|name, _| name == CAPABILITY),
            ChangeKind::Link { meta, .. } => meta.xattrs.retain(|name, _| name == CAPABILITY),
            ChangeKind::Delete | ChangeKind::Opaque => {}
        }
    }
    changes
}

/// Gives every block where a header may stand its right checksum, fills the last block, and ends the archive.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut tar = bytes.to_vec();
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    let mut at = 0;
    while at < tar.len() {
        let header = &mut tar[at..at + BLOCK];
        at += BLOCK;
        if header.iter().all(|byte| *byte == 0) {
            continue;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[124..136]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or_default();
        at = at.saturating_add(size.next_multiple_of(BLOCK));
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}
