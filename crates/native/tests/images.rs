//! The `docker` commands on this machine's images, as a person runs them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

const DOCKERFILE: &str = "FROM scratch\nCOPY a /a\nCOPY b /b\nLABEL x=y\n";

/// A folder with a context and a root; removed when dropped.
struct Bench(PathBuf);

impl Bench {
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "layerlab-images-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let bench = Bench(std::env::temp_dir().join(name));
        fs::create_dir_all(bench.path("context")).unwrap();
        bench.write("context/Dockerfile", DOCKERFILE);
        bench.write("context/a", "hello\n");
        bench.write("context/b", "world\n");
        bench
    }

    /// With one image, `site:1`.
    fn with_image() -> Bench {
        let bench = Bench::new();
        bench.build("site:1");
        bench
    }

    fn build(&self, name: &str) -> String {
        let built = self.ok(&["preview", "-q", "-t", name, "context"]);
        built.trim_end().to_owned()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    fn write(&self, below: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(below), bytes).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command
            .args(words)
            .current_dir(&self.0)
            .env_clear()
            .env("LAYERLAB_ROOT", self.path("root"))
            .env("SOURCE_DATE_EPOCH", "1000000000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What it prints, if all goes well.
    fn ok(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and what it says on the standard error.
    fn failed(&self, words: &[&str]) -> (i32, String) {
        let output = self.command(words).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The same with something on its standard input.
    fn fed(&self, words: &[&str], bytes: &[u8]) -> String {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing ends the pipe.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    /// Names of images, in order.
    fn names(&self) -> Vec<String> {
        let listed = self.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    fn blobs(&self) -> usize {
        fs::read_dir(self.path("root/store/blobs/sha256")).unwrap().count()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn index(bench: &Bench) -> serde_json::Value {
    serde_json::from_slice(&fs::read(bench.path("root/store/index.json")).unwrap()).unwrap()
}

#[test]
fn what_preview_builds_is_listed_tagged_and_removed() {
    let bench = Bench::with_image();
    let id = bench.ok(&["images", "-q", "--no-trunc"]);
    bench.ok(&["tag", "site:1", "registry.example:5000/team/site"]);
    assert_eq!(bench.names(), ["registry.example:5000/team/site:latest", "site:1"]);
    assert_eq!(bench.ok(&["rmi", "site:1"]), "Untagged: site:1\n");
    let removed = bench.ok(&["rmi", "registry.example:5000/team/site"]);
    assert!(
        removed.starts_with(&format!(
            "Untagged: registry.example:5000/team/site:latest\nDeleted: {id}"
        )),
        "{removed}"
    );
    assert_eq!(bench.names(), [""; 0]);
    assert_eq!(
        bench.failed(&["rmi", "site:1"]),
        (1, "Error response from daemon: No such image: site:1\n".to_owned())
    );
}

#[test]
fn an_image_whose_name_another_took_stays_without_one() {
    let bench = Bench::with_image();
    let first = bench.ok(&["images", "-q", "--no-trunc"]);
    bench.write("context/b", "another");
    bench.build("site:1");
    assert_eq!(bench.names(), ["<none>:<none>", "site:1"]);
    assert_eq!(bench.ok(&["images", "-q", "--no-trunc", "-f", "dangling=true"]), first);
    let pruned = bench.ok(&["image", "prune", "-f"]);
    assert!(pruned.contains(&format!("deleted: {}", first.trim_end())), "{pruned}");
    assert_eq!(bench.names(), ["site:1"]);
}

#[test]
fn an_archive_that_was_saved_gives_the_same_image_elsewhere() {
    let (bench, other) = (Bench::with_image(), Bench::new());
    bench.ok(&["save", "site:1", "-o", "out.tar"]);
    let archive = fs::read(bench.path("out.tar")).unwrap();
    assert_eq!(other.fed(&["load"], &archive), "Loaded image: site:1\n");
    other.write("in.tar", &archive);
    assert_eq!(other.ok(&["load", "-i", "in.tar"]), "Loaded image: site:1\n");
    for words in [
        &["inspect", "site:1", "--format", "{{.Id}} {{.RootFS.Layers}}"][..],
        &["history", "-q", "--no-trunc", "site:1"],
    ] {
        assert_eq!(bench.ok(words), other.ok(words));
    }
    other.ok(&["save", "-o", "again.tar", "site:1"]);
    let again = other.command(&["save", "site:1"]).output().unwrap().stdout;
    assert_eq!(fs::read(other.path("again.tar")).unwrap(), again);
    assert_eq!(fs::read_dir(&other.0).unwrap().count(), 4, "no leftovers");
}

#[test]
fn a_broken_archive_leaves_everything_as_it_was() {
    let bench = Bench::with_image();
    bench.ok(&["save", "site:1", "-o", "out.tar"]);
    let mut archive = fs::read(bench.path("out.tar")).unwrap();
    let at = archive.windows(6).position(|bytes| bytes == b"hello\n").unwrap();
    archive[at] = b'J';
    bench.write("bad.tar", &archive);
    bench.ok(&["rmi", "site:1"]);
    let before = index(&bench);
    let (code, said) = bench.failed(&["load", "-i", "bad.tar"]);
    assert_eq!(code, 1);
    assert!(said.contains("corrupt archive"), "{said}");
    assert_eq!(
        bench.failed(&["load", "-i", "none.tar"]).1,
        "open none.tar: no such file or directory\n"
    );
    assert_eq!(index(&bench), before);
}

#[test]
fn a_tar_becomes_an_image_of_one_layer() {
    let bench = Bench::with_image();
    bench.ok(&["preview", "-q", "-o", "type=tar,dest=root.tar", "context"]);
    let id = bench.ok(&["import", "-c", "CMD [\"x\"]", "root.tar", "flat:1"]);
    let seen = bench.ok(&[
        "inspect",
        "flat:1",
        "-f",
        "{{.Id}} {{.Config.Cmd}} {{len .RootFS.Layers}}",
    ]);
    assert_eq!(seen, format!("{} [x] 1\n", id.trim_end()));
}

#[test]
fn questions_are_asked_and_anything_but_yes_changes_nothing() {
    let bench = Bench::with_image();
    let said = bench.fed(&["image", "prune", "-a"], b"n\n");
    assert!(said.ends_with("[y/N] "), "{said}");
    assert_eq!(bench.names(), ["site:1"]);
    bench.fed(&["image", "prune", "-a"], b"y\n");
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn volumes_outlive_the_command_that_made_them() {
    let bench = Bench::new();
    assert_eq!(bench.ok(&["volume", "create", "data", "--label", "a=b"]), "data\n");
    assert!(bench.path("root/volumes/data/_data").is_dir());
    assert_eq!(bench.ok(&["volume", "ls", "-q"]), "data\n");
    assert_eq!(bench.ok(&["volume", "inspect", "data", "-f", "{{.Labels.a}}"]), "b\n");
    // Wherever the command is given, the place is the whole one.
    let place = bench.ok(&["volume", "inspect", "data", "--root", "root", "-f", "{{.Mountpoint}}"]);
    assert_eq!(Path::new(place.trim_end()), bench.path("root/volumes/data/_data"));
    assert_eq!(bench.ok(&["volume", "rm", "data"]), "data\n");
    assert_eq!(bench.ok(&["volume", "ls", "-q"]), "");
    assert!(!bench.path("root/volumes/data").exists());
}

#[test]
fn the_program_calls_itself_by_its_name() {
    let bench = Bench::new();
    for words in [&["images", "--help"][..], &["help", "images"], &["image", "--help"]] {
        let help = bench.ok(words);
        assert!(
            help.starts_with("Usage:  layerlab image") && !help.contains("docker image"),
            "{help}"
        );
    }
    let (code, said) = bench.failed(&["images", "--nope"]);
    assert_eq!(code, 125);
    assert!(said.contains("Run 'layerlab images --help'"), "{said}");
}

#[test]
fn one_page_lists_every_command() {
    let help = Bench::new().ok(&["--help"]);
    for word in [
        "preview",
        "registry",
        "fsck",
        "images",
        "image ",
        "system ",
        "LAYERLAB_ROOT",
        "layerlab save site",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn words_are_completed_from_what_there_is() {
    let bench = Bench::with_image();
    let offered = |words: &[&str]| -> Vec<String> {
        let printed = bench.ok(&[&["__complete"], words].concat());
        printed
            .lines()
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(offered(&["rmi", "s"]), ["site:1"]);
    assert_eq!(offered(&["rm"]), ["rm", "rmi"]);
    assert_eq!(offered(&["prev"]), ["preview"]);
    assert_eq!(offered(&["preview", "--ta"]), ["--tag", "--target"]);
    assert_eq!(offered(&["completion", "b"]), ["bash"]);
    assert_eq!(offered(&["save", "-o", "con"]), ["context/"]);
    assert_eq!(offered(&["--root", "none", "rmi", ""]), [""; 0]);
    assert!(!bench.path("none").exists());
}

#[test]
fn bash_completes_a_name_with_a_colon() {
    let bench = Bench::with_image();
    let bin = Path::new(env!("CARGO_BIN_EXE_layerlab")).parent().unwrap();
    let script = "eval \"$(layerlab completion bash)\"; COMP_LINE='layerlab rmi site:'; COMP_POINT=${#COMP_LINE}; \
                  _layerlab; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("LAYERLAB_ROOT", bench.path("root"))
        .output();
    // A machine without it has nothing to complete.
    let Ok(output) = output else { return };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn manual_pages_are_written() {
    let bench = Bench::new();
    bench.ok(&["man", "man1"]);
    let page = fs::read_to_string(bench.path("man1/layerlab-image-ls.1")).unwrap();
    assert!(page.starts_with(".TH LAYERLAB-IMAGE-LS 1"), "{page}");
}

#[test]
fn the_root_may_stand_before_and_after_the_command() {
    let bench = Bench::with_image();
    for words in [
        &["--root", "other", "images", "-q"][..],
        &["images", "-q", "--root=other"],
        &["image", "--root", "other", "ls", "-q"],
    ] {
        assert_eq!(bench.ok(words), "", "{words:?}");
    }
    assert!(bench.path("other/store").is_dir());
}

#[test]
fn names_of_the_store_are_those_of_an_oci_layout() {
    let bench = Bench::with_image();
    bench.ok(&["tag", "site:1", "example.org/a/b:c"]);
    let names: Vec<serde_json::Value> = index(&bench)["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["annotations"]["org.opencontainers.image.ref.name"].clone())
        .collect();
    assert_eq!(names, ["site:1", "example.org/a/b:c"]);
    // Others put an image there: a copy of this one under a name that they give.
    let mut changed = index(&bench);
    let mut entry = changed["manifests"][0].clone();
    entry["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "theirs:1" });
    changed["manifests"].as_array_mut().unwrap().push(entry);
    bench.write("root/store/index.json", changed.to_string());
    assert_eq!(bench.names(), ["example.org/a/b:c", "site:1", "theirs:1"]);
}

#[test]
fn an_index_that_cannot_be_read_is_an_error_and_not_an_empty_store() {
    let bench = Bench::with_image();
    bench.write("root/store/index.json", "{");
    let (code, said) = bench.failed(&["images"]);
    assert_eq!(code, 1);
    assert!(
        said.starts_with("error: could not read the images: ") && said.contains("index.json"),
        "{said}"
    );
    let before = fs::read(bench.path("root/store/index.json")).unwrap();
    assert!(
        !bench
            .command(&["preview", "-q", "-t", "x", "context"])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(fs::read(bench.path("root/store/index.json")).unwrap(), before);
}

#[test]
fn a_list_of_a_layer_that_is_damaged_ends_a_command_that_needs_it() {
    let bench = Bench::with_image();
    for entry in fs::read_dir(bench.path("root/store/layers")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
    }
    // Names and sizes are not hurt.
    assert_eq!(bench.names(), ["site:1"]);
    let output = bench.command(&["save", "site:1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the list of layer sha256:") && said.contains("fsck --repair"),
        "{said}"
    );
}

#[test]
fn eight_processes_change_names_at_once_and_none_is_lost() {
    let bench = Bench::with_image();
    let words: Vec<String> = (0..8).map(|number| format!("site:of-{number}")).collect();
    let running: Vec<Child> = words.iter().map(|name| bench.start(&["tag", "site:1", name])).collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(bench.names().len(), 9);
    let running: Vec<Child> = words.iter().map(|name| bench.start(&["rmi", name])).collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(bench.names(), ["site:1"]);
}

#[test]
fn eight_processes_build_and_load_at_once_and_all_of_it_is_there() {
    let bench = Bench::with_image();
    bench.ok(&["save", "site:1", "-o", "out.tar"]);
    bench.ok(&["rmi", "site:1"]);
    let mut running: Vec<Child> = Vec::new();
    for number in 0..4 {
        let folder = format!("context{number}");
        fs::create_dir(bench.path(&folder)).unwrap();
        bench.write(&format!("{folder}/Dockerfile"), DOCKERFILE);
        bench.write(&format!("{folder}/a"), "hello\n");
        bench.write(&format!("{folder}/b"), format!("world {number}\n"));
        running.push(bench.start(&["preview", "-q", "-t", &format!("built:{number}"), &folder]));
        running.push(bench.start(&["load", "-i", "out.tar"]));
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(bench.names(), ["built:0", "built:1", "built:2", "built:3", "site:1"]);
    assert!(is_empty(&bench.path("root/store/ingest")));
    assert!(bench.blobs() > 0);
    // What all learned is there: nothing is built again.
    for number in 0..4 {
        let output = bench
            .command(&["preview", &format!("context{number}")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("CACHED").count(), 2, "{said}");
    }
}

#[test]
fn what_is_removed_is_freed_and_what_others_need_stays() {
    let bench = Bench::with_image();
    bench.write("context/b", "another");
    bench.build("other:1");
    bench.ok(&["builder", "prune", "-af"]);
    let both = bench.blobs();
    bench.ok(&["rmi", "site:1"]);
    assert!(bench.blobs() < both);
    assert!(bench.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
    let archive = bench.command(&["save", "other:1"]).output().unwrap();
    assert!(archive.status.success());
    bench.ok(&["rmi", "other:1"]);
    assert_eq!(bench.blobs(), 0);
    assert!(is_empty(&bench.path("root/store/layers")));
}

#[test]
fn what_the_build_cache_needs_stays_until_it_is_pruned() {
    let bench = Bench::with_image();
    bench.ok(&["rmi", "site:1"]);
    let output = bench.command(&["preview", "context"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("CACHED").count(), 2, "{said}");
    let pruned = bench.ok(&["system", "prune", "-af"]);
    assert!(pruned.contains("Deleted build cache objects:"), "{pruned}");
    assert_eq!(bench.blobs(), 0);
}

#[test]
fn the_oldest_results_go_until_the_build_cache_is_small_enough() {
    let bench = Bench::with_image();
    bench.write("context/b", vec![b'x'; 5000]);
    bench.build("site:1");
    bench.ok(&["rmi", "site:1"]);
    bench.ok(&["image", "prune", "-f"]);
    let size = || bench.ok(&["system", "df", "--format", "{{.Type}} {{.Size}}"]);
    assert!(size().contains("Build Cache 5.012kB"), "{}", size());
    bench.ok(&["builder", "prune", "-f", "--keep-storage", "5100"]);
    assert!(size().contains("Build Cache 5.012kB"), "{}", size());
    bench.ok(&["builder", "prune", "-f", "--keep-storage", "5000"]);
    assert!(size().contains("Build Cache 5kB"), "{}", size());
    bench.ok(&["builder", "prune", "-f", "--filter", "until=2000-01-01"]);
    assert!(size().contains("Build Cache 5kB"), "{}", size());
    bench.ok(&["builder", "prune", "-f"]);
    assert!(size().contains("Build Cache 0B"), "{}", size());
    assert!(bench.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

#[test]
fn nothing_is_freed_that_a_running_command_may_want() {
    let bench = Bench::with_image();
    let blobs = bench.blobs();
    let lock = fs::File::open(bench.path("root/lock")).unwrap();
    lock.lock_shared().unwrap();
    bench.ok(&["builder", "prune", "-af"]);
    bench.ok(&["rmi", "site:1"]);
    assert_eq!(bench.blobs(), blobs);
    lock.unlock().unwrap();
    bench.ok(&["system", "prune", "-f"]);
    assert_eq!(bench.blobs(), 0);
}

#[test]
fn a_broken_blob_is_named_with_its_layer_and_repaired() {
    let bench = Bench::with_image();
    assert!(bench.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
    let manifest: serde_json::Value = {
        let digest = index(&bench)["manifests"][0]["digest"].as_str().unwrap()[7..].to_owned();
        serde_json::from_slice(&fs::read(bench.path("root/store/blobs/sha256").join(digest)).unwrap()).unwrap()
    };
    let layer = manifest["layers"][1]["digest"].as_str().unwrap().to_owned();
    let file = bench.path("root/store/blobs/sha256").join(&layer[7..]);
    fs::write(&file, "broken").unwrap();
    let output = bench.command(&["system", "fsck"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = format!("layer 2 of image site:1: blob {layer} is damaged: its 6 bytes are sha256:");
    assert!(said.starts_with(&line), "{said}");
    // The layer is made again from what it lists.
    let said = bench.ok(&["system", "fsck", "--repair"]);
    assert!(said.contains(&format!("wrote blob {layer} again")), "{said}");
    assert!(bench.path("root/quarantine").join(&layer[7..]).exists());
    assert!(bench.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
    assert_eq!(bench.names(), ["site:1"]);
}

#[test]
fn what_cannot_be_made_again_loses_its_name_and_is_built_again() {
    let bench = Bench::with_image();
    let id = bench.ok(&["images", "-q", "--no-trunc"]);
    for folder in ["root/store/blobs/sha256", "root/store/layers"] {
        for entry in fs::read_dir(bench.path(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if bytes == b"hello\n" || folder.ends_with("layers") || bytes.len() % 512 == 0 {
                fs::write(path, "broken").unwrap();
            }
        }
    }
    let output = bench.command(&["fsck"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = bench.ok(&["fsck", "--repair"]);
    assert!(said.contains("removed the image site:1"), "{said}");
    assert!(said.contains("records of the build cache"), "{said}");
    assert_eq!(bench.names(), [""; 0]);
    assert_eq!(bench.build("site:1"), id.trim_end());
    assert!(bench.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

#[test]
fn what_a_killed_process_left_is_listed_and_taken_away() {
    let bench = Bench::with_image();
    bench.write("root/store/.index.json.7-1.tmp", "half");
    bench.write("root/store/blobs/sha256/note", "stray");
    let output = bench.command(&["fsck"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("leftover: ") && said.contains("note: expected a file named by a digest"),
        "{said}"
    );
    bench.ok(&["fsck", "--repair"]);
    assert!(!bench.path("root/store/.index.json.7-1.tmp").exists());
    assert_eq!(bench.names(), ["site:1"]);
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}
