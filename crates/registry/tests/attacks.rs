//! What a registry must withstand. Each is refused with one clear error, and nothing is half changed.

mod support;

use oci::{Digest, MAX_DOCUMENT_BYTES};
use proptest::prelude::*;
use registry::{Config, Limits, Method};
use std::io::Read;
use support::{Bench, MANIFEST};

#[test]
fn a_manifest_over_four_mebibytes_is_too_large() {
    let mut bench = Bench::new();
    let text = bench.image("a", "layer");
    let blanks = |count: usize| format!("{text}{}", " ".repeat(count - text.len()));
    bench
        .put_manifest("a", "v1", MANIFEST, &blanks(MAX_DOCUMENT_BYTES))
        .expect(201);
    let reply = bench.put_manifest("a", "v2", MANIFEST, &blanks(MAX_DOCUMENT_BYTES + 1));
    reply.refused(413, "SIZE_INVALID");
    let announced = bench
        .ask(Method::Put, "/v2/a/manifests/v3")
        .header("Content-Length", "99999999999");
    announced.send(b"{}").refused(413, "SIZE_INVALID");
    assert_eq!(bench.get("/v2/a/tags/list").json()["tags"], serde_json::json!(["v1"]));
}

#[test]
fn a_manifest_without_end_is_read_no_further_than_its_limit() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0 += into.len() as u64;
            assert!(self.0 < 16 << 20, "read without end");
            into.fill(b' ');
            Ok(into.len())
        }
    }
    let mut bench = Bench::new();
    let asked = bench
        .ask(Method::Put, "/v2/a/manifests/v1")
        .header("Content-Type", MANIFEST);
    asked.send_from(&mut Endless(0)).refused(413, "SIZE_INVALID");
}

#[test]
fn deep_json_is_refused_not_recursed_into() {
    let mut bench = Bench::new();
    let deep = format!("{{\"schemaVersion\":2,\"x\":{}", "[".repeat(1 << 20));
    bench
        .put_manifest("a", "v1", MANIFEST, &deep)
        .refused(400, "MANIFEST_INVALID");
}

#[test]
fn a_blob_over_the_limit_is_refused_and_its_chunk_dropped() {
    let limits = Limits {
        blob_bytes: 10,
        ..Limits::default()
    };
    let mut bench = Bench::with(Config::in_memory(), limits);
    let digest = Digest::of(&[0; 11]);
    let whole = format!("/v2/a/blobs/uploads/?digest={digest}");
    bench
        .ask(Method::Post, &whole)
        .send(&[0; 11])
        .refused(413, "SIZE_INVALID");
    let location = bench.begin("a");
    bench.patch(&location, "0-7", &[0; 8]).expect(202);
    bench.patch(&location, "8-10", &[0; 3]).refused(413, "SIZE_INVALID");
    bench
        .ask(Method::Patch, &location)
        .send_from(&mut std::io::repeat(0))
        .refused(413, "SIZE_INVALID");
    assert_eq!(bench.get(&location).header("Range"), "0-7");
    bench.patch(&location, "8-9", &[0; 2]).expect(202);
}

#[test]
fn a_lie_about_the_length_leaves_no_trace() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    for (length, range, body) in [
        ("9", None, &b"01234"[..]),
        ("4", None, b"01234"),
        ("5", Some("0-5"), b"01234"),
        ("6", Some("0-5"), b"01234"),
        ("5", Some("0-3"), b"01234"),
        ("-5", None, b"01234"),
        ("+5", None, b"01234"),
        ("5, 5", None, b"01234"),
        ("0x5", None, b"01234"),
        ("", None, b"01234"),
    ] {
        let mut asked = bench.ask(Method::Patch, &location).header("Content-Length", length);
        if let Some(range) = range {
            asked = asked.header("Content-Range", range);
        }
        asked.send(body).refused(400, "SIZE_INVALID");
    }
    assert_eq!(bench.get(&location).header("Range"), "0-0");
    let finish = format!("{location}?digest={}", Digest::of(b""));
    bench.ask(Method::Put, &finish).send(b"").expect(201);
}

#[test]
fn a_request_with_two_lengths_is_refused() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    let double = bench
        .ask(Method::Patch, &location)
        .header("Content-Length", "5")
        .header("content-length", "6");
    double.send(b"01234").refused(400, "SIZE_INVALID");
    let both = bench
        .ask(Method::Patch, &location)
        .header("Content-Length", "5")
        .header("Transfer-Encoding", "chunked");
    both.send(b"01234").refused(400, "SIZE_INVALID");
    assert_eq!(bench.get(&location).header("Range"), "0-0");
}

#[test]
fn names_out_of_grammar_reach_nothing() {
    let mut bench = Bench::new();
    let long = "a/".repeat(128) + "a";
    for name in [
        "A",
        "..",
        "a/..",
        "../../etc/passwd",
        "%2e%2e/a",
        "a%2F..%2Fb",
        ".a",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "a b",
        "a%00b",
        "a%0d%0aX-Evil:1",
        "_catalog",
        "é",
        "a%ff",
        "",
        "/a",
        "a//b",
        long.as_str(),
        "a\\b",
        "a:b",
        "a@b",
    ] {
        for target in [
            format!("/v2/{name}/tags/list"),
            format!("/v2/{name}/manifests/latest"),
            format!("/v2/{name}/blobs/{}", Digest::of(b"")),
            format!("/v2/{name}/referrers/{}", Digest::of(b"")),
        ] {
            let reply = bench.get(&target);
            assert!(matches!(reply.status, 400 | 404), "{target}: {}", reply.status);
            assert!(reply.headers.get("X-Evil").is_none());
        }
        let reply = bench.post(&format!("/v2/{name}/blobs/uploads/"));
        assert!(matches!(reply.status, 400 | 404), "{name}: {}", reply.status);
    }
    bench.get("/v2/a%2fb/tags/list").refused(404, "NAME_UNKNOWN");
    assert_eq!(bench.get("/v2/_catalog").text(), "{\"repositories\":[]}\n");
}

#[test]
fn digests_that_are_none_reach_nothing() {
    let mut bench = Bench::new();
    let hex = "0".repeat(64);
    for digest in [
        "sha256:".to_owned(),
        "sha256:00".to_owned(),
        format!("sha256:{hex}00"),
        format!("SHA256:{hex}"),
        format!("sha256:{}", "A".repeat(64)),
        format!("sha256:{}..", &hex[..62]),
        format!("sha512:{hex}"),
        format!("sha384:{hex}"),
        format!("md5:{}", &hex[..32]),
        format!("sha256:{hex}%00"),
        format!("sha256:{hex}%0d%0aX-Evil:1"),
        "..%2f..%2fetc%2fpasswd:x".to_owned(),
    ] {
        for target in [format!("/v2/a/blobs/{digest}"), format!("/v2/a/manifests/{digest}")] {
            let reply = bench.get(&target);
            assert!(matches!(reply.status, 400 | 404), "{target}: {}", reply.status);
        }
        let target = format!("/v2/a/blobs/uploads/?digest={digest}");
        bench
            .ask(Method::Post, &target)
            .send(b"")
            .refused(400, "DIGEST_INVALID");
        let location = bench.begin("a");
        bench
            .ask(Method::Put, &format!("{location}?digest={digest}"))
            .send(b"")
            .refused(400, "DIGEST_INVALID");
        bench.delete(&location).expect(204);
    }
}

#[test]
fn an_upload_belongs_to_its_repository() {
    let mut bench = Bench::new();
    let location = bench.begin("mine");
    bench.patch(&location, "0-3", b"0123").expect(202);
    let stolen = location.replace("mine", "yours");
    for method in [Method::Get, Method::Patch, Method::Put, Method::Delete] {
        let target = format!("{stolen}?digest={}", Digest::of(b"0123"));
        bench.ask(method, &target).send(b"").refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
    assert_eq!(bench.get(&location).header("Range"), "0-3");
}

#[test]
fn upload_identifiers_out_of_grammar_reach_nothing() {
    let mut bench = Bench::new();
    let location = bench.begin("a");
    let id = location.rsplit('/').next().expect("an identifier").to_owned();
    for id in [
        "x".to_owned(),
        "..".to_owned(),
        "..%2f..%2f..%2fetc%2fpasswd".to_owned(),
        id.to_uppercase(),
        format!("{id}%0d%0aSet-Cookie:%20a=b"),
        format!("{id}%00"),
        format!("{{{id}}}"),
        id[..35].to_owned(),
    ] {
        for method in [Method::Get, Method::Patch, Method::Put, Method::Delete] {
            let reply = bench.ask(method, &format!("/v2/a/blobs/uploads/{id}")).send(b"");
            assert_eq!(reply.status, 404, "{method} {id}: {}", reply.text());
            assert!(reply.headers.get("Set-Cookie").is_none());
        }
    }
}

#[test]
fn identifiers_of_uploads_follow_from_nothing_a_client_sees() {
    let mut bench = Bench::new();
    let ids: Vec<String> = (0..100).map(|_| bench.begin("a")).collect();
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), 100);
    let mut other = Bench::new();
    other.server = registry::Server::new(
        Config::in_memory(),
        registry::Identity::new("1"),
        Limits::default(),
        [2; 32],
    );
    assert!(!ids.contains(&other.begin("a")), "another seed, other identifiers");
}

#[test]
fn location_fields_say_nothing_that_the_request_says() {
    let mut bench = Bench::new();
    let asked = bench.ask(Method::Post, "/v2/a/blobs/uploads/?x=%0d%0aEvil:1");
    let asked = asked
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example");
    let asked = asked
        .header("X-Forwarded-Proto", "javascript")
        .header("Forwarded", "host=evil.example");
    let reply = asked.send(b"");
    assert!(reply.expect(202).header("Location").starts_with("/v2/a/blobs/uploads/"));
    let mut config = Config::in_memory();
    config.http.host = Some("https://registry.example".to_owned());
    let mut bench = Bench::with(config, Limits::default());
    assert!(
        bench
            .begin("a")
            .starts_with("https://registry.example/v2/a/blobs/uploads/")
    );
}

#[test]
fn links_to_the_next_page_cannot_be_split() {
    let mut bench = Bench::new();
    for tag in ["a", "b"] {
        bench.push_image("a", tag);
    }
    let reply = bench.get("/v2/a/tags/list?n=1&last=%0d%0aEvil:%201%3E");
    assert_eq!(reply.header("Link"), "</v2/a/tags/list?last=a&n=1>; rel=\"next\"");
    let subject = Digest::of(b"x");
    bench
        .get(&format!("/v2/a/referrers/{subject}?artifactType=%0d%0aEvil:1"))
        .expect(200);
}

#[test]
fn uploads_are_limited_in_number() {
    let limits = Limits {
        uploads: 3,
        ..Limits::default()
    };
    let mut bench = Bench::with(Config::in_memory(), limits);
    let first = bench.begin("a");
    bench.begin("b");
    bench.begin("c");
    let reply = bench.post("/v2/d/blobs/uploads/");
    assert_eq!(reply.refused(429, "TOOMANYREQUESTS").header("Retry-After"), "60");
    let digest = Digest::of(b"x");
    bench
        .ask(Method::Post, &format!("/v2/d/blobs/uploads/?digest={digest}"))
        .send(b"x")
        .refused(429, "TOOMANYREQUESTS");
    bench.delete(&first).expect(204);
    bench.push_blob("d", b"x");
    bench.begin("d");
}

#[test]
fn failed_pushes_leave_no_upload_open() {
    let limits = Limits {
        uploads: 1,
        ..Limits::default()
    };
    let mut bench = Bench::with(Config::in_memory(), limits);
    for _ in 0..3 {
        let target = format!("/v2/d/blobs/uploads/?digest={}", Digest::of(b"x"));
        bench
            .ask(Method::Post, &target)
            .send(b"y")
            .refused(400, "DIGEST_INVALID");
        bench
            .ask(Method::Post, &target)
            .header("Content-Length", "2")
            .send(b"x")
            .refused(400, "SIZE_INVALID");
    }
    bench.push_blob("d", b"x");
}

#[test]
fn what_a_client_sends_ends_no_line_of_the_log() {
    let mut bench = Bench::new();
    let asked = bench.ask(Method::Get, "/v2/a/manifests/x\nforged");
    let asked = asked
        .header("User-Agent", "a\r\nforged \u{1b}[2J")
        .header("Referer", "\"\n");
    asked.header("Host", "h\n").send(b"");
    for line in bench.log() {
        assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line:?}");
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Patch,
        Method::Put,
        Method::Delete,
        Method::Options,
    ])
}

proptest! {
    /// `Reply::of` checks every header field of every answer, and that a body is as long as it says.
    #[test]
    fn whatever_is_asked_is_answered(
        method in method(),
        path in "(/v2/)?(a|b/c|[a-zA-Z0-9._%/-]{0,12})/(blobs|manifests|tags|referrers|blobs/uploads)/(list|sha256:[0-9a-f]{0,3}|\\PC{0,12})",
        query in "(digest|mount|from|n|last|tag|artifactType)?=?\\PC{0,20}",
        fields in prop::collection::vec(
            (prop::sample::select(vec!["Range", "Content-Range", "Content-Length", "If-None-Match", "Accept", "Authorization"]), "\\PC{0,20}"),
            0..3,
        ),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bench = Bench::new();
        bench.push_image("a", "latest");
        let target = format!("{path}?{query}");
        let mut asked = bench.ask(method, &target);
        for (name, value) in &fields {
            asked = asked.header(name, value);
        }
        let reply = asked.send(&body);
        prop_assert!((200..500).contains(&reply.status), "{} {}", reply.status, target);
    }

    #[test]
    fn however_it_is_cut_a_blob_arrives_whole(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0_usize..200, 0..6),
        is_last_put in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        let location = bench.begin("a");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut chunks: Vec<(usize, &[u8])> = cuts.windows(2).map(|at| (at[0], &bytes[at[0]..at[1]])).collect();
        let last = if is_last_put { chunks.pop().map_or(&b""[..], |(_, chunk)| chunk) } else { b"" };
        for (start, chunk) in chunks {
            bench.patch(&location, &format!("{start}-{}", start + chunk.len() - 1), chunk).expect(202);
        }
        let digest = Digest::of(&bytes);
        bench.ask(Method::Put, &format!("{location}?digest={digest}")).send(last).expect(201);
        prop_assert_eq!(bench.get(&format!("/v2/a/blobs/{digest}")).body, bytes);
    }
}
