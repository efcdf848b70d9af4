//! The conformance suite's fourth group: content management. And what a registry that is only read refuses.

mod support;

use oci::Digest;
use registry::{Config, Limits, Method};
use support::{Bench, MANIFEST};

#[test]
fn a_tag_is_deleted_and_its_manifest_stays() {
    let mut bench = Bench::new();
    let digest = bench.push_image("a", "v1");
    bench.push_image("a", "v2");
    bench.delete("/v2/a/manifests/v1").expect(202);
    bench.head("/v2/a/manifests/v1").expect(404);
    bench.get(&format!("/v2/a/manifests/{digest}")).expect(200);
    assert_eq!(bench.get("/v2/a/tags/list").json()["tags"], serde_json::json!(["v2"]));
    bench.delete("/v2/a/manifests/v1").refused(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_manifest_is_deleted_with_its_tags() {
    let mut bench = Bench::new();
    let digest = bench.push_image("a", "v1");
    let text = bench.get("/v2/a/manifests/v1").text();
    bench.put_manifest("a", "latest", MANIFEST, &text).expect(201);
    bench
        .put_manifest("b", "v1", MANIFEST, &text)
        .refused(400, "MANIFEST_BLOB_UNKNOWN");
    bench.delete(&format!("/v2/a/manifests/{digest}")).expect(202);
    for reference in ["v1", "latest", &digest.to_string()] {
        bench
            .get(&format!("/v2/a/manifests/{reference}"))
            .refused(404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(
        bench.get("/v2/a/tags/list").expect(200).json()["tags"],
        serde_json::json!([])
    );
    bench
        .delete(&format!("/v2/a/manifests/{digest}"))
        .refused(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_blob_is_deleted_here_and_stays_elsewhere() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"x");
    bench.push_blob("b", b"x");
    bench.delete(&format!("/v2/a/blobs/{digest}")).expect(202);
    bench.get(&format!("/v2/a/blobs/{digest}")).refused(404, "BLOB_UNKNOWN");
    bench.get(&format!("/v2/b/blobs/{digest}")).expect(200);
    bench
        .delete(&format!("/v2/a/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
    bench.push_blob("a", b"x");
    bench.get(&format!("/v2/a/blobs/{digest}")).expect(200);
}

#[test]
fn what_is_deleted_everywhere_cannot_be_mounted() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("a", b"x");
    bench.delete(&format!("/v2/a/blobs/{digest}")).expect(202);
    bench.post(&format!("/v2/b/blobs/uploads/?mount={digest}")).expect(202);
    bench
        .post(&format!("/v2/b/blobs/uploads/?mount={digest}&from=a"))
        .expect(202);
}

#[test]
fn nothing_is_deleted_while_deletes_are_off() {
    let mut bench = Bench::with(Config::in_memory(), Limits::default());
    let digest = bench.push_image("a", "v1");
    let blob = bench.push_blob("a", b"x");
    for target in [
        "/v2/a/manifests/v1".to_owned(),
        "/v2/a/manifests/nope".to_owned(),
        format!("/v2/a/manifests/{digest}"),
        format!("/v2/a/blobs/{blob}"),
        format!("/v2/a/blobs/{}", Digest::of(b"nope")),
    ] {
        let reply = bench.delete(&target);
        reply.refused(405, "UNSUPPORTED");
        assert_eq!(
            reply.text(),
            "{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"The operation is unsupported.\"}]}\n"
        );
    }
    bench.get("/v2/a/manifests/v1").expect(200);
    bench.get(&format!("/v2/a/blobs/{blob}")).expect(200);
    let location = bench.begin("a");
    bench.delete(&location).expect(204);
}

#[test]
fn nothing_changes_while_the_registry_is_only_read() {
    let mut config = Config::in_memory();
    config.storage.read_only = true;
    config.storage.delete = true;
    let mut bench = Bench::with(config, Limits::default());
    let digest = Digest::of(b"x");
    for (method, target) in [
        (Method::Post, "/v2/a/blobs/uploads/".to_owned()),
        (Method::Post, format!("/v2/a/blobs/uploads/?digest={digest}")),
        (Method::Post, format!("/v2/a/blobs/uploads/?mount={digest}&from=b")),
        (
            Method::Patch,
            "/v2/a/blobs/uploads/5f3ce91c-7f20-44c6-9873-fb4263115121".to_owned(),
        ),
        (Method::Put, "/v2/a/manifests/v1".to_owned()),
        (Method::Delete, "/v2/a/manifests/v1".to_owned()),
        (Method::Delete, format!("/v2/a/blobs/{digest}")),
    ] {
        bench.ask(method, &target).send(b"x").refused(405, "UNSUPPORTED");
    }
    bench.get("/v2/").expect(200);
    bench.get("/v2/_catalog").expect(200);
}

#[test]
fn a_method_that_means_nothing_is_answered_with_those_that_do() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"x");
    for (method, target, allowed) in [
        (Method::Put, "/v2/a/tags/list".to_owned(), "GET, HEAD"),
        (Method::Delete, "/v2/_catalog".to_owned(), "GET, HEAD"),
        (Method::Patch, "/v2/".to_owned(), "GET, HEAD"),
        (Method::Post, "/v2/a/manifests/v1".to_owned(), "DELETE, GET, HEAD, PUT"),
        (Method::Put, format!("/v2/a/blobs/{digest}"), "DELETE, GET, HEAD"),
        (Method::Get, "/v2/a/blobs/uploads/".to_owned(), "POST"),
        (Method::Put, format!("/v2/a/referrers/{digest}"), "GET, HEAD"),
    ] {
        let reply = bench.ask(method, &target).send(b"");
        assert_eq!(reply.refused(405, "UNSUPPORTED").header("Allow"), allowed, "{target}");
        let reply = bench.ask(Method::Options, &target).send(b"");
        assert_eq!(reply.expect(200).header("Allow"), allowed);
    }
}
