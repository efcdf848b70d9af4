//! An archive of any size is loaded, read and saved again in little memory.
//!
//! The archive is made while it is read, so it takes no memory itself. This file holds one test, since its allocator counts
//! for the whole process.

use flate2::write::GzEncoder;
use oci::{DiffId, Digest, Digester, ImageConfig, Platform};
use peak_alloc::PeakAlloc;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use store::layout::{Layout, Packing, Tagged, load_source};
use store::{BlobStore, Content, LayerSource, LentBlobs, Limits, ReadAt, Source};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of the one large file.
const LARGE: u64 = 300 << 20;
/// What may be in memory at once, in bytes: a few pieces of 1 MiB.
const ALLOWED: usize = 3 << 20;
/// What the kept states of a decoder may take more.
const PLACES: usize = 64 * 44_000;

/// Runs of bytes and of zeros, one after the other.
struct Runs(Vec<Run>);

enum Run {
    Bytes(Vec<u8>),
    Zeros(u64),
}

impl Run {
    fn size(&self) -> u64 {
        match self {
            Run::Bytes(bytes) => bytes.len() as u64,
            Run::Zeros(size) => *size,
        }
    }
}

impl ReadAt for Runs {
    fn size(&self) -> u64 {
        self.0.iter().map(Run::size).sum()
    }

    fn read_at(&self, mut at: u64, into: &mut [u8]) -> io::Result<usize> {
        for run in &self.0 {
            if at < run.size() {
                return match run {
                    Run::Bytes(bytes) => (&bytes[at as usize..]).read(into),
                    Run::Zeros(size) => io::repeat(0).take(size - at).read(into),
                };
            }
            at -= run.size();
        }
        Ok(0)
    }
}

fn header(name: &str, size: u64) -> Run {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).expect("a short name");
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Run::Bytes(header.as_bytes().to_vec())
}

fn padded(bytes: &[u8]) -> Run {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    Run::Bytes(bytes)
}

/// A layer with a large file of zeros and a small one after it.
fn layer() -> Vec<Run> {
    vec![
        header("large", LARGE),
        Run::Zeros(LARGE),
        header("small", 5),
        padded(b"hello"),
        Run::Zeros(1024),
    ]
}

/// What `docker save` would write of an image with that layer.
fn archive() -> Runs {
    let layer = Runs(layer());
    let mut digester = Digester::new();
    io::copy(&mut Source::of(Rc::new(Runs(self::layer()))).read(), &mut digester).expect("it can be read");
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        diff_ids: vec![DiffId(digester.finish())],
        ..ImageConfig::default()
    };
    let config = config.to_json();
    let list = br#"[{"Config":"c.json","RepoTags":["large:1"],"Layers":["1/layer.tar"]}]"#;
    let mut runs = vec![header("1/layer.tar", layer.size())];
    runs.extend(layer.0);
    runs.extend([header("c.json", config.len() as u64), padded(&config)]);
    runs.extend([
        header("manifest.json", list.len() as u64),
        padded(list),
        Run::Zeros(1024),
    ]);
    Runs(runs)
}

/// The same archive as one gzip stream, which is small.
fn packed() -> Arc<[u8]> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut Source::of(Rc::new(archive())).read(), &mut encoder).expect("memory takes it");
    encoder.finish().expect("memory takes it").into()
}

/// Loads the archive, reads the files of its layer, the last one first, and saves its image.
fn load_read_and_save(archive: &Source) {
    let mut blobs = LentBlobs::default();
    let mut told = Vec::new();
    let mut progress = |done, _| told.push(done);
    let loaded = load_source(archive, None, &Limits::default(), &mut blobs, &mut progress).expect("an archive");
    assert_eq!(told.last(), Some(&(2 * archive.size())));
    assert!(blobs.held_bytes() < 1 << 20, "{}", blobs.held_bytes());

    let image = &loaded[0].image;
    assert_eq!(image.layers[0].source, LayerSource::Blob);
    let contents: Vec<Content> = image.layers[0].changes.files().map(|(_, content)| content).collect();
    let Content::Blob { digest, size: LARGE } = contents[0] else {
        panic!("expected the large file first, found {contents:?}");
    };
    assert_eq!(*blobs.get(&Digest::of(b"hello")).expect("it is there"), *b"hello");
    let read = io::copy(&mut blobs.open(&digest).expect("it is there"), &mut io::sink());
    assert_eq!(read.expect("it can be read"), LARGE);

    let tagged = Tagged {
        image: image.clone(),
        names: loaded[0].names.clone(),
    };
    let layout = Layout::new(&[tagged], Packing::Plain, &mut blobs).expect("a layout");
    layout.write_tar(&blobs, &mut io::sink()).expect("it can be written");
}

#[test]
fn an_archive_larger_than_what_may_be_held_is_loaded_read_and_saved() {
    let plain = Source::of(Rc::new(archive()));
    let packed = Source::of(Rc::new(packed()));
    assert!(plain.size() > LARGE);
    for (archive, allowed) in [(plain, ALLOWED), (packed, ALLOWED + PLACES)] {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        load_read_and_save(&archive);
        let most = MEMORY.peak_usage() - before;
        assert!(
            most <= allowed,
            "expected at most {allowed} bytes in memory at once, found {most}"
        );
    }
}
