//! A root folder with one image, and the program as a person runs it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_layerlab");
/// No command of these tests takes so long, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A root folder of its own with the image `base:1`. What runs in it ends with the test.
pub(crate) struct Machine {
    pub(crate) folder: PathBuf,
    /// Who types; root if nobody.
    pub(crate) user: Option<u32>,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Machine {
    /// `None`, said aloud, if this machine cannot run containers.
    pub(crate) fn new(test: &str) -> Option<Machine> {
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

    pub(crate) fn command(&self, words: &[&str]) -> Command {
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
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.piped("", words)
    }

    /// Runs a command with something in a pipe before it.
    pub(crate) fn piped(&self, input: &str, words: &[&str]) -> Said {
        let mut command = self.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        finish(command, input)
    }

    /// Types `keys` at a terminal where a command runs, once it has shown `prompt`.
    pub(crate) fn typed(&self, line: &str, prompt: &str, keys: &str) -> Said {
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

    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said.out
    }

    pub(crate) fn status(&self, name: &str) -> String {
        self.ok(&[
            "ps",
            "-a",
            "--filter",
            &format!("name=^{name}$"),
            "--format",
            "{{.Status}}",
        ])
    }

    pub(crate) fn inspect(&self, name: &str, format: &str) -> String {
        self.ok(&["inspect", "--format", format, name]).trim().to_owned()
    }

    /// Asks until an answer is as wanted; the test fails when it never is.
    pub(crate) fn until(&self, what: &str, mut ask: impl FnMut(&Machine) -> bool) {
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

pub(crate) fn finish(mut command: Command, input: &str) -> Said {
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
