//! Against `layerlab registry serve`.

use crate::support::{Bench, Registry, Scratch, changes, check_whole, image};
use native::disk::DiskBlobs;
use native::net::Patience;
use registry::Transport;
use store::MemoryBlobs;

#[test]
fn an_image_that_was_pushed_comes_back_byte_for_byte() {
    let registry = Registry::start();
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let pushed = image(&[3 << 20, 10, 0], &mut blobs);
    let name = format!("{}/a/b:one", registry.address);
    let answer = bench.push(&pushed, &name, &blobs).unwrap();
    assert_eq!(answer.digest, pushed.digest());
    let mut fresh = MemoryBlobs::default();
    let pulled = bench.pull(&name, &mut fresh).unwrap();
    assert_eq!(pulled.image.manifest_bytes, pushed.manifest_bytes);
    check_whole(&pulled.image, &fresh);
    // What is there already does not go again.
    assert_eq!(bench.push(&pushed, &name, &blobs).unwrap().sent, 0);
}

#[test]
fn layers_that_lie_as_changes_are_packed_once_and_pushed_and_pulled_side_by_side() {
    let registry = Registry::start();
    let (here, there) = (Scratch::new(), Scratch::new());
    let mut blobs = DiskBlobs::open(here.dir()).unwrap();
    let plain = changes(&[2 << 20, 10, 0, 700_000, 5, 6, 7], &mut blobs);
    blobs.sync().unwrap();
    let mut bench = Bench::with_store(Patience::default(), here.dir());
    let packed = bench.sockets.lanes().unwrap().gzip(&plain, &mut blobs).unwrap();
    assert!(
        packed
            .layers
            .iter()
            .all(|layer| layer.source == store::LayerSource::Blob)
    );
    let name = format!("{}/a/b:one", registry.address);
    let size: u64 = packed.layers.iter().map(|layer| layer.descriptor.size).sum();
    assert_eq!(bench.push(&packed, &name, &blobs).unwrap().sent, size);
    assert_eq!(bench.push(&packed, &name, &blobs).unwrap().sent, 0);
    let mut bench = Bench::with_store(Patience::default(), there.dir());
    let mut fresh = DiskBlobs::open(there.dir()).unwrap();
    let pulled = bench.pull(&name, &mut fresh).unwrap();
    assert_eq!(pulled.image.manifest_bytes, packed.manifest_bytes);
    assert_eq!(pulled.fetched, size);
    check_whole(&pulled.image, &fresh);
}
