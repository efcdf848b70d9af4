//! A workstation to type commands on: files, an executor that does what its command says, registries in memory.

use builder::{Cache, ExecuteError, Executor, Fidelity, MountKind, Output, RunOutcome, RunRequest};
use cli::docker::{Host, Input, Machine, Outcome, run_timed};
use engine::{Daemon, HostFiles, Simulated};
use oci::{ContainerConfig, History, ImageConfig, Platform, Reference, Time};
use registry::client::{Anonymous, Bare, Client, DaemonConfig, PushOptions, RegistryConfig};
use registry::{
    Accounts, Answer, AuthConfig, Body, Call, Config, Headers, Identity, Limits, Method, Request, Server, Transport,
    TransportError, htpasswd_line,
};
use std::collections::BTreeMap;
use std::io::Cursor;
use store::{BlobStore, Content, Follow, Image, Layer, MemoryBlobs, Meta, Node, Tree, TreePath, diff};

/// When all this happens: 2023-11-14 22:13:20 UTC.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Commands, divided by `;`, as the last argument: `write PATH TEXT`, `remove PATH`, `echo TEXT`, `err TEXT`, `env NAME`, `stdin`,
/// `fail CODE`. The program `last` lasts, and `sh` alone as long as its input is open.
pub(crate) struct Script;

impl Executor for Script {
    fn run(
        &mut self,
        request: &RunRequest,
        tree: &Tree,
        blobs: &mut dyn BlobStore,
    ) -> Result<RunOutcome, ExecuteError> {
        let is_shell = request.argv.len() == 1 && request.argv[0].ends_with("sh");
        let lasts = request.argv[0].ends_with("last") || (is_shell && request.purpose == builder::Purpose::Interactive);
        let mut outcome = RunOutcome {
            tree: tree.clone(),
            caches: Vec::new(),
            exit: 0,
            lasting: lasts.then(|| request.argv.clone()),
            output: Vec::new(),
            millis: 1,
            fidelity: Fidelity::Exact,
        };
        for mount in &request.mounts {
            if let MountKind::Cache { id, node, .. } = &mount.kind {
                outcome.caches.push((id.clone(), node.clone()));
            }
        }
        for line in request.argv.last().cloned().unwrap_or_default().split(';') {
            let words: Vec<&str> = line.trim().splitn(3, ' ').collect();
            match words.as_slice() {
                ["write", at, text] => put(&mut outcome.tree, at, text, 0o644, blobs),
                ["remove", at] => drop(outcome.tree.remove(&path(at)).expect("it is there")),
                ["echo", ..] => outcome.output.push(Output::out(format!("{}\n", words[1..].join(" ")))),
                ["err", ..] => outcome.output.push(Output::err(format!("{}\n", words[1..].join(" ")))),
                ["fail", code] => outcome.exit = code.parse().expect("a number"),
                ["stdin"] => outcome.output.push(Output::out(request.stdin.clone())),
                ["env", name] => {
                    let found = request.env.iter().find(|(known, _)| known == name);
                    let value = found.map_or("unset", |(_, value)| value.as_str());
                    outcome.output.push(Output::out(format!("{value}\n")));
                }
                _ => {}
            }
        }
        Ok(outcome)
    }
}

fn path(text: &str) -> TreePath {
    TreePath::clean(text).expect("a path without NUL")
}

/// Puts a file into a tree, directories on the way.
pub(crate) fn put(tree: &mut Tree, at: &str, text: &str, mode: u32, blobs: &mut dyn BlobStore) {
    let meta = |mode| Meta {
        mtime: Time::of_secs(NOW - 1000),
        ..Meta::of_mode(mode)
    };
    let content = Content::Blob {
        digest: blobs.put(text.as_bytes()).expect("memory"),
        size: text.len() as u64,
    };
    tree.mkdir_all(&path(at).parent().expect("not the root"), &meta(0o755))
        .expect("room");
    tree.insert(&path(at), Node::file(meta(mode), content)).expect("room");
}

/// Files in a tree.
#[derive(Default)]
pub(crate) struct Files(pub(crate) Tree);

impl HostFiles for Files {
    fn get(&mut self, path: &str) -> Option<Node> {
        let at = self.0.resolve(path, Follow::Last).ok()?;
        if at.is_root() {
            return Some(Node::Dir(self.0.root().clone().into()));
        }
        self.0.get(&at).cloned()
    }

    fn put(&mut self, at: &str, node: Node) -> Result<(), String> {
        let at = path(at);
        self.0
            .mkdir_all(&at.parent().expect("not the root"), &Meta::of_mode(0o755))
            .map_err(|error| error.to_string())?;
        self.0.insert(&at, node).map_err(|error| error.to_string())
    }
}

/// The host of one command.
struct Shell<'a> {
    files: &'a mut Files,
    stdin: Option<Vec<u8>>,
    to_terminal: bool,
}

impl Host for Shell<'_> {
    fn files(&mut self) -> &mut dyn HostFiles {
        self.files
    }

    fn cwd(&self) -> String {
        "/home/me".to_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "HOME" => "/home/me",
            "HOSTNAME" => "workstation",
            "COLOUR" => "blue",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn stdin(&mut self) -> Input {
        self.stdin.take().map_or(Input::Terminal, Input::bytes)
    }

    fn writes_to_terminal(&self) -> bool {
        self.to_terminal
    }
}

/// Registries by host, and Docker Hub's search.
pub(crate) struct Net {
    pub(crate) servers: BTreeMap<String, (Server, MemoryBlobs)>,
}

impl Transport for Net {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        let (scheme, rest) = call.url.split_once("://").expect("an absolute URL");
        let (host, target) = rest.split_at(rest.find('/').expect("a path"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if host == "index.docker.io" && path == "/v1/search" {
            let body = r#"{"query":"x","num_results":2,"results":[{"name":"ubuntu","description":"An operating system with a very long description of itself","star_count":16000,"is_official":true},{"name":"some/ubuntu","description":"Mine","star_count":2}]}"#;
            return Ok(Answer {
                status: 200,
                headers: Headers::default(),
                body: Box::new(Cursor::new(body)),
            });
        }
        let Some((server, blobs)) = self.servers.get_mut(host) else {
            return Err(TransportError::UnknownHost {
                host: host.split(':').next().unwrap_or(host).to_owned(),
            });
        };
        // Only Docker Hub has a certificate.
        if scheme == "https" && host != "registry-1.docker.io" {
            return Err(TransportError::HttpForHttps);
        }
        let mut sent = Vec::new();
        call.body.read_to_end(&mut sent).expect("a body");
        let mut headers = call.headers.clone();
        if let Some(length) = call.length {
            headers.set("Content-Length", length.to_string());
        }
        let request = Request {
            method: call.method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            remote: "10.0.0.2:40000".to_owned(),
            body: &mut Cursor::new(sent),
        };
        let response = server.handle(request, Time::of_secs(NOW), blobs);
        let bytes = match response.body {
            _ if call.method == Method::Head => Vec::new(),
            Body::Bytes(bytes) => bytes,
            Body::Blob { digest, start, length } => {
                let whole = blobs.get(&digest).expect("the server names blobs it has");
                whole[start as usize..(start + length) as usize].to_vec()
            }
        };
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            body: Box::new(Cursor::new(bytes)),
        })
    }
}

/// A machine with a daemon, its files, and the network around it.
pub(crate) struct Workstation {
    pub(crate) daemon: Daemon,
    pub(crate) cache: Cache,
    pub(crate) blobs: MemoryBlobs,
    pub(crate) files: Files,
    pub(crate) net: Net,
    pub(crate) registries: RegistryConfig,
    pub(crate) secs: i64,
}

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) outcome: Outcome,
    pub(crate) bytes: Vec<u8>,
    pub(crate) millis: u64,
}

impl Said {
    pub(crate) fn code(&self) -> i32 {
        match &self.outcome {
            Outcome::Exit(code) => *code,
            other => panic!("{other:?}: {}{}", self.out, self.err),
        }
    }
}

impl Workstation {
    /// A machine without images. Docker Hub has `base:1` and `base:latest`; `reg.example:5000` lets `testuser` in with `password`.
    pub(crate) fn new() -> Workstation {
        let mut servers = BTreeMap::new();
        let server = |config| Server::new(config, Identity::registry_2(), Limits::default(), [7; 32]);
        for host in ["registry-1.docker.io", "localhost:5000"] {
            servers.insert(host.to_owned(), (server(Config::in_memory()), MemoryBlobs::default()));
        }
        let guarded = server(Config {
            auth: AuthConfig::Htpasswd {
                realm: "Registry Realm".to_owned(),
                path: "/auth/htpasswd".to_owned(),
            },
            ..Config::in_memory()
        });
        let line = htpasswd_line("testuser", "password", 4, [3; 16]);
        guarded.set_accounts(Accounts::parse(&line).expect("accounts"));
        servers.insert("reg.example:5000".to_owned(), (guarded, MemoryBlobs::default()));
        let mut machine = Workstation {
            daemon: Daemon::default(),
            cache: Cache::default(),
            blobs: MemoryBlobs::default(),
            files: Files::default(),
            net: Net { servers },
            registries: RegistryConfig::default(),
            secs: NOW,
        };
        let config = r#"{"insecure-registries": ["reg.example:5000"]}"#;
        machine.registries = DaemonConfig::parse(config).expect("a configuration").registries;
        machine.publish();
        let home = TreePath::clean("/home/me").expect("a path");
        machine.files.0.mkdir_all(&home, &Meta::of_mode(0o755)).expect("room");
        machine
    }

    /// Puts `base:1` and `base:latest` on Docker Hub.
    fn publish(&mut self) {
        let mut blobs = MemoryBlobs::default();
        let image = base(&mut blobs);
        let image = image.gzipped(&mut blobs).expect("memory");
        for name in ["base:1", "base:latest"] {
            let mut client = Client {
                transport: &mut self.net,
                host: &mut Bare,
                credentials: &Anonymous,
                config: &RegistryConfig::default(),
            };
            let options = PushOptions {
                sources: &|_: &oci::Digest| Vec::new(),
                chunk_bytes: None,
            };
            let name: Reference = name.parse().expect("a name");
            client.push(&image, &name, &options, &blobs).expect("the hub takes it");
        }
    }

    /// Puts a text file on this machine.
    pub(crate) fn file(&mut self, at: &str, text: &str) {
        put(&mut self.files.0, at, text, 0o644, &mut self.blobs);
    }

    /// The text of a file of this machine.
    pub(crate) fn text(&mut self, at: &str) -> String {
        let node = self.files.get(at).unwrap_or_else(|| panic!("{at} is not there"));
        let Content::Blob { digest, .. } = node.as_file().expect("a file").content else {
            panic!("{at} has no bytes")
        };
        String::from_utf8_lossy(&self.blobs.get(&digest).expect("it is here")).into_owned()
    }

    /// Types a command where there is no terminal; its words are divided by blanks, `'…'` holds some together.
    pub(crate) fn docker(&mut self, line: &str) -> Said {
        self.typed(line, Some(Vec::new()), false, &[])
    }

    /// The same with something in a pipe before it.
    pub(crate) fn piped(&mut self, bytes: &[u8], line: &str) -> Said {
        self.typed(line, Some(bytes.to_vec()), false, &[])
    }

    /// The same at a terminal, with the answers given so far.
    pub(crate) fn at_terminal(&mut self, line: &str, answers: &[&str]) -> Said {
        self.typed(line, None, true, answers)
    }

    fn typed(&mut self, line: &str, stdin: Option<Vec<u8>>, to_terminal: bool, answers: &[&str]) -> Said {
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let mut host = Shell {
            files: &mut self.files,
            stdin,
            to_terminal,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (outcome, millis) = run_timed(
            &words(line),
            &mut Machine {
                daemon: &mut self.daemon,
                cache: &mut self.cache,
                blobs: &mut self.blobs,
                executor: &mut Script,
                runtime: &mut Simulated,
                registries: &self.registries,
                transport: &mut self.net,
                wire: &mut Bare,
                host: &mut host,
                now: Time::of_secs(self.secs),
                out: &mut out,
                err: &mut err,
                answers: &answers,
            },
        );
        // A second passes between two commands.
        self.secs += 1;
        Said {
            out: String::from_utf8_lossy(&out).into_owned(),
            err: String::from_utf8_lossy(&err).into_owned(),
            outcome,
            bytes: out,
            millis,
        }
    }

    /// What a command that must go well prints.
    pub(crate) fn ok(&mut self, line: &str) -> String {
        let said = self.docker(line);
        assert_eq!(said.code(), 0, "{line}: {}{}", said.out, said.err);
        said.out
    }

    /// What a command that must fail says, and its exit code.
    pub(crate) fn fails(&mut self, line: &str) -> (String, i32) {
        let said = self.docker(line);
        assert_ne!(said.code(), 0, "{line}: {}{}", said.out, said.err);
        let code = said.code();
        (said.err, code)
    }
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                any = true;
            }
            ' ' if !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Two layers, a shell, a program that lasts, and a file.
fn base(blobs: &mut MemoryBlobs) -> Image {
    let mut first = Tree::new();
    for program in ["bin/sh", "bin/last", "bin/htpasswd"] {
        put(&mut first, program, "#!", 0o755, blobs);
    }
    put(&mut first, "etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644, blobs);
    let mut second = first.clone();
    put(&mut second, "srv/page", "hello\n", 0o644, blobs);
    let layers = [(&Tree::new(), &first), (&first, &second)]
        .map(|(lower, upper)| Layer::make(diff(lower, upper), None, blobs).expect("memory"));
    let created = Some(Time::of_secs(NOW - 86_400 * 3).into());
    let step = |by: &str| History {
        created,
        created_by: by.to_owned(),
        ..History::default()
    };
    let config = ImageConfig {
        platform: Platform::linux_amd64(),
        created,
        config: ContainerConfig {
            env: vec!["PATH=/bin".to_owned()],
            cmd: vec!["last".to_owned()],
            ..ContainerConfig::default()
        },
        history: vec![step("ADD rootfs.tar /"), step("COPY page /srv/page")],
        ..ImageConfig::default()
    };
    Image::new(config, layers.to_vec())
}
