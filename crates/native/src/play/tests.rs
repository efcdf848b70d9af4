//! Tests of the API over a socket, with a script in the place of the program that does the work.

use super::*;
use crate::testing::Scratch;
use messages::{NativePlan, RunEvent};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as Socket;
use std::os::unix::fs::PermissionsExt;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Notes its words, and does as a build, a list or an archive would. A build waits for something that holds the pipe `wait`, if that lies beside
/// it.
const PROGRAM: &str = r##"#!/bin/sh
here=$(dirname "$0")
for word in "$@"; do printf '%s\n' "$word" >> "$here/words"; done
case $1 in
images) printf '{"Repository":"site","Tag":"latest","ID":"sha256:%064d","CreatedSince":"now","Size":"1MB"}\n' 7 ;;
image) printf '[{"Id":"x","Config":{"OnBuild":["RUN from-base"]}}]' ;;
save) test "$4" = site || { echo "error: no such image" >&2; exit 1; }; printf archive ;;
push) echo "pushed $4" ;;
build)
    for word in "$@"; do last=$word; case $word in --preview-report=*) report=${word#*=} ;; esac; done
    echo "#1 [1/1] RUN make" >&2
    if [ -e "$here/wait" ]; then sleep 600 > "$here/wait" & echo "#1 0.1 waiting" >&2; wait; fi
    echo "#1 0.1 $(cat "$last/src/a")" >&2
    echo "#1 DONE 0.2s" >&2
    printf '{"version":1,"imageId":null,"steps":[]}' > "$report"
    ;;
esac
"##;

/// A server, the folder of its state, and what ends it.
struct Server {
    scratch: Scratch,
    address: String,
    token: String,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Server {
        let scratch = Scratch::new();
        scratch.write("dist/index.html", "<p>page</p>");
        let program = scratch.write("program/layerlab", PROGRAM);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let args = PlayArgs {
            port: 0,
            page: Some(scratch.path("dist")),
            open: false,
            no_open: true,
            root: Some(scratch.path("root")),
        };
        let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
        let terminal = Terminal {
            stdin: &mut stdin,
            stdout: &mut stdout,
            stderr: &mut stderr,
            colour: false,
            environment: &|_| None,
            now: store::Time::default(),
        };
        let play = Play::bind(&args, program, &terminal).unwrap();
        let (address, token) = play.link().split_once("/#token=").unwrap();
        let (address, token) = (address.trim_start_matches("http://").to_owned(), token.to_owned());
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || play.run_until(async move { _ = ended.await }));
        Server {
            scratch,
            address,
            token,
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// Sends a request as the page does, and returns the connection.
    fn send(&self, method: &str, path: &str, body: &[u8]) -> Socket {
        let mut socket = Socket::connect(&self.address).unwrap();
        let Server { address, token, .. } = self;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nOrigin: http://{address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        // A server that refuses a large body does not read all of it.
        let _ = socket.write_all(body);
        socket
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        answer(self.send(method, path, body))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        self.ask("POST", path, body.to_string().as_bytes())
    }

    fn plan(&self, dockerfile: &str) -> NativePlan {
        let (status, body) = self.post("/api/plan", &project(dockerfile));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// Makes builds wait; the pipe that they hold.
    fn waits(&self) -> PathBuf {
        let pipe = self.scratch.path("program/wait");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        pipe
    }

    /// Starts a build that waits; the connection stands after its head.
    fn begin(&self, plan: &NativePlan) -> BufReader<Socket> {
        let body = json!({ "hash": plan.hash }).to_string();
        let mut reader = BufReader::new(self.send("POST", "/api/go", body.as_bytes()));
        let mut line = String::new();
        while !line.contains("RUN make") {
            line.clear();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0);
        }
        reader
    }

    /// Ends the server, and waits until it is gone.
    fn end(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    fn words(&self) -> Vec<String> {
        let words = fs::read_to_string(self.scratch.path("program/words")).unwrap_or_default();
        words.lines().map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

fn answer(socket: Socket) -> (u16, Vec<u8>) {
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    while line.trim() != "" {
        assert!(!line.to_ascii_lowercase().starts_with("access-control-"), "{line}");
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    let mut body = Vec::new();
    // A broken connection ends an archive that is not whole.
    let _ = reader.read_to_end(&mut body);
    (status, body)
}

fn project(dockerfile: &str) -> Value {
    use base64::Engine;
    let file = |path: &str, text: &str| json!({ "path": path, "mode": 0o644, "base64": base64::engine::general_purpose::STANDARD.encode(text) });
    json!({
        "files": [file("Dockerfile", dockerfile), file("src/a", "content of a")],
        "options": { "dockerfile": "Dockerfile", "target": "", "build_args": [["A", "--b c"]], "tag": "site", "no_cache": true },
    })
}

fn events(body: &[u8]) -> Vec<RunEvent> {
    String::from_utf8_lossy(body)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_plan_is_shown_agreed_to_executed_and_told() {
    let server = Server::start();
    let plan = server.plan("FROM site\nRUN make\n");
    let argv: Vec<_> = plan.commands.iter().map(|command| command.argv[2].as_str()).collect();
    assert_eq!(argv, ["from-base", "make"]);
    assert!(
        !server.words().contains(&"build".to_owned()),
        "nothing runs before a person has agreed"
    );
    let (status, body) = server.post("/api/go", &json!({ "hash": plan.hash }));
    assert_eq!(status, 200);
    let events = events(&body);
    assert!(matches!(&events[0], RunEvent::Begun { number: 1, title } if title == "[1/1] RUN make"));
    assert!(events.contains(&RunEvent::Log {
        number: 1,
        text: "0.1 content of a".to_owned()
    }));
    assert!(
        matches!(events.last(), Some(RunEvent::Done { report: Some(_) })),
        "{events:?}"
    );
    let words = server.words();
    for word in ["--no-cache", "--tag=site", "--build-arg=A=--b c"] {
        assert!(words.contains(&word.to_owned()), "{word}: {words:?}");
    }
}

#[test]
fn a_plan_is_executed_once_and_no_other_one_in_its_place() {
    let server = Server::start();
    let plan = server.plan("FROM scratch\nCOPY src /src\n");
    assert_eq!(server.post("/api/go", &json!({ "hash": "0".repeat(64) })).0, 404);
    assert_eq!(
        server.post("/api/go", &json!({ "hash": plan.hash, "commands": [] })).0,
        400
    );
    assert_eq!(server.post("/api/go", &json!({ "hash": plan.hash })).0, 200);
    assert_eq!(server.post("/api/go", &json!({ "hash": plan.hash })).0, 404);
}

#[test]
fn a_build_that_is_cancelled_ends_with_all_it_started() {
    let server = Server::start();
    let waiting = server.waits();
    let plan = server.plan("FROM scratch\nCOPY src /src\n");
    let other = server.plan("FROM scratch\nCOPY src /other\n");
    let mut reader = server.begin(&plan);
    let mut held = fs::File::open(waiting).unwrap();
    assert_eq!(server.post("/api/go", &json!({ "hash": other.hash })).0, 409);
    assert_eq!(server.post("/api/stop", &json!({ "hash": other.hash })).0, 404);
    assert_eq!(server.post("/api/stop", &json!({ "hash": plan.hash })).0, 200);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("cancelled"), "{rest}");
    // The end of the pipe comes when nobody holds it any more.
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_build_ends_when_the_page_goes_away() {
    let server = Server::start();
    let waiting = server.waits();
    let reader = server.begin(&server.plan("FROM scratch\nCOPY src /src\n"));
    let mut held = fs::File::open(waiting).unwrap();
    drop(reader);
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_build_ends_when_the_server_does() {
    let mut server = Server::start();
    let waiting = server.waits();
    let reader = server.begin(&server.plan("FROM scratch\nCOPY src /src\n"));
    let mut held = fs::File::open(waiting).unwrap();
    let folder = server.scratch.path("root/play/1");
    assert!(folder.is_dir());
    server.end();
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert!(!folder.exists());
    drop(reader);
}

#[test]
fn images_are_listed_saved_and_pushed() {
    let server = Server::start();
    let (status, body) = server.ask("GET", "/api/images", b"");
    assert_eq!(status, 200);
    let images: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(images[0]["name"], "site:latest");
    assert_eq!(
        server.post("/api/save", &json!({ "image": "site" })),
        (200, b"archive".to_vec())
    );
    let (status, body) = server.post("/api/save", &json!({ "image": "other" }));
    assert_eq!(status, 502);
    assert!(String::from_utf8_lossy(&body).contains("no such image"));
    let (_, body) = server.post("/api/push", &json!({ "image": "localhost:5000/site" }));
    let pushed = RunEvent::Log {
        number: 0,
        text: "pushed localhost:5000/site".to_owned(),
    };
    assert_eq!(events(&body), [pushed, RunEvent::Done { report: None }]);
}

#[test]
fn nothing_is_done_for_a_stranger_or_by_looking() {
    let server = Server::start();
    let raw = |text: String| {
        let mut socket = Socket::connect(&server.address).unwrap();
        socket.write_all(text.as_bytes()).unwrap();
        answer(socket).0
    };
    let (address, token) = (&server.address, &server.token);
    assert_eq!(raw(format!("GET /api/hello HTTP/1.0\r\nHost: {address}\r\n\r\n")), 401);
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(
        raw(format!(
            "GET /api/hello HTTP/1.0\r\nHost: evil.example\r\n{bearer}\r\n\r\n"
        )),
        421
    );
    assert_eq!(raw(format!("GET /api/hello HTTP/1.0\r\n{bearer}\r\n\r\n")), 421);
    assert_eq!(
        raw(format!(
            "GET /api/images HTTP/1.0\r\nHost: {address}\r\nOrigin: http://evil.example\r\n{bearer}\r\n\r\n"
        )),
        403
    );
    // A preflight is answered like anything else that is not asked right: without a word that allows it.
    assert_eq!(
        raw(format!(
            "OPTIONS /api/go HTTP/1.0\r\nHost: {address}\r\nOrigin: http://evil.example\r\n\r\n"
        )),
        403
    );
    for path in ["plan", "go", "stop", "save", "push", "pull"] {
        assert_eq!(server.ask("GET", &format!("/api/{path}"), b"").0, 405, "{path}");
        assert_eq!(server.ask("PUT", &format!("/api/{path}"), b"{}").0, 405, "{path}");
    }
    assert_eq!(server.ask("POST", "/api/images", b"{}").0, 405);
    assert_eq!(server.ask("POST", "/api/other", b"{}").0, 404);
    assert_eq!(server.words(), Vec::<String>::new());
}

#[test]
fn names_of_files_and_images_reach_nothing_of_the_host() {
    let server = Server::start();
    for path in ["../../etc/cron.d/x", "/etc/passwd", "src/../../x", "src\\u0000"] {
        let text = project("FROM scratch\n").to_string().replace("src/a", path);
        assert_eq!(server.ask("POST", "/api/plan", text.as_bytes()).0, 422, "{path}");
    }
    for image in ["--root=/etc", "/etc/passwd", "../x", ""] {
        assert_eq!(server.post("/api/save", &json!({ "image": image })).0, 422, "{image}");
        assert_eq!(server.post("/api/pull", &json!({ "image": image })).0, 422, "{image}");
    }
    let mut other = project("FROM scratch\n");
    other["options"]["dockerfile"] = json!("/etc/passwd");
    assert_eq!(server.post("/api/plan", &other).0, 422);
    other["root"] = json!("/etc");
    assert_eq!(server.post("/api/plan", &other).0, 400);
    assert_eq!(server.words(), Vec::<String>::new());
}

#[test]
fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let server = Server::start();
    assert_eq!(server.ask("POST", "/api/go", &vec![b' '; 17 << 10]).0, 413);
    let mut socket = Socket::connect(&server.address).unwrap();
    let Server { address, token, .. } = &server;
    let head = format!(
        "POST /api/go HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let _ = socket.write_all(format!("5000\r\n{}\r\n0\r\n\r\n", " ".repeat(0x5000)).as_bytes());
    assert_eq!(answer(socket).0, 413);
    assert_eq!(server.ask("POST", "/api/go", b"{\"hash\":1}").0, 400);
    assert_eq!(server.ask("POST", "/api/go", b"\xff").0, 400);
}

#[test]
fn the_page_needs_no_token_and_the_link_holds_it_where_no_server_sees_it() {
    let server = Server::start();
    let mut socket = Socket::connect(&server.address).unwrap();
    socket
        .write_all(format!("GET / HTTP/1.0\r\nHost: {}\r\n\r\n", server.address).as_bytes())
        .unwrap();
    assert_eq!(answer(socket), (200, b"<p>page</p>".to_vec()));
    assert_eq!(server.token.len(), 64);
    assert!(server.address.starts_with("127.0.0.1:"));
}
