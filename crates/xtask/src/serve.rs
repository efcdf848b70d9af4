//! A server for the page: `dist/`, on the loopback address only.

use crate::failure::Failure;
use crate::files;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const PORT: u16 = 8080;
/// No header of a browser is longer; a peer that sends more is cut off.
const MAX_LINE: u64 = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// Reads `--port N` or `--port=N`.
pub(crate) fn port(args: &[&str]) -> Result<u16, Failure> {
    let value = match args {
        [] => return Ok(PORT),
        ["--port", value] => value,
        [one] => one.strip_prefix("--port=").unwrap_or(one),
        _ => args[0],
    };
    value.parse().map_err(|_| {
        Failure::new(
            format!("expected --port and a number from 0 to 65535, found {value:?}"),
            "write `--port 8080`",
        )
    })
}

/// Serves `dist/` until the process ends. Port 0 takes any free one.
pub(crate) fn forever(port: u16) -> Result<ExitCode, Failure> {
    let dist = files::root().join("dist");
    if !dist.join("index.html").is_file() {
        return Err(Failure::new(
            format!("{} has no page", dist.display()),
            "run `cargo xtask build` first",
        ));
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
        Failure::new(
            format!("could not listen on 127.0.0.1:{port}: {error}"),
            "choose another port: `cargo xtask play --port 8081`",
        )
    })?;
    let port = listener.local_addr().map_or(port, |address| address.port());
    println!("\nLayerlab is at http://127.0.0.1:{port}   (Ctrl+C ends it)");
    for stream in listener.incoming().flatten() {
        let dist = dist.clone();
        // A browser that goes away in mid-answer is no reason to stop.
        std::thread::spawn(move || answer(stream, &dist).ok());
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(mut stream: TcpStream, dist: &Path) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(std::io::Read::take(stream.try_clone()?, MAX_LINE * 2));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    for _ in 0..MAX_HEADERS {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
    }
    let mut words = request.split_whitespace();
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let (status, kind, cache, body) = match (method, local_path(target)) {
        ("GET" | "HEAD", Some(path)) => match std::fs::read(dist.join(&path)) {
            Ok(bytes) => ("200 OK", media_type(&path), cache_control(&path), bytes),
            Err(_) => ("404 Not Found", "text/plain", "no-cache", b"not found\n".to_vec()),
        },
        ("GET" | "HEAD", None) => ("400 Bad Request", "text/plain", "no-cache", b"bad path\n".to_vec()),
        _ => (
            "405 Method Not Allowed",
            "text/plain",
            "no-cache",
            b"GET only\n".to_vec(),
        ),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: {cache}\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )?;
    if method == "GET" {
        stream.write_all(&body)?;
    }
    stream.flush()
}

/// The file that a request means, below `dist/`; `None` if it would lead out of it.
fn local_path(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let decoded = percent_decode(path)?;
    let path = if decoded.is_empty() || decoded.ends_with('/') {
        format!("{decoded}index.html")
    } else {
        decoded
    };
    let path = PathBuf::from(path);
    path.components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then_some(path)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|ext| ext.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A name that carries a hash never changes what it means; any other is asked for anew.
fn cache_control(path: &Path) -> &'static str {
    let hashed = path.components().any(|part| {
        let text = part.as_os_str().to_string_lossy();
        text.split(['-', '.', '_'])
            .any(|word| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_means_a_file_below_the_page() {
        assert_eq!(local_path("/"), Some(PathBuf::from("index.html")));
        assert_eq!(
            local_path("/engine-1/worker.js?v=2"),
            Some(PathBuf::from("engine-1/worker.js"))
        );
        assert_eq!(local_path("/a%20b"), Some(PathBuf::from("a b")));
    }

    #[test]
    fn a_request_cannot_leave_the_page() {
        for target in [
            "/../Cargo.toml",
            "/a/../../b",
            "/%2e%2e/b",
            "//etc/passwd",
            "/a%00",
            "/%zz",
            "etc",
            "",
        ] {
            assert_eq!(local_path(target), None, "{target}");
        }
    }

    #[test]
    fn only_hashed_names_are_kept_for_good() {
        assert_eq!(cache_control(Path::new("index.html")), "no-cache");
        assert!(cache_control(Path::new("engine-0123456789abcdef/worker.js")).contains("immutable"));
        assert!(cache_control(Path::new("web-0123456789abcdef_bg.wasm")).contains("immutable"));
    }

    #[test]
    fn a_port_is_a_number() {
        assert_eq!(port(&[]).ok(), Some(8080));
        assert_eq!(port(&["--port", "9"]).ok(), Some(9));
        assert_eq!(port(&["--port=0"]).ok(), Some(0));
        assert!(port(&["--port", "x"]).is_err());
        assert!(port(&["--port"]).is_err());
    }
}
