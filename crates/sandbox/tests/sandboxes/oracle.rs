//! Our sandboxes held against `runc`'s: the same specification, what programs see of it.

use crate::support::{World, output, pipe};
use sandbox::oci::spawn_with_runtime;
use sandbox::{Mount, Source, Spec, Stdio, User};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

crate::tests![runc_shows_the_same_of_rights_mounts_and_environment];

fn runc() -> Option<PathBuf> {
    ["/usr/sbin/runc", "/usr/bin/runc"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

fn by_runtime(program: &Path, spec: &Spec) -> String {
    let bundle = World::new();
    let (mut reader, writer) = pipe();
    let stdio = Stdio {
        stdin: None,
        stdout: Some(writer.try_clone().unwrap()),
        stderr: Some(writer),
    };
    let child = spawn_with_runtime(program, spec, &bundle.folder, stdio).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(
        fs::read_dir(bundle.path("rootfs")).unwrap().next().is_none(),
        "nothing is mounted any more"
    );
    text
}

/// Both answers to a script, with a user and what was asked for.
fn check(script: &str, change: impl Fn(&mut Spec)) {
    let Some(runc) = runc() else {
        crate::harness::say("skipped: it needs runc\n");
        return;
    };
    let answer = |run: &dyn Fn(&Spec) -> String| {
        let world = World::new();
        let mut spec = world.shell(script);
        // runc does not write a user's own memory directory otherwise.
        spec.env.push(("HOME".to_owned(), "/root".to_owned()));
        change(&mut spec);
        run(&spec).replace(world.folder.to_str().unwrap(), "FOLDER")
    };
    let theirs = answer(&|spec| by_runtime(&runc, spec));
    let ours = answer(&output);
    assert!(!ours.is_empty());
    assert_eq!(ours, theirs, "{script}");
}

const RIGHTS: &str = "id -u; id -g; id -G; grep -E '^(Cap|Groups|Seccomp:|NoNewPrivs|Umask)' /proc/self/status";

fn runc_shows_the_same_of_rights_mounts_and_environment() {
    check(RIGHTS, |_| {});
    check(RIGHTS, |spec| {
        spec.user = User {
            uid: 1000,
            gid: 50,
            groups: vec![7, 9],
        }
    });
    check(RIGHTS, |spec| spec.rights.no_new_privileges = true);
    check(RIGHTS, |spec| {
        spec.rights.cap_drop = vec!["ALL".to_owned()];
        spec.rights.cap_add = vec!["NET_ADMIN".to_owned()];
    });
    check(RIGHTS, |spec| spec.rights.seccomp_unconfined = true);
    check(
        "env | sort; pwd; hostname; ulimit -n; tty; cat /proc/1/comm; true",
        |spec| {
            spec.env.push(("EMPTY".to_owned(), String::new()));
            spec.env.push(("TWO".to_owned(), "a b=c".to_owned()));
            spec.cwd = String::from("/made/here");
            spec.limits.ulimits = vec![("nofile".to_owned(), 100, 200)];
        },
    );
    // What is mounted where, with which attributes; the order, sizes that are given otherwise and masks apart.
    let mounts = "cut -d' ' -f2,3 /proc/mounts | grep -vE '^/(proc|sys)/' | grep -v console | sort -u";
    check(mounts, |spec| {
        let source = Source::Tmpfs {
            size: None,
            mode: 0o755,
        };
        spec.mounts = vec![Mount {
            target: "/new/place".to_owned(),
            source,
            subpath: None,
            read_only: true,
        }];
    });
    check(
        "cd /dev; for f in *; do stat -c '%A %u %g %t %T %N' $f; done | grep -v console",
        |_| {},
    );
    check(
        "for f in bus fs irq sys; do grep -c \" /proc/$f \" /proc/mounts; done; wc -c < /proc/keys; wc -c < /proc/timer_list",
        |_| {},
    );
    check("echo x 2> /dev/null > /etc/new; test $? = 1 && echo refused", |spec| {
        spec.read_only = true;
    });
    check(
        "busybox unshare -U true 2> /dev/null || echo refused; mount -t tmpfs none /tmp 2> /dev/null || echo refused",
        |_| {},
    );
}
