//! Saying who one is, and to whom not.

mod logins;

use super::*;
use crate::client::tests::fake::{Reply, Seen};
use crate::{Method, TransportError};
use std::cell::RefCell;
use std::rc::Rc;

const SECRET: &str = "hunter2";
/// `moby:hunter2` in base64.
const BASIC: &str = "Basic bW9ieTpodW50ZXIy";

fn bench_for(registry: &'static str) -> (Bench, Image, MemoryBlobs) {
    let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
    let image = sample(&mut blobs);
    for repository in ["a", "library/a"] {
        bench.fake.hold(repository, "latest", &image, &blobs);
    }
    bench.credentials = Box::new(One {
        registry,
        login: Login::new("moby", SECRET),
        trusted: None,
    });
    (bench, image, blobs)
}

fn wants_basic(seen: &Seen) -> Option<Result<Reply, TransportError>> {
    let is_right = seen.headers.get("Authorization") == Some(BASIC);
    let reply = || {
        Reply::error(401, "UNAUTHORIZED", "authentication required")
            .header("WWW-Authenticate", "Basic realm=\"Registry Realm\"")
    };
    (!is_right).then(|| Ok(reply()))
}

/// A registry that wants tokens from `realm`, and a token server that gives out the scopes it was asked for.
fn wants_token(realm: &'static str) -> impl FnMut(&Seen) -> Option<Result<Reply, TransportError>> {
    move |seen| {
        if seen.url.path() == "/token" {
            let query = seen.url.to_string();
            let scopes: Vec<&str> = query
                .split('&')
                .filter_map(|pair| pair.strip_prefix("scope="))
                .collect();
            let token = scopes
                .join(";")
                .replace("%3A", ":")
                .replace("%2F", "/")
                .replace("%2C", ",");
            return Some(Ok(
                Reply::new(200).body(format!(r#"{{"token":"t;{token}","expires_in":60}}"#))
            ));
        }
        let path = seen.url.path();
        let repository = path.strip_prefix("/v2/").and_then(|rest| rest.split_once(['/']));
        let repository = repository.map(|(name, _)| name).unwrap_or_default();
        let needed = if matches!(seen.method, Method::Get | Method::Head) {
            "pull"
        } else {
            "push"
        };
        let shown = seen
            .headers
            .get("Authorization")
            .and_then(|text| text.strip_prefix("Bearer "));
        let allows = |token: &str| {
            repository.is_empty()
                || token.split(';').any(|scope| {
                    let mut parts = scope.split(':');
                    (parts.next(), parts.next()) == (Some("repository"), Some(repository))
                        && parts
                            .next()
                            .is_some_and(|actions| actions.split(',').any(|action| action == needed))
                })
        };
        if shown.is_some_and(allows) {
            return None;
        }
        let scope = match repository {
            "" => String::new(),
            name => format!(",scope=\"repository:{name}:{needed}\""),
        };
        let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\"{scope}");
        Some(Ok(
            Reply::error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", challenge)
        ))
    }
}

/// Every host that saw the password, in any form.
fn hosts_that_saw(bench: &Bench) -> Vec<String> {
    let mut hosts: Vec<String> = bench
        .fake
        .seen()
        .iter()
        .filter(|seen| {
            seen.headers
                .get("Authorization")
                .is_some_and(|text| text.starts_with("Basic"))
        })
        .map(|seen| seen.url.authority())
        .collect();
    hosts.dedup();
    hosts
}

#[test]
fn a_password_is_shown_when_it_is_asked_for() {
    let (mut bench, image, blobs) = bench_for("r.example");
    bench.fake.hook(wants_basic);
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    bench.push(&image, "r.example/b", &blobs).expect("pushed");
    let shown: Vec<bool> = bench
        .fake
        .seen()
        .iter()
        .map(|seen| seen.headers.get("Authorization").is_some())
        .collect();
    assert!(
        !shown[0] && shown[1..6].iter().all(|shown| *shown),
        "all but the first request carry it"
    );
}

#[test]
fn without_a_password_the_words_are_dockers() {
    let (mut bench, image, blobs) = bench_for("other.example");
    bench.fake.hook(wants_basic);
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("no login");
    assert_eq!(
        error.to_string(),
        "Head \"https://r.example/v2/a/manifests/latest\": no basic auth credentials"
    );
    let error = bench.push(&image, "r.example/a", &blobs).expect_err("no login");
    assert_eq!(error.to_string(), "no basic auth credentials");
    assert!(hosts_that_saw(&bench).is_empty());
}

#[test]
fn tokens_are_fetched_for_what_is_needed_and_used_again() {
    let (mut bench, image, blobs) = bench_for("r.example");
    bench.fake.hook(wants_token("https://auth.r.example/token"));
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    let tokens = |bench: &Bench| {
        let lines = bench.fake.lines();
        lines
            .into_iter()
            .filter(|line| line.contains("/token"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tokens(&bench),
        ["GET /token?service=reg&scope=repository%3Aa%3Apull&account=moby"]
    );
    bench.fake.forget();
    bench.push(&image, "r.example/b", &blobs).expect("pushed");
    assert_eq!(
        tokens(&bench),
        ["GET /token?service=reg&scope=repository%3Ab%3Apull%2Cpush&account=moby"]
    );
    assert_eq!(
        hosts_that_saw(&bench),
        ["auth.r.example"],
        "the registry itself sees tokens only"
    );
}

#[test]
fn a_mount_asks_for_the_right_to_read_the_other_repository() {
    let (mut bench, image, blobs) = bench_for("r.example");
    bench.fake.hook(wants_token("https://r.example/token"));
    bench
        .push_with(&image, "r.example/b", &blobs, &|_| vec!["a".to_owned()], None)
        .expect("pushed");
    let lines = bench.fake.lines();
    let with_both =
        "GET /token?service=reg&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull%2Cpush&account=moby";
    assert!(lines.contains(&with_both.to_owned()), "{lines:#?}");
}

#[test]
fn a_token_that_is_not_taken_any_more_is_fetched_anew() {
    let (mut bench, image, blobs) = bench_for("r.example");
    let mut registry = wants_token("https://r.example/token");
    let mut n_asked = 0;
    bench.fake.hook(move |seen| {
        n_asked += 1;
        // Every sixth request finds the token expired.
        if n_asked % 6 == 0 && seen.url.path() != "/token" {
            let challenge = "Bearer realm=\"https://r.example/token\",service=\"reg\",error=\"invalid_token\"";
            return Some(Ok(Reply::new(401).header("WWW-Authenticate", challenge)));
        }
        registry(seen)
    });
    let pushed = bench.push_with(&image, "r.example/b", &blobs, &|_| Vec::new(), Some(2000));
    assert_eq!(pushed.expect("pushed").digest, image.digest());
    let pulled = bench.pull("r.example/b", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.image.digest(), image.digest());
}

#[test]
fn a_token_server_of_another_house_does_not_see_the_login() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.fake.hook(wants_token("https://evil.example.net/token"));
    bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect("anonymous tokens are fine");
    assert!(hosts_that_saw(&bench).is_empty());
    assert!(bench.fake.lines().iter().all(|line| !line.contains("moby")));
    bench.credentials = Box::new(One {
        registry: "r.example",
        login: Login::new("moby", SECRET),
        trusted: Some("evil.example.net"),
    });
    bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect("trusted by name");
    assert_eq!(hosts_that_saw(&bench), ["evil.example.net"]);
}

#[test]
fn a_token_server_that_insists_on_a_login_is_named() {
    let (mut bench, _, _) = bench_for("r.example");
    let mut registry = wants_token("https://evil.example.net/token");
    bench.fake.hook(move |seen| match seen.url.host() {
        "evil.example.net" => Some(Ok(Reply::new(401))),
        _ => registry(seen),
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("refused");
    let text = error.to_string();
    assert!(
        text.contains("the login for r.example is not sent to evil.example.net"),
        "{text}"
    );
    assert!(hosts_that_saw(&bench).is_empty());
}

#[test]
fn a_token_server_in_the_clear_is_not_asked() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.fake.hook(wants_token("http://r.example/token"));
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("in the clear");
    assert!(
        error.to_string().ends_with("refused to follow from https to http"),
        "{error}"
    );
    assert!(bench.fake.lines().iter().all(|line| !line.contains("/token")));
}

#[test]
fn token_servers_that_lie_are_caught() {
    for (reply, words) in [
        (
            Reply::new(200).body("{}"),
            "authorization server did not include a token in the response",
        ),
        (
            Reply::new(200).body(r#"{"token":""}"#),
            "authorization server did not include a token in the response",
        ),
        (
            Reply::new(200).body(r#"{"token":"a\r\nHost: evil"}"#),
            "authorization server did not include a token in the response",
        ),
        (Reply::new(200).body("not json"), "unable to decode token response"),
        (
            Reply::new(200).body(vec![b' '; 2 << 20]),
            "expected a token of at most 1048576 bytes",
        ),
        (
            Reply::error(401, "UNAUTHORIZED", "incorrect username or password"),
            "unauthorized: incorrect username or password",
        ),
        (
            Reply::new(500),
            "received unexpected HTTP status: 500 Internal Server Error",
        ),
        (
            Reply::new(302).header("Location", "https://r.example/token"),
            "stopped after 10 redirects",
        ),
    ] {
        let (mut bench, _, _) = bench_for("r.example");
        let mut registry = wants_token("https://r.example/token");
        bench.fake.hook(move |seen| match seen.url.path() {
            "/token" => Some(Ok(reply.clone())),
            _ => registry(seen),
        });
        let error = bench
            .pull("r.example/a", &mut MemoryBlobs::default())
            .expect_err("no token");
        let text = error.to_string();
        assert!(
            text.starts_with("Head \"https://r.example/v2/a/manifests/latest\": "),
            "{text}"
        );
        assert!(text.ends_with(words), "{text}");
        assert!(!text.contains(SECRET));
    }
}

#[test]
fn a_token_that_never_suffices_does_not_make_a_circle() {
    let (mut bench, _, _) = bench_for("r.example");
    let challenge = "Bearer realm=\"https://r.example/token\",scope=\"repository:a:pull\",error=\"insufficient_scope\"";
    bench.fake.hook(move |seen| match seen.url.path() {
        "/token" => Some(Ok(Reply::new(200).body(r#"{"access_token":"t"}"#))),
        _ => Some(Ok(
            Reply::error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", challenge)
        )),
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("denied");
    assert_eq!(
        error.to_string(),
        "pull access denied for r.example/a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
    );
    assert_eq!(bench.fake.lines().len(), 4, "ping, token, HEAD, GET");
}
