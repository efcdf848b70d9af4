//! The store as others see it: an OCI layout that skopeo and umoci read and write, and archives that they and we take from each other.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with a context and a root; removed when dropped.
struct Bench(PathBuf);

impl Bench {
    /// With one image, `site:1`.
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "layerlab-layout-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let bench = Bench(std::env::temp_dir().join(name));
        fs::create_dir_all(bench.0.join("context")).unwrap();
        fs::write(
            bench.0.join("context/Dockerfile"),
            "FROM scratch\nCOPY a /a\nCMD [\"/a\"]\n",
        )
        .unwrap();
        fs::write(bench.0.join("context/a"), "hello\n").unwrap();
        bench.layerlab(&["preview", "-q", "-t", "site:1", "context"]);
        bench
    }

    fn layerlab(&self, words: &[&str]) -> String {
        self.run(env!("CARGO_BIN_EXE_layerlab"), words)
    }

    /// Runs a program in the folder; what it prints.
    fn run(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program)
            .args(words)
            .current_dir(&self.0)
            .env("LAYERLAB_ROOT", self.0.join("root"))
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test peers` installs it"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn id(&self, name: &str) -> String {
        self.layerlab(&["inspect", name, "-f", "{{.Id}}"]).trim().to_owned()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn skopeo_reads_the_store_by_name_and_finds_the_same_image() {
    let bench = Bench::new();
    bench.layerlab(&["tag", "site:1", "example.org:5000/team/site:v2"]);
    for name in ["site:1", "example.org:5000/team/site:v2"] {
        let raw = bench.run("skopeo", &["inspect", "--raw", &format!("oci:root/store:{name}")]);
        let manifest: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(manifest["config"]["digest"], bench.id("site:1").as_str());
    }
    bench.run("skopeo", &["copy", "-q", "oci:root/store:site:1", "oci:out:x"]);
    fs::write(bench.0.join("context/From"), "FROM b\n").unwrap();
    let copy = "b=oci-layout://out:x";
    let built = bench.layerlab(&[
        "preview",
        "-q",
        "--build-context",
        copy,
        "-f",
        "context/From",
        "context",
    ]);
    assert!(built.starts_with("sha256:"), "{built}");
}

#[test]
fn what_skopeo_puts_into_the_store_is_an_image_of_ours() {
    let bench = Bench::new();
    bench.layerlab(&["save", "site:1", "-o", "site.tar"]);
    bench.run(
        "skopeo",
        &["copy", "-q", "docker-archive:site.tar", "oci:root/store:theirs:1"],
    );
    let listed = bench.layerlab(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert!(listed.contains("theirs:1\n") && listed.contains("site:1\n"), "{listed}");
    // Its layer is packed there, and plain with us.
    let layers = |name: &str| bench.layerlab(&["inspect", name, "-f", "{{.RootFS.Layers}}"]);
    assert_eq!(layers("theirs:1"), layers("site:1"));
    bench.layerlab(&["tag", "theirs:1", "ours:1"]);
    bench.layerlab(&["rmi", "site:1", "theirs:1"]);
    bench.layerlab(&["builder", "prune", "-af"]);
    bench.layerlab(&["save", "ours:1", "-o", "ours.tar"]);
    assert!(bench.layerlab(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

#[test]
fn skopeo_and_we_load_what_the_other_saved() {
    let bench = Bench::new();
    let id = bench.id("site:1");
    bench.layerlab(&["save", "site:1", "-o", "site.tar"]);
    let raw = bench.run("skopeo", &["inspect", "--config", "docker-archive:site.tar"]);
    assert!(raw.contains("/a"), "{raw}");
    bench.run(
        "skopeo",
        &["copy", "-q", "oci:root/store:site:1", "oci-archive:theirs.tar:theirs:2"],
    );
    bench.layerlab(&["load", "-i", "theirs.tar"]);
    assert_eq!(bench.id("theirs:2"), id);
    bench.run(
        "skopeo",
        &[
            "copy",
            "-q",
            "oci:root/store:site:1",
            "docker-archive:docker.tar:theirs:3",
        ],
    );
    bench.layerlab(&["load", "-i", "docker.tar"]);
    assert_eq!(bench.id("theirs:3"), id);
}

#[test]
fn umoci_lists_unpacks_and_tags_what_is_in_the_store() {
    let bench = Bench::new();
    assert_eq!(bench.run("umoci", &["ls", "--layout", "root/store"]), "site:1\n");
    bench.run("umoci", &["unpack", "--image", "root/store:site:1", "bundle"]);
    assert_eq!(fs::read(bench.0.join("bundle/rootfs/a")).unwrap(), b"hello\n");
    bench.run("umoci", &["tag", "--image", "root/store:site:1", "umo"]);
    let listed = bench.layerlab(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert_eq!(
        listed
            .lines()
            .filter(|line| ["site:1", "umo:latest"].contains(line))
            .count(),
        2,
        "{listed}"
    );
    assert_eq!(bench.id("umo"), bench.id("site:1"));
}
