//! A registry that runs, and how it is asked: by `curl`, by `skopeo` and by hand.

#![allow(dead_code)] // each suite uses its part

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A registry that runs, and a folder; both gone when dropped.
pub(crate) struct Bench {
    registry: Child,
    variables: Vec<(String, String)>,
    log: Arc<Mutex<String>>,
    pub(crate) address: String,
    pub(crate) dir: PathBuf,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header field, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&field.1)
    }

    /// A header field that must be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the first error.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        document["errors"][0]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{self:?}"))
            .to_owned()
    }

    fn read(mut stream: impl Read, is_head: bool) -> Option<Reply> {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let body = bytes[end + 4..].to_vec();
        let reply = Reply { status, headers, body };
        if status == 100 {
            return Reply::read(reply.body.as_slice(), is_head);
        }
        if let Some(length) = reply.get("content-length").filter(|_| !is_head && status != 304) {
            assert_eq!(length, reply.body.len().to_string(), "{head}");
        }
        Some(reply)
    }
}

impl Bench {
    /// A registry in memory, with these variables beside none.
    pub(crate) fn new(variables: &[(&str, &str)]) -> Bench {
        Bench::start(new_dir(), variables)
    }

    /// A registry on disk.
    pub(crate) fn on_disk(variables: &[(&str, &str)]) -> Bench {
        let storage = [
            ("REGISTRY_STORAGE", "filesystem"),
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "registry"),
        ];
        Bench::new(&[&storage, variables].concat())
    }

    /// A registry in a folder that holds what it needs.
    pub(crate) fn start(dir: PathBuf, variables: &[(&str, &str)]) -> Bench {
        fs::write(
            dir.join("htpasswd"),
            "testuser:$2b$05$2xkI7E08aS.RL6qtgg4NiOrbBVEaxJ/Wlf6iQgXMqJV/9ZnQza/My\n",
        )
        .unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<(String, String)> = variables.iter().map(owned).collect();
        let log = Arc::default();
        let (registry, address) = spawn(&dir, &variables, "127.0.0.1:0", &log);
        Bench {
            registry,
            variables,
            log,
            address,
            dir,
        }
    }

    /// Kills the registry, without a word to it, and starts it again at the same address.
    pub(crate) fn restart(&mut self) {
        self.registry.kill().unwrap();
        self.registry.wait().unwrap();
        let (registry, _) = spawn(&self.dir, &self.variables, &self.address, &self.log);
        self.registry = registry;
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.registry.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(
            Command::new("kill")
                .args([format!("-{name}"), id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until it has ended; its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.registry.wait().unwrap().code()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Asks, over a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_ask(method, target, headers, body)
            .unwrap_or_else(|| panic!("no answer to {method} {target}"))
    }

    /// As `ask`, of a registry that may be dying.
    pub(crate) fn try_ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Reply> {
        let mut head = vec![
            format!("{method} {target} HTTP/1.1"),
            "Host: registry.test".to_owned(),
            "Connection: close".to_owned(),
        ];
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let has_length = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !has_length && (!body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH")) {
            head.push(format!("Content-Length: {}", body.len()));
        }
        let head = head.join("\r\n");
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        stream.write_all(format!("{head}\r\n\r\n").as_bytes()).ok()?;
        // It may answer without reading all of it.
        let _ = stream.write_all(body);
        Reply::read(stream, method == "HEAD")
    }

    /// Sends these bytes and reads what comes until the connection ends; `None` for nothing.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Reply> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        Reply::read(stream, false)
    }

    /// Pushes a blob in one request and returns its digest.
    #[track_caller]
    pub(crate) fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = oci::Digest::of(bytes).to_string();
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let reply = self.ask("POST", &target, &[], bytes);
        assert_eq!(reply.status, 201, "{reply:?}");
        digest
    }

    /// Pushes a manifest.
    pub(crate) fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, bytes: &[u8]) -> Reply {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.ask("PUT", &target, &[("Content-Type", media_type)], bytes)
    }

    /// Pushes an image of one layer and returns its manifest's bytes.
    #[track_caller]
    pub(crate) fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> Vec<u8> {
        let config = b"{}";
        let (config_digest, digest) = (self.push_blob(repository, config), self.push_blob(repository, layer));
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{}}}]}}"#,
            layer.len()
        );
        let reply = self.put_manifest(repository, tag, IMAGE, manifest.as_bytes());
        assert_eq!(reply.status, 201, "{reply:?}");
        manifest.into_bytes()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// What `curl` prints: header fields in lower case, and the body.
    pub(crate) fn curl(&self, words: &[&str], target: &str) -> String {
        let url = self.url(target);
        let output = self.run(
            "curl",
            &[
                &["--silent", "--show-error", "--include", "--max-time", "60"],
                words,
                &[&url],
            ]
            .concat(),
        );
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    #[track_caller]
    pub(crate) fn skopeo(&self, words: &[&str]) -> String {
        let output = self.run("skopeo", &[&["--insecure-policy"], words].concat());
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        let ran = Command::new(program)
            .args(words)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .output();
        ran.unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test native` installs it"))
    }

    /// An image that `layerlab` built, as an archive; returns its ID.
    pub(crate) fn build(&self) -> String {
        fs::create_dir_all(self.dir.join("context")).unwrap();
        fs::write(
            self.dir.join("context/Dockerfile"),
            "FROM scratch\nCOPY a /a\nCOPY b /b\n",
        )
        .unwrap();
        fs::write(self.dir.join("context/a"), "hello").unwrap();
        fs::write(self.dir.join("context/b"), vec![7; 3 << 20]).unwrap();
        let words = [
            "preview",
            "--quiet",
            "--root",
            "root",
            "-o",
            "type=oci,dest=image.tar",
            "--iidfile",
            "id",
            "context",
        ];
        let output = self.run(env!("CARGO_BIN_EXE_layerlab"), &words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.dir.join("id")).unwrap().trim().to_owned()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Begins an upload and returns its path.
    pub(crate) fn begin(&self) -> String {
        let begun = self.curl(&["-X", "POST"], "/v2/a/blobs/uploads/");
        field(&begun, "location").to_owned()
    }
}

/// The media type of an image's manifest.
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A new folder in a place for temporary files.
pub(crate) fn new_dir() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("layerlab-registry-{}-{count}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Starts a registry and waits until it says where it listens.
fn spawn(dir: &PathBuf, variables: &[(String, String)], address: &str, log: &Arc<Mutex<String>>) -> (Child, String) {
    let mut registry = Command::new(env!("CARGO_BIN_EXE_layerlab"))
        .args(["registry", "serve", "--addr", address])
        .current_dir(dir)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(registry.stderr.take().unwrap());
    let mut said = String::new();
    let address = loop {
        let from = said.len();
        assert!(lines.read_line(&mut said).unwrap() > 0, "the registry ended: {said}");
        if let Some((_, rest)) = said[from..].split_once("listening on ") {
            break rest.split(['"', ',']).next().unwrap().to_owned();
        }
    };
    log.lock().unwrap().push_str(&said);
    let log = Arc::clone(log);
    // Read on, so that the registry can go on to write.
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    (registry, address)
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[track_caller]
pub(crate) fn field<'t>(reply: &'t str, name: &str) -> &'t str {
    let value = reply.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    });
    value.unwrap_or_else(|| panic!("no {name} in {reply}"))
}
