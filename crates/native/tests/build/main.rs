//! `layerlab build` as a person runs it: real commands in sandboxes, over a busybox of this machine.
//!
//! Most of it takes root and a busybox that needs no libraries; where one is missing, a test says so and does nothing.

#[path = "../registry_bench/mod.rs"]
mod registry_bench;
#[path = "../s3/mod.rs"]
mod s3;
mod together;

use registry_bench::Bench as Registry;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use store::layout::load_archive;
use store::{BlobStore, Content, MemoryBlobs, Node, Tree};

const BASE: &str = "FROM scratch AS base\n\
                    COPY busybox /bin/busybox\n\
                    RUN [\"/bin/busybox\", \"--install\", \"/bin\"]\n";

/// A folder with a context and a root; removed when dropped.
struct Bench(PathBuf);

/// What the program said.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Bench {
    /// A context with busybox in it; `None`, and a word about it, where that is not to be had.
    fn new() -> Option<Bench> {
        let bench = Bench::without_root()?;
        if !rustix::process::geteuid().is_root() {
            skip("it takes root");
            return None;
        }
        Some(bench)
    }

    fn without_root() -> Option<Bench> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Some(busybox) = ["/bin/busybox", "/usr/bin/busybox"].iter().find(|path| is_static(path)) else {
            skip("there is no busybox that needs no libraries");
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let bench = Bench(std::env::temp_dir().join(format!("layerlab-build-{}-{count}", std::process::id())));
        fs::create_dir_all(bench.0.join("context")).unwrap();
        fs::copy(busybox, bench.0.join("context/busybox")).unwrap();
        Some(bench)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.0.join("context").join(path), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command
            .args(words)
            .current_dir(&self.0)
            .env_clear()
            .env("HOME", &self.0);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Said {
        self.run_with(words, &[])
    }

    fn run_with(&self, words: &[&str], variables: &[(&str, String)]) -> Said {
        let variables = variables.iter().map(|(name, value)| (name, value));
        let output = self.command(words).envs(variables).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `layerlab build` of the Dockerfile that goes on from [`BASE`] with `text`.
    fn build(&self, text: &str, words: &[&str]) -> Said {
        self.write("Dockerfile", &format!("{BASE}FROM base\n{text}"));
        let all = [&["build", "--root", "root", "--network", "none"], words, &["context"]].concat();
        self.run(&all)
    }

    /// The same, which must go well; returns the image's files.
    fn files(&self, text: &str, words: &[&str]) -> BTreeMap<String, String> {
        let said = self.build(text, &[words, &["-o", "type=oci,dest=image.tar"]].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let mut blobs = MemoryBlobs::default();
        let archive = fs::read(self.0.join("image.tar")).unwrap();
        let loaded = load_archive(
            Box::new(archive.as_slice()),
            None,
            &store::Limits::default(),
            &mut blobs,
        )
        .unwrap();
        texts(&loaded[0].image.tree().unwrap(), &blobs)
    }

    /// Folders that belong to a run that goes on.
    fn leftovers(&self) -> usize {
        let count = |folder: &str| fs::read_dir(self.0.join(folder)).map_or(0, Iterator::count);
        count("root/snapshots/work") + count("root/store/ingest")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn skip(why: &str) {
    // A test that nobody can hear is skipped all the same.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn is_static(path: &str) -> bool {
    // A program that needs libraries names its loader.
    fs::read(path).is_ok_and(|bytes| !bytes.windows(8).take(4096).any(|window| window == b"/lib64/l"))
}

/// The texts of small files outside of `/bin`, and what links point to.
fn texts(tree: &Tree, blobs: &dyn BlobStore) -> BTreeMap<String, String> {
    let outside = tree.walk().filter(|(path, _)| !path.as_str().starts_with("bin"));
    let text = |node: &Node| match node {
        Node::File(file) => match file.content {
            Content::Blob { digest, size: 1.. } => {
                Some(String::from_utf8(blobs.get(&digest).unwrap().to_vec()).unwrap())
            }
            _ => Some(String::new()),
        },
        Node::Symlink { target, .. } => Some(format!("-> {target}")),
        _ => None,
    };
    outside
        .filter_map(|(path, node)| Some((path.as_str().to_owned(), text(node)?)))
        .collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn a_program_for_another_machine_says_what_would_run_it() {
    let Some(bench) = Bench::new() else { return };
    let mut program = fs::read(bench.0.join("context/busybox")).unwrap();
    // e_machine of an ELF file: one that no kernel runs.
    program[18..20].copy_from_slice(&[0xfe, 0xca]);
    fs::write(bench.0.join("context/other"), program).unwrap();
    let said = bench.build("COPY --chmod=755 other /\nRUN [\"/other\"]\n", &[]);
    assert!(
        said.stderr.contains("exec: \"/other\": exec format error"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("hint: ") && said.stderr.contains("exit code: 126"),
        "{}",
        said.stderr
    );
}

#[test]
fn runc_makes_the_same_image_as_our_own_sandbox() {
    let Some(bench) = Bench::new() else { return };
    let Some(runc) = ["/usr/sbin/runc", "/usr/bin/runc"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        skip("it takes runc");
        return;
    };
    bench.write("secret", "hush\n");
    // Mounts that are missing in the image, among them below its directories, and files of the machine's own.
    let text = "RUN --mount=type=secret,id=s,target=/run/deep/secret cat /run/deep/secret > /told && cat /etc/hosts | wc -l >> /told\n\
                RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/scratch \\\n\
                    --mount=type=bind,source=secret,target=/bound/file cp /bound/file /cache/kept && cp /cache/kept /copied\n\
                WORKDIR /work\nUSER 7:8\nRUN id > /tmp/id; ls -ld / /run /etc /work > /tmp/listed; pwd >> /tmp/listed\n";
    let text = format!("RUN mkdir -p /tmp && chmod 1777 /tmp\n{text}");
    let build = |words: &[&str]| {
        let all = [
            &[
                "-o",
                "type=oci,dest=image.tar,rewrite-timestamp=true",
                "--build-arg",
                "SOURCE_DATE_EPOCH=1",
            ],
            words,
        ]
        .concat();
        let said = bench.build(
            &text,
            &[&all[..], &["--secret", "id=s,src=context/secret", "--iidfile", "id"]].concat(),
        );
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(bench.leftovers(), 0);
        (fs::read_to_string(bench.0.join("id")).unwrap(), said.stderr)
    };
    let (ours, _) = build(&[]);
    let (theirs, said) = build(&["--no-cache", "--runtime", runc]);
    assert!(said.contains(&format!("commands by {runc}")), "{said}");
    assert_eq!(ours, theirs);
    assert_eq!(mounts_below(&bench.0), Vec::<String>::new());
    let said = bench.build("RUN exit 7\n", &["--runtime", runc]);
    assert!(said.stderr.contains("exit code: 7"), "{}", said.stderr);
    let said = bench.build("RUN true\n", &["--runtime", "no-such-runtime"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("found no program no-such-runtime"),
        "{}",
        said.stderr
    );
}

fn mounts_below(path: &Path) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let here = path.display().to_string();
    all.lines()
        .filter(|line| line.contains(&here))
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_run_and_the_second_build_takes_all_from_the_cache() {
    let Some(bench) = Bench::new() else { return };
    let text = "WORKDIR /srv\nENV GREETING=hello\nRUN echo \"$GREETING from $PWD\" > said && echo printed\nRUN cat said > again; rm said\n";
    let files = bench.files(text, &[]);
    assert_eq!(files, map(&[("srv/again", "hello from /srv\n")]));
    let said = bench.build(text, &[]);
    assert_eq!(said.stderr.matches("CACHED").count(), 5, "{}", said.stderr);
    let fresh = bench.build(text, &["--no-cache"]);
    assert!(
        fresh.stderr.lines().any(|line| line.ends_with(" printed")),
        "{}",
        fresh.stderr
    );
    assert_eq!(bench.leftovers(), 0);
    assert!(mounts_below(&bench.0).is_empty());
}

#[test]
fn a_step_sees_the_files_of_the_steps_before_it_whether_they_ran_or_were_cached() {
    let Some(bench) = Bench::new() else { return };
    bench.files(
        "RUN mkdir /d && echo 1 > /d/a && ln /d/a /d/b && ln -s a /d/l\nRUN cat /d/l > /c\n",
        &[],
    );
    let files = bench.files(
        "RUN mkdir /d && echo 1 > /d/a && ln /d/a /d/b && ln -s a /d/l\nRUN rm /d/a && cat /d/b > /other\n",
        &[],
    );
    assert_eq!(files, map(&[("d/b", "1\n"), ("d/l", "-> a"), ("other", "1\n")]));
}

#[test]
fn a_command_that_fails_ends_the_build_with_its_line_and_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    let said = bench.build("RUN echo before; exit 3\n", &["-o", "type=oci,dest=image.tar"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("Dockerfile:5\n"), "{}", said.stderr);
    let last = said.stderr.lines().last().unwrap();
    let expected = "error: failed to solve: process \"/bin/sh -c echo before; exit 3\" did not complete successfully: exit code: 3";
    assert_eq!(last, expected);
    assert!(said.stderr.lines().any(|line| line.ends_with(" before")));
    assert!(!bench.0.join("image.tar").exists());
    assert_eq!(bench.leftovers(), 0);
}

#[test]
fn mounts_are_there_for_the_command_and_not_in_the_image() {
    let Some(bench) = Bench::new() else { return };
    bench.write("note", "from the context");
    bench.write("token", "secret");
    let text = "RUN --mount=type=bind,target=/context,rw cp /context/note /note && echo x > /context/note\n\
                RUN --mount=type=cache,target=/cache echo run >> /cache/log && cp /cache/log /log\n\
                RUN --mount=type=tmpfs,target=/scratch echo x > /scratch/x\n\
                RUN --mount=type=secret,id=t --mount=type=secret,id=t,env=TOKEN test \"$(cat /run/secrets/t)\" = secret -a \"$TOKEN\" = secret\n";
    let words = ["--secret", "id=t,src=context/token"];
    let files = bench.files(text, &words);
    assert_eq!(files, map(&[("log", "run\n"), ("note", "from the context")]));
    assert_eq!(
        fs::read_to_string(bench.0.join("context/note")).unwrap(),
        "from the context"
    );
    let again = bench.files(text, &[&words[..], &["--no-cache"]].concat());
    assert_eq!(again["log"], "run\nrun\n");
}

#[test]
fn a_command_runs_as_the_user_of_the_dockerfile() {
    let Some(bench) = Bench::new() else { return };
    let text = "RUN mkdir -p /etc && echo 'app:x:1001:50::/srv:/bin/sh' > /etc/passwd && mkdir -m 777 /out\n\
                USER app\nRUN echo $(id -u):$(id -g) $HOME > /out/name\nUSER 4321:8\nRUN echo $(id -u):$(id -g) > /out/number\n";
    let files = bench.files(text, &[]);
    assert_eq!(files["out/name"], "1001:50 /srv\n");
    assert_eq!(files["out/number"], "4321:8\n");
    let said = bench.build("USER nobody\nRUN id\n", &[]);
    assert!(said.stderr.contains("unable to find user nobody"), "{}", said.stderr);
}

#[test]
fn a_command_sees_a_machine_of_its_own() {
    let Some(bench) = Bench::new() else { return };
    let files = bench.files(
        "RUN ABOVE=\"$(ls /../..)\" && echo \"$ABOVE\" > /above && hostname > /name && ls /sys/class/net > /net && cp /etc/hosts /hosts && echo $$ > /pid\n",
        &["--add-host", "db:10.0.0.2"],
    );
    assert_eq!(files["name"], "buildkitsandbox\n");
    assert_eq!(files["net"], "lo\n");
    assert_eq!(files["pid"], "1\n");
    assert_eq!(files["above"], "bin\ndev\netc\nproc\nsys\n");
    assert!(files["hosts"].ends_with("10.0.0.2\tdb\n"), "{}", files["hosts"]);
    assert!(!files.contains_key("etc/hosts") && !files.contains_key("etc/resolv.conf"));
}

#[test]
fn commands_lie_below_the_control_group_that_is_named() {
    let Some(bench) = Bench::new() else { return };
    let parent = format!("layerlab-build-{}", std::process::id());
    let said = bench.build("RUN true\n", &["--cgroup-parent", &format!("/{parent}/inner")]);
    // The groups of commands are gone, else their parent could not be taken away.
    let taken = Command::new("find")
        .args([
            "/sys/fs/cgroup",
            "-path",
            &format!("*/{parent}*"),
            "-type",
            "d",
            "-print",
            "-delete",
        ])
        .output()
        .unwrap();
    assert_eq!(said.code, 0, "{}", said.stderr);
    let taken = String::from_utf8(taken.stdout).unwrap();
    assert!(taken.contains(&format!("/{parent}/inner\n")), "{taken}");
    assert!(!taken.contains("/inner/"), "{taken}");
    let said = bench.build("RUN true && true\n", &["--cgroup-parent", "a/../b"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("the path of a control group"), "{}", said.stderr);
}

#[test]
fn what_a_preview_has_simulated_is_never_part_of_a_build() {
    let Some(bench) = Bench::new() else { return };
    // A shell is all of busybox that the simulation knows.
    bench.write("Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nRUN echo real > /x\n");
    let run = |verb| bench.run(&[verb, "--root", "root", "--network", "none", "context"]);
    let preview = run("preview");
    assert_eq!(preview.code, 0, "{}", preview.stderr);
    assert!(preview.stdout.contains("simulated"), "{}", preview.stdout);
    let said = run("build");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(!said.stdout.contains("simulated"), "{}", said.stdout);
    let again = run("build");
    assert_eq!(again.stderr.matches("CACHED").count(), 2, "{}", again.stderr);
    // What is exact in a preview is exact in a build: the first COPY.
    assert_eq!(said.stderr.matches("CACHED").count(), 1, "{}", said.stderr);
}

#[test]
fn an_image_that_is_nowhere_is_refused_and_none_is_made_up() {
    let Some(bench) = Bench::without_root() else { return };
    let registry = Registry::new(&[]);
    let name = format!("{}/alpine:3.19", registry.address);
    bench.write("Dockerfile", &format!("FROM {name}\nRUN true\n"));
    let said = bench.run(&["build", "--root", "root", "context"]);
    assert_eq!(said.code, 1);
    let expected = format!("{name}: failed to resolve source metadata for {name}: {name}: not found");
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
    let hint = format!("--build-context {name}=oci-layout://");
    assert!(said.stderr.contains(&hint), "{}", said.stderr);
}

#[test]
fn a_base_comes_from_its_registry_and_is_not_an_image_of_this_machine() {
    let Some(bench) = Bench::without_root() else { return };
    let registry = Registry::new(&[]);
    let name = format!("{}/base:1", registry.address);
    bench.write("big", &"from the registry\n".repeat(100_000));
    bench.write("Dockerfile", "FROM scratch\nCOPY busybox big /\nENV A=b\n");
    let said = bench.run(&["build", "--root", "there", "-t", &name, "context"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = bench.run(&["--root", "there", "push", &name]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    bench.write("small", "from the context\n");
    bench.write("Dockerfile", &format!("FROM {name}\nCOPY small /\n"));
    for _ in 0..2 {
        let said = bench.run(&["build", "--root", "root", "-o", "out", "context"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        for file in ["busybox", "big", "small"] {
            let (built, given) = (bench.0.join("out").join(file), bench.0.join("context").join(file));
            assert!(fs::read(built).unwrap() == fs::read(given).unwrap(), "{file}");
        }
        fs::remove_dir_all(bench.0.join("out")).unwrap();
    }
    let said = bench.run(&["--root", "root", "images", "-q"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    let said = bench.run(&["system", "fsck", "--root", "root"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_file_behind_a_url_is_downloaded_and_must_be_what_its_checksum_says() {
    let Some(bench) = Bench::without_root() else { return };
    let registry = Registry::new(&[]);
    let digest = registry.push_blob("a", b"downloaded\n");
    let url = registry.url(&format!("/v2/a/blobs/{digest}"));
    let build = |text: &str| {
        bench.write("Dockerfile", &format!("FROM scratch\n{text}\n"));
        bench.run(&["build", "--root", "root", "-o", "out", "context"])
    };
    let other = oci::Digest::of(b"something else");
    let said = build(&format!("ADD --checksum={other} {url} /file"));
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains(&digest) && said.stderr.contains(&other.to_string()),
        "{}",
        said.stderr
    );
    assert!(!bench.0.join("out").exists());
    for option in [String::new(), format!("--checksum={digest}")] {
        let said = build(&format!("ADD {option} {url} /file"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(!said.stdout.contains("simulated") && !said.stderr.contains("simulated"));
        assert_eq!(fs::read_to_string(bench.0.join("out/file")).unwrap(), "downloaded\n");
        fs::remove_dir_all(bench.0.join("out")).unwrap();
    }
    let gone = registry.url(&format!("/v2/a/blobs/{other}"));
    let said = build(&format!("ADD {gone} /file"));
    let expected = format!("failed to load {gone}: invalid response status 404");
    assert!(said.code == 1 && said.stderr.contains(&expected), "{}", said.stderr);
}

#[test]
fn an_image_with_a_name_is_what_the_next_build_starts_from() {
    let Some(bench) = Bench::new() else { return };
    let said = bench.build("RUN echo base > /base\n", &["-t", "mine:1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    bench.write("Dockerfile", "FROM mine:1\nRUN cat /base > /copy\n");
    let said = bench.run(&["build", "--root", "root", "--network", "none", "-o", "out", "context"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(fs::read_to_string(bench.0.join("out/copy")).unwrap(), "base\n");
}

#[test]
fn rights_that_nobody_gave_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let said = bench.build("RUN --security=insecure true\n", &[]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains("give --allow security.insecure"),
        "{}",
        said.stderr
    );
    let said = bench.build("RUN --network=host true\n", &[]);
    assert!(said.stderr.contains("give --allow network.host"), "{}", said.stderr);
    let said = bench.build("RUN --security=insecure true\n", &["--allow", "security.insecure"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn the_report_puts_what_came_beside_what_was_expected() {
    let Some(bench) = Bench::new() else { return };
    let report = |words: &[&str], text: &str| -> serde_json::Value {
        let said = bench.build(text, &[words, &["--preview-report", "report.json"]].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        serde_json::from_slice(&fs::read(bench.0.join("report.json")).unwrap()).unwrap()
    };
    let first = report(&[], "RUN echo a > /a\n");
    assert_eq!(first["steps"][2]["expected"]["state"], "runs");
    assert_eq!(first["steps"][2]["verdict"], "not-known-before");
    let second = report(&[], "RUN echo a > /a\nRUN echo b > /b\n");
    assert_eq!(second["steps"][2]["expected"]["state"], "cached");
    assert_eq!(second["steps"][2]["verdict"], "same");
    assert_eq!(
        second["steps"][2]["built"]["diffId"],
        first["steps"][2]["built"]["diffId"]
    );
    assert_eq!(second["steps"][3]["built"]["cached"], false);
}

#[test]
fn a_build_that_is_killed_leaves_nothing_running_and_the_next_one_cleans_up() {
    let Some(bench) = Bench::new() else { return };
    let said = bench.build("", &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    bench.write(
        "Dockerfile",
        &format!("{BASE}FROM base\nRUN echo started; cat /dev/zero > /dev/null\n"),
    );
    let mut command = bench.command(&["build", "--root", "root", "--network", "none", "context"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with(" started")));
    child.kill().unwrap();
    child.wait().unwrap();
    // The pipe ends when nobody can write to it any more: the command is gone.
    assert_eq!(lines.count(), 0);
    assert!(mounts_below(&bench.0).is_empty());
    let said = bench.build("RUN true\n", &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(bench.leftovers(), 0);
}

#[test]
fn a_mount_over_a_link_stays_inside() {
    let Some(bench) = Bench::new() else { return };
    let outside = bench.0.join("outside");
    fs::create_dir(&outside).unwrap();
    let inside = outside.display();
    let text = format!(
        "RUN mkdir -p {inside} && ln -s ../../../../../../../../{inside} /cache\n\
         RUN --mount=type=cache,target=/cache echo x > /cache/x && test -e {inside}/x\n"
    );
    let said = bench.build(&text, &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}
