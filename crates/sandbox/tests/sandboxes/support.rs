//! A root filesystem of one program, and sandboxes over it.

use rustix::fd::OwnedFd;
use sandbox::{Child, Ended, How, Limits, Network, Overlay, Rights, Root, SandboxError, Spec, Stdio, User, spawn};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const BUSYBOX: &str = "/bin/busybox";
/// Programs that are links to busybox.
const APPLETS: [&str; 37] = [
    "cat", "chmod", "chown", "cp", "cut", "dd", "echo", "env", "false", "find", "grep", "head", "hostname", "id", "ip",
    "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv", "ps", "pwd", "readlink", "rm", "sed", "sh", "sleep", "sort",
    "stat", "stty", "test", "touch", "true", "tty", "wc",
];

/// Why no test can run here.
pub(crate) fn cannot_run() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("they need root");
    }
    (!Path::new(BUSYBOX).exists()).then_some("they need /bin/busybox (Debian's busybox-static)")
}

/// A place of its own with a root filesystem; removed when it is dropped.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        static N_MADE: AtomicU32 = AtomicU32::new(0);
        let number = N_MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sandboxes-{}-{number}", std::process::id()));
        let world = Self { folder };
        for name in ["lower/bin", "lower/etc", "lower/tmp", "lower/root", "upper", "work"] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        fs::copy(BUSYBOX, world.path("lower/bin/busybox")).unwrap();
        for name in APPLETS {
            symlink("busybox", world.path("lower/bin").join(name)).unwrap();
        }
        world.write("lower/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        world.write("lower/etc/group", "root:x:0:\n");
        world
    }

    /// One that another process made, and removes.
    pub(crate) fn existing(folder: &Path) -> std::mem::ManuallyDrop<Self> {
        std::mem::ManuallyDrop::new(Self {
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn overlay(&self) -> Overlay {
        Overlay {
            lower: vec![self.path("lower")],
            upper: self.path("upper"),
            work: self.path("work"),
            volatile: false,
        }
    }

    pub(crate) fn spec(&self, argv: &[&str]) -> Spec {
        Spec {
            root: Root::Overlay(self.overlay()),
            read_only: false,
            mounts: Vec::new(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            cwd: "/".to_owned(),
            user: User::default(),
            hostname: "sandbox".to_owned(),
            network: Network::None,
            rights: Rights::default(),
            limits: Limits::default(),
            terminal: None,
            init: false,
            outlives_caller: false,
            cgroup: None,
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Spec {
        self.spec(&["sh", "-c", script])
    }

    /// What a script writes, with its complaints; it must end well.
    pub(crate) fn output(&self, script: &str) -> String {
        output(&self.shell(script))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A pipe's two ends: what is read here, what is given away.
pub(crate) fn pipe() -> (fs::File, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (reader.into(), writer)
}

/// Starts it; results and complaints come out of the returned file.
pub(crate) fn start(spec: &Spec) -> Result<(Child, fs::File), SandboxError> {
    let (reader, writer) = pipe();
    let stdio = Stdio {
        stdin: None,
        stdout: Some(writer.try_clone().unwrap()),
        stderr: Some(writer),
    };
    Ok((spawn(spec, stdio)?, reader))
}

/// Runs it to its end; what it wrote, and how it ended.
pub(crate) fn run(spec: &Spec) -> (String, Ended) {
    let (child, mut reader) = start(spec).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap())
}

pub(crate) fn output(spec: &Spec) -> String {
    let (text, ended) = run(spec);
    assert_eq!(ended.how, How::Exited(0), "{text}");
    text
}

/// Waits until something has come about, for as long as a loaded machine may take.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("it has not come about");
}
