//! What runs leave behind, and how they fail. Base images are the catalogue's.

use crate::Simulator;
use builder::{BUILD_HOST, Executor, Fidelity, MountKind, Purpose, RunMount, RunOutcome, RunRequest};
use store::{BlobStore, Content, Follow, MemoryBlobs, Node, Time, Tree};

mod archives;
mod find;
mod lasting;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A stage that commands are run in, one after the other.
struct Stage {
    tree: Tree,
    blobs: MemoryBlobs,
    request: RunRequest,
}

impl Stage {
    fn of(image: &str) -> Stage {
        let mut blobs = MemoryBlobs::default();
        let image = catalogue::find(&image.parse().unwrap())
            .unwrap()
            .load(&mut blobs)
            .unwrap();
        let env = image.config.config.env.iter().map(|pair| pair.split_once('=').unwrap());
        Stage {
            tree: image.tree().unwrap(),
            blobs,
            request: RunRequest {
                argv: Vec::new(),
                env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                cwd: "/".to_owned(),
                user: String::new(),
                mounts: Vec::new(),
                network: true,
                now: Time::of_secs(1_700_000_000),
                purpose: Purpose::Build,
                stdin: Vec::new(),
                hostname: BUILD_HOST.to_owned(),
            },
        }
    }

    fn exec(&mut self, argv: &[&str]) -> RunOutcome {
        self.request.argv = argv.iter().map(|&word| word.to_owned()).collect();
        let outcome = Simulator::new()
            .run(&self.request, &self.tree, &mut self.blobs)
            .unwrap();
        assert_eq!(outcome.fidelity, Fidelity::Simulated);
        if outcome.exit == 0 {
            self.tree = outcome.tree.clone();
        }
        outcome
    }

    fn run(&mut self, script: &str) -> RunOutcome {
        self.exec(&["/bin/sh", "-c", script])
    }

    /// Runs what must succeed; returns its log.
    fn ok(&mut self, script: &str) -> String {
        let outcome = self.run(script);
        assert_eq!(outcome.exit, 0, "{script}\n{}", outcome.log());
        outcome.log()
    }

    /// Runs what must fail with `exit`; returns its log.
    fn fails(&mut self, exit: i32, script: &str) -> String {
        let outcome = self.run(script);
        assert_eq!(outcome.exit, exit, "{script}\n{}", outcome.log());
        outcome.log()
    }

    /// Puts a file of `bytes` into the root.
    fn file(&mut self, name: &str, bytes: &[u8]) {
        let digest = self.blobs.put(bytes).unwrap();
        let size = bytes.len() as u64;
        let node = Node::file(store::Meta::of_mode(0o644), Content::Blob { digest, size });
        self.tree.insert(&store::TreePath::parse(name).unwrap(), node).unwrap();
    }

    fn node(&self, path: &str) -> Option<Node> {
        let path = self.tree.resolve(path, Follow::AllButLast).ok()?;
        self.tree.get(&path).cloned()
    }

    fn text(&self, path: &str) -> String {
        match self.node(path) {
            Some(Node::File(file)) => match file.content {
                Content::Blob { digest, .. } => String::from_utf8(self.blobs.get(&digest).unwrap().to_vec()).unwrap(),
                Content::Absent { .. } => panic!("{path} is simulated"),
            },
            other => panic!("{path} is {other:?}"),
        }
    }

    /// Mode, owner and group.
    fn rights(&self, path: &str) -> (u32, u32, u32) {
        let node = self.node(path).unwrap_or_else(|| panic!("{path} is missing"));
        (node.meta().mode, node.meta().uid, node.meta().gid)
    }

    fn size(&self, path: &str) -> u64 {
        self.node(path).unwrap().as_file().unwrap().content.size()
    }
}

fn contains(log: &str, what: &str) {
    assert!(log.contains(what), "expected {what:?} in:\n{log}");
}

#[test]
fn the_shell_writes_files_with_modes_and_owners() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("echo one > /a && echo two >> /a && mkdir -m 700 /d && touch /d/e && chmod u+x,o-r /d/e && chown guest:users /d/e");
    assert_eq!(stage.text("/a"), "one\ntwo\n");
    assert_eq!(stage.rights("/a"), (0o644, 0, 0));
    assert_eq!(stage.rights("/d"), (0o700, 0, 0));
    assert_eq!(stage.rights("/d/e"), (0o740, 405, 100));
}

#[test]
fn the_umask_holds_for_redirections_and_directories() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("umask 077 && mkdir /d && echo x > /d/x && touch /d/y");
    assert_eq!(stage.rights("/d").0, 0o700);
    assert_eq!(stage.rights("/d/x").0, 0o600);
    assert_eq!(stage.rights("/d/y").0, 0o600);
}

#[test]
fn a_subshell_keeps_its_umask_to_itself() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("(umask 027; touch /a); touch /b; umask 077; sh -c 'touch /c'");
    assert_eq!(stage.rights("/a").0, 0o640);
    assert_eq!(stage.rights("/b").0, 0o644);
    assert_eq!(stage.rights("/c").0, 0o600);
}

#[test]
fn listings_show_what_the_tree_has() {
    let mut stage = Stage::of("alpine:3.9.3");
    let log = stage.ok("mkdir /d && cd /d && echo abc > f && chown guest:users f && ln -s f l && touch .h && ls -a && ls -l f l && ls | wc -l");
    contains(&log, ".\n..\n.h\nf\nl\n");
    contains(
        &log,
        "-rw-r--r--    1 guest    users             4 2023-11-14 22:13 f\n",
    );
    contains(&log, " l -> f\n2\n");
    contains(&stage.fails(1, "ls /nope"), "ls: /nope: No such file or directory");
}

#[test]
fn tests_tell_files_from_links_and_compare() {
    let mut stage = Stage::of("alpine:3.9.3");
    for yes in [
        "[ -L /bin/sh ]",
        "[ -x /bin/sh -a -f /bin/busybox ]",
        "[ ! -e /nope ]",
        "test \\( 1 -gt 2 -o a = a \\) -a -d /etc",
        "[ = = = ]",
        "[ -n -n ]",
        "! [ -s /etc/nope ]",
        "! [ \"\" ]",
        "[ 1 -eq x ]; [ $? = 2 ]",
        "[ a; [ $? = 2 ]",
    ] {
        stage.ok(yes);
    }
}

#[test]
fn hard_links_are_one_file() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("echo x > /a && ln /a /b && chmod 600 /b && ln -s /a /c && cp -a /a /d");
    assert_eq!(stage.rights("/a").0, 0o600);
    let path = stage.tree.resolve("/a", Follow::Last).unwrap();
    assert_eq!(stage.tree.names(&path).len(), 2);
    assert!(matches!(stage.node("/c"), Some(Node::Symlink { target, .. }) if target == "/a"));
}

#[test]
fn copies_keep_what_they_are_told_to() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("mkdir /s && echo x > /s/f && chown 5:6 /s/f && chmod 640 /s/f && touch -d 2001-02-03 /s/f && cp -r /s /plain && cp -a /s /all");
    assert_eq!(stage.rights("/plain/f"), (0o640, 0, 0));
    assert_eq!(stage.rights("/all/f"), (0o640, 5, 6));
    assert_eq!(stage.node("/all/f").unwrap().meta().mtime.secs, 981_158_400);
    assert!(stage.node("/plain/f").unwrap().meta().mtime.secs >= 1_700_000_000);
}

#[test]
fn programs_without_bytes_can_be_copied_and_moved() {
    let mut stage = Stage::of("alpine:3.9.3");
    let size = stage.size("/bin/busybox");
    stage.ok("cp /bin/busybox /copy && mv /copy /moved && ls /moved");
    assert_eq!(stage.size("/moved"), size);
    assert_eq!(stage.rights("/moved").0, 0o755);
}

#[test]
fn every_change_has_a_time_of_its_own() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("echo 3.9.3 > /etc/alpine-release");
    assert!(stage.node("/etc/alpine-release").unwrap().meta().mtime > stage.request.now);
}

#[test]
fn a_missing_command_fails_in_the_words_of_the_image() {
    contains(
        &Stage::of("alpine:3.9.3").fails(127, "nosuch --x"),
        "/bin/sh: nosuch: not found",
    );
    contains(
        &Stage::of("ubuntu:bionic").fails(127, "apk add curl"),
        "/bin/sh: 1: apk: not found",
    );
    contains(
        &Stage::of("alpine:3.9.3").fails(127, "apt-get update"),
        "/bin/sh: apt-get: not found",
    );
    contains(
        &Stage::of("ubuntu:bionic").fails(127, "curl x.org"),
        "/bin/sh: 1: curl: not found",
    );
}

#[test]
fn an_image_without_a_shell_cannot_run_one() {
    let mut stage = Stage::of("hello-world");
    let outcome = stage.run("echo hi");
    assert_ne!(outcome.exit, 0);
    contains(
        &outcome.log(),
        "exec: \"/bin/sh\": stat /bin/sh: no such file or directory",
    );
    contains(&stage.exec(&["nosuch"]).log(), "executable file not found in $PATH");
}

#[test]
fn exec_form_runs_a_program_without_a_shell() {
    let mut stage = Stage::of("alpine:3.9.3");
    let outcome = stage.exec(&["touch", "/a b", "/$HOME"]);
    assert_eq!(outcome.exit, 0, "{}", outcome.log());
    assert!(stage.node("/a b").is_some());
    assert!(stage.node("/$HOME").is_some());
    assert_eq!(stage.exec(&["/bin/mkdir", "/by-path"]).exit, 0);
    assert!(stage.node("/by-path").unwrap().is_dir());
}

#[test]
fn scripts_run_and_other_programs_say_that_they_are_not_simulated() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("printf '#!/bin/sh\\necho \"$1\" > /out\\n' > /s.sh && chmod +x /s.sh && /s.sh hey");
    assert_eq!(stage.text("/out"), "hey\n");
    contains(&stage.fails(126, "chmod -x /s.sh && /s.sh hey"), "Permission denied");
    let log = stage.ok("/usr/bin/scanelf -x");
    contains(&log, "layerlab: /usr/bin/scanelf is not simulated");
}

#[test]
fn a_program_by_its_path_is_the_program() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("/bin/echo hi > /a && /usr/bin/sort /a > /b && /bin/busybox cat /a > /c");
    assert_eq!(stage.text("/b"), "hi\n");
    assert_eq!(stage.text("/c"), "hi\n");
}

#[test]
fn a_user_may_write_only_where_modes_allow() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.request.user = "guest".to_owned();
    contains(&stage.fails(1, "mkdir /opt/x"), "Permission denied");
    assert_ne!(stage.run("echo x > /etc/passwd").exit, 0);
    assert_ne!(stage.run("rm /etc/passwd").exit, 0);
    assert_ne!(stage.run("cat /etc/shadow").exit, 0);
    stage.ok("id -u > /tmp/uid && whoami >> /tmp/uid");
    assert_eq!(stage.text("/tmp/uid"), "405\nguest\n");
    assert_eq!(stage.rights("/tmp/uid"), (0o644, 405, 100));
    contains(&stage.fails(1, "chown root /tmp/uid"), "Operation not permitted");
}

#[test]
fn an_unknown_user_cannot_start_anything() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.request.user = "nobodyatall".to_owned();
    let outcome = stage.run("true");
    assert_ne!(outcome.exit, 0);
    contains(
        &outcome.log(),
        "unable to find user nobodyatall: no matching entries in passwd file",
    );
}

#[test]
fn users_and_groups_are_made_as_debian_and_busybox_make_them() {
    let mut stage = Stage::of("ubuntu:bionic");
    stage.ok(
        "groupadd -r app && useradd -r -g app -m -s /bin/bash app && useradd -u 1500 -m two && usermod -aG sudo two",
    );
    contains(&stage.text("/etc/passwd"), "app:x:999:999::/home/app:/bin/bash\n");
    contains(&stage.text("/etc/passwd"), "two:x:1500:1500::/home/two:/bin/sh\n");
    contains(&stage.text("/etc/group"), "sudo:x:27:two\n");
    assert_eq!(stage.rights("/home/app"), (0o755, 999, 999));
    contains(&stage.fails(9, "useradd two"), "user 'two' already exists");
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("addgroup -S app && adduser -S -G app app && adduser -D -u 1000 bob && addgroup bob wheel");
    contains(
        &stage.text("/etc/passwd"),
        "bob:x:1000:1000:Linux User,,,:/home/bob:/bin/sh\n",
    );
    contains(&stage.text("/etc/group"), "wheel:x:10:root,bob\n");
}

#[test]
fn commands_run_as_others_and_come_back() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok("su guest -s /bin/sh -c 'id -u > /tmp/a' && id -u > /tmp/b");
    assert_eq!(stage.text("/tmp/a"), "405\n");
    assert_eq!(stage.text("/tmp/b"), "0\n");
    assert_eq!(stage.run("su guest -c 'exit 3'").exit, 3);
}

#[test]
fn endless_loops_end_with_a_message() {
    for script in [
        "while true; do :; done",
        "while :; do echo x; done",
        "f() { f; }; f",
        "yes > /dev/null",
    ] {
        let outcome = Stage::of("alpine:3.9.3").run(script);
        assert_ne!(
            outcome.exit,
            0,
            "{script}: {}",
            &outcome.log()[..outcome.log().len().min(300)]
        );
    }
    let outcome = Stage::of("alpine:3.9.3").run("while true; do :; done");
    contains(&outcome.log(), "layerlab: the command was stopped");
}

#[test]
fn large_files_keep_their_size_and_lose_their_bytes() {
    let mut stage = Stage::of("alpine:3.9.3");
    stage.ok(
        "dd if=/dev/zero of=/big bs=1M count=100 && dd if=/dev/zero of=/small bs=1024 count=2 && fallocate -l 2G /huge",
    );
    assert_eq!(stage.size("/big"), 100 << 20);
    assert_eq!(stage.size("/huge"), 2 << 30);
    assert_eq!(stage.text("/small"), "\0".repeat(2048));
}

#[test]
fn the_same_request_gives_the_same_outcome() {
    let script = "echo $RANDOM > /r; mktemp >> /r; date >> /r; head -c 8 /dev/urandom | od >> /r; for i in 1 2 3; do touch /t$i; done";
    let outcome = |_| {
        let mut stage = Stage::of("alpine:3.9.3");
        let outcome = stage.run(script);
        (
            outcome.log(),
            outcome.millis,
            outcome.tree == stage.tree,
            stage.text("/r"),
            outcome,
        )
    };
    let (a, b) = (outcome(0), outcome(1));
    assert_eq!(a.3, b.3);
    assert_eq!(a, b);
}

#[test]
fn sleeping_takes_simulated_time_only() {
    let mut stage = Stage::of("alpine:3.9.3");
    assert!(stage.run("sleep 3600").millis >= 3_600_000);
}

fn mount(target: &str, kind: MountKind) -> RunMount {
    RunMount {
        target: target.to_owned(),
        kind,
    }
}

fn dir_with(blobs: &mut MemoryBlobs, name: &str, text: &str) -> Node {
    let mut dir = store::Dir::new(store::Meta::of_mode(0o755));
    let content = Content::Blob {
        digest: blobs.put(text.as_bytes()).unwrap(),
        size: text.len() as u64,
    };
    dir.entries
        .insert(name.to_owned(), Node::file(store::Meta::of_mode(0o644), content));
    Node::Dir(dir.into())
}

#[test]
fn mounts_are_there_for_the_run_and_gone_afterwards() {
    let mut stage = Stage::of("alpine:3.9.3");
    let node = dir_with(&mut stage.blobs, "f", "bound\n");
    let secret = MountKind::Secret {
        mode: 0o400,
        uid: 0,
        gid: 0,
        bytes: b"hush".to_vec(),
    };
    stage.request.mounts = vec![
        mount(
            "/m/deep",
            MountKind::Bind {
                node: node.clone(),
                read_only: true,
            },
        ),
        mount("/w", MountKind::Bind { node, read_only: false }),
        mount("/scratch", MountKind::Tmpfs),
        mount("/run/secrets/tok", secret),
    ];
    stage.ok("cp /m/deep/f /copy && echo x > /w/new && echo y > /scratch/y && wc -c < /run/secrets/tok > /n");
    assert_eq!(stage.text("/copy"), "bound\n");
    assert_eq!(stage.text("/n").trim(), "4");
    for gone in ["/m", "/w", "/scratch", "/run/secrets", "/dev/null"] {
        assert!(stage.node(gone).is_none(), "{gone}");
    }
    contains(&stage.fails(1, "touch /m/deep/f"), "Read-only file system");
    contains(&stage.fails(1, "rm -r /scratch"), "esource busy");
    stage.ok("rm -rf /scratch/* && echo stays > /m/beside");
    assert_eq!(stage.text("/m/beside"), "stays\n");
}

#[test]
fn a_cache_mount_hands_on_what_it_holds() {
    let mut stage = Stage::of("alpine:3.9.3");
    let node = Node::dir(store::Meta::of_mode(0o755));
    let cache = |node| {
        mount(
            "/root/.cache",
            MountKind::Cache {
                id: "c".to_owned(),
                node,
                read_only: false,
            },
        )
    };
    stage.request.mounts = vec![cache(node)];
    let outcome = stage.run("echo x >> /root/.cache/x");
    assert!(stage.node("/root/.cache").is_none());
    let (id, node) = outcome.caches[0].clone();
    assert_eq!(id, "c");
    stage.request.mounts = vec![cache(node)];
    stage.ok("echo x >> /root/.cache/x && cp /root/.cache/x /seen");
    assert_eq!(stage.text("/seen"), "x\nx\n");
}

#[test]
fn the_courses_nginx_dockerfile_installs() {
    let mut stage = Stage::of("ubuntu:bionic");
    stage
        .request
        .env
        .push(("NGINX_VERSION".to_owned(), "1.14.0-0ubuntu1.2".to_owned()));
    stage.ok("apt-get update && apt-get install -y curl");
    let before = stage.tree.bytes();
    stage.ok("apt-get update && apt-get install -y nginx=$NGINX_VERSION");
    assert!(stage.tree.bytes() > before);
    contains(
        &stage.text("/var/lib/dpkg/status"),
        "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.14.0-0ubuntu1.2\n",
    );
    assert_eq!(stage.rights("/usr/sbin/nginx").0, 0o755);
    assert!(stage.node("/var/www/html").unwrap().is_dir());
    stage.ok("nginx -t");
}

#[test]
fn a_second_update_replaces_all_lists() {
    let mut stage = Stage::of("ubuntu:bionic");
    stage.ok("apt-get update");
    let first = stage.tree.clone();
    stage.ok("apt-get update");
    let again = store::diff(&first, &stage.tree).bytes();
    assert!(again > 30_000_000, "{again}");
    stage.ok("rm -rf /var/lib/apt/lists/*");
    assert!(stage.tree.bytes() < first.bytes() - 30_000_000);
}

#[test]
fn apt_fails_as_it_does() {
    let mut stage = Stage::of("ubuntu:bionic");
    contains(
        &stage.fails(100, "apt-get install -y curl"),
        "E: Unable to locate package curl",
    );
    stage.ok("apt-get update");
    contains(
        &stage.fails(100, "apt-get install -y nosuch"),
        "E: Unable to locate package nosuch",
    );
    contains(
        &stage.fails(1, "apt-get install curl"),
        "Do you want to continue? [Y/n] Abort.",
    );
    contains(
        &stage.fails(100, "apt-get install -y nginx=9.9"),
        "E: Version '9.9' for 'nginx' was not found",
    );
    stage.request.network = false;
    contains(
        &stage.fails(100, "apt-get install -y curl"),
        "Temporary failure resolving 'archive.ubuntu.com'",
    );
    contains(&stage.ok("apt-get update"), "Temporary failure resolving");
    stage.request.user = "www-data".to_owned();
    contains(&stage.fails(100, "apt-get update"), "Permission denied");
}

#[test]
fn what_apt_installs_can_be_run_and_removed_at_once() {
    let mut stage = Stage::of("debian:bookworm-slim");
    let log =
        stage.ok("apt-get update -qq && apt-get install -y --no-install-recommends git && git --version && which git");
    contains(&log, "/usr/bin/git");
    stage.ok("apt-get purge -y git && ! which git");
    assert!(stage.node("/usr/bin/git").is_none());
}

#[test]
fn archives_stay_where_the_image_does_not_clean_them() {
    let mut stage = Stage::of("debian:bookworm");
    stage.ok("rm -f /etc/apt/apt.conf.d/docker-clean; apt-get update && apt-get install -y curl");
    assert!(
        stage
            .node("/var/cache/apt/archives/curl_7.88.1-10+deb12u8_amd64.deb")
            .is_some()
    );
    stage.ok("apt-get clean");
    assert!(
        stage
            .node("/var/cache/apt/archives/curl_7.88.1-10+deb12u8_amd64.deb")
            .is_none()
    );
}

#[test]
fn apk_needs_an_index_and_leaves_none_with_no_cache() {
    let mut stage = Stage::of("alpine:3.9.3");
    contains(&stage.fails(1, "apk add curl"), "curl (no such package)");
    stage.ok("apk add --no-cache curl");
    assert!(stage.node("/usr/bin/curl").is_some());
    assert!(stage.node("/var/cache/apk/APKINDEX.main.tar.gz").is_none());
    stage.ok("apk update");
    assert!(stage.node("/var/cache/apk/APKINDEX.main.tar.gz").is_some());
    contains(&stage.fails(1, "apk add nosuch"), "nosuch (no such package)");
    stage.ok("apk add --virtual .build gcc musl-dev && apk del .build");
    assert!(stage.node("/usr/bin/gcc").is_none());
    assert!(stage.node("/usr/bin/curl").is_some());
    stage.request.network = false;
    assert_ne!(stage.run("apk add --no-cache git").exit, 0);
}

#[test]
fn pip_reads_requirements() {
    let mut stage = Stage::of("python:3.12-slim");
    stage.request.cwd = "/srv".to_owned();
    contains(
        &stage.fails(1, "pip install -r requirements.txt"),
        "Could not open requirements file: [Errno 2]",
    );
    stage.ok("printf 'flask==3.0.3\\n# a comment\\nrequests>=2\\n' > requirements.txt && pip install --no-cache-dir -r requirements.txt");
    assert!(stage.node("/usr/local/lib/python3.12/site-packages/werkzeug").is_some());
    assert!(stage.node("/root/.cache/pip").is_none());
    stage.ok("pip install gunicorn");
    assert!(stage.node("/root/.cache/pip").is_some());
    contains(
        &stage.fails(1, "pip install flask==99"),
        "No matching distribution found for flask==99",
    );
    stage.request.network = false;
    assert_eq!(stage.run("pip install django").exit, 1);
}

#[test]
fn npm_reads_package_json() {
    let mut stage = Stage::of("node:20-alpine");
    stage.request.cwd = "/srv".to_owned();
    contains(&stage.fails(254, "npm install"), "enoent Could not read package.json");
    stage.ok("echo '{\"dependencies\":{\"express\":\"^4\"},\"devDependencies\":{\"jest\":\"^29\"},\"scripts\":{\"build\":\"tsc\"}}' > package.json");
    contains(
        &stage.fails(1, "npm ci"),
        "The `npm ci` command can only install with an existing package-lock.json",
    );
    stage.ok("npm install --omit=dev");
    assert!(stage.node("/srv/node_modules/express/index.js").is_some());
    assert!(stage.node("/srv/node_modules/jest").is_none());
    stage.ok("npm ci && npm run build && ls dist/index.js");
    assert!(stage.node("/srv/node_modules/jest").is_some());
    contains(&stage.fails(1, "npm run nosuch"), "Missing script: \"nosuch\"");
    contains(
        &stage.fails(1, "echo '{' > package.json; npm install; exit 1"),
        "EJSONPARSE",
    );
}

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"hello world\")\n}\n";

#[test]
fn the_courses_go_program_is_about_two_megabytes() {
    let mut stage = Stage::of("golang:1.12.4");
    stage.request.cwd = "/helloworld".to_owned();
    stage.ok(&format!(
        "mkdir -p /helloworld && cat > /helloworld/helloworld.go <<'EOF'\n{HELLO}EOF\n"
    ));
    let log = stage.ok("GOOS=Linux go build -a -installsuffix cgo -o helloworld .");
    contains(&log, "layerlab: GOOS=Linux is taken as GOOS=linux");
    let size = stage.size("/helloworld/helloworld");
    assert!((1_950_000..2_050_000).contains(&size), "{size}");
    assert_eq!(stage.rights("/helloworld/helloworld").0, 0o755);
    assert!(
        (760_000_000..800_000_000).contains(&stage.tree.bytes()),
        "{}",
        stage.tree.bytes()
    );
}

#[test]
fn go_fails_as_it_does() {
    let mut stage = Stage::of("golang:1.12.4");
    contains(&stage.fails(1, "mkdir /e && cd /e && go build ."), "no Go files in /e");
    contains(
        &stage.fails(2, "GOOS=plan10 go build ."),
        "cmd/go: unsupported GOOS/GOARCH pair plan10/amd64",
    );
    contains(
        &stage.fails(2, "cd /tmp && printf 'package main\\n' > a.go && go build a.go"),
        "function main is undeclared",
    );
    let mut stage = Stage::of("golang:1.23");
    contains(
        &stage.fails(
            1,
            "mkdir /e && cd /e && printf 'package main\\nfunc main() {}\\n' > a.go && go build",
        ),
        "go.mod file not found",
    );
    stage.ok("mkdir /f && cd /f && go mod init example.com/tool && printf 'package main\\nfunc main() {}\\n' > a.go && go build && test -x tool");
}

#[test]
fn fetches_say_that_nothing_was_fetched() {
    let mut stage = Stage::of("golang:1.12.4");
    let log = stage.ok("curl -fsSL -o /tmp/x.tgz https://example.com/x.tgz && wget -q https://example.com/y.zip");
    contains(&log, "layerlab: https://example.com/x.tgz was not fetched");
    assert!(stage.size("/tmp/x.tgz") > 0);
    stage.request.network = false;
    contains(
        &stage.fails(6, "curl https://example.com/"),
        "curl: (6) Could not resolve host: example.com",
    );
}

#[test]
fn dash_echo_reads_escapes_and_leaves_braces_alone() {
    let mut stage = Stage::of("ubuntu:bionic");
    stage.ok("echo 'a\\nb' > /e && mkdir -p /x/{a,b}");
    assert_eq!(stage.text("/e"), "a\nb\n");
    assert!(stage.node("/x/{a,b}").is_some());
    stage.exec(&["/bin/bash", "-c", "echo 'a\\nb' > /f && mkdir -p /y/{a,b}"]);
    assert!(stage.node("/y/b").is_some());
}

#[test]
fn options_of_the_shell_hold() {
    let mut stage = Stage::of("alpine:3.9.3");
    assert_eq!(stage.exec(&["/bin/sh", "-ec", "false; touch /no"]).exit, 1);
    assert_eq!(
        stage
            .exec(&["/bin/ash", "-eo", "pipefail", "-c", "false | true; touch /no"])
            .exit,
        1
    );
    assert!(stage.node("/no").is_none());
    stage.exec(&["/bin/sh", "-c", "echo $0 $1 > /args", "zero", "one"]);
    assert_eq!(stage.text("/args"), "zero one\n");
    assert_eq!(stage.run("exit 7").exit, 7);
    assert_eq!(stage.request.env[0].1, PATH);
}
