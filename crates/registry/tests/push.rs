//! The conformance suite's second group: push.

mod support;

use oci::{AnyDigest, Digest, Time};
use registry::{Config, Limits, Method};
use std::io::{self, Read};
use support::{Bench, INDEX, MANIFEST, image_of, part};

#[test]
fn a_blob_is_pushed_in_one_request() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"hello");
    let reply = bench
        .ask(Method::Post, &format!("/v2/a/b/blobs/uploads/?digest={digest}"))
        .header("Content-Type", "application/octet-stream")
        .header("Content-Length", "5")
        .send(b"hello");
    reply.expect(201);
    assert_eq!(reply.header("Location"), format!("/v2/a/b/blobs/{digest}"));
    assert_eq!(reply.header("Docker-Content-Digest"), digest.to_string());
    assert_eq!(bench.get(&format!("/v2/a/b/blobs/{digest}")).text(), "hello");
}

#[test]
fn a_blob_is_pushed_in_two_requests() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"hello");
    let begun = bench.post("/v2/a/blobs/uploads/");
    begun.expect(202);
    assert_eq!(begun.header("Range"), "0-0");
    let id = begun.header("Docker-Upload-UUID").to_owned();
    let location = begun.header("Location").to_owned();
    assert_eq!(location, format!("/v2/a/blobs/uploads/{id}"));
    let reply = bench
        .ask(Method::Put, &format!("{location}?digest={digest}"))
        .send(b"hello");
    assert_eq!(reply.expect(201).header("Location"), format!("/v2/a/blobs/{digest}"));
    assert_eq!(bench.get(&format!("/v2/a/blobs/{digest}")).text(), "hello");
    bench.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn a_blob_is_pushed_as_a_stream() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    let reply = bench
        .ask(Method::Patch, &location)
        .header("Transfer-Encoding", "chunked")
        .send(b"hello");
    assert_eq!(reply.expect(202).header("Range"), "0-4");
    let digest = Digest::of(b"hello");
    bench
        .ask(Method::Put, &format!("{location}?digest={digest}"))
        .send(b"")
        .expect(201);
}

#[test]
fn a_blob_is_pushed_in_chunks() {
    for is_last_put in [false, true] {
        let mut bench = Bench::new();
        let location = bench.begin("a");
        assert_eq!(
            bench.patch(&location, "0-3", b"0123").expect(202).header("Range"),
            "0-3"
        );
        assert_eq!(bench.patch(&location, "4-5", b"45").expect(202).header("Range"), "0-5");
        let finish = format!("{location}?digest={}", Digest::of(b"0123456789"));
        let reply = if is_last_put {
            let last = bench.ask(Method::Put, &finish).header("Content-Range", "6-9");
            last.header("Content-Length", "4").send(b"6789")
        } else {
            bench.patch(&location, "6-9", b"6789").expect(202);
            bench.ask(Method::Put, &finish).header("Content-Length", "0").send(b"")
        };
        reply.expect(201);
        let location = reply.header("Location").to_owned();
        assert_eq!(bench.get(&location).text(), "0123456789");
    }
}

#[test]
fn a_chunk_out_of_order_is_refused_with_where_to_go_on() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench.patch(&location, "0-3", b"0123").expect(202);
    for (range, bytes) in [
        ("5-6", &b"56"[..]),
        ("0-3", b"0123"),
        ("3-4", b"34"),
        ("2-9", b"23456789"),
    ] {
        let reply = bench.patch(&location, range, bytes);
        reply.refused(416, "RANGE_INVALID");
        assert_eq!(reply.header("Range"), "0-3", "{range}");
        assert_eq!(reply.header("Location"), location);
        let finish = format!("{location}?digest={}", Digest::of(b"0123"));
        let last = bench
            .ask(Method::Put, &finish)
            .header("Content-Range", range)
            .send(bytes);
        last.refused(416, "RANGE_INVALID");
    }
    assert_eq!(bench.get(&location).expect(204).header("Range"), "0-3");
    bench.patch(&location, "4-5", b"45").expect(202);
}

#[test]
fn a_chunk_may_write_its_range_as_http_does() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench.patch(&location, "bytes 0-3/6", b"0123").expect(202);
    bench.patch(&location, "bytes 4-5/*", b"45").expect(202);
}

#[test]
fn a_range_that_is_none_is_refused() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    for range in ["", "x", "0", "-", "3-", "-3", "1-0", "0-x", "0--1", "+0-3", " 0 - 3"] {
        bench
            .patch(&location, range, b"0123")
            .refused(400, "BLOB_UPLOAD_INVALID");
    }
    bench
        .patch(&location, "0-18446744073709551615", b"0123")
        .refused(400, "BLOB_UPLOAD_INVALID");
    assert_eq!(bench.get(&location).header("Range"), "0-0");
}

#[test]
fn an_upload_says_how_far_it_is() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench.ask(Method::Patch, &location).send(&[0; 1000]).expect(202);
    for method in [Method::Get, Method::Head] {
        let reply = bench.ask(method, &location).send(b"");
        reply.expect(204);
        assert_eq!(reply.header("Range"), "0-999");
        assert_eq!(reply.header("Location"), location);
        assert!(location.ends_with(reply.header("Docker-Upload-UUID")));
    }
}

#[test]
fn an_upload_goes_on_where_the_connection_broke() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.min(into.len());
            into[..count].fill(b'x');
            self.0 -= count;
            if count == 0 {
                Err(io::ErrorKind::UnexpectedEof.into())
            } else {
                Ok(count)
            }
        }
    }
    let mut bench = Bench::new();
    let location = bench.begin("a");
    let reply = bench.ask(Method::Patch, &location).send_from(&mut Breaks(100));
    reply.refused(400, "BLOB_UPLOAD_INVALID");
    assert_eq!(bench.get(&location).header("Range"), "0-99");
    bench.patch(&location, "100-101", b"xx").expect(202);
    let digest = Digest::of(&[b'x'; 102]);
    bench
        .ask(Method::Put, &format!("{location}?digest={digest}"))
        .send(b"")
        .expect(201);
}

#[test]
fn an_upload_can_be_given_up() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench.patch(&location, "0-3", b"0123").expect(202);
    bench.delete(&location).expect(204);
    for method in [Method::Get, Method::Patch, Method::Put, Method::Delete] {
        let target = format!("{location}?digest={}", Digest::of(b"0123"));
        bench.ask(method, &target).send(b"").refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[test]
fn bytes_that_are_not_what_the_digest_says_leave_nothing() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"hello");
    let whole = format!("/v2/a/blobs/uploads/?digest={digest}");
    bench
        .ask(Method::Post, &whole)
        .send(b"hello!")
        .refused(400, "DIGEST_INVALID");
    let location = bench.begin("a");
    bench.patch(&location, "0-4", b"jello").expect(202);
    bench
        .ask(Method::Put, &format!("{location}?digest={digest}"))
        .send(b"")
        .refused(400, "DIGEST_INVALID");
    bench.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
    let long = AnyDigest::sha512(b"hello");
    let target = format!("/v2/a/blobs/uploads/?digest={long}");
    bench
        .ask(Method::Post, &target)
        .send(b"jello")
        .refused(400, "DIGEST_INVALID");
    for digest in [
        AnyDigest::from(digest),
        long,
        Digest::of(b"jello").into(),
        Digest::of(b"hello!").into(),
    ] {
        bench.get(&format!("/v2/a/blobs/{digest}")).refused(404, "BLOB_UNKNOWN");
        bench.post(&format!("/v2/b/blobs/uploads/?mount={digest}")).expect(202);
    }
}

#[test]
fn an_upload_without_a_digest_can_be_finished_later() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench
        .ask(Method::Put, &location)
        .send(b"hello")
        .refused(400, "DIGEST_INVALID");
    bench
        .ask(Method::Put, &format!("{location}?digest=sha256:12"))
        .send(b"hello")
        .refused(400, "DIGEST_INVALID");
    let md5 = "md5:5d41402abc4b2a76b9719d911017c592";
    bench
        .ask(Method::Put, &format!("{location}?digest={md5}"))
        .send(b"hello")
        .refused(400, "DIGEST_INVALID");
    let digest = Digest::of(b"hello");
    bench
        .ask(Method::Put, &format!("{location}?digest={digest}"))
        .send(b"hello")
        .expect(201);
}

#[test]
fn a_blob_is_mounted_from_another_repository() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("from/here", b"hello");
    let reply = bench.post(&format!("/v2/to/blobs/uploads/?mount={digest}&from=from%2Fhere"));
    reply.expect(201);
    assert_eq!(reply.header("Location"), format!("/v2/to/blobs/{digest}"));
    assert_eq!(reply.header("Docker-Content-Digest"), digest.to_string());
    assert_eq!(bench.get(&format!("/v2/to/blobs/{digest}")).text(), "hello");
}

#[test]
fn a_blob_is_mounted_from_wherever_it_is() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("from", b"hello");
    bench.post(&format!("/v2/to/blobs/uploads/?mount={digest}")).expect(201);
    bench.delete(&format!("/v2/from/blobs/{digest}")).expect(202);
    bench
        .post(&format!("/v2/third/blobs/uploads/?mount={digest}"))
        .expect(201);
}

#[test]
fn what_cannot_be_mounted_is_uploaded() {
    let mut bench = Bench::new();
    let digest = bench.push_blob("from", b"hello");
    let other = Digest::of(b"other");
    for query in [
        format!("mount={digest}&from=elsewhere"),
        format!("mount={other}&from=from"),
        format!("mount={other}"),
    ] {
        let reply = bench.post(&format!("/v2/to/blobs/uploads/?{query}"));
        assert!(
            reply
                .expect(202)
                .header("Location")
                .starts_with("/v2/to/blobs/uploads/"),
            "{query}"
        );
    }
    bench
        .get(&format!("/v2/to/blobs/{digest}"))
        .refused(404, "BLOB_UNKNOWN");
    bench
        .post(&format!("/v2/to/blobs/uploads/?mount={digest}&from=../from"))
        .refused(400, "NAME_INVALID");
    bench
        .post("/v2/to/blobs/uploads/?mount=sha256:1&from=from")
        .refused(400, "DIGEST_INVALID");
}

#[test]
fn a_manifest_is_pushed_by_tag_and_by_digest() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer");
    let digest = Digest::of(text.as_bytes());
    for reference in ["v1", &digest.to_string()] {
        let reply = bench.put_manifest("a", reference, MANIFEST, &text);
        reply.expect(201);
        assert_eq!(reply.header("Location"), format!("/v2/a/manifests/{digest}"));
        assert_eq!(reply.header("Docker-Content-Digest"), digest.to_string());
    }
}

#[test]
fn a_manifest_pushed_by_digest_may_bring_its_tags() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer");
    let digest = Digest::of(text.as_bytes());
    let reply = bench.put_manifest("a", &format!("{digest}?tag=1&tag=1.2"), MANIFEST, &text);
    reply.expect(201);
    assert_eq!(reply.headers.all("OCI-Tag").collect::<Vec<_>>(), ["1", "1.2"]);
    assert_eq!(bench.get("/v2/a/manifests/1.2").expect(200).text(), text);
    bench
        .put_manifest("a", &format!("{digest}?tag=.x"), MANIFEST, &text)
        .refused(400, "TAG_INVALID");
}

#[test]
fn a_tag_moves() {
    let mut bench = Bench::new();
    let (first, second) = (bench.image("a", "1"), bench.image("a", "2"));
    bench.put_manifest("a", "latest", MANIFEST, &first).expect(201);
    bench.put_manifest("a", "latest", MANIFEST, &second).expect(201);
    assert_eq!(bench.get("/v2/a/manifests/latest").text(), second);
    let digest = Digest::of(first.as_bytes());
    assert_eq!(
        bench.get(&format!("/v2/a/manifests/{digest}")).expect(200).text(),
        first
    );
}

#[test]
fn a_manifest_whose_blobs_are_missing_is_refused_with_their_digests() {
    let mut bench = Bench::new();
    bench.push_blob("elsewhere", b"layer");
    bench.push_blob("a", b"{}");
    let reply = bench.put_manifest("a", "v1", MANIFEST, &image_of(b"{}", b"layer"));
    reply.refused(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(reply.json()["errors"][0]["detail"], Digest::of(b"layer").to_string());
    let reply = bench.put_manifest("b", "v1", MANIFEST, &image_of(b"{}", b"layer"));
    assert_eq!(reply.json()["errors"].as_array().map(Vec::len), Some(2));
    bench.get("/v2/a/manifests/v1").refused(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_manifest_that_lies_about_sizes_is_refused() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer").replace("\"size\":5", "\"size\":6");
    bench
        .put_manifest("a", "v1", MANIFEST, &text)
        .refused(400, "SIZE_INVALID");
}

#[test]
fn layers_that_may_not_be_given_away_need_not_be_here() {
    let mut bench = Bench::new();
    bench.push_blob("a", b"{}");
    let text = image_of(b"{}", b"layer").replace(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    );
    bench.put_manifest("a", "v1", MANIFEST, &text).expect(201);
}

#[test]
fn an_index_needs_its_manifests() {
    let mut bench = Bench::new();
    let image = bench.image("a", "layer");
    let entry = part(MANIFEST, Digest::of(image.as_bytes()), image.len());
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entry}]}}"#);
    bench
        .put_manifest("a", "all", INDEX, &index)
        .refused(400, "MANIFEST_BLOB_UNKNOWN");
    bench.put_manifest("a", "v1", MANIFEST, &image).expect(201);
    bench.put_manifest("a", "all", INDEX, &index).expect(201);
    let nested = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        part(INDEX, Digest::of(index.as_bytes()), index.len())
    );
    bench.put_manifest("a", "nested", INDEX, &nested).expect(201);
    assert_eq!(bench.get("/v2/a/manifests/nested").header("Content-Type"), INDEX);
}

#[test]
fn an_index_with_gaps_is_taken_where_the_configuration_says_so() {
    let mut config = Config::in_memory();
    config.validation.complete_indexes = false;
    let mut bench = Bench::with(config, Limits::default());
    let entry = part(MANIFEST, Digest::of(b"elsewhere"), 9);
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entry}]}}"#);
    bench.put_manifest("a", "all", INDEX, &index).expect(201);
}

#[test]
fn fields_that_nobody_knows_are_kept() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer").replacen('{', r#"{"custom":{"x":[1]},"#, 1);
    bench.put_manifest("a", "v1", MANIFEST, &text).expect(201);
    assert_eq!(bench.get("/v2/a/manifests/v1").text(), text);
}

#[test]
fn what_is_no_manifest_is_refused() {
    let mut bench = Bench::new();
    let good = bench.image("a", "layer");
    let both = good.replacen('{', r#"{"manifests":[],"#, 1);
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    let bare = good.replace(&format!(r#""mediaType":"{MANIFEST}","#), "");
    for (media_type, text) in [
        (MANIFEST, "{"),
        (MANIFEST, ""),
        (MANIFEST, "[]"),
        (MANIFEST, "null"),
        (MANIFEST, r#"{"schemaVersion":1,"name":"a"}"#),
        (MANIFEST, r#"{"schemaVersion":2}"#),
        (MANIFEST, index.as_str()),
        (INDEX, good.as_str()),
        (INDEX, bare.as_str()),
        (MANIFEST, both.as_str()),
        (MANIFEST, &good.replace("\"size\":5", "\"size\":-5")),
        (MANIFEST, &good.replace("sha256:", "sha256:../")),
        (MANIFEST, &good.replacen("\"size\":5", "\"size\":5,\"size\":6", 1)),
        ("application/foo", bare.as_str()),
        ("", bare.as_str()),
    ] {
        bench
            .put_manifest("a", "v1", media_type, text)
            .refused(400, "MANIFEST_INVALID");
    }
    bench.put_manifest("a", "v1", "", &good).expect(201);
    bench.put_manifest("a", "v1", MANIFEST, &bare).expect(201);
    bench
        .put_manifest("a", "v1", &format!("{MANIFEST}; charset=utf-8"), &good)
        .expect(201);
}

#[test]
fn a_manifest_that_is_not_what_the_digest_says_is_refused() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer");
    let other = Digest::of(b"other");
    bench
        .put_manifest("a", &other.to_string(), MANIFEST, &text)
        .refused(400, "DIGEST_INVALID");
    bench
        .put_manifest("a", ".x", MANIFEST, &text)
        .refused(400, "TAG_INVALID");
    bench
        .get(&format!("/v2/a/manifests/{other}"))
        .refused(404, "MANIFEST_UNKNOWN");
}

#[test]
fn a_manifest_about_another_says_so() {
    let mut bench = Bench::new();
    let subject = part(MANIFEST, Digest::of(b"not here yet"), 12);
    let text = bench
        .image("a", "layer")
        .replacen('{', &format!(r#"{{"subject":{subject},"#), 1);
    let reply = bench.put_manifest("a", "v1", MANIFEST, &text);
    assert_eq!(
        reply.expect(201).header("OCI-Subject"),
        Digest::of(b"not here yet").to_string()
    );
    let plain = bench.push_image("a", "v2");
    let reply = bench.head(&format!("/v2/a/manifests/{plain}"));
    assert_eq!(reply.headers.get("OCI-Subject"), None);
}

#[test]
fn uploads_that_nobody_finishes_are_given_up_after_a_week() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    bench.now = Time::of_secs(bench.now.secs + 7 * 24 * 60 * 60);
    bench.begin("a");
    bench.get(&location).expect(204);
    bench.now = Time::of_secs(bench.now.secs + 1);
    bench.begin("a");
    bench.get(&location).refused(404, "BLOB_UPLOAD_UNKNOWN");
}
