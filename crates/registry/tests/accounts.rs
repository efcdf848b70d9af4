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
    let target = format!("?digest={}", Digest::of(b"x"));
    let unknown = "/v2/a/blobs/uploads/5f3ce91c-7f20-44c6-9873-fb4263115121";
    for (method, path, authorization, length, expected) in [
        (Method::Post, "/v2/a/blobs/uploads/", WRONG, "9", 401),
        (Method::Post, "/v2/a/blobs/uploads/", "", "9", 401),
        (Method::Post, "/v2/A/blobs/uploads/", RIGHT, "9", 400),
        (Method::Patch, unknown, RIGHT, "9", 404),
        (Method::Put, "/v2/a/manifests/v1", RIGHT, "9999999", 413),
        (Method::Put, "/v2/a/tags/list", RIGHT, "9", 405),
        (Method::Get, "/v2/", RIGHT, "9", 200),
        (Method::Post, "/nowhere", "", "9", 404),
    ] {
        let asked = bench.ask(method, &format!("{path}{target}"));
        let asked = asked
            .header("Authorization", authorization)
            .header("Content-Length", length);
        assert_eq!(
            asked.send_from(&mut Untouched).status,
            expected,
            "{method} {path} {authorization}"
        );
    }
}
