//! Texts that nobody would write, and registries that answer anything.

use super::*;
use crate::Headers;
use crate::client::tests::fake::Reply;
use proptest::prelude::*;

proptest! {
    #[test]
    fn urls_that_are_read_are_read_again(text in "(https?://)?[a-z\\[\\]:0-9./?#@%&= \\\\é-]{0,40}") {
        if let Ok(url) = Url::parse(&text) {
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()));
            prop_assert!(!url.host().contains(['@', '/', '\\', ' ']));
        }
    }

    #[test]
    fn locations_never_leave_the_schemes(text in "\\PC{0,60}") {
        let base = Url::parse("https://r.example:5000/v2/a/").expect("a URL");
        if let Ok(url) = base.join(&text) {
            prop_assert!(url.to_string().starts_with("http"));
            prop_assert!(url.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn challenges_are_read_without_harm(text in "[ ,=\"\\\\a-zA-Z:/]{0,80}") {
        let mut headers = Headers::default();
        headers.add("WWW-Authenticate", text);
        for challenge in super::super::challenge::challenges(&headers) {
            prop_assert!(!challenge.scheme.is_empty());
        }
    }

    #[test]
    fn json_is_judged_as_a_decoder_judges_it(text in "[\\[\\]{}:,\"\\\\0-9a-u.eE+ -]{0,24}") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(super::super::go_json::check(&text).is_ok(), is_json, "{}", text);
    }

    #[test]
    fn configurations_are_read_without_harm(text in "\\PC{0,80}") {
        let _ = DaemonConfig::parse(&text);
        let _ = ConfigFile::parse(&text);
        let _ = Network::parse(&text);
    }

    #[test]
    fn passwords_survive_the_file(user in "[^:\\x00]{1,20}", password in "[^\\x00]{0,20}") {
        let mut config = ConfigFile::default();
        let login = Login::new(&user, &password);
        config.set("r.example:5000", &login);
        let again = ConfigFile::parse(&config.to_json()).expect("our own file");
        prop_assert_eq!(again.login("r.example:5000"), Ok(Some(login)));
    }
}

/// An answer made of parts that registries use, put together anyhow.
fn any_reply() -> impl Strategy<Value = Reply> {
    let status = prop::sample::select(vec![
        200, 201, 202, 204, 206, 301, 307, 400, 401, 403, 404, 416, 429, 500, 503,
    ]);
    let header = prop::sample::select(vec![
        ("Location", "/v2/a/blobs/uploads/x?_state=1"),
        ("Location", "https://other.example/y"),
        ("Location", "::"),
        ("Range", "0-0"),
        ("Range", "0-99"),
        ("Range", "0-18446744073709551615"),
        ("Content-Range", "bytes 0-9/10"),
        ("Content-Length", "18446744073709551615"),
        ("Content-Type", "application/vnd.oci.image.index.v1+json"),
        (
            "Docker-Content-Digest",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("WWW-Authenticate", "Basic realm=\"r\""),
        (
            "WWW-Authenticate",
            "Bearer realm=\"https://r.example/token\",scope=\"repository:a:pull\"",
        ),
        ("WWW-Authenticate", "Bearer realm=\"\",error=\"invalid_token\""),
        ("Retry-After", "1"),
        ("Link", "</v2/a/tags/list?last=x>; rel=\"next\""),
    ]);
    let body = prop::sample::select(vec![
        "",
        "{}",
        "[]",
        "{\"token\":\"t\"}",
        "{\"tags\":[\"x\"],\"repositories\":[\"y\"]}",
        "{\"errors\":[{\"code\":\"DENIED\"}]}",
        "{\"schemaVersion\":2,\"manifests\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":0},\"layers\":null}",
    ]);
    let cut = prop::option::weighted(0.1, 0usize..8);
    (status, prop::collection::vec(header, 0..4), body, cut).prop_map(|(status, fields, body, cut)| {
        let mut reply = Reply::new(status).body(body);
        for (name, value) in fields {
            reply.headers.set(name, value);
        }
        reply.cut = cut;
        reply
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_a_registry_answers_the_client_comes_to_an_end(replies in prop::collection::vec(any_reply(), 1..12)) {
        let (mut bench, mut blobs) = (Bench::new(), MemoryBlobs::default());
        let image = sample(&mut blobs);
        bench.credentials = Box::new(One { registry: "r.example", login: Login::new("u", "p"), trusted: None });
        let mut n_asked = 0;
        bench.fake.hook(move |_| {
            n_asked += 1;
            Some(Ok(replies[n_asked % replies.len()].clone()))
        });
        let _ = bench.pull("r.example/a", &mut MemoryBlobs::default());
        let _ = bench.push_with(&image, "r.example/a", &blobs, &|_| vec!["b".to_owned()], Some(64));
        let n_transfers = bench.fake.lines().len();
        prop_assert!(n_transfers < 2000, "{}", n_transfers);
        bench.with(|client| {
            let _ = client.tags(&reference("r.example/a"));
            let _ = client.login("r.example", &Login::new("u", "p"));
            let _ = client.search("r.example/a", 0);
            let _ = client.delete(&reference("r.example/a"));
        });
        prop_assert!(bench.fake.lines().len() < n_transfers + 4000);
    }
}
