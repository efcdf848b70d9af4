//! Pushing.

use super::*;
use crate::Method;
use crate::client::tests::fake::Reply;

#[test]
fn layers_go_first_then_the_config_then_the_manifest() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let pushed = bench.push(&image, "r.example/u/a:v1", &blobs).expect("pushed");
    assert_eq!((pushed.tag.as_str(), pushed.digest), ("v1", image.digest()));
    assert_eq!(pushed.size, image.manifest_bytes.len() as u64);
    let shape: Vec<String> = bench
        .fake
        .seen()
        .iter()
        .map(|seen| {
            let path = seen.url.path();
            let kind = if path.contains("/uploads/") {
                "upload"
            } else {
                path.split('/').nth(4).unwrap_or("ping")
            };
            format!("{} {kind}", seen.method)
        })
        .collect();
    let blob = ["HEAD blobs", "POST upload", "PATCH upload", "PUT upload"];
    let expected: Vec<&str> = ["GET ping"]
        .into_iter()
        .chain(blob)
        .chain(blob)
        .chain(blob)
        .chain(["PUT manifests"])
        .collect();
    assert_eq!(shape, expected);
    assert_eq!(bench.fake.seen().last().expect("a request").body, image.manifest_bytes);
    let ids: Vec<String> = image.layers.iter().map(|layer| layer.diff_id.0.short()).collect();
    assert_eq!(
        bench.watch.layers(),
        [
            format!("{}: Preparing", ids[1]),
            format!("{}: Preparing", ids[0]),
            format!("{}: Pushed", ids[1]),
            format!("{}: Pushed", ids[0]),
        ]
    );
    assert!(bench.watch.events.contains(&Event::Pushing {
        name: "r.example/u/a".to_owned()
    }));
}

#[test]
fn what_was_pushed_is_pulled_back_the_same() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    for chunk in [None, Some(100), Some(1000), Some(1 << 20)] {
        let name = format!("r.example/a{}", chunk.unwrap_or(0));
        let pushed = bench.push_with(&image, &name, &blobs, &|_| Vec::new(), chunk);
        let pushed = pushed.expect("pushed");
        let pulled = bench.pull(&name, &mut MemoryBlobs::default()).expect("pulled");
        assert_eq!(pulled.digest, pushed.digest);
        assert_eq!(pulled.image.tree().expect("a tree"), image.tree().expect("a tree"));
    }
}

#[test]
fn layers_that_are_no_blobs_yet_are_written_for_the_push() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let packed = sample(&mut blobs);
    let layers = packed
        .layers
        .iter()
        .map(|layer| Layer::make((*layer.changes).clone(), None, &blobs).expect("a layer"));
    let image = Image::new(packed.config.clone(), layers.collect());
    bench.push(&image, "r.example/a", &blobs).expect("pushed");
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.digest, image.digest());
}

#[test]
fn what_is_there_is_not_sent() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.push(&image, "r.example/a:v1", &blobs).expect("pushed");
    bench.fake.forget();
    bench.watch = Watch::default();
    let pushed = bench.push(&image, "r.example/a:v2", &blobs).expect("pushed again");
    assert_eq!(pushed.sent, 0);
    assert!(
        bench
            .fake
            .seen()
            .iter()
            .all(|seen| !matches!(seen.method, Method::Post | Method::Patch))
    );
    let sizes: Vec<_> = image
        .layers
        .iter()
        .rev()
        .map(|layer| (SparedReason::There, layer.descriptor.size))
        .collect();
    assert_eq!(bench.watch.spared(), sizes);
    assert!(
        bench
            .watch
            .layers()
            .contains(&format!("{}: Layer already exists", image.layers[0].diff_id.0.short()))
    );
}

#[test]
fn layers_are_mounted_from_repositories_that_have_them() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.push(&image, "r.example/base", &blobs).expect("pushed");
    bench.fake.forget();
    bench.watch = Watch::default();
    let sources = |_: &Digest| vec!["nothing".to_owned(), "mine".to_owned(), "base".to_owned()];
    let pushed = bench
        .push_with(&image, "r.example/mine", &blobs, &sources, None)
        .expect("pushed");
    assert_eq!(pushed.sent, 0);
    let id = image.layers[0].diff_id.0.short();
    assert!(bench.watch.layers().contains(&format!("{id}: Mounted from base")));
    let from = "base".to_owned();
    assert_eq!(
        bench.watch.spared()[0],
        (SparedReason::Mounted { from }, image.layers[1].descriptor.size)
    );
    let tried = bench.fake.lines();
    assert!(
        tried.iter().all(|line| !line.contains("from=mine")),
        "a repository is not mounted from itself"
    );
    // The configs are sent; they are no layers.
    assert_eq!(tried.iter().filter(|line| line.starts_with("PATCH")).count(), 1);
}

#[test]
fn an_upload_that_a_mount_opened_is_used_for_the_blob() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let sources = |_: &Digest| vec!["x".to_owned(), "y".to_owned()];
    bench
        .push_with(&image, "r.example/mine", &blobs, &sources, None)
        .expect("pushed");
    let lines = bench.fake.lines();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    // Two mounts a layer, the first upload of each given up, and one upload for the config.
    assert_eq!((count("POST"), count("DELETE"), count("PATCH")), (5, 2, 3));
}

#[test]
fn equal_layers_are_sent_once() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let once = sample(&mut blobs);
    let layers = vec![once.layers[0].clone(), once.layers[0].clone()];
    let image = Image::new(once.config.clone(), layers);
    bench.push(&image, "r.example/a", &blobs).expect("pushed");
    let n_patches = bench
        .fake
        .lines()
        .iter()
        .filter(|line| line.starts_with("PATCH"))
        .count();
    assert_eq!(n_patches, 2);
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.image.layers.len(), 2);
}

#[test]
fn a_digest_cannot_be_pushed_to() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let name = format!("r.example/a@{}", image.digest());
    let error = bench.push(&image, &name, &blobs).expect_err("a digest");
    assert_eq!(error.to_string(), "cannot push a digest reference");
    assert_eq!(bench.fake.lines().len(), 0);
}

#[test]
fn a_registry_that_took_another_manifest_is_not_believed() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.mangle(|seen, reply| {
        if seen.is(Method::Put, "/manifests/") {
            *reply = Reply::new(201).header("Docker-Content-Digest", Digest::of(b"x").to_string());
        }
    });
    let error = bench.push(&image, "r.example/a", &blobs).expect_err("another manifest");
    assert!(
        error
            .to_string()
            .contains("expected the registry to take manifest sha256:"),
        "{error}"
    );
}

#[test]
fn mirrors_are_not_pushed_to() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.config.mirrors.push("https://mirror.example".to_owned());
    bench.push(&image, "u/a", &blobs).expect("pushed");
    assert!(
        bench
            .fake
            .seen()
            .iter()
            .all(|seen| seen.url.host() == "registry-1.docker.io")
    );
}

#[test]
fn a_large_layer_tells_how_far_it_is_and_can_be_stopped() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let path = TreePath::parse("/data").expect("a path");
    let digest = blobs.put(&vec![0; 2 << 20]).expect("memory takes it");
    let mut tree = Tree::new();
    let content = Content::Blob { digest, size: 2 << 20 };
    tree.insert(&path, Node::file(Meta::of_mode(0o644), content))
        .expect("a tree");
    let layer = Layer::make(diff(&Tree::new(), &tree), None, &blobs).expect("a layer");
    let total = layer.descriptor.size;
    let image = Image::new(ImageConfig::default(), vec![layer]);
    bench.push(&image, "r.example/a", &blobs).expect("pushed");
    let told: Vec<u64> = bench
        .watch
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Layer(LayerEvent {
                state: LayerState::Pushing { current, .. },
                ..
            }) => Some(*current),
            _ => None,
        })
        .collect();
    assert!(
        told.len() >= 4 && told.is_sorted() && told.last() == Some(&total),
        "{told:?}"
    );
    let n_events = bench.watch.events.len();
    for patience in 1..=n_events {
        let mut bench = Bench::new();
        bench.watch.patience = Some(patience);
        let result = bench.push(&image, "r.example/a", &blobs);
        assert!(matches!(result, Err(RegistryError::Cancelled)), "{patience}");
        assert_eq!(bench.watch.events.len(), patience, "nothing happens after the end");
    }
}
