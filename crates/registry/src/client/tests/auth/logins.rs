//! Logins: where they go along, and where not.

use super::*;

#[test]
fn a_redirect_to_another_host_does_not_see_who_asks() {
    let (mut bench, image, _) = bench_for("r.example");
    let blobs: Rc<RefCell<_>> = Rc::new(RefCell::new(bench.fake.0.borrow().blobs.clone()));
    bench.fake.hook(move |seen| {
        if seen.url.host() == "cdn.example" {
            let digest: Digest = seen.url.path()[1..].parse().expect("a digest");
            return Some(Ok(Reply::new(200).body(blobs.borrow()[&digest].clone())));
        }
        if let Some(reply) = wants_basic(seen) {
            return Some(reply);
        }
        let digest = seen.url.path().split_once("/blobs/")?.1.to_owned();
        let location = format!("https://cdn.example/{digest}?X-Amz-Signature=abc");
        Some(Ok(Reply::new(307).header("Location", location)))
    });
    let pulled = bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert_eq!(pulled.image.digest(), image.digest());
    assert_eq!(hosts_that_saw(&bench), ["r.example"]);
    for exchange in bench.watch.exchanges() {
        assert!(!exchange.url.contains("abc"), "{}", exchange.url);
    }
}

#[test]
fn a_redirect_out_of_tls_is_not_followed() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.fake.hook(|seen| {
        let is_blob = seen.is(Method::Get, "/blobs/");
        is_blob.then(|| Ok(Reply::new(307).header("Location", "http://r.example/x")))
    });
    let error = bench
        .pull("r.example/a", &mut MemoryBlobs::default())
        .expect_err("in the clear");
    assert!(
        error.to_string().ends_with("refused to follow from https to http"),
        "{error}"
    );
}

#[test]
fn an_upload_that_moves_to_another_host_does_not_take_the_login_along() {
    let (mut bench, image, blobs) = bench_for("r.example");
    bench.fake.hook(|seen| {
        if seen.method == Method::Post || seen.url.host() == "evil.example.net" {
            return Some(Ok(Reply::new(202).header("Location", "https://evil.example.net/up")));
        }
        wants_basic(seen)
    });
    bench
        .push(&image, "r.example/new", &blobs)
        .expect_err("nothing is there in the end");
    assert!(!hosts_that_saw(&bench).contains(&"evil.example.net".to_owned()));
}

#[test]
fn a_refresh_token_is_used_in_place_of_a_password() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.credentials = Box::new(One {
        registry: "r.example",
        login: Login {
            identity_token: Some("refresh&me".to_owned()),
            ..Login::new("moby", "")
        },
        trusted: None,
    });
    let mut registry = wants_token("https://r.example/token");
    bench.fake.hook(move |seen| match (seen.url.path(), seen.method) {
        ("/token", Method::Post) => {
            let form = "grant_type=refresh_token&client_id=docker&service=reg&scope=repository%3Aa%3Apull&refresh_token=refresh%26me";
            assert_eq!(String::from_utf8_lossy(&seen.body), form);
            Some(Ok(Reply::new(200).body(r#"{"access_token":"t;repository:a:pull"}"#)))
        }
        _ => registry(seen),
    });
    bench.pull("r.example/a", &mut MemoryBlobs::default()).expect("pulled");
    assert!(
        bench
            .fake
            .seen()
            .iter()
            .all(|seen| !seen.url.to_string().contains("refresh"))
    );
}

#[test]
fn a_login_is_tried_and_kept() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.fake.hook(wants_basic);
    let login = Login::new("moby", SECRET);
    assert_eq!(
        bench.with(|client| client.login("r.example", &login)).expect("right"),
        login
    );
    let error = bench
        .with(|client| client.login("r.example", &Login::new("moby", "wrong")))
        .expect_err("wrong");
    assert_eq!(
        error.to_string(),
        "login attempt to https://r.example/v2/ failed with status: 401 Unauthorized"
    );
    bench.fake.0.borrow_mut().is_plain = true;
    let error = bench
        .with(|client| client.login("localhost:5000", &Login::new("moby", "wrong")))
        .expect_err("wrong");
    assert_eq!(
        error.to_string(),
        "login attempt to http://localhost:5000/v2/ failed with status: 401 Unauthorized"
    );
}

#[test]
fn a_login_to_a_token_registry_keeps_its_refresh_token() {
    let (mut bench, _, _) = bench_for("r.example");
    let mut registry = wants_token("https://auth.r.example/token");
    bench.fake.hook(move |seen| match seen.url.path() {
        "/token" if seen.headers.get("Authorization") == Some(BASIC) => {
            Some(Ok(Reply::new(200).body(r#"{"token":"t","refresh_token":"r"}"#)))
        }
        "/token" => Some(Ok(Reply::error(401, "UNAUTHORIZED", "incorrect username or password"))),
        _ => registry(seen),
    });
    let kept = bench
        .with(|client| client.login("r.example", &Login::new("moby", SECRET)))
        .expect("right");
    assert_eq!(
        (kept.identity_token.as_deref(), kept.password.as_str()),
        (Some("r"), "")
    );
    assert!(
        bench
            .fake
            .lines()
            .iter()
            .any(|line| line.contains("offline_token=true&client_id=docker&account=moby"))
    );
    let error = bench
        .with(|client| client.login("r.example", &Login::new("moby", "wrong")))
        .expect_err("wrong");
    assert_eq!(
        error.to_string(),
        "Get \"https://r.example/v2/\": unauthorized: incorrect username or password"
    );
}

#[test]
fn a_login_that_tls_refused_is_not_shown_in_the_clear() {
    let (mut bench, _, _) = bench_for("r.example");
    bench.config.insecure.insert("r.example".to_owned());
    bench.fake.hook(wants_basic);
    let wrong = Login::new("moby", "wrong");
    bench
        .with(|client| client.login("r.example", &wrong))
        .expect_err("wrong");
    assert!(bench.fake.seen().iter().all(|seen| seen.url.scheme() == Scheme::Https));
}

#[test]
fn no_secret_is_in_events_errors_or_debug_output() {
    let (mut bench, image, blobs) = bench_for("r.example");
    bench.fake.hook(wants_token("https://r.example/token"));
    bench.push(&image, "r.example/b", &blobs).expect("pushed");
    let session = bench
        .with(|client| client.push_session(&reference("r.example/b")))
        .expect("a session");
    let text = format!("{:?} {session:?}", bench.watch.events);
    for secret in [SECRET, "bW9ieTpodW50ZXIy", "t;repository", "secret"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
