//! Who may come in, by the accounts of an htpasswd file.

mod support;

use oci::{Digest, Time};
use registry::{Config, Limits, Method, REGISTRY_2_CONFIG, htpasswd_line};
use support::{Bench, Reply};

/// The course's registry: TLS is the host's, the accounts are ours. `testuser` with `password`.
fn bench() -> Bench {
    let variables = [
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
        ("REGISTRY_LOG_LEVEL", "debug"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::read(REGISTRY_2_CONFIG, &variables).expect("a configuration");
    let mut bench = Bench::with(config, Limits::default());
    bench.set_accounts(&htpasswd_line("testuser", "password", 4, [3; 16]));
    bench
}

/// `testuser:password` and others, as `curl -u` sends them.
const RIGHT: &str = "Basic dGVzdHVzZXI6cGFzc3dvcmQ=";
const WRONG: &str = "Basic dGVzdHVzZXI6d3Jvbmc=";
const NOBODY: &str = "Basic bm9ib2R5OnBhc3N3b3Jk";

fn ask(bench: &mut Bench, authorization: &str) -> Reply {
    bench
        .ask(Method::Get, "/v2/")
        .header("Authorization", authorization)
        .send(b"")
}

#[test]
fn a_stranger_is_told_how_to_come_in() {
    let mut bench = bench();
    let reply = bench.get("/v2/");
    reply.refused(401, "UNAUTHORIZED");
    assert_eq!(reply.header("WWW-Authenticate"), "Basic realm=\"Registry Realm\"");
    assert_eq!(reply.header("Docker-Distribution-API-Version"), "registry/2.0");
    assert_eq!(
        reply.text(),
        "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\",\"detail\":null}]}\n"
    );
}

#[test]
fn a_stranger_is_told_what_they_would_need() {
    let mut bench = bench();
    for (method, actions) in [
        (Method::Get, &["pull"][..]),
        (Method::Put, &["pull", "push"]),
        (Method::Delete, &["delete"]),
    ] {
        let reply = bench.ask(method, "/v2/a/manifests/v1").send(b"");
        let detail = reply.refused(401, "UNAUTHORIZED").json()["errors"][0]["detail"].clone();
        let found: Vec<_> = detail
            .as_array()
            .expect("a list")
            .iter()
            .map(|access| access["Action"].clone())
            .collect();
        assert_eq!(found, actions);
        assert_eq!(detail[0]["Name"], "a");
    }
}

#[test]
fn a_right_password_comes_in() {
    let mut bench = bench();
    ask(&mut bench, RIGHT).expect(200);
    ask(&mut bench, &RIGHT.replace("Basic", "basic")).expect(200);
    ask(&mut bench, WRONG).refused(401, "UNAUTHORIZED");
    ask(&mut bench, NOBODY).refused(401, "UNAUTHORIZED");
    ask(&mut bench, "Bearer x").refused(401, "UNAUTHORIZED");
}

#[test]
fn every_route_asks_for_the_password() {
    let mut bench = bench();
    let digest = Digest::of(b"x");
    for target in [
        "/v2/".to_owned(),
        "/v2/_catalog".to_owned(),
        "/v2/a/tags/list".to_owned(),
        "/v2/a/manifests/v1".to_owned(),
        format!("/v2/a/blobs/{digest}"),
        format!("/v2/a/referrers/{digest}"),
        format!("/v2/a/blobs/uploads/?digest={digest}"),
        format!("/v2/a/blobs/uploads/?mount={digest}"),
        "/v2/a/blobs/uploads/5f3ce91c-7f20-44c6-9873-fb4263115121".to_owned(),
    ] {
        for method in [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Patch,
            Method::Put,
            Method::Delete,
            Method::Options,
        ] {
            bench.ask(method, &target).send(b"x").refused(401, "UNAUTHORIZED");
        }
    }
    let reply = bench
        .ask(Method::Get, "/v2/_catalog")
        .header("Authorization", RIGHT)
        .send(b"");
    assert_eq!(reply.text(), "{\"repositories\":[]}\n", "nothing was pushed");
}

#[test]
fn before_there_are_accounts_nobody_comes_in() {
    let config = bench().server.config().clone();
    let mut bench = Bench::with(config, Limits::default());
    ask(&mut bench, RIGHT).refused(401, "UNAUTHORIZED");
}

#[test]
fn a_file_that_changed_counts_at_once() {
    let mut bench = bench();
    ask(&mut bench, RIGHT).expect(200);
    bench.set_accounts(&htpasswd_line("testuser", "another", 4, [3; 16]));
    ask(&mut bench, RIGHT).refused(401, "UNAUTHORIZED");
}

#[test]
fn who_guesses_has_to_wait() {
    let mut bench = bench();
    for _ in 0..3 {
        ask(&mut bench, WRONG).refused(401, "UNAUTHORIZED");
    }
    let reply = ask(&mut bench, RIGHT);
    assert_eq!(reply.refused(429, "TOOMANYREQUESTS").header("Retry-After"), "1");
    bench.remote = "192.0.2.9:1".to_owned();
    ask(&mut bench, RIGHT).expect(200);
    bench.remote = "192.0.2.1:50000".to_owned();
    bench.now = Time::of_secs(bench.now.secs + 1);
    ask(&mut bench, WRONG).refused(401, "UNAUTHORIZED");
    assert_eq!(
        ask(&mut bench, RIGHT)
            .refused(429, "TOOMANYREQUESTS")
            .header("Retry-After"),
        "2"
    );
    bench.now = Time::of_secs(bench.now.secs + 2);
    ask(&mut bench, RIGHT).expect(200);
}

#[test]
fn the_log_tells_who_came_and_no_password() {
    let mut bench = bench();
    bench.get("/v2/");
    ask(&mut bench, WRONG);
    ask(&mut bench, RIGHT);
    let log = bench.log().join("\n");
    for part in [
        r#"level=warning msg="error authorizing context: basic authentication challenge for realm \"Registry Realm\": invalid authorization credential""#,
        r#"level=error msg="error authenticating user \"testuser\": authentication failure""#,
        r#"level=info msg="authorized request""#,
    ] {
        assert!(log.contains(part), "{part}\n{log}");
    }
    for secret in ["dGVzdHVzZXI6", "password=", "wrong", "$2y$"] {
        assert!(!log.contains(secret), "{secret}\n{log}");
    }
}

#[test]
fn who_may_not_come_in_is_told_before_the_body_is_read() {
    struct Untouched;
    impl std::io::Read for Untouched {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("the body was read");
        }
    }
    let mut bench = bench();
    let (remote, now) = (bench.remote.clone(), bench.now);
    let target = format!("digest={}", Digest::of(b"x"));
    let mut admit = |method, path: &str, authorization: &str, length: &str| {
        let mut headers = registry::Headers::default();
        headers.set("Authorization", authorization);
        headers.set("Content-Length", length);
        let request = registry::Request {
            method,
            path: path.to_owned(),
            query: target.clone(),
            headers,
            remote: remote.clone(),
            body: &mut Untouched,
        };
        let admitted = bench.server.admit(request, now, &mut bench.blobs);
        admitted.map_err(|response| response.status)
    };
    let unknown = "/v2/a/blobs/uploads/5f3ce91c-7f20-44c6-9873-fb4263115121";
    let manifest_bytes = oci::MAX_DOCUMENT_BYTES as u64;
    for (method, path, authorization, length, expected) in [
        (Method::Post, "/v2/a/blobs/uploads/", WRONG, "9", Err(401)),
        (Method::Post, "/v2/a/blobs/uploads/", "", "9", Err(401)),
        (Method::Post, "/v2/a/blobs/uploads/", RIGHT, "9", Ok(u64::MAX)),
        (Method::Post, "/v2/A/blobs/uploads/", RIGHT, "9", Err(400)),
        (Method::Patch, unknown, RIGHT, "9", Err(404)),
        (Method::Put, "/v2/a/manifests/v1", RIGHT, "9", Ok(manifest_bytes + 1)),
        (Method::Put, "/v2/a/manifests/v1", RIGHT, "9999999", Err(413)),
        (Method::Put, "/v2/a/tags/list", RIGHT, "9", Err(405)),
        (Method::Get, "/v2/", RIGHT, "9", Ok(0)),
        (Method::Post, "/nowhere", "", "9", Ok(0)),
    ] {
        assert_eq!(
            admit(method, path, authorization, length),
            expected,
            "{method} {path} {authorization}"
        );
    }
}
