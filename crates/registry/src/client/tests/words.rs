//! What people read when something is missing: Docker's words.

use super::*;
use crate::TransportError;
use crate::client::tests::fake::Reply;

#[test]
fn pulls_fail_in_the_words_of_docker() {
    let denied =
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",error="insufficient_scope""#;
    let unauthorized = Reply::error(401, "UNAUTHORIZED", "authentication required");
    for (name, reply, words) in [
        (
            "alpine:nosuch",
            Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            "manifest for alpine:nosuch not found: manifest unknown: manifest unknown",
        ),
        (
            "r.example:5000/a",
            Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            "manifest for r.example:5000/a:latest not found: manifest unknown: manifest unknown",
        ),
        (
            "nosuch",
            unauthorized.clone().header("WWW-Authenticate", denied),
            "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        ),
        (
            "r.example/a",
            Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry"),
            "repository r.example/a not found: name unknown: repository name not known to registry",
        ),
        ("r.example/a", unauthorized, "unauthorized: authentication required"),
        (
            "ubuntu",
            Reply::error(
                429,
                "TOOMANYREQUESTS",
                "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            ),
            "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
        ),
        (
            "r.example/a",
            Reply::new(500),
            "received unexpected HTTP status: 500 Internal Server Error",
        ),
    ] {
        let mut bench = Bench::new();
        bench.fake.hook(move |seen| match seen.url.path() {
            "/v2/" => None,
            "/token" => Some(Ok(Reply::new(200).body(r#"{"token":"t"}"#))),
            _ => Some(Ok(reply.clone())),
        });
        let error = bench.pull(name, &mut MemoryBlobs::default()).expect_err("not there");
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn transports_fail_in_the_words_of_go() {
    for (name, failure, words) in [
        (
            "r.example:5000/a",
            TransportError::UnknownAuthority,
            "Get \"https://r.example:5000/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            "r.example:5000/a",
            TransportError::UnknownHost {
                host: "r.example".to_owned(),
            },
            "Get \"https://r.example:5000/v2/\": dial tcp: lookup r.example: no such host",
        ),
        (
            "localhost:5000/a",
            TransportError::Refused {
                address: "127.0.0.1:5000".to_owned(),
            },
            "Get \"http://localhost:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
        ),
    ] {
        let mut bench = Bench::new();
        bench.fake.hook(move |_| Some(Err(failure.clone())));
        let error = bench.pull(name, &mut MemoryBlobs::default()).expect_err("no answer");
        assert_eq!(error.to_string(), words);
        let exchange = bench.watch.exchanges()[0].clone();
        assert_eq!(exchange.status, None);
        assert!(exchange.failure.is_some());
    }
}

#[test]
fn a_push_that_is_not_allowed_says_so() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    let denied =
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",error="insufficient_scope""#;
    bench.fake.hook(move |seen| match seen.url.path() {
        "/v2/" => None,
        "/token" => Some(Ok(Reply::new(200).body(r#"{"token":"t"}"#))),
        _ => Some(Ok(
            Reply::error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", denied)
        )),
    });
    let error = bench.push(&image, "ubuntu", &blobs).expect_err("not ours");
    assert_eq!(error.to_string(), "denied: requested access to the resource is denied");
    assert_eq!((error.code(), error.status()), (Some("DENIED"), Some(401)));
}

#[test]
fn the_hub_is_searched_and_others_say_no() {
    let found = r#"{"num_results":2,"query":"ubuntu","results":[{"star_count":17000,"is_official":true,"name":"ubuntu","is_automated":false,"description":"Ubuntu is a Debian-based Linux operating system"},{"name":"u/ubuntu\u001b[31m","description":""}]}"#;
    let mut bench = Bench::new();
    bench
        .fake
        .hook(move |seen| (seen.url.host() == "index.docker.io").then(|| Ok(Reply::new(200).body(found))));
    let results = bench.with(|client| client.search("ubuntu", 0)).expect("found");
    assert_eq!(bench.fake.lines(), ["GET /v1/search?q=ubuntu&n=25"]);
    assert_eq!(
        (results[0].name.as_str(), results[0].star_count, results[0].is_official),
        ("ubuntu", 17000, true)
    );
    assert_eq!(results[1].name, "u/ubuntu[31m");
    let none = |bench: &mut Bench, term: &str, limit| {
        let error = bench.with(|client| client.search(term, limit)).expect_err("not found");
        error.to_string()
    };
    assert_eq!(
        none(&mut bench, "r.example:5000/ubuntu", 0),
        "Unexpected status code 404"
    );
    assert_eq!(
        none(&mut bench, "ubuntu", 101),
        "limit 101 is outside the range of [1, 100]"
    );
    bench.fake.0.borrow_mut().is_plain = true;
    assert_eq!(
        none(&mut bench, "r.example:5000/ubuntu", 0),
        "invalid registry endpoint https://r.example:5000/v1/: Get \"https://r.example:5000/v1/_ping\": http: server gave HTTP response to HTTPS client. If this private registry supports only HTTP or HTTPS with an unknown CA certificate, please add `--insecure-registry r.example:5000` to the daemon's arguments. In the case of HTTPS, if you have access to the registry's CA certificate, no need for the flag; simply place the CA certificate at /etc/docker/certs.d/r.example:5000/ca.crt"
    );
    assert_eq!(
        none(&mut bench, "localhost:5000/ubuntu", 0),
        "Unexpected status code 404"
    );
}

#[test]
fn lists_and_deletions() {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    bench.fake.hold("a", "latest", &image, &blobs);
    bench.fake.hook(|seen| {
        let page = match seen.line().as_str() {
            "GET /v2/a/tags/list?n=1000" => Reply::new(200)
                .body(r#"{"name":"a","tags":["1","2"]}"#)
                .header("Link", "</v2/a/tags/list?last=2&n=2>; rel=\"next\""),
            "GET /v2/a/tags/list?last=2&n=2" => Reply::new(200).body(r#"{"name":"a","tags":["3"]}"#),
            "GET /v2/b/tags/list?n=1000" => Reply::new(200).body(r#"{"name":"b","tags":null}"#),
            "GET /v2/_catalog?n=1000" => Reply::new(200).body(r#"{"repositories":["a","b"]}"#),
            _ => return None,
        };
        Some(Ok(page))
    });
    bench.with(|client| {
        assert_eq!(client.tags(&reference("r.example/a")).expect("tags"), ["1", "2", "3"]);
        assert!(client.tags(&reference("r.example/b")).expect("none").is_empty());
        assert_eq!(client.catalog("r.example").expect("repositories"), ["a", "b"]);
        client.ping("r.example").expect("there");
        let document = client.manifest(&reference("r.example/a")).expect("a manifest");
        assert_eq!(document.bytes, image.manifest_bytes);
        assert_eq!(document.media_type, oci::media_type::OCI_MANIFEST);
        let missing = client
            .manifest(&reference("r.example/a:b"))
            .expect_err("not there")
            .to_string();
        assert!(
            missing.starts_with("manifest for r.example/a:b not found: "),
            "{missing}"
        );
        client.delete(&reference("r.example/a")).expect("deleted");
    });
    let deleted = format!("DELETE /v2/a/manifests/{}", image.digest());
    assert_eq!(bench.fake.lines().last(), Some(&deleted));
}
