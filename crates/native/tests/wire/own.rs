//! Against `layerlab registry serve`.

use crate::support::{Bench, Registry, check_whole, image};
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
