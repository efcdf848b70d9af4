//! Docker Hub for the course: a registry of ours behind TLS under Hub's names, with stand-ins for the images that the course takes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_layerlab");
/// Of the machine `registry.lab`, which is the network namespace that the test runs in.
const REGISTRY_LAB: &str = "10.9.0.2";
const HUB: &str = "10.9.1.2";
const INDEX: &str = "10.9.1.3";

/// What a search of Hub answers.
const FOUND: &str = "{\"num_results\": 1, \"query\": \"ubuntu\", \"results\": [{\"name\": \"ubuntu\", \"description\": \"A stand-in\", \
                     \"star_count\": 1, \"is_official\": true, \"is_automated\": false}]}";

/// Hub, with all that runs there.
pub(crate) struct Hub {
    folder: PathBuf,
    running: Vec<Running>,
}

impl Hub {
    /// Makes the network and Hub's servers, and pushes the images.
    pub(crate) fn open(lab: &Path) -> Hub {
        let folder = lab.join("hub");
        fs::create_dir_all(folder.join("v1")).unwrap();
        let mut hub = Hub {
            folder,
            running: Vec::new(),
        };
        fs::write(
            hub.hosts(),
            format!(
                "127.0.0.1 localhost\n{REGISTRY_LAB} registry.lab\n{HUB} registry-1.docker.io\n{INDEX} index.docker.io\n"
            ),
        )
        .unwrap();
        hub.make_network();
        hub.certify();
        hub.serve();
        hub.fill();
        hub
    }

    /// The `/etc/hosts` of all machines.
    pub(crate) fn hosts(&self) -> PathBuf {
        self.folder.join("hosts")
    }

    /// The certificate that vouches for Hub.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("hub.crt")
    }

    /// A namespace for Hub, joined to this one.
    fn make_network(&mut self) {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "sh", "-c", "echo ready >&2; exec sleep infinity"]);
        let holder = Running::start(&mut holder, "ready");
        let pid = holder.0.id().to_string();
        self.running.push(holder);
        for line in [
            "link set lo up".to_owned(),
            format!("address add {REGISTRY_LAB}/32 dev lo"),
            format!("link add lab type veth peer name hub netns {pid}"),
            "address add 10.9.1.1/24 dev lab".to_owned(),
            "link set lab up".to_owned(),
        ] {
            run(Command::new("ip").args(line.split(' ')));
        }
        for line in [
            "link set lo up".to_owned(),
            format!("address add {HUB}/24 dev hub"),
            format!("address add {INDEX}/24 dev hub"),
            "link set hub up".to_owned(),
        ] {
            run(self.there("ip").args(line.split(' ')));
        }
    }

    /// A program on Hub's side.
    fn there(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.running[0].0.id().to_string(), "--net", program]);
        command.current_dir(&self.folder);
        command
    }

    fn certify(&self) {
        let names = "subjectAltName=DNS:registry-1.docker.io,DNS:index.docker.io";
        let words = "req -newkey rsa:2048 -nodes -keyout hub.key -x509 -out hub.crt -subj /CN=hub -addext";
        let mut openssl = Command::new("openssl");
        openssl.args(words.split(' ')).arg(names).current_dir(&self.folder);
        run(&mut openssl);
    }

    fn serve(&mut self) {
        let mut serve = self.there(PROGRAM);
        serve.args(["registry", "serve", "--addr"]).arg(format!("{HUB}:443"));
        serve.env("REGISTRY_STORAGE", "filesystem");
        serve.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", self.folder.join("images"));
        serve.env("REGISTRY_HTTP_TLS_CERTIFICATE", self.folder.join("hub.crt"));
        serve.env("REGISTRY_HTTP_TLS_KEY", self.folder.join("hub.key"));
        self.running.push(Running::start(&mut serve, "listening on "));
        let length = FOUND.len();
        let answer =
            format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{FOUND}");
        fs::write(self.folder.join("v1/search?q=ubuntu&n=25"), answer).unwrap();
        let mut index = self.there("sh");
        // It says on standard output that it listens.
        let line = format!("exec openssl s_server -accept {INDEX}:443 -cert hub.crt -key hub.key -HTTP >&2");
        index.args(["-c", &line]);
        self.running.push(Running::start(&mut index, "ACCEPT"));
    }

    /// Builds the images and pushes them under their names.
    fn fill(&self) {
        let context = self.folder.join("context");
        fs::create_dir_all(context.join("registry")).unwrap();
        fs::copy("/bin/busybox", context.join("busybox")).unwrap();
        run(Command::new("strip")
            .arg("-o")
            .arg(context.join("registry/layerlab"))
            .arg(PROGRAM));
        for program in [PROGRAM, "/usr/bin/htpasswd"] {
            copy_with_libraries(Path::new(program), &context.join("registry"));
        }
        fs::write(context.join("Dockerfile"), include_str!("hub.Dockerfile")).unwrap();
        for (target, name) in [
            ("nginx", "nginx:1.27"),
            ("ubuntu", "ubuntu:bionic"),
            ("ubuntu", "ubuntu:latest"),
            ("golang", "golang:1.12.4"),
            ("busybox", "alpine:3.9.3"),
            ("busybox", "busybox:latest"),
            ("registry", "registry:2"),
        ] {
            self.layerlab(&[
                "build",
                "-q",
                "--network",
                "none",
                "--target",
                target,
                "-t",
                name,
                "context",
            ]);
            self.layerlab(&["push", "-q", name]);
        }
    }

    fn layerlab(&self, words: &[&str]) {
        let mut command = self.there("unshare");
        let hosts = format!("mount --bind {} /etc/hosts && exec \"$@\"", self.hosts().display());
        command.args(["--mount", "sh", "-c", &hosts, "sh", PROGRAM]).args(words);
        command
            .env("LAYERLAB_ROOT", self.folder.join("root"))
            .env("HOME", &self.folder)
            .env("SSL_CERT_FILE", self.authority());
        run(&mut command);
    }
}

/// Copies a program, unless it is there already, and the libraries that it names to the places where it looks for them.
fn copy_with_libraries(program: &Path, root: &Path) {
    let place = root.join(program.file_name().expect("a program has a name"));
    if !place.exists() {
        fs::copy(program, place).unwrap();
    }
    let listed = Command::new("ldd").arg(program).output().expect("ldd runs");
    let listed = String::from_utf8(listed.stdout).unwrap();
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let place = root.join("libraries").join(library.trim_start_matches('/'));
        fs::create_dir_all(place.parent().expect("it lies in a folder")).unwrap();
        fs::copy(library, place).unwrap();
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test peers` installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Running {
    /// Starts a program and reads its log until a line holds `mark`.
    #[track_caller]
    fn start(command: &mut Command, mark: &str) -> Running {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test peers` installs it"));
        let mut running = Running(child);
        let mut log = BufReader::new(running.0.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains(mark) {
            assert!(log.read_line(&mut seen).unwrap() > 0, "{command:?} ended:\n{seen}");
        }
        // Read on, so that it can go on to write.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
