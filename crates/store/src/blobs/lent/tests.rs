//! What is lent is had like the rest, as long as it stays what it was.

use super::*;
use crate::ReadAt;
use std::cell::RefCell;
use std::io::{Result, Write};

/// A file that somebody may write to.
#[derive(Default)]
struct Scratch(RefCell<Vec<u8>>);

impl ReadAt for Scratch {
    fn size(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<usize> {
        let bytes = self.0.borrow();
        (&bytes[(at as usize).min(bytes.len())..]).read(into)
    }
}

/// Zeros, as many as one likes.
struct Zeros(u64);

impl ReadAt for Zeros {
    fn size(&self) -> u64 {
        self.0
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<usize> {
        let count = (self.0 - at).min(into.len() as u64) as usize;
        into[..count].fill(0);
        Ok(count)
    }
}

fn lend(blobs: &mut LentBlobs, place: &Source) -> Digest {
    let (digest, size) = blobs.put_part(&mut place.read(), place).expect("it can be read");
    assert_eq!(size, place.size());
    digest
}

#[test]
fn a_lending_store_keeps_the_laws_of_blob_stores() {
    crate::testing::blob_store_laws(LentBlobs::default);
}

#[test]
fn what_lies_somewhere_takes_no_memory() {
    let mut blobs = LentBlobs::default();
    let digest = lend(&mut blobs, &Source::of(Rc::new(Zeros(3 << 20))));
    assert_eq!(blobs.held_bytes(), 0);
    assert_eq!(blobs.get(&digest).expect("it is there").len(), 3 << 20);
    assert_eq!(blobs.held_bytes(), 0);
}

#[test]
fn a_source_that_changes_is_noticed_and_storing_the_bytes_mends_it() {
    let file = Rc::new(Scratch(RefCell::new(b"hello".to_vec())));
    let mut blobs = LentBlobs::default();
    let digest = lend(&mut blobs, &Source::of(file.clone()));
    file.0.borrow_mut()[0] = b'j';
    assert!(matches!(blobs.get(&digest), Err(StoreError::Corrupt { .. })));
    let read = |blobs: &LentBlobs| {
        let mut bytes = Vec::new();
        let read = blobs.open(&digest).expect("it is there").read_to_end(&mut bytes);
        read.map(|_| bytes)
    };
    let error = read(&blobs).expect_err("it has changed").to_string();
    assert!(error.starts_with("corrupt blob: expected sha256:"), "{error}");
    file.0.borrow_mut().truncate(2);
    assert!(matches!(blobs.get(&digest), Err(StoreError::Corrupt { .. })));
    assert_eq!(blobs.put(b"hello").expect("memory takes it"), digest);
    assert_eq!(read(&blobs).expect("it is held"), b"hello");
    // Lending it again does not give up what is held.
    lend(
        &mut blobs,
        &Source::of(Rc::new(Scratch(RefCell::new(b"hello".to_vec())))),
    );
    assert_eq!(blobs.held_bytes(), 5);
}

#[test]
fn more_than_a_piece_is_read_in_pieces_only() {
    let mut blobs = LentBlobs::default();
    let place = Source::of(Rc::new(Zeros(MAX_PIECE + 1)));
    let digest = Digest::of(b"its name does not matter here");
    blobs.insert(digest, Blob::Lent(place));
    let error = blobs.get(&digest).expect_err("it is too large").to_string();
    assert_eq!(
        error,
        format!("expected a blob of at most 268435456 bytes to hold in memory, found {digest} of 268435457")
    );
    let mut start = [1; 100];
    blobs
        .open(&digest)
        .expect("it is there")
        .read_exact(&mut start)
        .expect("it can be read");
    assert_eq!(start, [0; 100]);
}

#[test]
fn small_files_of_packed_layers_are_held_up_to_a_bound() {
    let mut encoder = crate::compression::gzip(Vec::new());
    let n_files = (MAX_HELD / SMALL + 10) as u32;
    let file = |n: u32| n.to_le_bytes().repeat(SMALL as usize / 4);
    for n in 0..n_files {
        encoder.write_all(&file(n)).expect("memory takes it");
    }
    let packed: Arc<[u8]> = encoder.finish().expect("memory takes it").into();
    let unpacked = Source::of(Rc::new(packed))
        .unpack()
        .expect("gzip")
        .expect("it is packed");
    let mut blobs = LentBlobs::default();
    lend(&mut blobs, &unpacked.part(0, SMALL + 1));
    assert_eq!(blobs.held_bytes(), 0, "it is not small");
    for n in 0..n_files {
        for _ in 0..2 {
            lend(&mut blobs, &unpacked.part(u64::from(n) * SMALL, SMALL));
        }
    }
    assert_eq!(blobs.held_bytes(), MAX_HELD);
    for n in [0, 1, n_files - 1, n_files - 2, 500] {
        let bytes = file(n);
        assert_eq!(*blobs.get(&Digest::of(&bytes)).expect("it is there"), *bytes);
    }
}

#[test]
fn a_part_that_is_not_where_it_should_be_is_refused() {
    let mut blobs = LentBlobs::default();
    let place = Source::of(Rc::new(Zeros(10)));
    let refused = blobs.put_part(&mut &[0; 9][..], &place);
    assert!(matches!(refused, Err(StoreError::Source(_))));
    assert_eq!(blobs.size(&Digest::of(&[0; 9])), None);
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut blobs = LentBlobs::default();
    let first = blobs.put(b"first").expect("memory takes it");
    let before = blobs.clone();
    let second = blobs.put(b"second").expect("memory takes it");
    assert!(before.has(&first) && !before.has(&second) && blobs.has(&second));
}
