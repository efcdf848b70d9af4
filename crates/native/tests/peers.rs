//! Debian's Docker and skopeo against what is made here, and the other way round: archives, and the registry over a socket.
//!
//! `cargo xtask test peers` installs it. The tests start a Docker daemon of their own, which takes root, and end it.

use engine::Daemon;
use messages::{Answer, Ask, FileInput, Options, Subject};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use store::{LentBlobs, Limits, Time};
use workbench::{Next, Workbench};

const NOW: Time = Time {
    secs: 1_700_000_000,
    nanos: 0,
};

/// A program that runs until it is dropped.
struct Running(Child);

impl Running {
    /// Starts a program and reads its log until a line holds `mark`; returns that line too.
    fn start(command: &mut Command, mark: &str) -> (Running, String) {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test peers` installs it"));
        let mut running = Running(child);
        let mut log = BufReader::new(running.0.stderr.take().unwrap());
        let mut seen = String::new();
        loop {
            let from = seen.len();
            assert!(log.read_line(&mut seen).unwrap() > 0, "{command:?} ended:\n{seen}");
            if seen[from..].contains(mark) {
                let line = seen[from..].to_owned();
                // Read on, so that it can go on to write.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return (running, line);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to end, Docker unmounts what it mounted.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A Docker daemon and a registry of ours, in a folder; all gone when dropped.
struct Bench {
    /// Ends first: what it has mounted lies in the folder.
    docker: Option<Running>,
    /// `None` between an end and a start.
    registry: Option<Running>,
    address: String,
    dir: PathBuf,
}

impl Bench {
    fn new(name: &str) -> Bench {
        let dir = std::env::temp_dir().join(format!("layerlab-peers-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut dockerd = Command::new("dockerd");
        dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]);
        dockerd.arg(dir.join("data")).arg("--exec-root").arg(dir.join("exec"));
        dockerd.arg("--pidfile").arg(dir.join("pid"));
        dockerd.arg("-H").arg(socket(&dir));
        let (docker, _) = Running::start(&mut dockerd, "API listen on");
        let (registry, address) = serve(&dir, "127.0.0.1:0");
        Bench {
            docker: Some(docker),
            registry: Some(registry),
            address,
            dir,
        }
    }

    /// Ends the registry and starts it again, at the same address and with the same folder.
    fn restart_registry(&mut self) {
        drop(self.registry.take());
        self.registry = Some(serve(&self.dir, &self.address).0);
    }

    /// Runs a command of Docker that must succeed; returns what it printed.
    #[track_caller]
    fn docker(&self, words: &[&str]) -> String {
        let mut command = Command::new("docker");
        command
            .arg("-H")
            .arg(socket(&self.dir))
            .args(words)
            .current_dir(&self.dir);
        let output = command.stdin(Stdio::null()).output().expect("docker runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Loads an archive into Docker and returns the ID of the image called `name`.
    #[track_caller]
    fn loaded(&self, archive: &[u8], name: &str) -> String {
        fs::write(self.dir.join("loaded.tar"), archive).unwrap();
        self.docker(&["load", "-i", "loaded.tar"]);
        self.id(name)
    }

    #[track_caller]
    fn id(&self, name: &str) -> String {
        self.docker(&["image", "inspect", "--format", "{{.Id}}", name])
            .trim()
            .to_owned()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.docker.take());
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Starts a registry of ours on disk; returns where it listens.
fn serve(dir: &Path, address: &str) -> (Running, String) {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_layerlab"));
    serve.args(["registry", "serve", "--addr", address]).env_clear();
    serve.env("REGISTRY_STORAGE", "filesystem");
    serve.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", dir.join("registry"));
    let (registry, line) = Running::start(&mut serve, "listening on ");
    let address = line
        .split("listening on ")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    (registry, address.expect("an address").to_owned())
}

fn socket(dir: &Path) -> String {
    format!("unix://{}", dir.join("socket").display())
}

/// A project that was built in the page as `app:1`, and the image's ID.
fn built() -> (Workbench, String) {
    let mut bench = Workbench::new(NOW);
    let file = |path: &str, text: &str| FileInput {
        path: path.to_owned(),
        mode: 0o644,
        bytes: text.as_bytes().to_vec(),
    };
    let text = "FROM scratch\nCOPY a /a\nCOPY b /b/\nENV A=b\nCMD [\"/a\"]\n";
    let files = vec![
        file("Dockerfile", text),
        file("a", "hello"),
        file("b", &"b".repeat(100_000)),
    ];
    bench.handle(Ask::Open { files }, NOW);
    let options = Options {
        dockerfile: "Dockerfile".to_owned(),
        tag: "app:1".to_owned(),
        ..Options::default()
    };
    let mut last = bench.start(&options, NOW).pop();
    while bench.next() != Next::Idle {
        last = bench.step(&mut simulator::Simulator::new()).pop();
    }
    let Some(Answer::Built(image)) = last else {
        panic!("expected an image, found {last:?}");
    };
    (bench, image.id)
}

fn archive(bench: &mut Workbench, subject: Subject) -> Vec<u8> {
    match bench.handle(Ask::Archive(subject), NOW).pop() {
        Some(Answer::Archive { bytes, .. }) => bytes,
        other => panic!("expected an archive, found {other:?}"),
    }
}

/// The IDs of the workstation's images after an archive was loaded in the page.
fn ids_after_load(bytes: Vec<u8>) -> Vec<String> {
    let load = Ask::Load {
        host: 0,
        name: "saved.tar".to_owned(),
        bytes,
    };
    let answers = Workbench::new(NOW).handle(load, NOW);
    let machines = answers.iter().find_map(|answer| match answer {
        Answer::Machines(machines) => Some(machines),
        _ => None,
    });
    let images = &machines.unwrap_or_else(|| panic!("{answers:?}"))[0].images;
    images.iter().map(|image| image.id.clone()).collect()
}

#[test]
fn docker_loads_what_the_page_wrote_and_the_page_what_docker_wrote() {
    let bench = Bench::new("archives");
    let (mut page, id) = built();
    assert_eq!(bench.loaded(&archive(&mut page, Subject::Built), "app:1"), id);
    bench.docker(&["save", "-o", "saved.tar", "app:1"]);
    let saved = fs::read(bench.dir.join("saved.tar")).unwrap();
    assert_eq!(ids_after_load(saved), [id]);
}

#[test]
fn docker_loads_what_docker_save_of_our_daemon_writes() {
    let bench = Bench::new("saved");
    let (mut page, id) = built();
    let (mut daemon, mut blobs) = (Daemon::default(), LentBlobs::default());
    let own = archive(&mut page, Subject::Built);
    daemon
        .load(Box::new(own.as_slice()), &Limits::default(), NOW, &mut blobs)
        .unwrap();
    let mut saved = Vec::new();
    daemon.save(&["app:1".to_owned()], &mut blobs, &mut saved).unwrap();
    assert_eq!(bench.loaded(&saved, "app:1"), id);
}

#[test]
fn docker_and_the_program_load_what_the_other_saved() {
    let bench = Bench::new("program");
    let layerlab = |words: &[&str]| -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command.args(words).current_dir(&bench.dir).stdin(Stdio::null());
        let output = command.env("LAYERLAB_ROOT", bench.dir.join("root")).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    fs::create_dir(bench.dir.join("context")).unwrap();
    let text = "FROM scratch\nCOPY a /a\nCMD [\"/a\"]\n";
    fs::write(bench.dir.join("context/Dockerfile"), text).unwrap();
    fs::write(bench.dir.join("context/a"), "a".repeat(100_000)).unwrap();
    let id = layerlab(&["preview", "-q", "-t", "app:1", "-t", "app:2", "context"]);
    layerlab(&["save", "app", "-o", "ours.tar"]);
    bench.docker(&["load", "-i", "ours.tar"]);
    assert_eq!((bench.id("app:1"), bench.id("app:2")), (id.clone(), id.clone()));
    bench.docker(&["save", "-o", "theirs.tar", "app:2"]);
    layerlab(&["rmi", "app:1", "app:2"]);
    layerlab(&["builder", "prune", "-af"]);
    assert_eq!(layerlab(&["load", "-i", "theirs.tar"]), "Loaded image: app:2");
    assert_eq!(layerlab(&["inspect", "app:2", "-f", "{{.Id}}"]), id);
    // What Docker calls the same, we call the same.
    for format in [
        "{{json .RootFS.Layers}}",
        "{{json .Config.Cmd}}",
        "{{.Created}}",
        "{{.Size}}",
    ] {
        let words = ["image", "inspect", "app:2", "--format", format];
        assert_eq!(layerlab(&words), bench.docker(&words).trim(), "{format}");
    }
    assert!(layerlab(&["system", "fsck"]).ends_with("nothing is wrong"));
}

#[test]
fn docker_runs_what_a_build_made_and_the_program_what_docker_built() {
    let bench = Bench::new("builds");
    let layerlab = |words: &[&str]| -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command.args(words).current_dir(&bench.dir).stdin(Stdio::null());
        let output = command.env("LAYERLAB_ROOT", bench.dir.join("root")).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    };
    for folder in ["ours", "theirs"] {
        fs::create_dir(bench.dir.join(folder)).unwrap();
    }
    fs::copy("/bin/busybox", bench.dir.join("ours/busybox")).unwrap();
    let text = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"/bin\"]\n\
                RUN mkdir -p /etc /home && echo me:x:7:8::/:/bin/sh > /etc/passwd\n\
                ENV WORD=hello\nUSER me\nWORKDIR /home\nCMD echo $WORD $(id -u):$(id -g) $PWD\n";
    fs::write(bench.dir.join("ours/Dockerfile"), text).unwrap();
    layerlab(&["build", "-q", "--network", "none", "-t", "app:1", "ours"]);
    layerlab(&["save", "app:1", "-o", "ours.tar"]);
    bench.docker(&["load", "-i", "ours.tar"]);
    let run = ["run", "--rm", "--network", "none"];
    let said = bench.docker(&[&run[..], &["app:1"]].concat());
    assert_eq!(said, "hello 7:8 /home\n");
    assert_eq!(layerlab(&[&run[..], &["app:1"]].concat()), said);
    let text = "FROM app:1\nUSER 0\nRUN echo theirs > /made; rm /bin/vi\nCMD cat /made; ls /bin/vi 2>&1\n";
    fs::write(bench.dir.join("theirs/Dockerfile"), text).unwrap();
    bench.docker(&["build", "-q", "--network", "none", "-t", "theirs:1", "theirs"]);
    bench.docker(&["save", "-o", "theirs.tar", "theirs:1"]);
    layerlab(&["load", "-i", "theirs.tar"]);
    let said = layerlab(
        &[
            &run[..],
            &["theirs:1", "sh", "-c", "cat /made; ls /bin/vi 2>&1 || true"],
        ]
        .concat(),
    );
    assert_eq!(said, "theirs\nls: /bin/vi: No such file or directory\n");
}

#[test]
fn skopeo_reads_what_the_page_wrote_and_the_page_what_skopeo_wrote() {
    let dir = std::env::temp_dir().join(format!("layerlab-peers-{}-skopeo", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let skopeo = |from: &str, to: &str| {
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", from, to]).current_dir(&dir);
        let output = command.stdin(Stdio::null()).output().expect("skopeo runs");
        assert!(
            output.status.success(),
            "{from} to {to}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let (mut page, id) = built();
    fs::write(dir.join("page.tar"), archive(&mut page, Subject::Built)).unwrap();
    for (kind, name) in [("docker-archive", "docker.tar:app:1"), ("oci-archive", "oci.tar:1")] {
        // From one kind to the other skopeo writes the config anew.
        skopeo(&format!("{kind}:page.tar"), &format!("{kind}:{name}"));
        let file = name.split(':').next().expect("a file's name");
        let written = fs::read(dir.join(file)).unwrap();
        assert_eq!(ids_after_load(written), [id.as_str()], "{kind}");
    }
    skopeo("oci-archive:page.tar", "dir:back");
    let manifest = fs::read_to_string(dir.join("back/manifest.json")).unwrap();
    assert!(manifest.contains(&id), "{id} in {manifest}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn docker_pushes_to_our_registry_and_pulls_the_same_image() {
    let mut bench = Bench::new("registry");
    let (mut page, id) = built();
    bench.loaded(&archive(&mut page, Subject::Built), "app:1");
    let name = format!("{}/team/app:1", bench.address);
    bench.docker(&["tag", "app:1", &name]);
    let pushed = bench.docker(&["push", &name]);
    assert!(pushed.contains("1: digest: sha256:"), "{pushed}");
    let again = bench.docker(&["push", &name]);
    assert!(again.contains("Layer already exists"), "{again}");
    let other = format!("{}/other/app:1", bench.address);
    bench.docker(&["tag", "app:1", &other]);
    let mounted = bench.docker(&["push", &other]);
    assert!(mounted.contains("Mounted from team/app"), "{mounted}");
    bench.docker(&["rmi", "app:1", &name, &other]);
    bench.restart_registry();
    let pulled = bench.docker(&["pull", &name]);
    assert!(pulled.contains("Downloaded newer image"), "{pulled}");
    assert_eq!(bench.id(&name), id);
    assert!(File::open(bench.dir.join("pid")).is_ok(), "the daemon still runs");
}
