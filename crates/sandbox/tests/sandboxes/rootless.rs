//! Without root: the tests' own program, run by another user.

use crate::support::{World, output};
use sandbox::{Network, Root};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

crate::tests![
    a_user_without_subordinates_runs_as_the_only_one,
    a_user_with_subordinates_has_many
];

/// First argument of a program that is to enter a user namespace and run a script there.
const PROBE: &str = "--rootless-probe";

/// Does what [`as_user`] started it for, if it did.
pub(crate) fn probe() {
    let words: Vec<String> = std::env::args().collect();
    let [_, word, folder, script] = words.as_slice() else {
        return;
    };
    if word != PROBE {
        return;
    }
    let entered = sandbox::enter_user_namespace().unwrap();
    let world = World::existing(Path::new(folder));
    let mut spec = world.shell(script);
    crate::harness::say(&format!("{entered}\n{}", output(&spec)));
    spec.network = Network::Host;
    spec.root = Root::Directory(world.path("lower"));
    crate::harness::say(&output(&spec));
    std::process::exit(0);
}

/// Runs the script in two sandboxes, of a user of the machine: over an overlay, and on the machine's network.
fn as_user(uid: u32, world: &World, script: &str) -> String {
    let program = world.path("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    give_all(&world.folder, uid);
    let mut command = Command::new(program);
    command.args([PROBE, world.folder.to_str().unwrap(), script]);
    let output = command.uid(uid).gid(uid).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    String::from_utf8(output.stdout).unwrap()
}

fn give_all(path: &Path, uid: u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    if metadata.is_symlink() {
        return;
    }
    chown(path, Some(uid), Some(uid)).unwrap();
    if metadata.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        for entry in fs::read_dir(path).unwrap() {
            give_all(&entry.unwrap().path(), uid);
        }
    }
}

const SCRIPT: &str = "id -u; echo 1 > /tmp/a; rm -f /etc/group; stat -c %F:%t:%T /dev/null; echo x > /dev/null; \
                      grep Seccomp: /proc/self/status | cut -f2; ls -d /sys/class /dev/pts/ptmx; wc -c < /proc/keys";
const EXPECTED: &str = "character special file:1:3\n2\n/dev/pts/ptmx\n/sys/class\n0\n";

fn a_user_without_subordinates_runs_as_the_only_one() {
    let world = World::new();
    let text = as_user(54321, &world, SCRIPT);
    let entered = "rootless, with a single user (/etc/subuid has no line for 54321)";
    assert_eq!(text, format!("{entered}\n0\n{EXPECTED}0\n{EXPECTED}"));
    // What was written belongs to the user of the machine, and a removal is the kernel's own mark for it.
    assert_eq!(fs::metadata(world.path("upper/tmp/a")).unwrap().uid(), 54321);
    assert_eq!(fs::symlink_metadata(world.path("upper/etc/group")).unwrap().rdev(), 0);
}

fn a_user_with_subordinates_has_many() {
    let Some(account) = Account::make() else {
        crate::harness::say("skipped: it needs useradd and newuidmap (Debian's passwd and uidmap)\n");
        return;
    };
    let world = World::new();
    let text = as_user(account.uid, &world, &format!("{SCRIPT}; chown 7:8 /tmp/a"));
    assert_eq!(
        text,
        format!("rootless, with subordinate users and groups\n0\n{EXPECTED}0\n{EXPECTED}")
    );
    // The user that is 7 inside is the seventh of the subordinate ones outside.
    let written = fs::metadata(world.path("upper/tmp/a")).unwrap().uid();
    assert!(account.ranges().iter().any(|first| written == first + 6), "{written}");
}

/// An account of the machine that is removed when it is dropped.
struct Account {
    name: String,
    uid: u32,
}

impl Account {
    fn make() -> Option<Self> {
        let run = |program: &str, words: &[&str]| Command::new(program).args(words).output().ok();
        run("newuidmap", &[])?;
        let name = format!("sandbox-{}", std::process::id());
        run("useradd", &["--no-create-home", &name])?
            .status
            .success()
            .then_some(())?;
        let mut account = Self { name, uid: 0 };
        let id = run("id", &["-u", &account.name])?;
        account.uid = String::from_utf8(id.stdout).ok()?.trim().parse().ok()?;
        Some(account)
    }

    fn ranges(&self) -> Vec<u32> {
        let text = fs::read_to_string("/etc/subuid").unwrap();
        let own = text.lines().filter(|line| line.starts_with(&format!("{}:", self.name)));
        own.map(|line| line.split(':').nth(1).unwrap().parse().unwrap())
            .collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = Command::new("userdel").arg(&self.name).output();
    }
}
