//! `curl` and `wget` over the simulated network.

use super::edit;
use super::reach::absolute;
use crate::lab::{Lab, Tools};
use crate::names::{Destination, look_up};
use crate::network::NOT_SIMULATED;
use builder::{CallAnswer, HostCall};
use registry::client::{Scheme, Url};
use registry::{Call, Headers, Method, TlsPolicy, Transport, TransportError};
use std::fmt::Write;
use std::io::Read;
use store::{Content, Follow, Tree, TreePath};

/// Largest answer that is shown or kept.
const MAX_BYTES: u64 = 64 << 20;
/// Where web servers in containers keep their pages.
const ROOTS: [&str; 3] = ["/usr/share/nginx/html", "/var/www/html", "/usr/local/apache2/htdocs"];

/// What the command line asks for.
#[derive(Debug, Default)]
struct Wish {
    url: String,
    method: Option<Method>,
    headers: Headers,
    data: Option<Vec<u8>>,
    show_headers: bool,
    head_only: bool,
    insecure: bool,
    authority: Option<String>,
    fail: bool,
    follow: bool,
    silent: bool,
    output: Option<String>,
    discard: bool,
}

/// Runs it.
pub(super) fn run(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> CallAnswer {
    let wish = match read(call) {
        Ok(wish) => wish,
        Err(why) => return super::failed(2, &format!("{}: {why}\n", call.command)),
    };
    let authorities = match &wish.authority {
        None => Vec::new(),
        Some(path) => match lab.machines[machine].text(&absolute(path, &call.cwd), tools.blobs) {
            Some(pem) => vec![pem],
            None => return super::failed(77, &format!("curl: (77) error setting certificate file: {path}\n")),
        },
    };
    let tls = TlsPolicy {
        authorities,
        skip_verify: wish.insecure,
        ..TlsPolicy::default()
    };
    match fetch(&wish, &tls, machine, lab, tools) {
        Ok(answer) => deliver(&wish, answer, call, machine, lab, tools),
        Err((code, _)) if wish.silent => super::failed(code, ""),
        Err((_, why)) if call.command == "wget" => super::failed(4, &format!("wget: {why}\n")),
        Err((code, why)) => super::failed(code, &format!("curl: ({code}) {why}\n")),
    }
}

fn read(call: &HostCall) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut args = call.args.iter();
    let is_wget = call.command == "wget";
    while let Some(arg) = args.next() {
        let mut value = |name: &str| args.next().cloned().ok_or(format!("option {name}: requires parameter"));
        match arg.as_str() {
            "-k" | "--insecure" | "--no-check-certificate" => wish.insecure = true,
            "-i" | "--include" | "-v" | "--verbose" => wish.show_headers = true,
            "-I" | "--head" => (wish.head_only, wish.show_headers) = (true, true),
            "-s" | "--silent" | "-sS" | "-S" | "-q" | "--quiet" | "-sSL" | "-sL" | "-fsSL" | "-fsS" | "-sf" | "-fs"
            | "-sk" | "-ks" => {
                wish.silent = arg != "-S" && !arg.contains("sS");
                wish.follow |= arg.contains('L');
                wish.fail |= arg.contains('f');
                wish.insecure |= arg.contains('k');
            }
            "-f" | "--fail" => wish.fail = true,
            "-L" | "--location" => wish.follow = true,
            "--cacert" | "--ca-certificate" => wish.authority = Some(value(arg)?),
            "-u" | "--user" => {
                let login = value(arg)?;
                wish.headers
                    .set("Authorization", format!("Basic {}", base64(login.as_bytes())));
            }
            "-H" | "--header" => {
                let field = value(arg)?;
                let (name, text) = field.split_once(':').ok_or("expected NAME: VALUE after -H")?;
                wish.headers.add(name.trim(), text.trim());
            }
            "-d" | "--data" | "--data-raw" | "--data-binary" => {
                wish.data = Some(value(arg)?.into_bytes());
                wish.headers.set("Content-Type", "application/x-www-form-urlencoded");
            }
            "-X" | "--request" => wish.method = Some(method(&value(arg)?)?),
            "-o" | "--output" | "-O" if !is_wget || arg != "-O" => match arg.as_str() {
                "-O" => wish.output = Some(String::new()),
                _ => wish.output = Some(value(arg)?),
            },
            "-O" => wish.output = Some(value(arg)?),
            "-qO-" => wish.output = Some("-".to_owned()),
            option if option.starts_with('-') && option.len() > 1 => {
                return Err(format!("option {option}: is unknown"));
            }
            url => url.clone_into(&mut wish.url),
        }
    }
    if wish.url.is_empty() {
        return Err("no URL specified".to_owned());
    }
    if !wish.url.contains("://") {
        wish.url = format!("http://{}", wish.url);
    }
    if is_wget && wish.output.is_none() {
        wish.output = Some(String::new());
    }
    wish.discard = wish.output.as_deref() == Some("/dev/null");
    Ok(wish)
}

fn method(text: &str) -> Result<Method, String> {
    Ok(match text {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        other => return Err(format!("expected a method of HTTP, found {other:?}")),
    })
}

/// What came back.
struct Fetched {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

/// Asks, and follows redirections where that was wished for. An error has curl's number.
fn fetch(
    wish: &Wish,
    tls: &TlsPolicy,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Result<Fetched, (i32, String)> {
    let method = match (wish.method, wish.head_only, &wish.data) {
        (Some(method), ..) => method,
        (None, true, _) => Method::Head,
        (None, false, Some(_)) => Method::Post,
        (None, false, None) => Method::Get,
    };
    let bad = |_| (3, "URL using bad/illegal format or missing URL".to_owned());
    let mut url = Url::parse(&wish.url).map_err(bad)?;
    for _ in 0..10 {
        if let Some(page) = page(&url, machine, lab, tools) {
            return Ok(page);
        }
        let mut notes = Vec::new();
        let mut network = lab.network(machine, tools.now, &mut notes);
        let data = wish.data.clone().unwrap_or_default();
        let mut body = data.as_slice();
        let answer = network.send(Call {
            method,
            url: &url.to_string(),
            headers: &wish.headers,
            length: wish.data.as_ref().map(|data| data.len() as u64),
            body: &mut body,
            tls,
        });
        let answer = answer.map_err(|error| worded(&error, &url))?;
        let mut bytes = Vec::new();
        answer
            .body
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| (56, error.to_string()))?;
        let location = answer.headers.get("Location").map(str::to_owned);
        if let (true, 301 | 302 | 303 | 307 | 308, Some(location)) = (wish.follow, answer.status, location) {
            url = url.join(&location).map_err(bad)?;
            continue;
        }
        return Ok(Fetched {
            status: answer.status,
            headers: answer.headers,
            body: bytes,
        });
    }
    Err((47, "Maximum (10) redirects followed".to_owned()))
}

/// The page that a web server in a container would answer with: a file below the root of its pages.
fn page(url: &Url, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> Option<Fetched> {
    let Some(Destination::Machine(there)) = look_up(url.host(), machine) else {
        return None;
    };
    if url.scheme() == Scheme::Https {
        return None;
    }
    let (container, _) = lab.machines[there].daemon.listener(url.port(), engine::Protocol::Tcp)?;
    let program = container
        .state
        .processes
        .first()?
        .argv
        .first()?
        .rsplit('/')
        .next()?
        .to_owned();
    if !matches!(program.as_str(), "nginx" | "httpd" | "apache2" | "httpd-foreground") {
        return None;
    }
    let id = container.id.clone();
    let place = crate::terminal::Where::Container(there, id);
    let tree = lab.tree_of(&place, tools).ok()?;
    let mut headers = Headers::default();
    headers.set("Server", format!("{program} (simulated)"));
    let found = ROOTS.iter().find_map(|root| file(&tree, root, url.path()));
    let (status, body) = match found {
        Some(Content::Blob { digest, .. }) => (200, tools.blobs.get(&digest).ok()?.to_vec()),
        Some(Content::Absent { .. }) => (200, b"(the content of this page is not simulated)\n".to_vec()),
        None => (
            404,
            b"<html><head><title>404 Not Found</title></head></html>\n".to_vec(),
        ),
    };
    headers.set("Content-Length", body.len().to_string());
    Some(Fetched { status, headers, body })
}

/// The file behind a path of a site, `index.html` for a directory. Never one outside of the root.
fn file(tree: &Tree, root: &str, path: &str) -> Option<Content> {
    let clean = TreePath::clean(path).ok()?;
    let mut wanted = format!("{root}{}", clean.absolute());
    if path.ends_with('/') {
        wanted = format!("{}/index.html", wanted.trim_end_matches('/'));
    }
    let place = tree.resolve(&wanted, Follow::Last).ok()?;
    Some(tree.get(&place)?.as_file()?.content)
}

/// The error in curl's words, with its number.
fn worded(error: &TransportError, url: &Url) -> (i32, String) {
    match error {
        TransportError::UnknownHost { host } => (6, format!("Could not resolve host: {host}")),
        TransportError::Refused { .. } => (
            7,
            format!(
                "Failed to connect to {} port {} after 0 ms: Couldn't connect to server",
                url.host(),
                url.port()
            ),
        ),
        TransportError::HttpForHttps => (35, "error:0A00010B:SSL routines::wrong version number".to_owned()),
        TransportError::UnknownAuthority => (60, "SSL certificate problem: self-signed certificate".to_owned()),
        TransportError::WrongHost { host, .. } => (
            60,
            format!("SSL: no alternative certificate subject name matches target host name '{host}'"),
        ),
        other => (60, format!("SSL certificate problem: {other}")),
    }
}

fn deliver(
    wish: &Wish,
    answer: Fetched,
    call: &HostCall,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> CallAnswer {
    if wish.fail && answer.status >= 400 {
        let text = format!("curl: (22) The requested URL returned error: {}\n", answer.status);
        return super::failed(22, if wish.silent { "" } else { &text });
    }
    let mut out = Vec::new();
    if wish.show_headers {
        let mut head = format!("HTTP/1.1 {}\n", answer.status);
        for (name, value) in answer.headers.iter() {
            let _ = writeln!(head, "{name}: {value}");
        }
        head.push('\n');
        out.extend(head.into_bytes());
    }
    let note = if answer.body == NOT_SIMULATED.as_bytes() {
        NOT_SIMULATED
    } else {
        ""
    };
    if !wish.head_only {
        out.extend(answer.body);
    }
    let done = CallAnswer {
        stderr: note.as_bytes().to_vec(),
        ..CallAnswer::default()
    };
    match wish.output.as_deref() {
        _ if wish.discard => done,
        None | Some("-") => CallAnswer { stdout: out, ..done },
        Some(name) => {
            let own = wish
                .url
                .rsplit('/')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("index.html");
            let path = absolute(if name.is_empty() { own } else { name }, &call.cwd);
            match edit::write(&path, &out, call, machine, lab, tools) {
                Ok(()) => done,
                Err(why) => super::failed(23, &format!("curl: (23) Failure writing output to {path}: {why}\n")),
            }
        }
    }
}

/// Bytes as Basic authentication writes them.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
