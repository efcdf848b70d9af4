//! The conformance suite's third group: content discovery.

mod support;

use oci::Digest;
use support::{Bench, INDEX, MANIFEST, part};

/// Pushes a manifest about `subject`; its kind is that of the field or, if there is none, of its config.
fn push_about(bench: &mut Bench, subject: Digest, name: &str, kind: Option<&str>) -> Digest {
    let fields = kind
        .map(|kind| format!(r#""artifactType":"{kind}","#))
        .unwrap_or_default();
    let about = part(MANIFEST, subject, 2);
    let start = format!(r#"{{{fields}"subject":{about},"annotations":{{"name":"{name}"}},"#);
    let text = bench.image("a", "layer").replacen('{', &start, 1);
    let digest = Digest::of(text.as_bytes());
    bench
        .put_manifest("a", &digest.to_string(), MANIFEST, &text)
        .expect(201);
    digest
}

#[test]
fn tags_are_listed_in_order() {
    let mut bench = Bench::new();
    for tag in ["b", "a", "B", "0", "a-1"] {
        bench.push_image("lib/a", tag);
    }
    let reply = bench.get("/v2/lib/a/tags/list");
    assert_eq!(
        reply.expect(200).text(),
        "{\"name\":\"lib/a\",\"tags\":[\"0\",\"B\",\"a\",\"a-1\",\"b\"]}\n"
    );
    assert_eq!(reply.header("Content-Type"), "application/json; charset=utf-8");
    assert_eq!(reply.headers.get("Link"), None);
}

#[test]
fn tags_come_in_pages() {
    let mut bench = Bench::new();
    for n in 0..5 {
        bench.push_image("a", &format!("v{n}"));
    }
    for (query, tags, link) in [
        (
            "n=2",
            &["v0", "v1"][..],
            Some("</v2/a/tags/list?last=v1&n=2>; rel=\"next\""),
        ),
        (
            "n=2&last=v1",
            &["v2", "v3"],
            Some("</v2/a/tags/list?last=v3&n=2>; rel=\"next\""),
        ),
        ("n=2&last=v3", &["v4"], None),
        ("n=5", &["v0", "v1", "v2", "v3", "v4"], None),
        ("n=0", &[], None),
        ("last=v3", &["v4"], None),
        ("last=v2x", &["v3", "v4"], None),
        ("last=zzz", &[], None),
        ("n=99999999999999999999999999", &["v0", "v1", "v2", "v3", "v4"], None),
    ] {
        let reply = bench.get(&format!("/v2/a/tags/list?{query}"));
        assert_eq!(reply.expect(200).json()["tags"], serde_json::json!(tags), "{query}");
        assert_eq!(reply.headers.get("Link"), link, "{query}");
    }
    for n in ["-1", "x", "1.5", "%201"] {
        bench
            .get(&format!("/v2/a/tags/list?n={n}"))
            .refused(400, "PAGINATION_NUMBER_INVALID");
    }
}

#[test]
fn following_the_links_shows_every_tag_once() {
    let mut bench = Bench::new();
    let tags: Vec<String> = (0..25).map(|n| format!("t_{n:02}.x-")).collect();
    for tag in &tags {
        bench.push_image("a", tag);
    }
    let (mut seen, mut next) = (Vec::new(), Some("/v2/a/tags/list?n=4".to_owned()));
    while let Some(target) = next {
        let reply = bench.get(&target);
        let page = reply.json()["tags"].as_array().expect("a list").clone();
        seen.extend(page.iter().map(|tag| tag.as_str().expect("a text").to_owned()));
        let link = reply.headers.get("Link");
        next = link.map(|link| link[1..link.find('>').expect("an end")].to_owned());
    }
    assert_eq!(seen, tags);
}

#[test]
fn a_repository_that_nobody_pushed_to_has_no_list_of_tags() {
    let mut bench = Bench::new();
    let reply = bench.get("/v2/nope/tags/list");
    reply.refused(404, "NAME_UNKNOWN");
    assert_eq!(
        reply.text(),
        "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"repository name not known to registry\",\
         \"detail\":{\"name\":\"nope\"}}]}\n"
    );
    bench.push_blob("a", b"x");
    assert_eq!(
        bench.get("/v2/a/tags/list").expect(200).json()["tags"],
        serde_json::json!([])
    );
}

#[test]
fn repositories_are_listed_in_pages() {
    let mut bench = Bench::new();
    for name in ["b", "a/x", "a", "c"] {
        bench.push_blob(name, b"x");
    }
    bench.begin("nothing-pushed");
    assert_eq!(
        bench.get("/v2/_catalog").text(),
        "{\"repositories\":[\"a\",\"a/x\",\"b\",\"c\"]}\n"
    );
    let reply = bench.get("/v2/_catalog?n=2");
    assert_eq!(reply.json()["repositories"], serde_json::json!(["a", "a/x"]));
    assert_eq!(reply.header("Link"), "</v2/_catalog?last=a%2Fx&n=2>; rel=\"next\"");
    let reply = bench.get("/v2/_catalog?last=a%2Fx&n=2");
    assert_eq!(reply.json()["repositories"], serde_json::json!(["b", "c"]));
    assert_eq!(reply.headers.get("Link"), None);
}

#[test]
fn nobody_gets_the_whole_catalogue_at_once() {
    let mut bench = Bench::new();
    for n in 0..101 {
        bench.push_blob(&format!("r{n:03}"), b"x");
    }
    let reply = bench.get("/v2/_catalog");
    assert_eq!(reply.json()["repositories"].as_array().map(Vec::len), Some(100));
    assert!(reply.headers.get("Link").is_some());
    bench.get("/v2/_catalog?n=1000").expect(200);
    let reply = bench.get("/v2/_catalog?n=1001");
    reply.refused(400, "PAGINATION_NUMBER_INVALID");
    assert_eq!(reply.json()["errors"][0]["detail"], serde_json::json!({ "n": 1001 }));
    bench
        .get("/v2/_catalog?n=18446744073709551616")
        .refused(400, "PAGINATION_NUMBER_INVALID");
    bench.get("/v2/_catalog?n=-1").refused(400, "PAGINATION_NUMBER_INVALID");
}

#[test]
fn what_refers_to_a_manifest_is_an_index() {
    let mut bench = Bench::new();
    let subject = bench.push_image("a", "v1");
    let first = push_about(&mut bench, subject, "first", Some("application/x.sbom"));
    let second = push_about(&mut bench, subject, "second", None);
    push_about(&mut bench, Digest::of(b"another"), "third", None);
    let reply = bench.get(&format!("/v2/a/referrers/{subject}"));
    assert_eq!(reply.expect(200).header("Content-Type"), INDEX);
    assert_eq!(reply.headers.get("OCI-Filters-Applied"), None);
    let index = reply.json();
    assert_eq!(
        (&index["schemaVersion"], &index["mediaType"]),
        (&2.into(), &INDEX.into())
    );
    let mut found: Vec<_> = index["manifests"].as_array().expect("a list").clone();
    found.sort_by_key(|entry| entry["annotations"]["name"].to_string());
    let digests: Vec<_> = found.iter().map(|entry| entry["digest"].clone()).collect();
    assert_eq!(digests, [first.to_string(), second.to_string()]);
    assert_eq!(found[0]["artifactType"], "application/x.sbom");
    assert_eq!(found[1]["artifactType"], "application/vnd.oci.image.config.v1+json");
    for entry in found {
        assert_eq!(entry["mediaType"], MANIFEST);
        let size = bench
            .get(&format!(
                "/v2/a/manifests/{}",
                entry["digest"].as_str().expect("a text")
            ))
            .body
            .len();
        assert_eq!(entry["size"], size);
    }
}

#[test]
fn referrers_are_filtered_by_kind() {
    let mut bench = Bench::new();
    let subject = bench.push_image("a", "v1");
    let wanted = push_about(&mut bench, subject, "1", Some("application/x.sbom+json"));
    push_about(&mut bench, subject, "2", Some("application/x.signature"));
    let reply = bench.get(&format!(
        "/v2/a/referrers/{subject}?artifactType=application%2Fx.sbom%2Bjson"
    ));
    assert_eq!(reply.expect(200).header("OCI-Filters-Applied"), "artifactType");
    let index = reply.json();
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(index["manifests"][0]["digest"], wanted.to_string());
}

#[test]
fn what_nobody_refers_to_has_an_empty_index() {
    let mut bench = Bench::new();
    for repository in ["a", "never/seen"] {
        let reply = bench.get(&format!("/v2/{repository}/referrers/{}", Digest::of(b"x")));
        assert_eq!(reply.expect(200).json()["manifests"], serde_json::json!([]));
    }
    bench.get("/v2/a/referrers/latest").refused(400, "DIGEST_INVALID");
}

#[test]
fn an_index_can_refer_too() {
    let mut bench = Bench::new();
    let about = part(MANIFEST, Digest::of(b"subject"), 7);
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","artifactType":"application/x","manifests":[],"subject":{about}}}"#
    );
    bench.put_manifest("a", "index", INDEX, &text).expect(201);
    let index = bench.get(&format!("/v2/a/referrers/{}", Digest::of(b"subject"))).json();
    assert_eq!(index["manifests"][0]["mediaType"], INDEX);
    assert_eq!(index["manifests"][0]["artifactType"], "application/x");
}

#[test]
fn a_referrer_that_is_deleted_refers_no_more() {
    let mut bench = Bench::new();
    let subject = bench.push_image("a", "v1");
    let referrer = push_about(&mut bench, subject, "1", None);
    bench.delete(&format!("/v2/a/manifests/{referrer}")).expect(202);
    let index = bench.get(&format!("/v2/a/referrers/{subject}")).json();
    assert_eq!(index["manifests"], serde_json::json!([]));
}

#[test]
fn many_large_referrers_come_in_pages() {
    let mut bench = Bench::new();
    let subject = bench.push_image("a", "v1");
    let large = "x".repeat(1 << 20);
    let mut pushed: Vec<String> = (0..9)
        .map(|n| push_about(&mut bench, subject, &format!("{n}{large}"), Some("application/x")).to_string())
        .collect();
    let (mut seen, mut n_pages) = (Vec::new(), 0);
    let mut next = Some(format!("/v2/a/referrers/{subject}?artifactType=application/x"));
    while let Some(target) = next {
        let reply = bench.get(&target);
        assert!(reply.body.len() <= 5 << 20, "{}", reply.body.len());
        for entry in reply.json()["manifests"].as_array().expect("a list") {
            seen.push(entry["digest"].as_str().expect("a text").to_owned());
        }
        let link = reply.headers.get("Link");
        next = link.map(|link| link[1..link.find('>').expect("an end")].to_owned());
        n_pages += 1;
    }
    seen.sort();
    pushed.sort();
    assert_eq!((seen, n_pages), (pushed, 3));
}
