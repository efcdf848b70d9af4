//! The conformance suite's first group: pull.

mod support;

use oci::{AnyDigest, Digest};
use registry::Method;
use support::{Bench, DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST, image_of, part};

#[test]
fn the_base_says_that_the_api_is_spoken() {
    let mut bench = Bench::new();
    for method in [Method::Get, Method::Head] {
        let reply = bench.ask(method, "/v2/").send(b"");
        reply.expect(200);
        assert_eq!(reply.header("Docker-Distribution-API-Version"), "registry/2.0");
        assert_eq!(reply.text(), "{}");
    }
    assert_eq!(bench.get("/v2").expect(301).header("Location"), "/v2/");
    bench.get("/").expect(200);
    bench.get("/v1/_ping").expect(404);
}

#[test]
fn a_blob_is_read_by_its_digest() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a/b", b"hello");
    let target = format!("/v2/a/b/blobs/{digest}");
    for method in [Method::Get, Method::Head] {
        let reply = bench.ask(method, &target).send(b"");
        reply.expect(200);
        assert_eq!(reply.header("Docker-Content-Digest"), digest.to_string());
        assert_eq!(reply.header("Content-Length"), "5");
        assert_eq!(reply.header("Content-Type"), "application/octet-stream");
        assert_eq!(reply.header("Accept-Ranges"), "bytes");
        assert_eq!(reply.text(), "hello");
    }
}

#[test]
fn the_empty_blob_is_a_blob() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"");
    let target = format!("/v2/a/blobs/{digest}");
    assert_eq!(bench.get(&target).expect(200).header("Content-Length"), "0");
    let reply = bench.ask(Method::Get, &target).header("Range", "bytes=0-").send(b"");
    reply.expect(200);
}

#[test]
fn a_blob_that_is_not_there_is_unknown() {
    let mut bench = Bench::new();
    let target = format!("/v2/a/blobs/{}", Digest::of(b"nobody pushed this"));
    bench.get(&target).refused(404, "BLOB_UNKNOWN");
    bench.head(&target).expect(404);
}

#[test]
fn a_blob_is_seen_only_where_it_was_pushed() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("mine", b"secret");
    bench
        .get(&format!("/v2/yours/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
}

#[test]
fn a_part_of_a_blob_is_read_by_range() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"0123456789");
    for (range, status, content_range, body) in [
        ("bytes=1-2", 206, "bytes 1-2/10", "12"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-1", 206, "bytes 9-9/10", "9"),
        ("bytes=0-99", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=0-0,5-6", 200, "", "0123456789"),
        ("lines=1-2", 200, "", "0123456789"),
        ("bytes=4-3", 200, "", "0123456789"),
    ] {
        let reply = bench
            .ask(Method::Get, &format!("/v2/a/blobs/{digest}"))
            .header("Range", range)
            .send(b"");
        reply.expect(status);
        assert_eq!(
            reply.headers.get("Content-Range").unwrap_or_default(),
            content_range,
            "{range}"
        );
        assert_eq!(reply.text(), body, "{range}");
    }
}

#[test]
fn a_range_past_the_end_cannot_be_satisfied() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"0123456789");
    for range in [
        "bytes=10-",
        "bytes=10-20",
        "bytes=-0",
        "bytes=18446744073709551615-",
        "bytes=99999999999999999999-",
    ] {
        let target = format!("/v2/a/blobs/{digest}");
        let reply = bench.ask(Method::Get, &target).header("Range", range).send(b"");
        assert_eq!(
            reply.refused(416, "RANGE_INVALID").header("Content-Range"),
            "bytes */10",
            "{range}"
        );
    }
}

#[test]
fn a_range_of_another_version_is_not_a_part() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"0123456789");
    for (version, status) in [(format!("\"{digest}\""), 206), ("\"another\"".to_owned(), 200)] {
        let target = format!("/v2/a/blobs/{digest}");
        let asked = bench.ask(Method::Get, &target).header("Range", "bytes=1-2");
        asked.header("If-Range", &version).send(b"").expect(status);
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let mut bench = Bench::new();
    let blob = bench.push_blob("a", b"hello");
    let manifest = bench.push_image("a", "v1");
    for (target, digest) in [
        (format!("/v2/a/blobs/{blob}"), blob),
        (format!("/v2/a/manifests/{manifest}"), manifest),
        ("/v2/a/manifests/v1".to_owned(), manifest),
    ] {
        let tag = bench.get(&target).header("Etag").to_owned();
        assert_eq!(tag, format!("\"{digest}\""));
        let forms = [
            tag.clone(),
            digest.to_string(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ];
        for form in forms {
            let reply = bench.ask(Method::Get, &target).header("If-None-Match", &form).send(b"");
            reply.expect(304);
            assert_eq!(reply.header("Etag"), tag);
        }
        let other = bench
            .ask(Method::Get, &target)
            .header("If-None-Match", "\"x\"")
            .send(b"");
        other.expect(200);
    }
}

#[test]
fn a_manifest_is_read_by_tag_and_by_digest() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer");
    bench.put_manifest("a", "v1", MANIFEST, &text).expect(201);
    let digest = Digest::of(text.as_bytes());
    for reference in ["v1", &digest.to_string()] {
        for method in [Method::Get, Method::Head] {
            let reply = bench
                .ask(method, &format!("/v2/a/manifests/{reference}"))
                .header("Accept", MANIFEST)
                .send(b"");
            reply.expect(200);
            assert_eq!(reply.header("Content-Type"), MANIFEST);
            assert_eq!(reply.header("Docker-Content-Digest"), digest.to_string());
            assert_eq!(reply.header("Content-Length"), text.len().to_string());
            assert_eq!(reply.text(), text, "byte for byte");
        }
    }
}

#[test]
fn a_manifest_that_is_not_there_is_unknown() {
    let mut bench = Bench::new();
    bench.push_image("a", "v1");
    let digest = Digest::of(b"nobody pushed this");
    for reference in ["v2", ".INVALID_MANIFEST_NAME", &digest.to_string()] {
        let target = format!("/v2/a/manifests/{reference}");
        bench.get(&target).refused(404, "MANIFEST_UNKNOWN");
        bench.head(&target).expect(404);
    }
    assert_eq!(
        bench.get("/v2/a/manifests/v2").text(),
        "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"Tag\":\"v2\"}}]}\n"
    );
}

#[test]
fn a_manifest_is_not_a_blob_and_a_blob_no_manifest() {
    let mut bench = Bench::new();
    let manifest = bench.push_image("a", "v1");
    let blob = bench.push_blob("a", b"{}");
    bench
        .get(&format!("/v2/a/blobs/{manifest}"))
        .refused(404, "BLOB_UNKNOWN");
    bench
        .get(&format!("/v2/a/manifests/{blob}"))
        .refused(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_manifest_is_sent_only_to_who_takes_its_type() {
    let mut bench = Bench::new();
    bench.push_image("a", "v1");
    let empty = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    bench.put_manifest("a", "all", INDEX, &empty).expect(201);
    for (tag, accept, status) in [
        ("v1", MANIFEST, 200),
        ("v1", "application/vnd.oci.image.manifest.v1+json;q=0.5, text/html", 200),
        ("v1", "*/*", 200),
        ("v1", DOCKER_MANIFEST, 404),
        ("all", INDEX, 200),
        ("all", MANIFEST, 404),
    ] {
        let target = format!("/v2/a/manifests/{tag}");
        let reply = bench.ask(Method::Get, &target).header("Accept", accept).send(b"");
        reply.expect(status);
        if status == 404 {
            reply.refused(404, "MANIFEST_UNKNOWN");
            assert!(
                reply.text().contains("but accept header does not support"),
                "{}",
                reply.text()
            );
        }
    }
    let both = bench
        .ask(Method::Get, "/v2/a/manifests/v1")
        .header("Accept", INDEX)
        .header("Accept", MANIFEST);
    both.send(b"").expect(200);
}

#[test]
fn an_old_client_gets_the_image_for_linux_amd64_from_a_list() {
    let mut bench = Bench::new();
    bench.push_blob("a", b"{}");
    bench.push_blob("a", b"layer");
    let image = image_of(b"{}", b"layer").replace(MANIFEST, DOCKER_MANIFEST);
    let digest = Digest::of(image.as_bytes());
    bench
        .put_manifest("a", &digest.to_string(), DOCKER_MANIFEST, &image)
        .expect(201);
    let entry = part(DOCKER_MANIFEST, digest, image.len());
    let entry = entry.replace('}', r#","platform":{"architecture":"amd64","os":"linux"}}"#);
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{DOCKER_LIST}","manifests":[{entry}]}}"#);
    bench.put_manifest("a", "v1", DOCKER_LIST, &list).expect(201);

    let old = bench
        .ask(Method::Get, "/v2/a/manifests/v1")
        .header("Accept", DOCKER_MANIFEST)
        .send(b"");
    assert_eq!(old.expect(200).text(), image);
    assert_eq!(old.header("Docker-Content-Digest"), digest.to_string());
    let new = bench
        .ask(Method::Get, "/v2/a/manifests/v1")
        .header("Accept", DOCKER_LIST)
        .send(b"");
    assert_eq!(new.expect(200).text(), list);
}

#[test]
fn sha512_names_are_as_good_as_sha256_ones() {
    let mut bench = Bench::new();
    let (config, layer) = (AnyDigest::sha512(b"{}"), AnyDigest::sha512(b"layer"));
    for (digest, bytes) in [(config, &b"{}"[..]), (layer, b"layer")] {
        let target = format!("/v2/a/blobs/uploads/?digest={digest}");
        let reply = bench.ask(Method::Post, &target).send(bytes);
        assert_eq!(reply.expect(201).header("Docker-Content-Digest"), digest.to_string());
        let reply = bench.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.status, reply.body.as_slice()), (200, bytes));
    }
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        part("application/vnd.oci.image.config.v1+json", config, 2),
        part("application/vnd.oci.image.layer.v1.tar", layer, 5),
    );
    let digest = AnyDigest::sha512(text.as_bytes());
    let reply = bench.put_manifest("a", &digest.to_string(), MANIFEST, &text);
    assert_eq!(reply.expect(201).header("Docker-Content-Digest"), digest.to_string());
    assert_eq!(bench.get(&format!("/v2/a/manifests/{digest}")).expect(200).text(), text);
    let wrong = AnyDigest::sha512(b"other");
    bench
        .put_manifest("a", &wrong.to_string(), MANIFEST, &text)
        .refused(400, "DIGEST_INVALID");
}

#[test]
fn a_registry_can_live_below_a_prefix() {
    let mut config = registry::Config::in_memory();
    config.http.prefix = "my/".to_owned();
    let mut bench = Bench::with(config, registry::Limits::default());
    bench.get("/my/v2/").expect(200);
    for elsewhere in ["/v2/", "/myv2/", "/my", "/my/my/v2/"] {
        bench.get(elsewhere).expect(404);
    }
    let reply = bench.post("/my/v2/a/blobs/uploads/");
    let location = reply.expect(202).header("Location").to_owned();
    assert!(location.starts_with("/my/v2/a/blobs/uploads/"));
    bench.get(&location).expect(204);
}
