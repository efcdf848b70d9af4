//! Tests of how the page is served.

use super::*;
use crate::testing::Scratch;
use hyper::Request;

fn ask(page: &Page, path: &str, fields: &[(&str, &str)]) -> Response<Answered> {
    let mut request = Request::builder().uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    page.answer(&head)
}

fn field<'a>(response: &'a Response<Answered>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn text(response: Response<Answered>) -> String {
    match response.into_body() {
        Answered::Whole(bytes) => String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap(),
        Answered::Stream(_) => panic!("a page is no stream"),
    }
}

fn folder() -> (Scratch, Page) {
    let scratch = Scratch::new();
    scratch.write(
        "dist/index.html",
        "<script src=\"a.js\"></script><script type=\"module\">go()</script>",
    );
    scratch.write("dist/engine/engine_bg.wasm", "\0asm");
    scratch.write("secret", "keep out");
    std::os::unix::fs::symlink(scratch.path("secret"), scratch.path("dist/link")).unwrap();
    let page = Page::find(Some(&scratch.path("dist"))).unwrap();
    (scratch, page)
}

#[test]
fn files_have_their_kind_a_policy_and_nothing_is_guessed() {
    let (_scratch, page) = folder();
    let index = ask(&page, "/", &[]);
    assert_eq!(field(&index, "content-type"), "text/html; charset=utf-8");
    assert_eq!(field(&index, "x-content-type-options"), "nosniff");
    let policy = field(&index, "content-security-policy").to_owned();
    // printf 'go()' | openssl dgst -sha256 -binary | base64
    assert!(
        policy.contains("'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(field(&index, "access-control-allow-origin"), "");
    assert_eq!(
        field(&ask(&page, "/engine/engine_bg.wasm", &[]), "content-type"),
        "application/wasm"
    );
}

#[test]
fn nothing_outside_of_the_page_is_served() {
    let (_scratch, page) = folder();
    for path in [
        "/../secret",
        "/link",
        "/engine",
        "/engine/",
        "//secret",
        "/%2e%2e/secret",
        "/engine/../index.html",
        "/nothing",
    ] {
        assert_eq!(ask(&page, path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn what_the_browser_has_is_not_sent_again() {
    let (_scratch, page) = folder();
    let tag = field(&ask(&page, "/", &[]), "etag").to_owned();
    let again = ask(&page, "/", &[("if-none-match", &format!("\"x\", W/{tag}"))]);
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(text(again), "");
    assert_eq!(
        ask(&page, "/", &[("if-none-match", "\"other\"")]).status(),
        StatusCode::OK
    );
}

#[test]
fn brotli_is_for_those_who_take_it() {
    let accepts = |value: &str| {
        let request = Request::builder().header("accept-encoding", value).body(()).unwrap();
        accepts_brotli(&request.into_parts().0)
    };
    assert!(accepts("gzip, deflate, br, zstd"));
    assert!(accepts("br;q=0.5"));
    assert!(!accepts("gzip, br;q=0"));
    assert!(!accepts("gzip"));
    assert!(!accepts(""));
}

#[test]
fn a_folder_without_a_page_is_refused() {
    let scratch = Scratch::new();
    let failure = Page::find(Some(scratch.dir())).unwrap_err();
    assert!(
        failure
            .message
            .starts_with("expected a folder with the page's index.html"),
        "{failure:?}"
    );
}

#[cfg(not(feature = "page"))]
#[test]
fn a_program_without_the_page_says_how_to_get_one() {
    let failure = Page::find(None).unwrap_err();
    assert!(
        failure.hints.iter().any(|hint| hint.contains("cargo xtask dist")),
        "{failure:?}"
    );
}

#[cfg(feature = "page")]
#[test]
fn the_page_in_the_program_is_served_packed_and_unpacked_alike() {
    let page = Page::find(None).unwrap();
    let plain = ask(&page, "/index.html", &[]);
    assert_eq!(field(&plain, "content-encoding"), "");
    let policy = field(&plain, "content-security-policy").to_owned();
    assert!(text(plain).contains("layerlab-engine"));
    let packed = ask(&page, "/index.html", &[("accept-encoding", "br")]);
    assert_eq!(field(&packed, "content-encoding"), "br");
    assert_eq!(field(&packed, "content-security-policy"), policy);
}
