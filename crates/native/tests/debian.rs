//! A Debian root filesystem as a base, and Debian's buildah, umoci and runc: they run, build on and push what we make, and we
//! what they make.
//!
//! `cargo xtask test peers` installs them. It takes root.

mod registry_bench;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with a root of ours and a store of buildah's; removed when dropped.
struct Bench(PathBuf);

impl Bench {
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let bench = Bench(std::env::temp_dir().join(format!("layerlab-debian-{}-{count}", std::process::id())));
        fs::create_dir_all(bench.0.join("context")).unwrap();
        bench
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).unwrap();
        fs::write(path, text).unwrap();
    }

    fn layerlab(&self, words: &[&str]) -> String {
        self.run(env!("CARGO_BIN_EXE_layerlab"), words)
    }

    /// A command of buildah over a store of its own, which needs no driver of the kernel's.
    fn buildah(&self, words: &[&str]) -> String {
        let store = [
            "--root",
            "buildah",
            "--runroot",
            "buildah-run",
            "--storage-driver",
            "vfs",
        ];
        self.run("buildah", &[&store, words].concat())
    }

    /// Runs a program in the folder, which must go well; what it prints.
    #[track_caller]
    fn run(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program)
            .args(words)
            .current_dir(&self.0)
            .env("LAYERLAB_ROOT", self.0.join("root"))
            .env("HOME", &self.0)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test peers` installs it"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn id(&self, name: &str) -> String {
        self.layerlab(&["inspect", name, "-f", "{{.Id}}"]).trim().to_owned()
    }

    /// `app:1`: a busybox that runs, and a file that a command wrote.
    fn build_app(&self) -> String {
        fs::copy("/bin/busybox", self.0.join("context/busybox")).unwrap();
        let text = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"/bin\"]\n\
                    RUN mkdir -p /var/tmp /etc && echo ours > /made\nENV PATH=/bin WORD=hello\nCMD [\"cat\", \"/made\"]\n";
        self.write("context/Dockerfile", text);
        self.layerlab(&["build", "-q", "--network", "none", "-t", "app:1", "context"]);
        self.id("app:1")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A package with a program that keeps its set-user bit, and a script that makes an account when it is installed.
fn make_package(bench: &Bench) {
    bench.write(
        "package/DEBIAN/control",
        "Package: greet\nVersion: 1.2\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: greets\n",
    );
    bench.write(
        "package/usr/bin/greet",
        "#!/bin/sh\necho \"greet as $(id -un greeter)\"\n",
    );
    bench.write(
        "package/DEBIAN/postinst",
        "#!/bin/sh\nset -e\nuseradd --system --home-dir /nonexistent greeter\nchown greeter /usr/share/greet\n",
    );
    bench.write("package/usr/share/greet/words", "hello\n");
    for (path, mode) in [("usr/bin/greet", 0o4755), ("DEBIAN/postinst", 0o755)] {
        let path = bench.0.join("package").join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let words = ["--root-owner-group", "--build", "package", "context/greet.deb"];
    bench.run("dpkg-deb", &words);
}

#[test]
fn a_debian_base_takes_a_package_in_a_run_and_gives_it_up_in_the_next() {
    let bench = Bench::new();
    bench.run("debootstrap", &["--variant=minbase", "bookworm", "debian"]);
    bench.run("tar", &["-C", "debian", "--one-file-system", "-cf", "debian.tar", "."]);
    bench.layerlab(&["import", "debian.tar", "debian:here"]);
    make_package(&bench);
    let text = "FROM debian:here AS installed\n\
                RUN --mount=type=bind,target=/packages apt-get install -y --no-install-recommends /packages/greet.deb\n\
                RUN test -u /usr/bin/greet && test \"$(stat -c %U /usr/share/greet)\" = greeter\n\
                CMD [\"greet\"]\n\
                FROM installed AS purged\n\
                RUN apt-get purge -y greet\n";
    bench.write("context/Dockerfile", text);
    for target in ["installed", "purged"] {
        let name = format!("{target}:1");
        let words = ["--network", "none", "--target", target, "-t", &name, "context"];
        bench.layerlab(&[&["build", "-q"][..], &words].concat());
    }
    assert_eq!(
        bench.layerlab(&["run", "--rm", "--network", "none", "installed:1"]),
        "greet as greeter\n"
    );
    let list = ["dpkg-query", "-W", "-f", "${Package} ${Status} ${Version}\\n"];
    let packages = bench.layerlab(&[&["run", "--rm", "--network", "none", "installed:1"], &list[..]].concat());
    assert!(packages.contains("greet install ok installed 1.2\n"), "{packages}");
    let packages = bench.layerlab(&[&["run", "--rm", "--network", "none", "purged:1"], &list[..]].concat());
    assert!(
        packages.contains("\napt install") && !packages.contains("greet"),
        "{packages}"
    );
    let gone = [
        "run",
        "--rm",
        "--network",
        "none",
        "purged:1",
        "sh",
        "-c",
        "ls /usr/bin/greet /usr/share/greet || true",
    ];
    assert_eq!(bench.layerlab(&gone), "");
    // Another unpacker and another runtime see the same.
    assert_eq!(with_umoci_and_runc(&bench, "installed:1"), "greet as greeter\n");
    assert!(bench.layerlab(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

/// What the image prints when umoci unpacks it and runc runs it.
fn with_umoci_and_runc(bench: &Bench, name: &str) -> String {
    bench.layerlab(&["save", name, "-o", "saved.tar"]);
    bench.run("skopeo", &["copy", "-q", "docker-archive:saved.tar", "oci:unpacked:1"]);
    bench.run("umoci", &["unpack", "--image", "unpacked:1", "bundle"]);
    quieten(&bench.0.join("bundle/config.json"));
    let container = format!("layerlab-{}", std::process::id());
    bench.run("runc", &["--root", "runc", "run", "--bundle", "bundle", &container])
}

/// Takes the terminal out of a bundle, and the control groups, which not every machine has for runc.
fn quieten(config: &Path) {
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    json["process"]["terminal"] = false.into();
    let mounts = json["mounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["type"] != "cgroup");
    fs::write(config, serde_json::to_vec(&json).unwrap()).unwrap();
}

#[test]
fn buildah_runs_and_builds_on_our_image_and_we_run_what_it_built() {
    let bench = Bench::new();
    let id = bench.build_app();
    bench.layerlab(&["save", "app:1", "-o", "ours.tar"]);
    let pulled = bench.buildah(&["pull", "-q", "docker-archive:ours.tar"]);
    assert_eq!(format!("sha256:{}", pulled.trim()), id);
    let container = bench.buildah(&["from", "app:1"]);
    let words = ["run", "--isolation", "chroot", container.trim(), "cat", "/made"];
    assert_eq!(bench.buildah(&words), "ours\n");
    bench.write(
        "theirs/Dockerfile",
        "FROM app:1\nRUN echo theirs >> /made && rm /bin/busybox\n",
    );
    bench.buildah(&["bud", "-q", "--isolation", "chroot", "-t", "theirs:1", "theirs"]);
    bench.buildah(&["push", "-q", "localhost/theirs:1", "oci-archive:theirs.tar:theirs:1"]);
    bench.layerlab(&["load", "-i", "theirs.tar"]);
    let run = [
        "run",
        "--rm",
        "--network",
        "none",
        "theirs:1",
        "sh",
        "-c",
        "cat /made; ls /bin/busybox || echo gone",
    ];
    assert_eq!(bench.layerlab(&run), "ours\ntheirs\ngone\n");
}

#[test]
fn buildah_and_we_pull_what_the_other_pushed_to_our_registry() {
    let bench = Bench::new();
    let id = bench.build_app();
    let registry = registry_bench::Bench::new(&[]);
    let (ours, theirs) = (
        format!("{}/ours:1", registry.address),
        format!("{}/theirs:1", registry.address),
    );
    bench.layerlab(&["tag", "app:1", &ours]);
    bench.layerlab(&["push", &ours]);
    let pulled = bench.buildah(&["pull", "-q", "--tls-verify=false", &ours]);
    assert_eq!(format!("sha256:{}", pulled.trim()), id);
    bench.buildah(&[
        "push",
        "-q",
        "--tls-verify=false",
        pulled.trim(),
        &format!("docker://{theirs}"),
    ]);
    bench.layerlab(&["rmi", "app:1", &ours]);
    bench.layerlab(&["pull", "-q", &theirs]);
    // Buildah packs the layers anew and keeps the config as it is.
    assert_eq!(bench.id(&theirs), id);
    assert_eq!(bench.layerlab(&["run", "--rm", "--network", "none", &theirs]), "ours\n");
}
