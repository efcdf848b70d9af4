//! The OCI distribution specification 1.1, asked over a socket: every row of its API with every kind of content.
//!
//! The rows are those of the specification's own suite. Nothing is left out: a cell that has nothing to ask (a set without
//! blobs has none to mount) is counted as empty.

#![allow(clippy::print_stdout)] // the sums are worth a line

#[path = "conformance/api.rs"]
mod api;
#[path = "conformance/data.rs"]
mod data;
mod registry_bench;

use registry_bench::{Bench, IMAGE};

const DELETE: (&str, &str) = ("REGISTRY_STORAGE_DELETE_ENABLED", "true");

fn matrix(storage: &str, bench: &Bench) {
    let sets = data::all();
    let (mut passed, mut empty, mut answers, mut failures) = (0, 0, 0, Vec::new());
    for set in &sets {
        for (row, ask) in api::ALL {
            match ask(bench, set) {
                Ok(0) => empty += 1,
                Ok(count) => {
                    passed += 1;
                    answers += count;
                }
                Err(error) => failures.push(format!("{} × {row}: {error}", set.name)),
            }
        }
    }
    let failed = failures.len();
    let cells = sets.len() * api::ALL.len();
    println!(
        "{storage}: {cells} cells, {passed} passed, {failed} failed, {empty} empty; {answers} answers as they should be"
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(cells, 28 * 24);
    assert!(passed > 640 && answers > 5000, "{passed} cells, {answers} answers");
}

#[test]
fn every_row_with_every_content_in_memory() {
    matrix("in memory", &Bench::new(&[DELETE]));
}

#[test]
fn every_row_with_every_content_on_disk() {
    matrix("on disk", &Bench::on_disk(&[DELETE]));
}

/// Method, target, header fields, body; status and code.
type Case<'a> = (&'a str, String, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

fn refusals(bench: &Bench, cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (method, target, headers, body, status, code) in cases {
        let reply = bench.ask(method, target, headers, body);
        let shown: String = target.chars().take(80).collect();
        if reply.status != *status || !code.is_empty() && reply.code() != *code {
            wrong.push(format!(
                "{method} {shown}: expected {status} {code}, found {} {}",
                reply.status,
                reply.text()
            ));
        }
    }
    println!(
        "{} of {} refusals as they should be",
        cases.len() - wrong.len(),
        cases.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_out_of_grammar_is_refused_with_the_code_of_the_specification() {
    let zeros = "0".repeat(64);
    let sha256 = format!("sha256:{zeros}");
    let long = "a".repeat(256);
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let index: &[(&str, &str)] = &[("Content-Type", "application/vnd.oci.image.index.v1+json")];
    let image: &[(&str, &str)] = &[("Content-Type", IMAGE)];
    let cases: Vec<Case<'_>> = vec![
        // Names.
        ("GET", "/v2/Upper/tags/list".into(), &[], b"", 400, "NAME_INVALID"),
        ("GET", format!("/v2/{long}/tags/list"), &[], b"", 400, "NAME_INVALID"),
        ("GET", "/v2/a/../b/tags/list".into(), &[], b"", 400, "NAME_INVALID"),
        ("GET", "/v2/a%2f..%2fb/tags/list".into(), &[], b"", 400, "NAME_INVALID"),
        ("GET", "/v2/-a/tags/list".into(), &[], b"", 400, "NAME_INVALID"),
        (
            "POST",
            "/v2/a__b___c/blobs/uploads/".into(),
            &[],
            b"",
            400,
            "NAME_INVALID",
        ),
        ("GET", "/v2/not/here/tags/list".into(), &[], b"", 404, "NAME_UNKNOWN"),
        // Digests.
        ("GET", "/v2/a/blobs/sha256:0".into(), &[], b"", 400, "DIGEST_INVALID"),
        (
            "GET",
            format!("/v2/a/blobs/sha256:{}", "A".repeat(64)),
            &[],
            b"",
            400,
            "DIGEST_INVALID",
        ),
        (
            "GET",
            format!("/v2/a/blobs/md5:{}", "0".repeat(32)),
            &[],
            b"",
            400,
            "DIGEST_INVALID",
        ),
        (
            "GET",
            format!("/v2/a/blobs/sha512:{zeros}"),
            &[],
            b"",
            400,
            "DIGEST_INVALID",
        ),
        ("GET", format!("/v2/a/blobs/{sha256}"), &[], b"", 404, "BLOB_UNKNOWN"),
        (
            "POST",
            "/v2/a/blobs/uploads/?digest=foo".into(),
            &[],
            b"x",
            400,
            "DIGEST_INVALID",
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/?mount=foo&from=b".into(),
            &[],
            b"",
            400,
            "DIGEST_INVALID",
        ),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?digest=blake3:{zeros}"),
            &[],
            b"x",
            400,
            "DIGEST_INVALID",
        ),
        ("GET", "/v2/a/referrers/latest".into(), &[], b"", 400, "DIGEST_INVALID"),
        // Tags.
        (
            "PUT",
            "/v2/a/manifests/.dot".into(),
            index,
            manifest,
            400,
            "TAG_INVALID",
        ),
        (
            "PUT",
            "/v2/a/manifests/-dash".into(),
            index,
            manifest,
            400,
            "TAG_INVALID",
        ),
        (
            "PUT",
            format!("/v2/a/manifests/{}", "t".repeat(129)),
            index,
            manifest,
            400,
            "TAG_INVALID",
        ),
        ("GET", "/v2/a/manifests/none".into(), &[], b"", 404, "MANIFEST_UNKNOWN"),
        // Manifests.
        (
            "PUT",
            "/v2/a/manifests/v1".into(),
            image,
            manifest,
            400,
            "MANIFEST_INVALID",
        ),
        (
            "PUT",
            "/v2/a/manifests/v1".into(),
            &[("Content-Type", "text/plain")],
            manifest,
            400,
            "MANIFEST_INVALID",
        ),
        (
            "PUT",
            "/v2/a/manifests/v1".into(),
            index,
            b"not JSON",
            400,
            "MANIFEST_INVALID",
        ),
        (
            "PUT",
            "/v2/a/manifests/v1".into(),
            index,
            b"{}",
            400,
            "MANIFEST_INVALID",
        ),
        (
            "PUT",
            format!("/v2/a/manifests/{sha256}"),
            index,
            manifest,
            400,
            "DIGEST_INVALID",
        ),
        // Pages.
        (
            "GET",
            "/v2/_catalog?n=-1".into(),
            &[],
            b"",
            400,
            "PAGINATION_NUMBER_INVALID",
        ),
        (
            "GET",
            "/v2/_catalog?n=x".into(),
            &[],
            b"",
            400,
            "PAGINATION_NUMBER_INVALID",
        ),
        // Uploads.
        (
            "GET",
            "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000".into(),
            &[],
            b"",
            404,
            "BLOB_UPLOAD_UNKNOWN",
        ),
        ("PATCH", "/v2/a/blobs/uploads/..%2f..%2fetc".into(), &[], b"x", 404, ""),
        // Methods.
        ("POST", "/v2/".into(), &[], b"", 405, "UNSUPPORTED"),
        ("PUT", "/v2/a/tags/list".into(), &[], b"", 405, "UNSUPPORTED"),
        ("PATCH", "/v2/a/manifests/v1".into(), &[], b"", 405, "UNSUPPORTED"),
        ("BREW", "/v2/".into(), &[], b"", 501, ""),
    ];
    for bench in [Bench::new(&[DELETE]), Bench::on_disk(&[DELETE])] {
        refusals(&bench, &cases);
    }
}

#[test]
fn while_deletes_are_off_nothing_can_be_deleted() {
    for bench in [Bench::new(&[]), Bench::on_disk(&[])] {
        let bytes = bench.push_image("a", "v1", b"layer");
        let (manifest, layer) = (oci::Digest::of(&bytes), oci::Digest::of(b"layer"));
        let cases: Vec<Case<'_>> = vec![
            ("DELETE", "/v2/a/manifests/v1".into(), &[], b"", 405, "UNSUPPORTED"),
            (
                "DELETE",
                format!("/v2/a/manifests/{manifest}"),
                &[],
                b"",
                405,
                "UNSUPPORTED",
            ),
            ("DELETE", format!("/v2/a/blobs/{layer}"), &[], b"", 405, "UNSUPPORTED"),
        ];
        refusals(&bench, &cases);
        assert_eq!(
            bench.ask("GET", "/v2/a/manifests/v1", &[("Accept", IMAGE)], b"").body,
            bytes
        );
    }
}

#[test]
fn many_referrers_come_in_pages_and_each_once() {
    let bench = Bench::on_disk(&[]);
    let subject = bench.push_image("a", "v1", b"layer");
    let subject = format!(
        r#"{{"mediaType":"{IMAGE}","digest":"{}","size":{}}}"#,
        oci::Digest::of(&subject),
        subject.len()
    );
    let empty = bench.push_blob("a", b"{}");
    let config = format!(r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{empty}","size":2}}"#);
    for n in 0..6 {
        let text = "x".repeat(1 << 20);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"a/b","config":{config},"layers":[],"subject":{subject},"annotations":{{"n{n}":"{text}"}}}}"#
        );
        let digest = oci::Digest::of(manifest.as_bytes());
        assert_eq!(
            bench
                .put_manifest("a", &digest.to_string(), IMAGE, manifest.as_bytes())
                .status,
            201
        );
    }
    let subject: serde_json::Value = serde_json::from_str(&subject).unwrap();
    let mut target = format!(
        "/v2/a/referrers/{}?artifactType=a%2Fb",
        subject["digest"].as_str().unwrap()
    );
    let (mut seen, mut n_pages) = (std::collections::BTreeSet::new(), 0);
    loop {
        let reply = bench.ask("GET", &target, &[], b"");
        assert_eq!(
            (reply.status, reply.header("oci-filters-applied")),
            (200, "artifactType")
        );
        assert!(reply.body.len() <= 4 << 20, "{}", reply.body.len());
        let index: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        for entry in index["manifests"].as_array().unwrap() {
            assert!(seen.insert(entry["digest"].as_str().unwrap().to_owned()));
        }
        n_pages += 1;
        let Some(link) = reply.get("link") else { break };
        link[1..link.find('>').unwrap()].clone_into(&mut target);
    }
    assert_eq!((seen.len(), n_pages), (6, 2));
}
