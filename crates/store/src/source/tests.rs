//! Whatever is read, and in whatever order, it is what lies there.

use super::*;
use crate::compression::gzip;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::cell::Cell;
use std::io::Write;

fn lying(bytes: &[u8]) -> Source {
    Source::of(Rc::new(Arc::<[u8]>::from(bytes)))
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = gzip(Vec::new());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Frames of Zstandard, each of at most 64 KiB, with checksums.
#[cfg(feature = "zstd")]
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let frame = |bytes| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    bytes.chunks(1 << 16).flat_map(frame).collect()
}

fn all(source: &Source) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.read().read_to_end(&mut bytes).expect("it can be read");
    bytes
}

/// Text that packs to about a third, with nothing in it twice at the same distance.
fn sample(size: usize) -> Vec<u8> {
    (0u64..)
        .flat_map(|n| format!("{:x} ", n * n).into_bytes())
        .take(size)
        .collect()
}

/// Counts what is read of it.
struct Watched {
    bytes: Vec<u8>,
    read: Rc<Cell<u64>>,
}

impl ReadAt for Watched {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[at as usize..]).read(into)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[test]
fn a_part_ends_where_its_bytes_do() {
    let source = lying(b"0123456789");
    assert_eq!(all(&source.part(2, 3)), b"234");
    assert_eq!(all(&source.part(2, 3).part(1, 100)), b"34");
    assert_eq!(all(&source.part(8, u64::MAX)), b"89");
    assert_eq!(all(&source.part(u64::MAX, u64::MAX)), b"");
    assert_eq!(source.part(2, 3).read_at(3, &mut [0]).expect("the end"), 0);
    assert_eq!(source.part(2, 3).read_at(u64::MAX, &mut [0]).expect("beyond"), 0);
}

#[test]
fn what_is_not_packed_has_nothing_to_unpack() {
    assert!(lying(b"plain").unpack().expect("bytes").is_none());
    assert!(lying(b"").unpack().expect("no bytes").is_none());
    assert!(matches!(
        lying(b"BZh91AY").unpack(),
        Err(LayerError::Compression { found: "bzip2" })
    ));
}

#[test]
fn packed_in_packed_is_unpacked_twice() {
    let bytes = sample(300_000);
    let inner = gzipped(&bytes);
    let outer = [b"before ".to_vec(), inner.clone(), b" after".to_vec()].concat();
    let outer = lying(&gzipped(&outer)).unpack().expect("gzip").expect("it is packed");
    let packed = outer.part(7, inner.len() as u64);
    assert_eq!(all(&packed), inner);
    let unpacked = packed.unpack().expect("gzip").expect("it is packed");
    assert!(all(&unpacked) == bytes);
    assert_eq!(all(&unpacked.part(123_456, 50)), &bytes[123_456..123_506]);
    assert_eq!(all(&outer.part(7 + inner.len() as u64, 6)), b" after");
}

#[test]
fn a_broken_stream_is_an_error_each_time_it_is_read() {
    let mut packed = gzipped(&sample(200_000));
    let at = packed.len() - 6;
    packed[at] ^= 1;
    let unpacked = lying(&packed).unpack().expect("gzip").expect("it is packed");
    for _ in 0..2 {
        assert!(unpacked.read().read_to_end(&mut Vec::new()).is_err());
    }
    let cut = lying(&packed[..packed.len() / 2])
        .unpack()
        .expect("gzip")
        .expect("it is packed");
    for _ in 0..2 {
        assert!(cut.read().read_to_end(&mut Vec::new()).is_err());
        assert!(cut.part(199_000, 10).read().read_to_end(&mut Vec::new()).is_err());
    }
}

#[test]
fn a_file_far_inside_a_large_stream_costs_no_more_than_the_way_from_the_last_kept_place() {
    let bytes = sample(20 << 20);
    let read = Rc::new(Cell::new(0));
    let packed = gzipped(&bytes);
    let size = packed.len() as u64;
    let source = Source::of(Rc::new(Watched {
        bytes: packed,
        read: read.clone(),
    }));
    let unpacked = source.unpack().expect("gzip").expect("it is packed");
    assert!(all(&unpacked) == bytes);
    let mut into = [0; 100];
    for at in [19 << 20, 6 << 20, 1, 15 << 20, 10 << 20] {
        read.set(0);
        unpacked
            .part(at, 100)
            .read()
            .read_exact(&mut into)
            .expect("it can be read");
        assert_eq!(into, bytes[at as usize..at as usize + 100]);
        // Places are 4 MiB apart, of 20, and packed bytes are read by the MiB.
        assert!(read.get() <= size / 5 + (2 << 20), "{at}: {} of {size}", read.get());
    }
}

#[cfg(feature = "zstd")]
#[test]
fn frames_of_zstd_are_places_too() {
    let bytes = sample(10 << 20);
    let read = Rc::new(Cell::new(0));
    let packed = zstd(&bytes);
    let size = packed.len() as u64;
    let source = Source::of(Rc::new(Watched {
        bytes: packed,
        read: read.clone(),
    }));
    let unpacked = source.unpack().expect("zstd").expect("it is packed");
    assert!(all(&unpacked) == bytes);
    let mut into = [0; 100];
    for at in [9 << 20, 1, 5 << 20] {
        read.set(0);
        unpacked
            .part(at, 100)
            .read()
            .read_exact(&mut into)
            .expect("it can be read");
        assert_eq!(into, bytes[at as usize..at as usize + 100]);
        // Places are 4 MiB apart, of 10, and packed bytes are read by the MiB.
        assert!(read.get() <= size * 2 / 5 + (1 << 20), "{at}: {} of {size}", read.get());
    }
}

#[test]
fn reading_on_costs_nothing_twice() {
    let bytes = sample(3 << 20);
    let read = Rc::new(Cell::new(0));
    let packed = gzipped(&bytes);
    let size = packed.len() as u64;
    let source = Source::of(Rc::new(Watched {
        bytes: packed,
        read: read.clone(),
    }));
    let unpacked = source.unpack().expect("gzip").expect("it is packed");
    read.set(0);
    let mut found = Vec::new();
    for at in (0..bytes.len() as u64).step_by(10_000) {
        unpacked
            .part(at, 10_000)
            .read()
            .read_to_end(&mut found)
            .expect("it can be read");
    }
    assert!(found == bytes);
    assert_eq!(read.get(), size);
}

#[test]
fn the_number_of_places_is_bounded_for_a_stream_and_for_all() {
    let mut packed = gzip(Vec::new());
    let zeros = vec![0; 1 << 20];
    for _ in 0..600 {
        packed.write_all(&zeros).expect("memory takes it");
    }
    let packed = packed.finish().expect("memory takes it");
    let source = lying(&packed.repeat(2));
    let streams: Vec<Source> = [(0, packed.len()), (packed.len(), packed.len())]
        .into_iter()
        .map(|(start, size)| source.part(start as u64, size as u64))
        .map(|packed| packed.unpack().expect("gzip").expect("it is packed"))
        .collect();
    for stream in &streams {
        let size = io::copy(&mut stream.read(), &mut io::sink()).expect("it can be read");
        assert_eq!(size, 600 << 20);
    }
    let in_all = source.desk.places();
    assert!((64..128).contains(&in_all), "{in_all}");
    drop(streams);
    assert_eq!(source.desk.places(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        ..ProptestConfig::default()
    })]

    #[test]
    fn reads_in_any_order_give_what_lies_there(
        size in 0usize..400_000,
        reads in prop::collection::vec((any::<prop::sample::Index>(), 0usize..100_000, any::<bool>()), 1..12),
    ) {
        let bytes = sample(size);
        let halves = [gzipped(&bytes[..size / 2]), gzipped(&bytes[size / 2..])].concat();
        let mut packed = vec![gzipped(&bytes), halves];
        #[cfg(feature = "zstd")]
        packed.push(zstd(&[&bytes[..], b"."].concat()));
        // All of them in one place, so that they take the decoder from each other.
        let whole = lying(&packed.concat());
        let mut start = 0;
        let streams: Vec<Source> = packed.iter().map(|packed| {
            let part = whole.part(start, packed.len() as u64);
            start += packed.len() as u64;
            part.unpack().expect("it can be unpacked").expect("it is packed")
        }).collect();
        for (at, count, only_one) in reads {
            let at = at.index(size + 1);
            let end = (at + count).min(size);
            for stream in streams.iter().skip(usize::from(only_one)) {
                prop_assert!(all(&stream.part(at as u64, (end - at) as u64)) == bytes[at..end]);
            }
        }
    }
}
