//! Laws that every [`BlobStore`] keeps, for the tests of those who make one.

use crate::{BlobStore, Source, StoreError};
use oci::Digest;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

/// Checks the laws of [`BlobStore`] on stores made by `make`, each of them empty.
///
/// # Panics
///
/// With the law that is broken.
pub fn blob_store_laws<S: BlobStore>(mut make: impl FnMut() -> S) {
    what_is_put_can_be_had(&mut make());
    putting_twice_is_putting_once(&mut make());
    what_was_not_put_is_missing(&make());
    what_lies_somewhere_is_had_like_the_rest(&mut make());
}

fn what_is_put_can_be_had(store: &mut impl BlobStore) {
    let large: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let blobs: [&[u8]; 4] = [b"", b"a", &[0; 4096], &large];
    for bytes in blobs {
        let digest = store.put(bytes).expect("a blob can be put");
        assert_eq!(digest, Digest::of(bytes), "put names a blob by its digest");
    }
    let streamed = store
        .put_from(&mut b"streamed".as_slice())
        .expect("a stream can be put");
    assert_eq!(
        streamed,
        (Digest::of(b"streamed"), 8),
        "put_from names a blob and counts it"
    );
    assert_eq!(
        &*store.get(&streamed.0).expect("a streamed blob can be had"),
        b"streamed"
    );
    let mut broken = b"half".chain(Broken);
    assert!(
        matches!(store.put_from(&mut broken), Err(StoreError::Source(_))),
        "a broken stream is no blob"
    );
    assert!(!store.has(&Digest::of(b"half")), "nothing is kept of a broken stream");
    for bytes in blobs {
        let digest = Digest::of(bytes);
        assert_eq!(&*store.get(&digest).expect("a blob that was put can be had"), bytes);
        assert_eq!(
            store.size(&digest),
            Some(bytes.len() as u64),
            "size is the number of bytes"
        );
        assert!(store.has(&digest));
        let mut read = Vec::new();
        let mut source = store.open(&digest).expect("a blob that was put can be opened");
        source.read_to_end(&mut read).expect("an opened blob can be read");
        assert_eq!(read, bytes, "open reads what get returns");
        drop(source);
        reads_from_any_place(store, bytes);
    }
}

fn reads_from_any_place(store: &impl BlobStore, bytes: &[u8]) {
    let source = store.source(&Digest::of(bytes)).expect("a blob is a source");
    assert_eq!(source.size(), bytes.len() as u64, "a source has the size of its blob");
    for at in [0, 1, bytes.len() / 2, bytes.len()] {
        let at = at.min(bytes.len());
        let mut read = Vec::new();
        let mut rest = source.part(at as u64, u64::MAX).read();
        rest.read_to_end(&mut read).expect("a source can be read");
        assert_eq!(read, bytes[at..], "a source reads what get returns");
    }
}

fn what_lies_somewhere_is_had_like_the_rest(store: &mut impl BlobStore) {
    let bytes: Arc<[u8]> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let archive = Source::of(Rc::new(bytes.clone()));
    for (start, size) in [(0, 0), (7, 1), (100, 300_000), (0, bytes.len())] {
        let place = archive.part(start as u64, size as u64);
        let part = &bytes[start..start + size];
        let stored = store.put_part(&mut &part[..], &place).expect("a part can be put");
        assert_eq!(
            stored,
            (Digest::of(part), size as u64),
            "put_part names a blob and counts it"
        );
        assert_eq!(&*store.get(&stored.0).expect("a part can be had"), part);
        let mut read = Vec::new();
        let mut source = store.open(&stored.0).expect("a part can be opened");
        source.read_to_end(&mut read).expect("an opened part can be read");
        assert_eq!(read, part);
        drop(source);
        reads_from_any_place(store, part);
        assert_eq!(store.put(part).expect("a part can be put again"), stored.0);
    }
    let place = archive.part(0, 8);
    let broken = store.put_part(&mut b"half".chain(Broken), &place);
    assert!(matches!(broken, Err(StoreError::Source(_))), "a broken part is no blob");
    assert!(!store.has(&Digest::of(b"half")), "nothing is kept of a broken part");
}

/// A source that fails.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}

fn putting_twice_is_putting_once(store: &mut impl BlobStore) {
    let first = store.put(b"twice").expect("a blob can be put");
    let second = store.put(b"twice").expect("a blob can be put again");
    assert_eq!(first, second);
    assert_eq!(&*store.get(&first).expect("it is still there"), b"twice");
}

fn what_was_not_put_is_missing(store: &impl BlobStore) {
    let digest = Digest::of(b"never put");
    assert!(matches!(store.get(&digest), Err(StoreError::Missing { digest: found }) if found == digest));
    assert!(matches!(store.open(&digest), Err(StoreError::Missing { .. })));
    assert_eq!(store.size(&digest), None);
    assert!(!store.has(&digest));
}
