//! Builds on Debian's Docker engine, whose BuildKit answers as a worker does. Takes root: `cargo xtask test peers`.

mod workers;

use super::build;
use crate::args::{Cli, Command as Asked};
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::testing::Scratch;
use clap::Parser;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use store::Time;

/// A Docker engine of its own, in a folder; all gone when dropped.
struct Docker {
    process: Option<Child>,
    scratch: Scratch,
}

impl Docker {
    fn start() -> Docker {
        let scratch = Scratch::new();
        let mut dockerd = Command::new("dockerd");
        dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]);
        dockerd
            .arg(scratch.path("data"))
            .arg("--exec-root")
            .arg(scratch.path("exec"));
        dockerd.arg("--pidfile").arg(scratch.path("pid"));
        dockerd
            .arg("-H")
            .arg(format!("unix://{}", scratch.path("socket").display()));
        dockerd
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = dockerd.spawn().expect("`cargo xtask test peers` installs dockerd");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("API listen on") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "dockerd ended:\n{seen}");
        }
        // Read on, so that it can go on to write.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Docker {
            process: Some(child),
            scratch,
        }
    }

    fn address(&self) -> String {
        format!("docker://{}", self.scratch.path("socket").display())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        self.scratch.write(name, text)
    }

    /// A folder with a Dockerfile and a program that runs without anything beside it.
    fn project(&self, dockerfile: &str) -> PathBuf {
        let folder = self
            .write("project/Dockerfile", dockerfile)
            .parent()
            .unwrap()
            .to_owned();
        fs::copy("/bin/busybox", folder.join("busybox")).expect("`cargo xtask test peers` installs busybox-static");
        self.write("project/a", "first\n");
        folder
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Asked to end, Docker unmounts what it mounted.
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }
}

const DOCKERFILE: &str = "\
FROM scratch AS base
COPY busybox /bin/busybox
SHELL [\"/bin/busybox\", \"sh\", \"-c\"]
ARG GREETING
RUN --mount=type=secret,id=token echo $GREETING && busybox wc -c < /run/secrets/token > /length
FROM base
COPY a /a
LABEL from=\"$GREETING\"
";

/// What a build says on standard output and standard error.
fn run(words: &[&str], builders: &[&str]) -> Result<(String, String), Failure> {
    let mut line = vec!["layerlab", "build", "--progress", "plain"];
    line.extend(words);
    for builder in builders {
        line.extend(["--builder", builder]);
    }
    let Asked::Build(args) = Cli::try_parse_from(line).unwrap().command else {
        panic!("expected build");
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        stdin: &mut std::io::empty(),
        stdout: &mut stdout,
        stderr: &mut stderr,
        colour: false,
        environment: &|name| (name == "TOKEN").then(|| "secret".to_owned()),
        now: Time::default(),
    };
    build(&args, &mut terminal)?;
    Ok((String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
}

/// Whether the log of the RUN is there: what it wrote, and not only its name.
fn is_run(progress: &str) -> bool {
    progress
        .lines()
        .any(|line| line.starts_with('#') && line.ends_with(" hello"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_docker_engine_builds_and_the_image_is_kept_here() {
    let docker = Docker::start();
    let folder = docker.project(DOCKERFILE);
    let (root, tar, metadata, id) = (
        docker.scratch.path("root"),
        docker.scratch.path("image.tar"),
        docker.scratch.path("metadata.json"),
        docker.scratch.path("id"),
    );
    let output = format!("type=oci,dest={}", text(&tar));
    let words = [
        text(&folder),
        "--root",
        text(&root),
        "-t",
        "site:1",
        "--network",
        "none",
        "--secret",
        "id=token,env=TOKEN",
        "--build-arg",
        "GREETING=hello",
        "--output",
        &output,
        "--metadata-file",
        text(&metadata),
        "--iidfile",
        text(&id),
    ];
    let (out, progress) = run(&words, &[&docker.address()]).unwrap_or_else(|failure| panic!("{}", failure.render()));
    let image = fs::read_to_string(&id).unwrap();
    assert!(
        out.contains(&image) && out.contains("docker.io/library/site:1"),
        "{out}"
    );
    assert!(is_run(&progress) && !progress.contains("CACHED"), "{progress}");
    let inspected = Command::new("docker")
        .args(["-H", &format!("unix://{}", docker.scratch.path("socket").display())])
        .args(["image", "inspect", "--format", "{{.Id}}", "site:1"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&inspected.stdout).trim(),
        image,
        "the engine has the same image"
    );
    assert!(tar.metadata().unwrap().len() > 1_000_000);
    let facts: serde_json::Value = serde_json::from_slice(&fs::read(&metadata).unwrap()).unwrap();
    assert_eq!(facts["containerimage.config.digest"], image.as_str());
    assert_eq!(facts["layerlab.steps"][0]["cached"], false);

    let (_, again) = run(&words, &[&docker.address()]).unwrap();
    assert!(again.matches("CACHED").count() >= 3, "{again}");
    assert_eq!(fs::read_to_string(&id).unwrap(), image);

    docker.write("project/a", "second\n");
    let (_, changed) = run(&words, &[&docker.address()]).unwrap();
    assert!(changed.contains("CACHED") && !is_run(&changed), "{changed}");
    assert_ne!(fs::read_to_string(&id).unwrap(), image);
    // Of the folder, only the file that changed was sent again.
    let sent = changed
        .lines()
        .rfind(|line| line.contains("transferring context"))
        .unwrap();
    assert!(!sent.contains("MB"), "{sent}");
}

#[test]
fn an_error_of_the_engine_has_its_line() {
    let docker = Docker::start();
    let folder = docker.project("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"false\"]\n");
    let root = docker.scratch.path("root");
    let words = [text(&folder), "--root", text(&root), "--network", "none", "-t", "x"];
    let failure = run(&words, &[&docker.address()]).unwrap_err();
    let shown = failure.render();
    assert!(shown.starts_with("Dockerfile:3\n"), "{shown}");
    assert!(
        shown.contains("error: failed to solve: ") && shown.contains("/bin/busybox"),
        "{shown}"
    );
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY missing /\n").unwrap();
    let shown = run(&words, &[&docker.address()]).unwrap_err().render();
    assert!(shown.contains("missing"), "{shown}");
}

#[test]
fn a_builder_that_does_not_answer_is_passed_over_and_said() {
    let docker = Docker::start();
    let folder = docker.project("FROM scratch\nCOPY a /a\n");
    let root = docker.scratch.path("root");
    let words = [text(&folder), "--root", text(&root)];
    let failure = run(&words, &["unix:///nowhere/socket"]).unwrap_err();
    assert_eq!(
        failure.render(),
        "error: could not reach builder unix:///nowhere/socket: No such file or directory (os error 2)\n"
    );
    // Whichever comes first for this build, it is built.
    let address = docker.address();
    let project = format!("{}\0", folder.canonicalize().unwrap().display());
    let absent = |is_first: bool| {
        let mut names = (0..).map(|number| format!("unix:///nowhere/{number}"));
        let fits = |name: &String| (super::order(&[name, &address], &project)[0] == &name) == is_first;
        names.find(fits).unwrap()
    };
    for is_first in [true, false] {
        let (out, progress) = run(&words, &[&absent(is_first), &address]).unwrap();
        assert!(out.contains("sha256:"), "{out}");
        assert_eq!(
            progress.contains("warning: could not reach builder unix:///nowhere/"),
            is_first,
            "{progress}"
        );
    }
}
