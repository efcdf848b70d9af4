//! `storage.s3`: registries over a bucket that speaks S3, asked over sockets.

mod registry_bench;
mod s3;

use registry_bench::Bench;
use s3::S3;

fn over(s3: &S3) -> Bench {
    Bench::new(&[
        ("REGISTRY_STORAGE", "s3"),
        ("REGISTRY_STORAGE_S3_BUCKET", "team"),
        ("REGISTRY_STORAGE_S3_REGION", "us-east-1"),
        ("REGISTRY_STORAGE_S3_REGIONENDPOINT", &s3.address),
        ("REGISTRY_STORAGE_S3_ACCESSKEY", "key"),
        ("REGISTRY_STORAGE_S3_SECRETKEY", "secret"),
    ])
}

/// A manifest as it is served under a tag.
fn manifest(registry: &Bench, tag: &str) -> (u16, Vec<u8>) {
    let accept = [("Accept", "application/vnd.oci.image.manifest.v1+json")];
    let reply = registry.ask("GET", &format!("/v2/app/manifests/{tag}"), &accept, b"");
    (reply.status, reply.body)
}

#[test]
fn what_one_registry_took_another_over_the_same_bucket_serves() {
    let s3 = S3::start();
    let (mut one, two) = (over(&s3), over(&s3));
    let layer: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let pushed = one.push_image("app", "1", &layer);
    assert_eq!(manifest(&two, "1"), (200, pushed.clone()));
    let digest = one.push_blob("app", &layer);
    let blob = two.ask("GET", &format!("/v2/app/blobs/{digest}"), &[], b"");
    assert!(blob.status == 200 && blob.body == layer);
    let part = two.ask(
        "GET",
        &format!("/v2/app/blobs/{digest}"),
        &[("Range", "bytes=5-8")],
        b"",
    );
    assert_eq!((part.status, part.body.as_slice()), (206, &layer[5..9]));
    // A tag is moved by one and seen by the other.
    let moved = two.push_image("app", "1", b"other");
    assert_eq!(manifest(&one, "1"), (200, moved));
    one.restart();
    assert_eq!(
        one.ask("GET", "/v2/app/tags/list", &[], b"").text().trim(),
        r#"{"name":"app","tags":["1"]}"#
    );
    assert_eq!(manifest(&one, "2").0, 404);
}

#[test]
fn skopeo_pushes_to_a_bucket_and_pulls_the_same_image() {
    let s3 = S3::start();
    let registry = over(&s3);
    registry.push_image("app", "1", b"layer");
    let name = format!("docker://{}/app", registry.address);
    registry.skopeo(&[
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &format!("{name}:1"),
        &format!("{name}:2"),
    ]);
    assert_eq!(manifest(&registry, "1"), manifest(&registry, "2"));
}

#[test]
fn wrong_bytes_in_a_bucket_are_not_served() {
    let s3 = S3::start();
    let registry = over(&s3);
    let digest = registry.push_blob("app", b"right");
    std::fs::write(s3.object(&format!("blobs/sha256/{}", &digest[7..])), "wrong").unwrap();
    let reply = registry.try_ask("GET", &format!("/v2/app/blobs/{digest}"), &[], b"");
    assert!(
        reply.is_none_or(|reply| reply.status >= 500),
        "they are not what the digest says"
    );
}
