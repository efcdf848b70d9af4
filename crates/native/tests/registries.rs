//! `layerlab pull`, `push` and `login` against Debian's `docker-registry`, with `skopeo` as the witness.
//!
//! `cargo xtask test peers` installs them.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A folder with a registry in it; both gone when dropped.
struct Bench {
    dir: PathBuf,
    registry: Child,
    host: String,
}

/// How the registry is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    /// TLS with a certificate that vouches for itself, and a password.
    Locked,
}

impl Bench {
    fn new(door: Door) -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("layerlab-registries-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("localhost:{port}");
        let mut config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: s\n",
            dir.join("data").display()
        );
        if door == Door::Locked {
            lock(&dir, &host);
            let locks = format!(
                "  tls:\n    certificate: {0}/domain.crt\n    key: {0}/domain.key\nauth:\n  htpasswd:\n    realm: r\n    path: \
                 {0}/htpasswd\n",
                dir.display()
            );
            config.push_str(&locks);
        }
        fs::write(dir.join("config.yml"), config).unwrap();
        let registry = Command::new("docker-registry")
            .args(["serve", "config.yml"])
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry; `cargo xtask test peers` installs it");
        let until = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "docker-registry does not come up");
            std::thread::yield_now();
        }
        let bench = Bench { dir, registry, host };
        bench.build();
        bench
    }

    /// An image of two layers, one of them large, as `app` in the store `one`.
    fn build(&self) {
        fs::create_dir_all(self.dir.join("context")).unwrap();
        fs::write(
            self.dir.join("context/Dockerfile"),
            "FROM scratch\nCOPY a /a\nCOPY b /b\n",
        )
        .unwrap();
        fs::write(self.dir.join("context/a"), "hello").unwrap();
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(8 << 20)
        .collect();
        fs::write(self.dir.join("context/b"), noise).unwrap();
        self.said("preview -q --root one -o type=docker,dest=image.tar,name=app context");
        self.said("load --root one -i image.tar");
    }

    fn layerlab(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
        command
            .args(words.split(' '))
            .current_dir(&self.dir)
            .env("HOME", &self.dir)
            .env_remove("DOCKER_CONFIG")
            .env("XDG_CONFIG_HOME", self.dir.join("settings"))
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn said(&self, words: &str) -> String {
        let output = self.layerlab(words).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {err}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, words: &str) -> String {
        let output = self.layerlab(words).output().unwrap();
        assert!(!output.status.success(), "{words}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn skopeo(&self, words: &str) -> Output {
        let mut command = Command::new("skopeo");
        command
            .arg("--insecure-policy")
            .args(words.split(' '))
            .current_dir(&self.dir);
        command.output().expect("skopeo; `cargo xtask test peers` installs it")
    }

    /// The manifest as the registry has it.
    #[track_caller]
    fn raw(&self, name: &str, options: &str) -> Vec<u8> {
        let output = self.skopeo(&format!("inspect --raw {options} docker://{}/{name}", self.host));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A certificate for `localhost`, trusted for `host` by the settings of `dir`, and the password `secret` of `me`.
fn lock(dir: &std::path::Path, host: &str) {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout domain.key -out domain.crt -subj /CN=r \
                 -addext subjectAltName=DNS:localhost";
    let made = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(dir)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let folder = dir.join("settings/layerlab/certs.d").join(host);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(dir.join("domain.crt"), folder.join("ca.crt")).unwrap();
    let made = Command::new("htpasswd")
        .args(["-nbB", "me", "secret"])
        .output()
        .expect("htpasswd");
    fs::write(dir.join("htpasswd"), made.stdout).unwrap();
}

#[test]
fn what_is_pushed_is_what_others_pull_and_what_comes_back() {
    let bench = Bench::new(Door::Open);
    let (host, app) = (&bench.host, format!("{}/team/app:1", bench.host));
    bench.said(&format!("tag --root one app {app}"));
    let pushed = bench.said(&format!("push --root one {app}"));
    let digest = pushed
        .split("digest: ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        pushed.starts_with(&format!("The push refers to repository [{host}/team/app]\n")),
        "{pushed}"
    );
    // skopeo unpacks and checks all of it.
    let copied = bench.skopeo(&format!("copy --src-tls-verify=false docker://{app} oci:copy:1"));
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let index = fs::read_to_string(bench.dir.join("copy/index.json")).unwrap();
    assert!(index.contains(&digest), "{index}");
    let again = bench.said(&format!("push --root one {app}"));
    assert_eq!(again.matches("Layer already exists").count(), 2, "{again}");
    let mounted = format!("{host}/team/other:1");
    bench.said(&format!("tag --root one app {mounted}"));
    let mounting = bench.said(&format!("push --root one {mounted}"));
    assert_eq!(mounting.matches("Mounted from team/app").count(), 2, "{mounting}");
    let pulled = bench.said(&format!("pull --root two {app}"));
    assert!(
        pulled.contains(&format!("Digest: {digest}\nStatus: Downloaded newer image for {app}\n")),
        "{pulled}"
    );
    assert_eq!(pulled.matches("Pull complete").count(), 2);
    let id = |root: &str| bench.said(&format!("images --root {root} -q --no-trunc {app}"));
    assert_eq!(id("one"), id("two"));
    assert!(
        bench
            .said(&format!("pull --root two {app}"))
            .contains("Image is up to date")
    );
    assert_eq!(
        bench
            .said(&format!("pull --root three -q {host}/team/app@{digest}"))
            .trim(),
        format!("{host}/team/app@{digest}")
    );
}

#[test]
fn manifests_of_others_keep_their_bytes_from_registry_to_registry() {
    let bench = Bench::new(Door::Open);
    for format in ["v2s2", "oci"] {
        let (from, to) = (format!("{format}/from:1"), format!("{format}/to:1"));
        let words = format!(
            "copy --format {format} --dest-tls-verify=false docker-archive:image.tar docker://{}/{from}",
            bench.host
        );
        let copied = bench.skopeo(&words);
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        bench.said(&format!("pull --root {format} -q {}/{from}", bench.host));
        bench.said(&format!("tag --root {format} {0}/{from} {0}/{to}", bench.host));
        bench.said(&format!("push --root {format} -q {}/{to}", bench.host));
        assert_eq!(
            bench.raw(&from, "--tls-verify=false"),
            bench.raw(&to, "--tls-verify=false")
        );
    }
}

#[test]
fn a_registry_behind_tls_and_a_password_is_entered_by_login() {
    let bench = Bench::new(Door::Locked);
    let app = format!("{}/app:1", bench.host);
    bench.said(&format!("tag --root one app {app}"));
    let refused = bench.refused(&format!("push --root one {app}"));
    assert!(refused.contains("no basic auth credentials"), "{refused}");
    let wrong = bench.refused(&format!("login -u me -p wrong {}", bench.host));
    assert!(
        wrong.contains("401 Unauthorized") && !wrong.contains("wrong"),
        "{wrong}"
    );
    let mut login = bench.layerlab(&format!("login -u me --password-stdin {}", bench.host));
    let mut login = login.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    login.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let output = login.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Login Succeeded\n");
    let kept = fs::metadata(bench.dir.join(".docker/config.json")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    bench.said(&format!("push --root one -q {app}"));
    fs::create_dir_all(bench.dir.join("trusted")).unwrap();
    fs::copy(bench.dir.join("domain.crt"), bench.dir.join("trusted/ca.crt")).unwrap();
    assert!(!bench.raw("app:1", "--creds me:secret --cert-dir trusted").is_empty());
    bench.said(&format!("pull --root two -q {app}"));
    bench.said(&format!("logout {}", bench.host));
    assert!(
        bench
            .refused(&format!("pull --root three {app}"))
            .contains("no basic auth credentials")
    );
    fs::remove_dir_all(bench.dir.join("settings")).unwrap();
    let unknown = bench.refused(&format!("pull --root three {app}"));
    assert!(unknown.contains("http") || unknown.contains("certificate"), "{unknown}");
}

/// The bytes of all files below a folder that others write to meanwhile.
fn size(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[test]
fn a_push_that_is_killed_at_any_time_is_made_whole_by_the_next() {
    let bench = Bench::new(Door::Open);
    for kib in [0, 1, 500, 3000, 7000] {
        let name = format!("killed{kib}:1");
        let app = format!("{}/{name}", bench.host);
        bench.said(&format!("tag --root one app {app}"));
        let mut pushing = bench.layerlab(&format!("push --root one -q {app}"));
        let mut pushing = pushing.stdout(Stdio::null()).spawn().unwrap();
        let before = size(&bench.dir.join("data"));
        while size(&bench.dir.join("data")).saturating_sub(before) < kib << 10 && pushing.try_wait().unwrap().is_none()
        {
            std::thread::yield_now();
        }
        let _ = pushing.kill();
        pushing.wait().unwrap();
        bench.said(&format!("push --root one -q {app}"));
        let copied = bench.skopeo(&format!("copy --src-tls-verify=false docker://{app} oci:copy{kib}:1"));
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    }
    assert_eq!(fs::read_dir(bench.dir.join("one/uploads")).unwrap().count(), 0);
}

#[test]
fn a_pull_that_is_killed_at_any_time_leaves_a_sound_store_and_the_next_makes_it_whole() {
    let bench = Bench::new(Door::Open);
    let app = format!("{}/app:1", bench.host);
    bench.said(&format!("tag --root one app {app}"));
    bench.said(&format!("push --root one -q {app}"));
    let ids = |root: &str| bench.said(&format!("images --root {root} --no-trunc --format {{{{.ID}}}} {app}"));
    let id = ids("one");
    for kib in [0, 1, 500, 3000, 7000, 8200] {
        let root = format!("pulled{kib}");
        let mut pulling = bench.layerlab(&format!("pull --root {root} -q {app}"));
        let mut pulling = pulling.stdout(Stdio::null()).spawn().unwrap();
        while size(&bench.dir.join(&root)) < kib << 10 && pulling.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = pulling.kill();
        let acknowledged = pulling.wait().unwrap().success();
        // Killed so soon that there is nothing to look at.
        if bench.dir.join(&root).exists() {
            bench.said(&format!("system fsck --root {root}"));
        }
        let there = ids(&root);
        assert!(there == id || (there.is_empty() && !acknowledged), "{kib}: {there:?}");
        bench.said(&format!("pull --root {root} -q {app}"));
        bench.said(&format!("system fsck --root {root}"));
        assert_eq!(ids(&root), id);
        let unfinished = fs::read_dir(bench.dir.join(&root).join("store/ingest"))
            .unwrap()
            .count();
        assert_eq!(unfinished, 0, "what the killed one left is taken away");
    }
}
