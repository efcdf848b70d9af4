//! Whatever the bytes are, reading them ends, and what comes out is sound.

use super::{Archive, read_within};
use crate::{
    BlobStore, Changeset, Compression, Limits, MemoryBlobs, Tree, Whiteouts, apply, decompress, read_tar, write_tar,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::io::{Read, Write};
use tar::EntryType;

/// An archive with every kind of header.
fn whole() -> Vec<u8> {
    Archive::default()
        .dir("d/")
        .file("d/f")
        .hard_link("d/l", "d/f")
        .symlink("s", "d")
        .pax(&[("mtime", "1.5"), ("path", "d/long"), ("uid", "7")])
        .file("cut")
        .entry(EntryType::GNULongName, "././@LongLink", "", b"d/gnu\0")
        .file("cut")
        .entry(EntryType::XGlobalHeader, "g", "", b"18 comment=a commit\n")
        .entry(EntryType::Fifo, "p", "", b"")
        .file("d/.wh.gone")
        .file("d/.wh..wh..opq")
        .end()
}

/// Writes the checksums anew, so that changed headers are looked into.
fn mend(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].copy_from_slice(b"        ");
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn check(tar: &[u8]) {
    let limits = Limits {
        tar_bytes: 1 << 20,
        ..Limits::default()
    };
    // The other ways to read it give the same.
    let _ = read_within(tar, &limits);
    let mut blobs = MemoryBlobs::default();
    let mut source = tar;
    let Ok(layer) = read_tar(&mut source, &limits, Whiteouts::Delete, &mut blobs) else {
        return;
    };
    for (_, content) in layer.changes.files() {
        assert!(i64::try_from(content.size()).is_ok());
    }
    if let Ok(tree) = apply(&Tree::new(), &layer.changes) {
        assert!(
            tree.walk()
                .all(|(path, _)| path.components().all(|name| name != ".." && !name.is_empty()))
        );
    }
    // What was read is written as a layer that reads the same, but for fractions of seconds and private attributes.
    let again = |changes: &Changeset| {
        let mut bytes = Vec::new();
        write_tar(changes, &blobs, &mut bytes).expect("what was read can be written");
        let read = read_tar(
            &mut &bytes[..],
            &Limits::default(),
            Whiteouts::Delete,
            &mut MemoryBlobs::default(),
        );
        read.expect("what was written can be read").changes
    };
    let once = again(&layer.changes);
    assert_eq!(again(&once), once);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_archive_with_changed_bytes_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        mended in prop::bool::weighted(0.8),
    ) {
        let mut tar = whole();
        for (at, byte) in changes {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if mended {
            mend(&mut tar);
        }
        tar.truncate(cut.map_or(tar.len(), |cut| cut.index(tar.len())));
        check(&tar);
    }

    #[test]
    fn compressed_bytes_that_are_broken_are_refused_or_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        packing in prop::sample::select(vec![Compression::Gzip, Compression::Zstd]),
    ) {
        let mut packed = match packing {
            Compression::Gzip => {
                let mut encoder = crate::compression::gzip(Vec::new());
                encoder.write_all(&whole()).expect("memory takes it");
                encoder.finish().expect("memory takes it")
            }
            // A frame with a compressed block, then one with a run.
            _ => b"\x28\xb5\x2f\xfd\x00\x48\x55\x00\x00\x08ab\x01\x00\xfc\x27\x0a\x28\xb5\x2f\xfd\x20\x20\x03\x01\x00x".to_vec(),
        };
        for (at, byte) in changes {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        if let Ok(source) = decompress(Box::new(&packed[..])) {
            let mut bytes = Vec::new();
            let _ = source.take(1 << 20).read_to_end(&mut bytes);
        }
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
        check(&bytes);
        let mut blobs = MemoryBlobs::default();
        let _ = crate::layout::load_archive(Box::new(&bytes[..]), None, &Limits::default(), &mut blobs);
        assert!(blobs.size(&oci::Digest::of(b"not there")).is_none());
    }
}
