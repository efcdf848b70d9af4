//! Containers for real: the program is run as a person runs it, over an image of one static busybox.
//!
//! These take root and a static busybox, and say so where they find neither.

mod rootless;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_layerlab");
/// No command of these tests takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(2);

/// A root folder of its own with the image `base:1`. What runs in it ends with the test.
struct Machine {
    folder: PathBuf,
    /// Who types; root if nobody.
    user: Option<u32>,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Machine {
    /// `None`, said aloud, if this machine cannot run containers.
    fn new(test: &str) -> Option<Machine> {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .map(Path::new)
            .into_iter()
            .find(|path| path.exists());
        let is_root = fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0);
        let (true, Some(busybox)) = (is_root, busybox) else {
            // A test that nobody can hear is skipped all the same.
            let why = "it takes root and a static busybox (package busybox-static)";
            let _ = writeln!(std::io::stderr(), "{test} was skipped: {why}");
            return None;
        };
        let folder = std::env::temp_dir().join(format!("layerlab-containers-{}-{test}", std::process::id()));
        let rootfs = folder.join("rootfs");
        for below in ["bin", "etc", "root", "srv/data", "tmp"] {
            fs::create_dir_all(rootfs.join(below)).unwrap();
        }
        fs::copy(busybox, rootfs.join("bin/busybox")).unwrap();
        fs::set_permissions(rootfs.join("bin/busybox"), fs::Permissions::from_mode(0o755)).unwrap();
        for tool in [
            "cat", "echo", "id", "kill", "ls", "sh", "sleep", "touch", "tty", "true", "stty", "mkdir", "rm", "ln",
            "env", "pwd", "head", "nc",
        ] {
            symlink("busybox", rootfs.join("bin").join(tool)).unwrap();
        }
        let passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n";
        fs::write(rootfs.join("etc/passwd"), passwd).unwrap();
        fs::write(rootfs.join("etc/group"), "root:x:0:\nweb:x:33:\naudio:x:29:web\n").unwrap();
        fs::write(rootfs.join("srv/data/seed"), "seed\n").unwrap();
        let tar = folder.join("base.tar");
        let packed = Command::new("tar")
            .arg("-C")
            .arg(&rootfs)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        assert!(packed.unwrap().success());
        let machine = Machine { folder, user: None };
        machine.ok(&[
            "import",
            "-c",
            "CMD [\"sh\"]",
            "-c",
            "ENV PATH=/bin",
            tar.to_str().unwrap(),
            "base:1",
        ]);
        Some(machine)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = match self.user {
            None => Command::new(PROGRAM),
            Some(user) => {
                let mut command = Command::new(self.folder.join("layerlab"));
                command.uid(user).gid(user).env("HOME", &self.folder);
                command
            }
        };
        command
            .args(words)
            .env("LAYERLAB_ROOT", self.folder.join("root"))
            .current_dir(&self.folder);
        command
    }

    /// Runs a command with nothing to read.
    fn run(&self, words: &[&str]) -> Said {
        self.piped("", words)
    }

    /// Runs a command with something in a pipe before it.
    fn piped(&self, input: &str, words: &[&str]) -> Said {
        let mut command = self.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        finish(command, input)
    }

    /// Types `keys` at a terminal where a command runs, once it has shown `prompt`.
    fn typed(&self, line: &str, prompt: &str, keys: &str) -> Said {
        // `script` lends its terminal to the command and copies what is shown.
        let mut command = Command::new("script");
        command
            .args(["-qec", line, "/dev/null"])
            .env("LAYERLAB_ROOT", self.folder.join("root"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                if sender
                    .send(String::from_utf8_lossy(&bytes[..count]).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
        let mut out = String::new();
        while !out.contains(prompt) {
            out += &receiver
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("{line} shows {prompt:?}, not {out:?}"));
        }
        stdin.write_all(keys.as_bytes()).unwrap();
        while let Ok(more) = receiver.recv_timeout(PATIENCE) {
            out += &more;
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let err = String::new();
        Said { out, err, code }
    }

    fn ok(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said.out
    }

    fn status(&self, name: &str) -> String {
        self.ok(&[
            "ps",
            "-a",
            "--filter",
            &format!("name=^{name}$"),
            "--format",
            "{{.Status}}",
        ])
    }

    fn inspect(&self, name: &str, format: &str) -> String {
        self.ok(&["inspect", "--format", format, name]).trim().to_owned()
    }

    /// Asks until an answer is as wanted; the test fails when it never is.
    fn until(&self, what: &str, mut ask: impl FnMut(&Machine) -> bool) {
        let (timer, time) = mpsc::channel::<()>();
        for _ in 0..600 {
            if ask(self) {
                return;
            }
            // The sender lives: this is a pause and nothing else.
            let _ = time.recv_timeout(Duration::from_millis(100));
        }
        drop(timer);
        panic!("it was never seen that {what}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let ids = self.run(&["ps", "-aq"]).out;
        let mut words = vec!["rm", "-f"];
        words.extend(ids.split_whitespace());
        if words.len() > 2 {
            self.run(&words);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn finish(mut command: Command, input: &str) -> Said {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.as_bytes().to_vec();
    // Whoever does not read need not.
    thread::spawn(move || stdin.write_all(&bytes));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Output { status, stdout, stderr } = receiver.recv_timeout(PATIENCE).expect("the command ends").unwrap();
    Said {
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
        code: status.code().unwrap_or(-1),
    }
}

#[test]
fn what_a_running_container_lies_on_is_held_until_its_end() {
    let Some(machine) = Machine::new("ground") else { return };
    let n_held = |machine: &Machine| {
        let snapshots = fs::read_dir(machine.folder.join("root/snapshots")).unwrap();
        let records = snapshots.filter_map(|entry| fs::File::open(entry.unwrap().path().join("record.json")).ok());
        records.filter(|record| record.try_lock().is_err()).count()
    };
    machine.ok(&["run", "-d", "--name", "long", "base:1", "sleep", "1000"]);
    assert_eq!(n_held(&machine), 1);
    machine.ok(&["rm", "-f", "long"]);
    machine.until("nothing is held any more", |machine| n_held(machine) == 0);
}

#[test]
fn a_container_that_is_damaged_is_found_and_put_away_with_its_files() {
    let Some(machine) = Machine::new("damaged") else { return };
    for name in ["whole", "damaged", "bare"] {
        machine.ok(&[
            "run",
            "--name",
            name,
            "-v",
            "kept:/kept",
            "base:1",
            "sh",
            "-c",
            "echo mine > /mine",
        ]);
    }
    let folder = |name: &str| {
        machine
            .folder
            .join("root/containers")
            .join(machine.inspect(name, "{{.Id}}"))
    };
    let (damaged, bare) = (folder("damaged"), folder("bare"));
    assert!(
        machine
            .ok(&["system", "fsck"])
            .ends_with("3 containers: nothing is wrong\n")
    );
    fs::remove_dir_all(bare.join("upper")).unwrap();
    fs::write(damaged.join("container.json"), "{").unwrap();
    fs::remove_dir_all(machine.folder.join("root/volumes/kept")).unwrap();
    fs::create_dir(machine.folder.join("root/snapshots/half")).unwrap();
    assert!(
        machine
            .run(&["ps", "-a"])
            .err
            .contains("`layerlab system fsck --repair`")
    );
    let said = machine.run(&["system", "fsck"]);
    assert_eq!(said.code, 1, "{said:?}");
    for sentence in [
        ": its record: EOF while parsing an object at line 1 column 1\n",
        ": its writable layer is missing\n",
        "volume kept: its directory is missing\n",
        "snapshots/half\n",
        ": 3 problems\n",
    ] {
        assert!(said.out.contains(sentence), "{sentence} in {said:?}");
    }
    let said = machine.run(&["system", "fsck", "--repair"]);
    assert!(said.out.ends_with("1 container: 1 problem\n"), "{said:?}");
    let quarantine = machine
        .folder
        .join("root/quarantine")
        .join(damaged.file_name().unwrap());
    assert_eq!(fs::read_to_string(quarantine.join("upper/mine")).unwrap(), "mine\n");
    assert_eq!(machine.ok(&["ps", "-a", "--format", "{{.Names}}"]), "whole\n");
    // What nobody has any more is for a person to give up.
    machine.ok(&["rm", "whole"]);
    machine.ok(&["volume", "rm", "kept"]);
    assert!(machine.ok(&["system", "fsck"]).ends_with("nothing is wrong\n"));
}

#[test]
fn a_process_in_the_foreground_gives_its_streams_and_its_exit_code() {
    let Some(machine) = Machine::new("foreground") else {
        return;
    };
    let said = machine.run(&["run", "--rm", "base:1", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!((said.out.as_str(), said.code), ("out\n", 3), "{said:?}");
    assert!(said.err.ends_with("err\n"), "{said:?}");
    let said = machine.piped("from a pipe", &["run", "--rm", "-i", "base:1", "cat"]);
    assert_eq!((said.out.as_str(), said.code), ("from a pipe", 0), "{said:?}");
    assert_eq!(
        machine
            .run(&["run", "--rm", "base:1", "sh", "-c", "kill -9 $$; sleep 1"])
            .code,
        0
    );
    let said = machine.run(&["run", "--rm", "base:1", "nope"]);
    assert_eq!(said.code, 127, "{said:?}");
    assert!(said.err.contains("executable file not found in $PATH"), "{said:?}");
    assert_eq!(machine.run(&["run", "--rm", "base:1", "/etc/passwd"]).code, 126);
    let said = machine.run(&["run", "--rm", "-u", "nobody", "base:1", "true"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("unable to find user nobody"), "{said:?}");
    assert_eq!(machine.ok(&["ps", "-aq"]), "", "all are gone");
}

#[test]
fn options_reach_the_process() {
    let Some(machine) = Machine::new("options") else { return };
    let run = |words: &[&str], argv: &[&str]| machine.ok(&[&["run", "--rm"], words, &["base:1"], argv].concat());
    assert_eq!(
        run(&["-u", "web"], &["id"]),
        "uid=33(web) gid=33(web) groups=29(audio),33(web)\n"
    );
    assert_eq!(run(&["-u", "5:6"], &["id"]), "uid=5 gid=6 groups=6\n");
    assert_eq!(run(&["-w", "/srv/data"], &["pwd"]), "/srv/data\n");
    assert_eq!(run(&["-e", "A=1 2"], &["sh", "-c", "echo $A $HOME"]), "1 2 /root\n");
    assert_eq!(run(&["--hostname", "box"], &["cat", "/etc/hostname"]), "box\n");
    assert_eq!(run(&["--entrypoint", "cat"], &["/srv/data/seed"]), "seed\n");
    assert!(run(&["--add-host", "db:10.0.0.2"], &["cat", "/etc/hosts"]).contains("10.0.0.2\tdb\n"));
    assert!(run(&["--dns", "9.9.9.9"], &["cat", "/etc/resolv.conf"]).contains("nameserver 9.9.9.9\n"));
    let said = machine.run(&[
        "run",
        "--rm",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "base:1",
        "sh",
        "-c",
        "touch /tmp/a && touch /b",
    ]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("/b: Read-only file system"), "{said:?}");
    let limited = run(&["--ulimit", "nofile=64:64"], &["sh", "-c", "ulimit -n"]);
    assert_eq!(limited, "64\n");
    let cidfile = machine.folder.join("cid");
    machine.ok(&[
        "run",
        "-d",
        "--cidfile",
        cidfile.to_str().unwrap(),
        "--name",
        "kept",
        "base:1",
        "true",
    ]);
    assert_eq!(fs::read_to_string(cidfile).unwrap(), machine.inspect("kept", "{{.Id}}"));
}

#[test]
fn a_container_lies_below_the_control_group_that_is_named() {
    let Some(machine) = Machine::new("parent") else { return };
    let parent = format!("layerlab-test-{}", std::process::id());
    let named = format!("/{parent}");
    let run = [
        "run",
        "-d",
        "--name",
        "below",
        "--cgroup-parent",
        &named,
        "base:1",
        "sleep",
        "1000",
    ];
    machine.ok(&run);
    let pid = machine.inspect("below", "{{.State.Pid}}");
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(machine.inspect("below", "{{.HostConfig.CgroupParent}}"), named);
    let id = machine.inspect("below", "{{.Id}}");
    machine.ok(&["rm", "-f", "below"]);
    // The parent belongs to whoever named it, and stays. The container's own group goes a moment after its last process.
    let mut found = String::new();
    for _ in 0..500 {
        let mut find = Command::new("find");
        find.args(["/sys/fs/cgroup", "-name", &parent, "-print", "-delete"]);
        let output = find.output().unwrap();
        found.push_str(&String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let left = Command::new("find").args(["/sys/fs/cgroup", "-name", &parent]).output();
    assert!(groups.contains(&format!(":/{parent}/layerlab-{id}\n")), "{groups}");
    assert!(!found.is_empty());
    assert_eq!(String::from_utf8(left.unwrap().stdout).unwrap(), "");
    let said = machine.run(&["run", "--rm", "--cgroup-parent", "../..", "base:1", "true"]);
    assert_eq!(said.code, 125, "{said:?}");
    assert!(said.err.contains("the path of a control group"), "{said:?}");
}

#[test]
fn the_whole_life_of_a_container() {
    let Some(machine) = Machine::new("life") else { return };
    let script = "trap 'echo bye; exit 7' TERM; echo up; echo oops >&2; while :; do sleep 0.1; done";
    let id = machine.ok(&["run", "-d", "--name", "web", "base:1", "sh", "-c", script]);
    assert_eq!(id.trim().len(), 64);
    assert!(machine.status("web").starts_with("Up "), "{}", machine.status("web"));
    machine.until("it is up", |machine| machine.run(&["logs", "web"]).out == "up\n");
    assert_eq!(machine.run(&["logs", "web"]).err, "oops\n");
    assert_eq!(
        machine.ok(&["exec", "web", "sh", "-c", "echo in > /srv/made; echo done"]),
        "done\n"
    );
    assert_eq!(machine.run(&["exec", "web", "sh", "-c", "exit 5"]).code, 5);
    assert_eq!(machine.run(&["exec", "web", "nope"]).code, 127);
    assert_eq!(machine.piped("x", &["exec", "-i", "web", "cat"]).out, "x");
    assert_eq!(
        machine.ok(&[
            "exec",
            "-u",
            "web",
            "-e",
            "B=2",
            "-w",
            "/srv",
            "web",
            "sh",
            "-c",
            "id -u; echo $B; pwd"
        ]),
        "33\n2\n/srv\n"
    );
    let top = machine.ok(&["top", "web"]);
    assert!(top.lines().count() >= 2 && top.contains("sh -c trap"), "{top}");
    assert_eq!(machine.ok(&["diff", "web"]), "C /srv\nA /srv/made\n");
    machine.ok(&["pause", "web"]);
    assert!(
        machine.status("web").ends_with("(Paused)\n"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.run(&["exec", "web", "true"]).code, 1);
    machine.ok(&["unpause", "web"]);
    assert_eq!(machine.ok(&["stop", "web"]), "web\n");
    assert!(
        machine.status("web").starts_with("Exited (7)"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.ok(&["logs", "--tail", "1", "web"]), "bye\n");
    assert_eq!(machine.ok(&["wait", "web"]), "7\n");
    // What was written is still there.
    machine.ok(&["start", "web"]);
    assert_eq!(machine.ok(&["exec", "web", "cat", "/srv/made"]), "in\n");
    machine.ok(&["rename", "web", "www"]);
    assert_eq!(machine.run(&["rm", "www"]).code, 1, "it runs");
    machine.ok(&["kill", "www"]);
    assert!(
        machine.status("www").starts_with("Exited (137)"),
        "{}",
        machine.status("www")
    );
    machine.ok(&["rm", "www"]);
    assert_eq!(machine.ok(&["ps", "-aq"]), "");
    assert_eq!(
        fs::read_dir(machine.folder.join("root/containers")).unwrap().count(),
        0,
        "its folder is gone"
    );
}

#[test]
fn a_container_becomes_an_image_and_an_archive() {
    let Some(machine) = Machine::new("commit") else { return };
    machine.ok(&[
        "run",
        "--name",
        "made",
        "base:1",
        "sh",
        "-c",
        "echo new > /srv/new; rm /srv/data/seed",
    ]);
    let id = machine.ok(&["commit", "-c", "CMD [\"cat\", \"/srv/new\"]", "made", "new:1"]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(machine.ok(&["image", "inspect", "--format", "{{.Id}}", "new:1"]), id);
    assert_eq!(machine.ok(&["run", "--rm", "new:1"]), "new\n");
    assert_eq!(machine.ok(&["run", "--rm", "new:1", "ls", "/srv/data"]), "");
    let tar = machine.folder.join("made.tar");
    machine.ok(&["export", "-o", tar.to_str().unwrap(), "made"]);
    let listed = Command::new("tar").arg("-tf").arg(&tar).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("srv/new") && !listed.contains("srv/data/seed"),
        "{listed}"
    );
}

#[test]
fn mounts_are_the_machines_own_files_and_volumes_outlive_containers() {
    let Some(machine) = Machine::new("mounts") else { return };
    let shared = machine.folder.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("a"), "host\n").unwrap();
    let bind = format!("{}:/mnt", shared.display());
    machine.ok(&["run", "--rm", "-v", &bind, "base:1", "sh", "-c", "cat /mnt/a > /mnt/b"]);
    assert_eq!(fs::read_to_string(shared.join("b")).unwrap(), "host\n");
    let said = machine.run(&["run", "--rm", "-v", &format!("{bind}:ro"), "base:1", "touch", "/mnt/c"]);
    assert_eq!(said.code, 1, "{said:?}");
    // A new volume gets what the image has there, and keeps what is written.
    machine.ok(&[
        "run",
        "--rm",
        "-v",
        "data:/srv/data",
        "base:1",
        "sh",
        "-c",
        "cat /srv/data/seed > /srv/data/kept",
    ]);
    assert_eq!(
        machine.ok(&["run", "--rm", "-v", "data:/d", "base:1", "cat", "/d/kept"]),
        "seed\n"
    );
    assert_eq!(machine.ok(&["volume", "ls", "-q"]), "data\n");
    // One without a name goes with its container.
    machine.ok(&["run", "--rm", "-v", "/cache", "base:1", "true"]);
    assert_eq!(machine.ok(&["volume", "ls", "-q"]), "data\n");
    machine.ok(&["volume", "rm", "data"]);
    assert!(!machine.folder.join("root/volumes/data").exists());
}

#[test]
fn a_published_port_leads_into_the_container() {
    let Some(machine) = Machine::new("ports") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let publish = format!("127.0.0.1:{port}:7000");
    let script = "while :; do echo hello | nc -l -p 7000; done";
    let said = machine.run(&[
        "run", "-d", "--name", "web", "-p", &publish, "base:1", "sh", "-c", script,
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(machine.ok(&["port", "web"]), format!("7000/tcp -> 127.0.0.1:{port}\n"));
    machine.until("it answers", |_| {
        let mut answer = String::new();
        let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| stream.read_to_string(&mut answer));
        asked.is_ok() && answer == "hello\n"
    });
    let said = machine.run(&["run", "-d", "-p", &publish, "base:1", "true"]);
    assert_eq!(said.code, 125);
    assert!(said.err.contains("port is already allocated"), "{said:?}");
}

#[test]
fn what_fails_is_started_again_as_its_policy_says() {
    let Some(machine) = Machine::new("restart") else { return };
    machine.ok(&[
        "run",
        "-d",
        "--name",
        "thrice",
        "--restart",
        "on-failure:2",
        "base:1",
        "sh",
        "-c",
        "echo go; exit 4",
    ]);
    machine.until("it is given up", |machine| {
        machine.status("thrice").starts_with("Exited (4)")
    });
    assert_eq!(machine.inspect("thrice", "{{.RestartCount}}"), "2");
    assert_eq!(machine.ok(&["logs", "thrice"]), "go\ngo\ngo\n");
    machine.ok(&[
        "run",
        "-d",
        "--name",
        "always",
        "--restart",
        "always",
        "base:1",
        "sh",
        "-c",
        "exit 0",
    ]);
    machine.until("it is started again", |machine| {
        machine.inspect("always", "{{.RestartCount}}") != "0"
    });
    machine.ok(&["stop", "always"]);
    assert!(
        machine.status("always").starts_with("Exited (0)"),
        "{}",
        machine.status("always")
    );
}

#[test]
fn a_health_check_says_how_a_container_is() {
    let Some(machine) = Machine::new("health") else { return };
    let mut words = vec![
        "run",
        "-d",
        "--name",
        "web",
        "--health-cmd",
        "cat /tmp/well",
        "--health-interval",
        "200ms",
    ];
    words.extend(["--health-retries", "1", "base:1", "sleep", "600"]);
    machine.ok(&words);
    machine.until("it is unwell", |machine| machine.status("web").contains("(unhealthy)"));
    machine.ok(&["exec", "web", "touch", "/tmp/well"]);
    machine.until("it is well", |machine| machine.status("web").contains("(healthy)"));
    machine.ok(&["kill", "web"]);
}

#[test]
fn a_log_is_followed_to_its_end_and_keeps_to_its_size() {
    let Some(machine) = Machine::new("logs") else { return };
    let script = "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo last";
    machine.ok(&["run", "-d", "--name", "talks", "base:1", "sh", "-c", script]);
    let followed = machine.ok(&["logs", "-f", "--tail", "1", "talks"]);
    assert!(followed.ends_with("last\n"), "{followed}");
    let stamped = machine.ok(&["logs", "-t", "--tail", "1", "talks"]);
    assert!(stamped.starts_with("20") && stamped.ends_with("Z last\n"), "{stamped}");
    machine.ok(&[
        "run",
        "--name",
        "small",
        "--log-opt",
        "max-size=1k",
        "--log-opt",
        "max-file=2",
        "base:1",
        "sh",
        "-c",
        script,
    ]);
    let kept = machine.ok(&["logs", "small"]);
    assert!(kept.lines().count() < 51 && kept.ends_with("last\n"), "{kept}");
}

#[test]
fn files_are_copied_both_ways() {
    let Some(machine) = Machine::new("copy") else { return };
    let here = |name: &str| machine.folder.join(name).display().to_string();
    fs::write(machine.folder.join("in"), "from here\n").unwrap();
    for (name, argv) in [("stopped", "true"), ("running", "sleep 600")] {
        machine.ok(&["run", "-d", "--name", name, "base:1", "sh", "-c", argv]);
        machine.ok(&["cp", &here("in"), &format!("{name}:/srv/")]);
        machine.ok(&["cp", &format!("{name}:/srv"), &here(name)]);
        assert_eq!(
            fs::read_to_string(machine.folder.join(name).join("in")).unwrap(),
            "from here\n"
        );
        assert_eq!(
            fs::read_to_string(machine.folder.join(name).join("data/seed")).unwrap(),
            "seed\n"
        );
        assert_eq!(machine.run(&["cp", &format!("{name}:/nope"), &here("x")]).code, 1);
    }
    assert_eq!(machine.ok(&["exec", "running", "cat", "/srv/in"]), "from here\n");
    let said = machine.run(&["cp", "running:/srv/data/seed", "-"]);
    assert!(said.out.starts_with("seed\0"), "a tar begins with a name");
}

#[test]
fn cve_2018_15664_a_link_in_a_container_does_not_lead_out_of_it() {
    let Some(machine) = Machine::new("links") else { return };
    let secret = machine.folder.join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("file"), "of the machine\n").unwrap();
    fs::write(machine.folder.join("evil"), "evil\n").unwrap();
    let script = format!(
        "ln -s {0} /out; ln -s {0}/file /outfile; mkdir -p /srv/a; ln -s ../../../../../../..{0} /srv/a/up",
        secret.display()
    );
    for (name, rest) in [("stopped", ""), ("running", "; sleep 600")] {
        machine.ok(&[
            "run",
            "-d",
            "--name",
            name,
            "base:1",
            "sh",
            "-c",
            &format!("{script}{rest}"),
        ]);
        machine.until("it made its links", |machine| {
            machine.run(&["diff", name]).out.contains("/srv/a/up")
        });
        let evil = machine.folder.join("evil").display().to_string();
        for place in ["/out/file", "/out/", "/srv/a/up/file", "/srv/a/up/new"] {
            machine.run(&["cp", &evil, &format!("{name}:{place}")]);
            let got = machine.folder.join("got");
            machine.run(&["cp", "-L", &format!("{name}:{place}"), got.to_str().unwrap()]);
            assert_ne!(
                fs::read_to_string(&got).unwrap_or_default(),
                "of the machine\n",
                "{place}"
            );
            let _ = fs::remove_file(&got);
        }
        machine.run(&["cp", &evil, &format!("{name}:/outfile")]);
        assert_eq!(fs::read_to_string(secret.join("file")).unwrap(), "of the machine\n");
        assert_eq!(fs::read_dir(&secret).unwrap().count(), 1, "nothing was put there");
    }
}

#[test]
fn a_killed_keeper_takes_its_container_with_it() {
    let Some(machine) = Machine::new("keeper") else { return };
    machine.ok(&["run", "-d", "--name", "web", "base:1", "sleep", "600"]);
    let pid = machine.inspect("web", "{{.State.Pid}}");
    let id = machine.inspect("web", "{{.Id}}");
    let status = fs::read_to_string(machine.folder.join(format!("root/containers/{id}/status.json"))).unwrap();
    let keeper = status
        .split("\"keeper\":{\"pid\":")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(Command::new("kill").args(["-9", &keeper]).status().unwrap().success());
    machine.until("its process is gone", |_| {
        !Path::new(&format!("/proc/{pid}/root/bin")).exists()
    });
    assert!(
        machine.status("web").starts_with("Exited (137)"),
        "{}",
        machine.status("web")
    );
    assert_eq!(machine.run(&["exec", "web", "true"]).code, 1);
    machine.ok(&["start", "web"]);
    assert!(machine.status("web").starts_with("Up "));
}

#[test]
fn eight_containers_run_at_once() {
    let Some(machine) = Machine::new("eight") else { return };
    thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|number| {
                let machine = &machine;
                scope.spawn(move || {
                    machine.ok(&[
                        "run",
                        "--name",
                        &format!("n{number}"),
                        "base:1",
                        "sh",
                        "-c",
                        &format!("echo {number}"),
                    ])
                })
            })
            .collect();
        for (number, run) in runs.into_iter().enumerate() {
            assert_eq!(run.join().unwrap(), format!("{number}\n"));
        }
    });
    assert_eq!(machine.ok(&["ps", "-aq", "--filter", "exited=0"]).lines().count(), 8);
    machine.ok(&["container", "prune", "-f"]);
    assert_eq!(machine.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_terminal_is_the_processs_own_and_keys_let_go_of_it() {
    let Some(machine) = Machine::new("terminal") else {
        return;
    };
    let said = machine.typed(&format!("{PROGRAM} run --rm -it base:1 sh"), "# ", "tty; exit 9\n");
    assert!(said.out.contains("/dev/pts/"), "{said:?}");
    assert_eq!(said.code, 9, "{said:?}");
    let said = machine.typed(
        &format!("{PROGRAM} run -it --name kept base:1 sh"),
        "# ",
        "\u{10}\u{11}",
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        machine.status("kept").starts_with("Up "),
        "it goes on: {}",
        machine.status("kept")
    );
    let said = machine.typed(&format!("{PROGRAM} exec -it kept sh"), "# ", "stty size; exit 4\n");
    assert!(said.out.contains("24 80") || said.out.contains("0 0"), "{said:?}");
    assert_eq!(said.code, 4, "{said:?}");
    let said = machine.run(&["run", "-it", "base:1", "sh"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("the input device is not a TTY"), "{said:?}");
}
