//! Pulling.

use super::*;
use crate::client::tests::fake::Reply;
use oci::{Descriptor, Index, media_type};

#[test]
fn an_image_is_pulled_as_it_was_pushed() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    let mut here = MemoryBlobs::default();
    let pulled = bench.pull("r.example/a", &mut here).expect("pulled");
    assert_eq!((pulled.digest, pulled.image.id()), (image.digest(), image.id()));
    assert_eq!(pulled.image.tree().expect("a tree"), image.tree().expect("a tree"));
    assert!(pulled.image.is_simulated(), "what is simulated stays so");
    let sizes: u64 = image.layers.iter().map(|layer| layer.descriptor.size).sum();
    assert_eq!(pulled.fetched, sizes);
}

#[test]
fn requests_go_in_the_order_of_docker() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "v1", &image, &blobs);
    bench
        .pull("r.example/a:v1", &mut MemoryBlobs::default())
        .expect("pulled");
    let [base, top] = [&image.layers[0].descriptor.digest, &image.layers[1].descriptor.digest];
    let expected = [
        "GET /v2/".to_owned(),
        "HEAD /v2/a/manifests/v1".to_owned(),
        format!("GET /v2/a/manifests/{}", image.digest()),
        format!("GET /v2/a/blobs/{}", image.id()),
        format!("GET /v2/a/blobs/{base}"),
        format!("GET /v2/a/blobs/{top}"),
    ];
    assert_eq!(bench.fake.lines(), expected);
    let [base, top] = [base.short(), top.short()];
    let states = [
        format!("{base}: Pulling fs layer"),
        format!("{top}: Pulling fs layer"),
        format!("{base}: Verifying Checksum"),
        format!("{base}: Download complete"),
        format!("{top}: Verifying Checksum"),
        format!("{top}: Download complete"),
        format!("{base}: Pull complete"),
        format!("{top}: Pull complete"),
    ];
    assert_eq!(bench.watch.layers(), states);
    assert!(bench.watch.events.contains(&Event::Pulling {
        tag: "v1".to_owned(),
        repository: "a".to_owned()
    }));
}

#[test]
fn the_wire_is_listed_with_its_bytes() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    let exchanges = bench.watch.exchanges();
    assert_eq!(exchanges.len(), 6);
    let ids: Vec<u64> = exchanges.iter().map(|exchange| exchange.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    let received: Vec<u64> = exchanges.iter().map(|exchange| exchange.received).collect();
    let sizes = image.layers.iter().map(|layer| layer.descriptor.size);
    let documents = [2, 0, image.manifest_bytes.len() as u64, image.config_bytes.len() as u64];
    assert_eq!(received, documents.into_iter().chain(sizes).collect::<Vec<u64>>());
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange.status == Some(200) && exchange.sent == 0)
    );
}

#[test]
fn what_is_here_is_not_fetched() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    let mut here = MemoryBlobs::default();
    bench.pull("r.example/a", &mut here).expect("pulled");
    bench.fake.forget();
    bench.watch = Watch::default();
    let again = bench.pull("r.example/a", &mut here).expect("pulled again");
    assert_eq!((again.fetched, again.image.digest()), (0, image.digest()));
    assert!(
        bench
            .fake
            .lines()
            .iter()
            .all(|line| !line.contains("/blobs/") || line.ends_with(&image.id().to_string()))
    );
    let sizes: Vec<_> = image
        .layers
        .iter()
        .map(|layer| (SparedReason::Here, layer.descriptor.size))
        .collect();
    assert_eq!(bench.watch.spared(), sizes);
    let id = image.layers[0].descriptor.digest.short();
    assert_eq!(bench.watch.layers()[0], format!("{id}: Already exists"));
}

#[test]
fn layers_that_are_known_need_no_blob() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    let base = image.layers[0].clone();
    let known = move |digest: &Digest| (*digest == base.descriptor.digest).then(|| base.clone());
    let pulled = bench
        .pull_knowing("r.example/a", &mut MemoryBlobs::default(), &known)
        .expect("pulled");
    assert_eq!(pulled.image.layers[0], image.layers[0]);
    assert_eq!(pulled.fetched, image.layers[1].descriptor.size);
}

#[test]
fn an_index_is_followed_to_the_platform() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "amd", &image, &blobs);
    let describe = |digest, platform: Option<Platform>, size| {
        let mut descriptor = Descriptor::new(media_type::OCI_MANIFEST, digest, size);
        descriptor.platform = platform;
        descriptor
    };
    let size = image.manifest_bytes.len() as u64;
    let index = Index::new(vec![
        describe(Digest::of(b"arm"), Some(Platform::new("linux", "arm64", "")), 1),
        describe(image.digest(), Some(Platform::linux_amd64()), size),
    ]);
    let bytes = index.to_json();
    let digest = Digest::of(&bytes);
    bench
        .fake
        .0
        .borrow_mut()
        .keep_manifest("a", "latest", media_type::OCI_INDEX, bytes);
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!((pulled.digest, pulled.image.digest()), (digest, image.digest()));
    bench.platform = Platform::new("linux", "s390x", "");
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("no such platform");
    assert_eq!(
        error.to_string(),
        "no matching manifest for linux/s390x in the manifest list entries"
    );
}

#[test]
fn a_digest_is_pulled_without_asking_for_a_tag() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    let name = format!("r.example/a:old@{}", image.digest());
    let pulled = bench.pull(&name, &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.digest, image.digest());
    assert!(bench.fake.lines().iter().all(|line| !line.starts_with("HEAD")));
}

#[test]
fn a_registry_that_does_not_tell_digests_is_asked_for_the_manifest() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench
        .fake
        .mangle(|_, reply| reply.headers.set("Docker-Content-Digest", ""));
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.digest, image.digest());
}

#[test]
fn mirrors_are_asked_first_and_the_hub_after_them() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("library/a", "latest", &image, &blobs);
    bench.config.mirrors.push("https://mirror.example".to_owned());
    bench.credentials = Box::new(One {
        registry: "docker.io",
        login: Login::new("moby", "secret"),
        trusted: None,
    });
    bench.fake.hook(|seen| {
        let is_mirror = seen.url.host() == "mirror.example";
        let is_manifest = seen.url.path().contains("/manifests/");
        (is_mirror && is_manifest).then(|| Ok(Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown")))
    });
    bench.pull("a", &mut MemoryBlobs::default()).expect("pulled");
    let hosts: Vec<String> = bench
        .fake
        .seen()
        .iter()
        .map(|seen| seen.url.host().to_owned())
        .collect();
    assert_eq!(hosts[..3], ["mirror.example", "mirror.example", "mirror.example"]);
    assert!(hosts[3..].iter().all(|host| host == "registry-1.docker.io"));
}

#[test]
fn the_clear_is_tried_for_insecure_registries_only() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.fake.0.borrow_mut().is_plain = true;
    let error = bench
        .pull("r.example:5000/a", &mut MemoryBlobs::default())
        .expect_err("TLS wanted");
    assert_eq!(
        error.to_string(),
        "Get \"https://r.example:5000/v2/\": http: server gave HTTP response to HTTPS client"
    );
    bench.watch = Watch::default();
    bench
        .pull("localhost:5000/a", &mut MemoryBlobs::default())
        .expect("loopback");
    let ids: Vec<u64> = bench.watch.exchanges().iter().map(|exchange| exchange.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7], "requests are counted over all endpoints");
    bench.config.insecure.insert("r.example:5000".to_owned());
    bench
        .pull("r.example:5000/a", &mut MemoryBlobs::default())
        .expect("insecure");
    assert!(bench.fake.seen().last().expect("a request").tls.skip_verify);
}

#[test]
fn a_registry_that_speaks_tls_is_not_asked_in_the_clear() {
    let mut bench = Bench::new();
    bench.config.insecure.insert("r.example".to_owned());
    bench.fake.hook(|_| Some(Ok(Reply::new(500))));
    bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("unwell");
    assert!(bench.fake.seen().iter().all(|seen| seen.url.scheme() == Scheme::Https));
}

#[test]
fn work_ends_when_the_host_wants_it() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    let n_events = bench.watch.events.len();
    for patience in 1..=n_events {
        bench.watch = Watch {
            patience: Some(patience),
            ..Watch::default()
        };
        let result = bench.pull("r.example/a", &mut MemoryBlobs::default());
        assert!(matches!(result, Err(RegistryError::Cancelled)), "{patience}");
        assert_eq!(bench.watch.events.len(), patience, "nothing happens after the end");
    }
}

#[test]
fn a_manifest_that_is_named_in_another_way_is_fetched_once() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.fake.mangle(|_, reply| {
        reply
            .headers
            .set("Docker-Content-Digest", format!("sha512:{}", "0".repeat(128)));
    });
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.digest, image.digest());
    let n_asked = bench
        .fake
        .lines()
        .iter()
        .filter(|line| line.starts_with("GET /v2/a/manifests/"))
        .count();
    assert_eq!(n_asked, 1);
}

#[test]
fn a_blob_that_is_here_is_not_said_to_be_pulled() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.pull("r.example/a", &mut blobs).expect("pulled");
    let states: Vec<String> = bench.watch.layers().iter().map(|line| line[14..].to_owned()).collect();
    assert_eq!(states, ["Already exists", "Already exists"]);
}

#[test]
fn scratch_is_no_image() {
    let mut bench = Bench::new();
    let error = bench.pull("scratch", &mut MemoryBlobs::default()).expect_err("nothing");
    assert_eq!(error.to_string(), "'scratch' is a reserved name");
    assert!(bench.fake.lines().is_empty());
}
