//! Registries that mean harm.

use super::*;
use crate::Method;
use crate::client::tests::fake::Reply;
use oci::{Descriptor, Index, Manifest, media_type};

fn held() -> (Bench, Image) {
    let (bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    (bench, image)
}

fn hold_manifest(bench: &Bench, manifest: &Manifest) {
    let bytes = manifest.to_json();
    bench
        .fake
        .0
        .borrow_mut()
        .keep_manifest("a", "latest", media_type::OCI_MANIFEST, bytes);
}

#[test]
fn huge_manifests_are_not_read() {
    let (mut bench, _) = held();
    bench.fake.mangle(|seen, reply| {
        if seen.is(Method::Get, "/manifests/") {
            reply.body = vec![b' '; (4 << 20) + 1];
        }
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("huge");
    assert_eq!(error.to_string(), "expected a manifest of at most 4194304 bytes");
}

#[test]
fn huge_configs_are_not_asked_for() {
    let (mut bench, image) = held();
    let mut manifest = image.manifest.clone();
    manifest.config.size = u64::MAX;
    hold_manifest(&bench, &manifest);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("huge");
    assert_eq!(error.to_string(), "expected an image config of at most 4194304 bytes");
    assert!(bench.fake.lines().iter().all(|line| !line.contains("/blobs/")));
}

#[test]
fn huge_layers_are_not_asked_for() {
    let (mut bench, image) = held();
    let mut manifest = image.manifest.clone();
    manifest.layers[1].size = u64::MAX;
    hold_manifest(&bench, &manifest);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("huge");
    assert_eq!(error.to_string(), "expected a layer of at most 8589934592 bytes");
    let layer = image.layers[0].descriptor.digest.to_string();
    assert!(bench.fake.lines().iter().all(|line| !line.contains(&layer)));
}

#[test]
fn bombs_are_refused() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.limits.tar_bytes = image.layers[0].descriptor.size;
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("a bomb");
    assert!(error.to_string().starts_with("expected a layer of at most "), "{error}");
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let (mut bench, image) = held();
    bench.fake.mangle(|seen, reply| {
        if seen.is(Method::Get, "/manifests/") {
            reply.body.push(b' ');
        }
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("another manifest");
    assert_eq!(
        error.to_string(),
        format!("manifest verification failed for digest {}", image.digest())
    );
}

#[test]
fn a_config_that_is_not_what_its_digest_says_is_refused() {
    let (mut bench, image) = held();
    let id = image.id();
    bench.fake.mangle(move |seen, reply| {
        if seen.is(Method::Get, &id.to_string()) {
            reply.body[0] ^= 1;
        }
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("another config");
    assert_eq!(
        error.to_string(),
        format!("image config verification failed for digest {}", image.id())
    );
}

#[test]
fn layers_that_the_config_does_not_name_are_refused() {
    let (mut bench, image) = held();
    let mut manifest = image.manifest.clone();
    manifest.layers.swap(0, 1);
    hold_manifest(&bench, &manifest);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("swapped");
    assert!(
        error.to_string().starts_with("corrupt layer: expected sha256:"),
        "{error}"
    );
    manifest.layers.pop();
    hold_manifest(&bench, &manifest);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("one less");
    assert_eq!(
        error.to_string(),
        "layers from manifest don't match image configuration"
    );
}

#[test]
fn a_known_layer_with_another_diff_id_is_not_taken() {
    let (mut bench, image) = held();
    let wrong = Layer {
        diff_id: image.layers[1].diff_id,
        ..image.layers[0].clone()
    };
    let known = move |digest: &Digest| (*digest == wrong.descriptor.digest).then(|| wrong.clone());
    let result = bench.pull_knowing("r.example/a", &mut MemoryBlobs::default(), &known);
    assert!(
        result.is_err(),
        "the blob is not here, and what is known is another layer"
    );
}

#[test]
fn indexes_in_indexes_end() {
    let (mut bench, _) = held();
    let mut below = Digest::of(b"nothing");
    let mut size = 1;
    for _ in 0..10 {
        let mut descriptor = Descriptor::new(media_type::OCI_INDEX, below, size);
        descriptor.platform = Some(Platform::linux_amd64());
        let bytes = Index::new(vec![descriptor]).to_json();
        size = bytes.len() as u64;
        below = bench
            .fake
            .0
            .borrow_mut()
            .keep_manifest("a", "latest", media_type::OCI_INDEX, bytes);
    }
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("deep");
    assert!(
        error.to_string().starts_with("expected a manifest list of at most "),
        "{error}"
    );
    assert!(bench.fake.lines().len() < 10);
}

#[test]
fn what_is_no_image_is_refused() {
    let (mut bench, image) = held();
    let mut manifest = image.manifest.clone();
    manifest.config.media_type = "application/vnd.cncf.helm.config.v1+json".to_owned();
    hold_manifest(&bench, &manifest);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("a chart");
    assert_eq!(
        error.to_string(),
        "unsupported media type application/vnd.cncf.helm.config.v1+json"
    );
    for bytes in [&b"{"[..], b"[]", b"{\"schemaVersion\":1}", b"\xff\xfe"] {
        let mut state = bench.fake.0.borrow_mut();
        state.keep_manifest("a", "latest", media_type::OCI_MANIFEST, bytes.to_vec());
        drop(state);
        bench
            .pull("r.example/a", &mut MemoryBlobs::default())
            .expect_err("no manifest");
    }
}

#[test]
fn redirects_end() {
    let (mut bench, _) = held();
    let mut n_asked = 0;
    bench.fake.hook(move |seen| {
        n_asked += 1;
        let is_blob = seen.url.path().contains("/blobs/") || seen.url.host() == "cdn.example";
        is_blob.then(|| Ok(Reply::new(302).header("Location", format!("https://cdn.example/{n_asked}"))))
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("a circle");
    assert!(error.to_string().ends_with("stopped after 10 redirects"), "{error}");
    assert_eq!(bench.fake.lines().len(), 3 + 11);
}

#[test]
fn redirects_to_nowhere_are_errors() {
    for location in [None, Some("\u{1}"), Some("ftp://x/"), Some("https://user:pass@x/")] {
        let (mut bench, _) = held();
        bench.fake.hook(move |seen| {
            seen.is(Method::Get, "/blobs/").then(|| {
                let reply = Reply::new(307);
                Ok(match location {
                    Some(location) => reply.header("Location", location),
                    None => reply,
                })
            })
        });
        let error = bench
            .pull("r.example/a", &mut MemoryBlobs::default())
            .expect_err("nowhere");
        assert!(error.to_string().contains("Location header"), "{error}");
    }
}

#[test]
fn lists_end() {
    let mut bench = Bench::new();
    let mut n_pages = 0;
    bench.fake.hook(move |seen| {
        seen.url.path().ends_with("/tags/list").then(|| {
            n_pages += 1;
            let link = format!("</v2/a/tags/list?last={n_pages}&n=1>; rel=\"next\"");
            Ok(Reply::new(200)
                .body(format!(r#"{{"name":"a","tags":["t{n_pages}"]}}"#))
                .header("Link", link))
        })
    });
    let error = bench
        .with(|client| client.tags(&reference("r.example/a")))
        .expect_err("endless");
    assert_eq!(error.to_string(), "expected a list of at most 1000 pages");
    assert_eq!(bench.fake.lines().len(), 1001);
    let mut bench = Bench::new();
    bench.fake.hook(|seen| {
        seen.url.path().ends_with("/tags/list").then(|| {
            let link = "<https://evil.example/v2/a/tags/list?n=1000>; rel=\"next\"";
            Ok(Reply::new(200)
                .body(r#"{"name":"a","tags":["t"]}"#)
                .header("Link", link))
        })
    });
    let tags = bench
        .with(|client| client.tags(&reference("r.example/a")))
        .expect("one page");
    assert_eq!(tags, ["t"]);
    assert!(bench.fake.seen().iter().all(|seen| seen.url.host() == "r.example"));
}

#[test]
fn endless_errors_are_cut() {
    let (mut bench, _) = held();
    bench.fake.hook(|seen| {
        let reply = || Reply::new(404).body(vec![b'x'; 10 << 20]);
        seen.is(Method::Get, "/blobs/").then(|| Ok(reply()))
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("not found");
    assert!(error.to_string().len() < 1000);
    let received = bench.watch.exchanges().iter().map(|exchange| exchange.received).max();
    assert!(received < Some(100_000));
}
