//! The program as a person runs it: arguments, files, exit codes, what is printed and what is written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use store::MemoryBlobs;
use store::layout::load_archive;

/// A folder with a context, a root and outputs; removed when dropped.
struct Bench(PathBuf);

impl Bench {
    /// A context of these files.
    fn new(files: &[(&str, &str)]) -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "layerlab-cli-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let bench = Bench(std::env::temp_dir().join(name));
        fs::create_dir_all(bench.path("context")).unwrap();
        for (path, text) in files {
            bench.write(path, text);
        }
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("context").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command
            .args(words)
            .current_dir(&self.0)
            .env_clear()
            .env("HOME", &self.0)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Run {
        Run::of(self.command(words).output().unwrap())
    }

    /// `layerlab preview --root root … context`.
    fn preview(&self, words: &[&str]) -> Run {
        self.run(&[&["preview", "--root", "root"], words, &["context"]].concat())
    }

    fn run_with_stdin(&self, words: &[&str], stdin: &str) -> Run {
        let mut command = self.command(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }

    /// Names in the top folder, the context and what the root made left out.
    fn outputs(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names
            .filter(|name| !["context", "root", ".local"].contains(&name.as_str()))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn ok(self) -> Run {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// The message of a failure, which must stand last.
    #[track_caller]
    fn error(&self) -> &str {
        assert_ne!(self.code, 0, "{}", self.stdout);
        let last = self.stderr.lines().last().unwrap_or("");
        last.strip_prefix("error: ")
            .unwrap_or_else(|| panic!("no error at the end of {}", self.stderr))
    }
}

/// The one image of an archive, every claim of it verified, and its ID.
#[track_caller]
fn image_of(archive: &Path) -> store::Image {
    let mut blobs = MemoryBlobs::default();
    let bytes = fs::read(archive).unwrap();
    let mut images = load_archive(Box::new(bytes.as_slice()), None, &store::Limits::default(), &mut blobs).unwrap();
    assert_eq!(images.len(), 1);
    let image = images.remove(0).image;
    assert_eq!(store::validate(&image, &blobs), []);
    image
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

const HELLO: &[(&str, &str)] = &[
    ("hello.txt", "hello\n"),
    (
        "Dockerfile",
        "FROM scratch\nCOPY hello.txt /\nENV A=b\nWORKDIR /app\nCOPY hello.txt ./\nCMD [\"/x\"]\n",
    ),
];

#[test]
fn the_image_id_is_the_one_a_running_buildkit_gives() {
    let bench = Bench::new(HELLO);
    let output = "type=oci,dest=out.tar,rewrite-timestamp=true";
    let epoch = "SOURCE_DATE_EPOCH=1700000000";
    bench
        .preview(&[
            "--platform",
            "linux/amd64",
            "--build-arg",
            epoch,
            "-o",
            output,
            "--metadata-file",
            "m.json",
            "--iidfile",
            "id",
        ])
        .ok();
    let id = "sha256:60d858f34db4dca891c728e1bee405fb615c14a164d3f3775afb3eb34f744103";
    assert_eq!(image_of(&bench.path("out.tar")).id().to_string(), id);
    assert_eq!(fs::read_to_string(bench.path("id")).unwrap(), id);
    let metadata = json(&bench.path("m.json"));
    assert_eq!(metadata["containerimage.config.digest"], id);
    let steps = metadata["layerlab.steps"].as_array().unwrap();
    let texts: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(texts, ["COPY hello.txt /", "WORKDIR /app", "COPY hello.txt ./"]);
    assert_eq!((&steps[0]["stage"], &steps[0]["cached"]), (&"".into(), &false.into()));
}

#[test]
fn the_epoch_of_the_environment_counts_like_a_build_argument() {
    let bench = Bench::new(HELLO);
    let words = [
        "preview",
        "-q",
        "--platform",
        "linux/amd64",
        "-o",
        "type=oci,dest=o.tar,rewrite-timestamp=true",
        "context",
    ];
    let output = bench
        .command(&words)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output()
        .unwrap();
    let printed = Run::of(output).ok().stdout;
    assert_eq!(
        printed,
        "sha256:60d858f34db4dca891c728e1bee405fb615c14a164d3f3775afb3eb34f744103\n"
    );
}

#[test]
fn a_second_build_takes_every_step_from_the_cache_and_gives_the_same_image() {
    let bench = Bench::new(HELLO);
    let first = bench.preview(&["--format", "json"]).ok();
    let second = bench.preview(&["--format", "json"]).ok();
    let parse = |run: &Run| -> serde_json::Value { serde_json::from_str(&run.stdout).unwrap() };
    let (first, second) = (parse(&first), parse(&second));
    assert_eq!(first["imageId"], second["imageId"]);
    let states = |report: &serde_json::Value| -> Vec<String> {
        let lines = report["lines"].as_array().unwrap();
        lines
            .iter()
            .map(|line| line["state"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(states(&first), ["base", "ran", "config", "ran", "ran", "config"]);
    assert_eq!(
        states(&second),
        ["base", "cached", "config", "cached", "cached", "config"]
    );
    assert_eq!(second["simulated"], false);
}

#[test]
fn a_changed_file_is_named_as_the_reason() {
    let bench = Bench::new(HELLO);
    bench.preview(&[]).ok();
    bench.write("hello.txt", "changed\n");
    let again = bench.preview(&[]).ok();
    assert!(again.stdout.contains("because hello.txt changed"), "{}", again.stdout);
    assert!(bench.preview(&[]).ok().stderr.contains("CACHED"));
    assert!(
        !bench
            .preview(&["--no-cache"])
            .ok()
            .stderr
            .contains("[2/4] COPY hello.txt /\n#3 CACHED")
    );
}

#[test]
fn projects_share_the_cache_but_each_is_told_its_own_changes() {
    let bench = Bench::new(HELLO);
    fs::create_dir(bench.path("context/other")).unwrap();
    bench.write("other/Dockerfile", "FROM scratch\nWORKDIR /b\nCOPY Dockerfile /\n");
    bench.preview(&[]).ok();
    let other = bench.run(&["preview", "--root", "root", "context/other"]).ok().stdout;
    assert_eq!(other.matches("because first build of this step").count(), 2, "{other}");
    bench.write("hello.txt", "changed\n");
    let again = bench.preview(&[]).ok().stdout;
    assert!(again.contains("because hello.txt changed"), "{again}");
    fs::create_dir(bench.path("copy")).unwrap();
    fs::copy(bench.path("context/other/Dockerfile"), bench.path("copy/Dockerfile")).unwrap();
    let copy = bench.run(&["preview", "--root", "root", "copy"]).ok().stderr;
    assert_eq!(copy.matches("CACHED").count(), 2, "{copy}");
}

#[test]
fn a_damaged_cache_is_a_warning_and_a_longer_build() {
    let bench = Bench::new(HELLO);
    bench.preview(&[]).ok();
    fs::write(bench.path("root/cache"), "{\"version\": 1, oops").unwrap();
    let again = bench.preview(&[]).ok();
    let warning = format!(
        "warning: the build cache in {} is not used: ",
        bench.path("root/cache").display()
    );
    assert!(again.stderr.contains(&warning), "{}", again.stderr);
    assert!(!again.stderr.contains("CACHED"));
    assert!(bench.preview(&[]).ok().stderr.contains("CACHED"));
}

#[test]
fn two_processes_share_a_root() {
    let bench = Bench::new(HELLO);
    let start = |name: &str| {
        // WORKDIR writes the time of now: without the rewriting, processes that start in two
        // seconds rightly make two images.
        let output = format!("type=oci,dest={name}.tar,rewrite-timestamp=true");
        bench
            .command(&["preview", "--root", "root", "-q", "-o", &output, "context"])
            .env("SOURCE_DATE_EPOCH", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let running = ["one", "two", "three"].map(start);
    let ids = running.map(|child| Run::of(child.wait_with_output().unwrap()).ok().stdout);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
    assert!(bench.preview(&[]).ok().stderr.contains("CACHED"));
}

#[test]
fn a_missing_dockerfile_is_reported_as_buildkit_does() {
    let bench = Bench::new(&[]);
    let run = bench.preview(&[]);
    assert_eq!(
        run.error(),
        "failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory"
    );
    assert_eq!(run.code, 1);
}

#[test]
fn an_error_shows_its_place_and_stands_last() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch\n\nWORDDIR /app\n")]);
    for run in [bench.preview(&[]), bench.run(&["check", "context"])] {
        let error =
            "failed to solve: dockerfile parse error on line 3: unknown instruction: WORDDIR (did you mean WORKDIR?)";
        assert_eq!(run.error(), error);
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains("Dockerfile:3\n--------------------\n"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("   3 | >>> WORDDIR /app\n"), "{}", run.stderr);
    }
}

#[test]
fn a_failed_build_writes_nothing_and_leaves_what_was_there() {
    let bench = Bench::new(&[("Dockerfile", "FROM alpine:3.9.3\nRUN exit 3\n")]);
    fs::write(bench.path("old.tar"), "old").unwrap();
    let run = bench.preview(&[
        "-o",
        "type=oci,dest=old.tar",
        "-o",
        "type=local,dest=folder",
        "-o",
        "type=docker,dest=new.tar",
        "--iidfile",
        "id",
        "--metadata-file",
        "m.json",
    ]);
    assert_eq!(
        run.error(),
        "failed to solve: process \"/bin/sh -c exit 3\" did not complete successfully: exit code: 3"
    );
    assert_eq!(bench.outputs(), ["old.tar"]);
    assert_eq!(fs::read(bench.path("old.tar")).unwrap(), b"old");
}

#[test]
fn steps_before_a_failed_one_are_kept() {
    let bench = Bench::new(&[("Dockerfile", "FROM alpine:3.9.3\nWORKDIR /a\nCOPY nope /\n")]);
    bench.preview(&[]).error();
    bench.write("Dockerfile", "FROM alpine:3.9.3\nWORKDIR /a\nCOPY Dockerfile /\n");
    let run = bench.preview(&[]).ok();
    let mut lines = run.stderr.lines().skip_while(|line| !line.ends_with("WORKDIR /a"));
    assert!(
        lines.nth(1).is_some_and(|line| line.ends_with("CACHED")),
        "{}",
        run.stderr
    );
}

#[test]
fn what_makes_no_sense_ends_with_code_2() {
    let bench = Bench::new(HELLO);
    let cases: &[&[&str]] = &[
        &["preview", "--no-such-flag", "context"],
        &["preview", "--build-arg", "=x", "context"],
        &["preview", "-o", "type=zip,dest=x", "context"],
        &[
            "preview",
            "--root",
            "root",
            "--platform",
            "linux/amd64,linux/arm64",
            "context",
        ],
        &["preview", "--root", "root", "-t", "Not A Name", "context"],
        &["preview", "--root", "root", "--secret", "id=a,src=nope", "context"],
        &["preview", "--root", "root", "--iidfile", "nope/id", "context"],
        &["preview", "--root", "root", "-o", "type=oci,dest=nope/o.tar", "context"],
        &["preview", "--root", "root", "-o", "type=oci,dest=context", "context"],
        &["frobnicate"],
        &[],
    ];
    for words in cases {
        let run = bench.run(words);
        assert_eq!(run.code, 2, "{words:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{words:?}");
        assert!(
            run.stderr.contains("error: ") || words.is_empty(),
            "{words:?}: {}",
            run.stderr
        );
    }
    assert_eq!(bench.outputs(), Vec::<String>::new());
}

#[test]
fn a_context_that_is_not_there_is_named() {
    let bench = Bench::new(&[]);
    let run = bench.run(&["preview", "--root", "root", "nowhere"]);
    assert!(run.error().contains("\"nowhere\" not found"), "{}", run.stderr);
}

#[test]
fn a_dockerfile_comes_from_standard_input_or_from_elsewhere() {
    let bench = Bench::new(&[("a", "1"), ("Dockerfile", "FROM scratch\n")]);
    let words = [
        "preview",
        "--root",
        "root",
        "-f",
        "-",
        "-o",
        "type=local,dest=out",
        "context",
    ];
    bench.run_with_stdin(&words, "FROM scratch\nCOPY a /b\n").ok();
    assert_eq!(fs::read(bench.path("out/b")).unwrap(), b"1");
    let error = bench.run_with_stdin(&["preview", "--root", "root", "-"], "FROM scratch\nCOPY a /b\n");
    assert!(error.error().contains("\"/a\": not found"), "{}", error.stderr);
    fs::write(bench.path("other.Dockerfile"), "FROM scratch\nCOPY a /c\n").unwrap();
    bench
        .preview(&["-f", "other.Dockerfile", "-o", "type=local,dest=out"])
        .ok();
    assert_eq!(fs::read(bench.path("out/c")).unwrap(), b"1");
}

#[test]
fn ignored_files_stay_out() {
    let bench = Bench::new(&[
        ("Dockerfile", "FROM scratch\nCOPY . /\n"),
        (".dockerignore", "*\n!keep/*.txt\n"),
        ("keep/a.txt", "1"),
        ("keep/b.bin", "2"),
        ("c.txt", "3"),
    ]);
    bench.preview(&["-o", "out"]).ok();
    let names = |path: &str| -> Vec<String> {
        let entries = fs::read_dir(bench.path(path)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("out"), ["keep"]);
    assert_eq!(names("out/keep"), ["a.txt"]);
}

#[test]
fn an_image_that_was_built_serves_as_a_base_and_is_exact() {
    let bench = Bench::new(HELLO);
    bench.preview(&["-o", "type=oci,tar=false,dest=layout"]).ok();
    bench.write("Dockerfile", "FROM mine:1\nCOPY hello.txt /more\n");
    let run = bench
        .preview(&[
            "--build-context",
            "mine:1=oci-layout://layout",
            "-o",
            "type=docker,dest=o.tar",
        ])
        .ok();
    assert!(!run.stdout.contains("simulated"), "{}", run.stdout);
    let image = image_of(&bench.path("o.tar"));
    assert_eq!(image.layers.len(), 4);
    assert_eq!(image.config.config.env.last().map(String::as_str), Some("A=b"));
}

#[test]
fn a_folder_stands_in_for_a_name() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch\nCOPY --from=files a /b\n")]);
    fs::create_dir(bench.path("files")).unwrap();
    fs::write(bench.path("files/a"), "1").unwrap();
    bench.preview(&["--build-context", "files=files", "-o", "out"]).ok();
    assert_eq!(fs::read(bench.path("out/b")).unwrap(), b"1");
    let run = bench.preview(&["--build-context", "files=nope"]);
    assert!(run.error().contains("nope"), "{}", run.stderr);
}

#[test]
fn everything_that_is_simulated_says_so() {
    let bench = Bench::new(&[(
        "Dockerfile",
        "FROM alpine:3.9.3\nRUN echo hi > /hi\nCOPY Dockerfile /\n",
    )]);
    let run = bench.preview(&[]).ok();
    let rows: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.ends_with("[simulated]"))
        .collect();
    assert_eq!(rows.len(), 4, "FROM, RUN and their layers: {}", run.stdout);
    assert!(
        run.stdout.contains("(simulated: not the digest BuildKit would give)"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("(simulated)"), "{}", run.stderr);
}

#[test]
fn a_file_that_nobody_downloaded_makes_the_image_simulated() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch\nADD https://example.com/x /x\n")]);
    let run = bench.preview(&["--format", "json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["simulated"], true);
    assert_eq!(report["layers"][0]["simulated"], true);
}

#[test]
fn an_image_nobody_knows_is_an_error_that_says_what_to_do() {
    let bench = Bench::new(&[("Dockerfile", "FROM alpin:3.9.3\n")]);
    let run = bench.preview(&[]);
    assert!(run.error().contains("alpin"), "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: ") && run.stderr.contains("Dockerfile:1"),
        "{}",
        run.stderr
    );
}

#[test]
fn two_thousand_files_are_a_build_like_any_other() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch\nCOPY . /a/\n")]);
    for number in 0..2000 {
        bench.write(&format!("d{}/f{number}", number % 40), &number.to_string());
    }
    bench.preview(&["-o", "type=oci,dest=o.tar"]).ok();
    // The directory a, 40 below it, the files and the Dockerfile.
    assert_eq!(image_of(&bench.path("o.tar")).layers[0].changes.len(), 2042);
    assert!(bench.preview(&[]).ok().stderr.contains("CACHED"));
}

#[test]
fn tags_are_kept_in_the_store() {
    let bench = Bench::new(HELLO);
    bench.preview(&["-t", "site:1", "-t", "site"]).ok();
    let index = json(&bench.path("root/store/index.json"));
    let names: Vec<_> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["annotations"]["io.containerd.image.name"])
        .collect();
    assert_eq!(names, ["docker.io/library/site:1", "docker.io/library/site:latest"]);
    // A stored image serves as a base: its blobs are all there.
    bench.write("Dockerfile", "FROM site\n");
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    bench
        .preview(&["--build-context", &format!("site=oci-layout://root/store@{digest}")])
        .ok();
}

#[test]
fn archives_go_to_standard_output_and_nothing_else_does() {
    let bench = Bench::new(HELLO);
    let output = bench
        .command(&["preview", "--root", "root", "-o", "type=oci,dest=-", "context"])
        .output()
        .unwrap();
    fs::write(bench.path("o.tar"), &output.stdout).unwrap();
    assert_eq!(image_of(&bench.path("o.tar")).layers.len(), 3);
}

#[test]
fn quiet_prints_the_image_id_and_nothing_else() {
    let bench = Bench::new(HELLO);
    let run = bench.preview(&["-q"]).ok();
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout.len(), "sha256:".len() + 64 + 1);
}

#[test]
fn checks_are_printed_as_buildkit_does_and_are_no_success() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch as x\nMAINTAINER me\n")]);
    let run = bench.run(&["check", "context"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout
            .starts_with("Check complete, 2 warnings have been found!\n\nWARNING: FromAsCasing - https"),
        "{}",
        run.stdout
    );
    let run = bench.run(&["preview", "--check", "--format", "json", "context"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["warnings"][1]["ruleName"], "MaintainerDeprecated");
    assert_eq!(json["warnings"][1]["location"]["ranges"][0]["start"]["line"], 2);
    bench.write("Dockerfile", "FROM scratch\n");
    let clean = bench.run(&["preview", "--call", "check", "context"]).ok();
    assert_eq!(clean.stdout, "Check complete, no warnings found.\n");
    assert_eq!(bench.outputs(), Vec::<String>::new(), "a check keeps nothing");
}

#[test]
fn advice_comes_after_the_checks_with_its_cost_and_only_if_wanted() {
    let bench = Bench::new(&[
        ("Dockerfile", "FROM scratch\nCOPY .env /\nCMD [\"/app\"]\n"),
        (".env", "TOKEN=hush\n"),
    ]);
    let without = bench.run(&["check", "context"]).ok();
    assert_eq!(without.stdout, "Check complete, no warnings found.\n");
    let with = bench.run(&["check", "--advice", "--root", "root", "context"]).ok();
    let expected = "Check complete, no warnings found.\n\n1 piece of advice:\n\nADVICE: secret-in-layer (line 2)\n.env (11 B) looks";
    assert!(with.stdout.starts_with(expected), "{}", with.stdout);
    let json = bench
        .run(&["check", "--advice", "--root", "root", "--format", "json", "context"])
        .ok();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["advice"][0]["bytes"], &json["warnings"]),
        (&11.into(), &serde_json::json!([]))
    );
}

#[test]
fn a_build_prints_its_warnings_and_fails_if_the_dockerfile_wants_that() {
    let bench = Bench::new(&[("Dockerfile", "FROM scratch\nMAINTAINER me\n")]);
    let run = bench.preview(&[]).ok();
    assert!(
        run.stderr.contains("1 warning found") && run.stderr.contains(" - MaintainerDeprecated: "),
        "{}",
        run.stderr
    );
    bench.write("Dockerfile", "# check=error=true\nFROM scratch\nMAINTAINER me\n");
    assert!(
        bench
            .preview(&[])
            .error()
            .contains("lint violation found for rules: MaintainerDeprecated")
    );
}

#[test]
fn secrets_reach_a_run_and_no_layer() {
    let bench = Bench::new(&[(
        "Dockerfile",
        "FROM alpine:3.9.3\nRUN --mount=type=secret,id=key test \"$(cat /run/secrets/key)\" = hush\n",
    )]);
    fs::write(bench.path("key"), "hush").unwrap();
    bench.preview(&["--secret", "id=key,src=key"]).ok();
    assert_ne!(bench.preview(&["--no-cache"]).code, 0);
}

#[test]
fn help_teaches_by_examples() {
    let bench = Bench::new(&[]);
    let help = bench.run(&["--help"]).ok().stdout;
    for word in ["preview", "check", "Examples:", "simulated"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let help = bench.run(&["preview", "--help"]).ok().stdout;
    let flags = "--file --tag --build-arg --target --build-context --label --platform --no-cache --network --secret --output \
                 --iidfile --metadata-file --progress --quiet --root --check --format --call";
    for word in flags
        .split(' ')
        .chain(["Examples:", "docker load", "SOURCE_DATE_EPOCH"])
    {
        assert!(help.contains(word), "{word}: {help}");
    }
    let version = bench.run(&["--version"]).ok().stdout;
    assert_eq!(version, format!("layerlab {}\n", env!("CARGO_PKG_VERSION")));
}
