//! What images and their programs try, each named after what it once did elsewhere.

use crate::support::{World, output, run, start};
use rustix::fs::XattrFlags;
use sandbox::{Mount, SandboxError, Source, Spec, Stdio, User, remove_stubs, spawn};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

crate::tests![
    cve_2019_5736_our_program_cannot_be_written,
    cve_2019_19921_proc_is_not_a_link,
    cve_2026_41579_dev_is_not_a_link,
    cve_2021_30465_a_mount_stays_inside_whatever_links_say,
    cve_2022_24769_no_capability_is_inheritable,
    cve_2022_2990_groups_are_those_that_were_asked_for,
    cve_2024_1753_a_source_stays_inside_its_root,
    cve_2024_21626_no_descriptor_is_left_and_the_working_directory_lies_inside,
    cve_2024_23652_stubs_are_removed_without_following_links,
    cve_2024_45310_nothing_is_made_outside,
    cve_2025_31133_masks_are_the_null_device,
    cve_2025_52565_the_console_is_the_terminal,
    cve_2025_52881_nothing_is_mounted_over_the_kernels_files,
    cve_2020_15257_sockets_of_the_machine_are_out_of_sight,
    a_smuggled_redirect_is_not_followed,
    the_filter_is_in_force,
    devices_of_the_machine_cannot_be_opened,
    the_old_root_is_gone,
];

fn refused(spec: &Spec) -> String {
    let error = spawn(spec, Stdio::default()).unwrap_err();
    assert_eq!(error.exit_code(), 125, "{error}");
    error.to_string()
}

fn bind(source: &Path, target: &str) -> Mount {
    Mount {
        target: target.to_owned(),
        source: Source::Bind(source.to_owned()),
        subpath: None,
        read_only: false,
    }
}

fn cve_2019_5736_our_program_cannot_be_written() {
    let world = World::new();
    let own = std::env::current_exe().unwrap();
    let before = fs::metadata(&own).unwrap();
    let mut spec = world.shell("readlink /proc/1/exe; echo x > /proc/1/exe");
    spec.init = true;
    let (text, ended) = run(&spec);
    assert!(text.contains("Permission denied"), "{text}");
    assert_ne!(ended.exit_code(), 0);
    // One that may look into every process meets the mount.
    spec.rights.privileged = true;
    let (text, ended) = run(&spec);
    assert!(
        text.contains("can't create /proc/1/exe: Read-only file system"),
        "{text}"
    );
    assert_ne!(ended.exit_code(), 0);
    let after = fs::metadata(&own).unwrap();
    assert_eq!((after.len(), after.mtime_nsec()), (before.len(), before.mtime_nsec()));
}

fn cve_2019_19921_proc_is_not_a_link() {
    let world = World::new();
    fs::create_dir(world.path("lower/elsewhere")).unwrap();
    symlink("elsewhere", world.path("lower/proc")).unwrap();
    assert_eq!(
        refused(&world.shell("true")),
        "\"/proc\": expected a directory, found a symbolic link"
    );
}

fn cve_2026_41579_dev_is_not_a_link() {
    let world = World::new();
    let victim = world.path("victim");
    fs::create_dir(&victim).unwrap();
    symlink(&victim, world.path("lower/dev")).unwrap();
    assert_eq!(
        refused(&world.shell("true")),
        "\"/dev\": expected a directory, found a symbolic link"
    );
    assert_eq!(fs::read_dir(victim).unwrap().count(), 0);
}

fn cve_2021_30465_a_mount_stays_inside_whatever_links_say() {
    let world = World::new();
    world.write("source/file", "source");
    world.write("victim/file", "victim");
    symlink(world.path("victim"), world.path("lower/absolute")).unwrap();
    symlink(
        "../../../../../../../../../..".to_owned() + world.path("victim").to_str().unwrap(),
        world.path("lower/up"),
    )
    .unwrap();
    for link in ["/absolute", "/up", "/up/../up"] {
        let mut spec = world.shell(&format!(
            "cat {link}/file 2> /dev/null || cat {}/file",
            world.path("victim").display()
        ));
        // The link's path does not exist inside, so it is made there.
        fs::create_dir_all(
            world
                .path("lower")
                .join(world.path("victim").strip_prefix("/").unwrap()),
        )
        .unwrap();
        spec.mounts = vec![bind(&world.path("source"), link)];
        assert_eq!(output(&spec), "source", "{link}");
    }
    assert_eq!(world.read("victim/file"), "victim");
}

fn cve_2024_45310_nothing_is_made_outside() {
    let world = World::new();
    world.write("source/file", "source");
    fs::create_dir(world.path("victim")).unwrap();
    symlink(world.path("victim"), world.path("lower/link")).unwrap();
    let mut spec = world.shell("true");
    for target in ["/link/new/deeper", "/link/../../../../../../../../../../new", "/link"] {
        spec.mounts = vec![bind(&world.path("source"), target)];
        // A link that leads nowhere is no place to mount on; what matters is that nothing comes about where it points.
        let _ = start(&spec).map(|(child, _reader)| child.wait());
    }
    assert_eq!(fs::read_dir(world.path("victim")).unwrap().count(), 0);
    assert!(!Path::new("/new").exists());
}

fn status(spec: &Spec, key: &str) -> String {
    let mut spec = spec.clone();
    spec.argv = ["grep", key, "/proc/self/status"].map(str::to_owned).to_vec();
    let text = output(&spec);
    text.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

fn cve_2022_24769_no_capability_is_inheritable() {
    let world = World::new();
    let mut spec = world.shell("");
    let docker = "00000000a80425fb";
    for (key, expected) in [
        ("CapEff", docker),
        ("CapPrm", docker),
        ("CapBnd", docker),
        ("CapInh", "0"),
        ("CapAmb", "0"),
    ] {
        assert_eq!(status(&spec, key), format!("{expected:0>16}"), "{key}");
    }
    assert_eq!(status(&spec, "Seccomp:"), "2");
    spec.user = User {
        uid: 1000,
        gid: 1000,
        groups: Vec::new(),
    };
    assert_eq!(status(&spec, "CapEff"), "0".repeat(16));
    assert_eq!(status(&spec, "CapBnd"), docker);
    assert_eq!(status(&spec, "NoNewPrivs"), "0");
    spec.rights.no_new_privileges = true;
    assert_eq!(status(&spec, "NoNewPrivs"), "1");
    spec.rights.cap_drop = vec!["ALL".to_owned()];
    spec.rights.cap_add = vec!["net_admin".to_owned(), "CAP_CHOWN".to_owned()];
    assert_eq!(status(&spec, "CapBnd"), "0000000000001001");
    spec.rights.cap_add = vec!["NO_SUCH".to_owned()];
    assert_eq!(
        refused(&spec),
        "\"NO_SUCH\": expected the name of a capability, found none that is known"
    );
}

fn cve_2022_2990_groups_are_those_that_were_asked_for() {
    let world = World::new();
    let mut spec = world.shell("");
    assert_eq!(status(&spec, "Groups"), "");
    spec.user = User {
        uid: 1000,
        gid: 100,
        groups: vec![5, 7],
    };
    assert_eq!(status(&spec, "Groups"), "5 7");
    assert_eq!(status(&spec, "Gid"), "100 100 100 100");
    assert_eq!(status(&spec, "Uid"), "1000 1000 1000 1000");
}

fn cve_2024_1753_a_source_stays_inside_its_root() {
    let world = World::new();
    world.write("secret/file", "secret");
    world.write("source/inside/file", "inside");
    symlink(world.path("secret"), world.path("source/link")).unwrap();
    symlink("/inside", world.path("source/rooted")).unwrap();
    let mut spec = world.shell("cat /mnt/file");
    let mut mount = |subpath: &str| {
        let subpath = Some(subpath.to_owned());
        spec.mounts = vec![Mount {
            subpath,
            ..bind(&world.path("source"), "/mnt")
        }];
        spec.clone()
    };
    assert_eq!(output(&mount("rooted")), "inside");
    assert_eq!(output(&mount("../../../inside")), "inside");
    let error = refused(&mount("link"));
    assert!(
        error.starts_with("open \"link\" in its source: no such file"),
        "{error}"
    );
    assert!(spawn(&mount("/proc/self/root"), Stdio::default()).is_err());
}

fn cve_2024_21626_no_descriptor_is_left_and_the_working_directory_lies_inside() {
    let world = World::new();
    // The shell's own, and the directory that `ls` reads.
    assert_eq!(world.output("ls /proc/self/fd"), "0\n1\n2\n3\n");
    // The shell goes on while `ls` lists its descriptors: one of a pipe may be closed before it is looked at.
    assert_eq!(
        world.output("cd /proc/self/fd && ls -l . 2>/dev/null | grep -v pipe | grep -c /dev/null"),
        "1\n"
    );
    for descriptor in 3..20 {
        let mut spec = world.shell("pwd; ls -a");
        spec.cwd = format!("/proc/self/fd/{descriptor}");
        let error = spawn(&spec, Stdio::default()).unwrap_err();
        assert!(matches!(error, SandboxError::System { .. }), "{error}");
    }
    let mut spec = world.shell("pwd");
    spec.cwd = String::from("/new/one");
    assert_eq!(output(&spec), "/new/one\n");
    symlink("/proc/self/root/../..", world.path("lower/away")).unwrap();
    spec.cwd = String::from("/away");
    assert!(spawn(&spec, Stdio::default()).is_err());
}

fn cve_2024_23652_stubs_are_removed_without_following_links() {
    let world = World::new();
    world.write("source/file", "source");
    fs::create_dir_all(world.path("victim/b/c")).unwrap();
    let stubs = |script: &str, targets: &[&str]| {
        let mut spec = world.shell(script);
        spec.mounts = targets
            .iter()
            .map(|target| bind(&world.path("source"), target))
            .collect();
        let (child, _reader) = start(&spec).unwrap();
        let stubs = child.stubs.clone();
        child.wait().unwrap();
        stubs
    };
    let etc = fs::metadata(world.path("lower/etc")).unwrap();
    let made = stubs("echo kept > /etc/new/kept", &["/a/b/c", "/etc/stub", "/etc/new/one"]);
    let paths: Vec<&str> = made.iter().map(|stub| stub.path.as_str()).collect();
    // Those of the kernel's filesystems come first.
    assert_eq!(
        paths,
        [
            "/proc",
            "/dev",
            "/sys",
            "/a",
            "/a/b",
            "/a/b/c",
            "/etc/stub",
            "/etc/new",
            "/etc/new/one"
        ]
    );
    remove_stubs(&world.path("upper"), &made).unwrap();
    assert!(!world.path("upper/a").exists() && !world.path("upper/etc/stub").exists());
    assert_eq!(world.read("upper/etc/new/kept"), "kept\n");
    assert_eq!(
        fs::metadata(world.path("lower/etc")).unwrap().mtime_nsec(),
        etc.mtime_nsec()
    );

    let swap = format!("mv /a /x; ln -s {} /a", world.path("victim").display());
    let made = stubs(&swap, &["/a/b/c"]);
    assert!(world.path("upper/a").is_symlink(), "the attack took place");
    remove_stubs(&world.path("upper"), &made).unwrap();
    assert!(world.path("victim/b/c").exists());
}

fn cve_2025_31133_masks_are_the_null_device() {
    let world = World::new();
    // An image's own null device counts for nothing.
    fs::create_dir(world.path("lower/dev")).unwrap();
    symlink("/etc/passwd", world.path("lower/dev/null")).unwrap();
    let script = "stat -c %F:%t:%T /dev/null; wc -c < /proc/keys; wc -c < /proc/timer_list; \
                  ls /proc/acpi /proc/scsi /sys/firmware 2> /dev/null | grep -v : | grep -c .; \
                  echo x > /proc/sys/kernel/hostname; mkdir /sys/x; true";
    let text = world.output(script);
    let (facts, complaints) = text.split_once("sh: ").unwrap();
    assert_eq!(facts, "character special file:1:3\n0\n0\n0\n");
    assert_eq!(complaints.matches("Read-only file system").count(), 2, "{complaints}");
}

fn cve_2025_52565_the_console_is_the_terminal() {
    let world = World::new();
    fs::create_dir(world.path("lower/dev")).unwrap();
    world.write("victim/file", "untouched");
    symlink(world.path("victim/file"), world.path("lower/dev/console")).unwrap();
    let mut spec = world.shell("echo spoken > /dev/console; stat -c %t /dev/console");
    spec.terminal = Some((80, 24));
    let mut child = spawn(&spec, Stdio::default()).unwrap();
    let mut bytes = Vec::new();
    let mut terminal = fs::File::from(child.terminal.take().unwrap());
    let _ = std::io::Read::read_to_end(&mut terminal, &mut bytes);
    child.wait().unwrap();
    // Major number 136: a terminal of the sandbox's own.
    assert_eq!(String::from_utf8(bytes).unwrap(), "spoken\r\n88\r\n");
    assert_eq!(world.read("victim/file"), "untouched");
}

fn cve_2025_52881_nothing_is_mounted_over_the_kernels_files() {
    let world = World::new();
    world.write("source/file", "source");
    symlink("/proc", world.path("lower/link")).unwrap();
    let mut spec = world.shell("true");
    for target in [
        "/proc/sys/kernel/hostname",
        "/link/self/attr/exec",
        "/proc",
        "/../proc/1",
    ] {
        spec.mounts = vec![bind(&world.path("source/file"), target)];
        let error = refused(&spec);
        assert!(error.contains("found a path in /proc"), "{target}: {error}");
    }
    spec.mounts = vec![bind(&world.path("source"), "/..")];
    assert_eq!(
        refused(&spec),
        "\"/..\": expected a path of the sandbox's own to mount on, found /"
    );
}

fn cve_2020_15257_sockets_of_the_machine_are_out_of_sight() {
    let world = World::new();
    assert_eq!(world.output("wc -l < /proc/net/unix"), "1\n");
    assert_eq!(
        world.output("ip -o link | cut -d: -f2; ip -o addr show lo | grep -c 127.0.0.1/8"),
        " lo\n1\n"
    );
}

fn a_smuggled_redirect_is_not_followed() {
    let world = World::new();
    world.write("below/secret/file", "from below");
    fs::create_dir(world.path("lower/place")).unwrap();
    rustix::fs::setxattr(
        world.path("lower/place"),
        "trusted.overlay.redirect",
        b"/secret",
        XattrFlags::empty(),
    )
    .unwrap();
    let mut spec = world.shell("ls /place");
    let mut overlay = world.overlay();
    overlay.lower.push(world.path("below"));
    spec.root = sandbox::Root::Overlay(overlay);
    let (text, _) = run(&spec);
    assert!(!text.contains("file\n"), "{text}");
}

fn the_filter_is_in_force() {
    let world = World::new();
    let mut spec = world.shell("busybox unshare -U true");
    let (text, ended) = run(&spec);
    assert!(text.contains("Operation not permitted"), "{text}");
    assert_ne!(ended.exit_code(), 0);
    spec.rights.seccomp_unconfined = true;
    assert_eq!(output(&spec), "");
    spec.rights.privileged = true;
    let script = "mount -t tmpfs none /tmp && grep -c ' /tmp ' /proc/mounts; grep Seccomp: /proc/self/status | cut -f2";
    spec.argv[2] = String::from(script);
    assert_eq!(output(&spec), "1\n0\n");
}

fn devices_of_the_machine_cannot_be_opened() {
    let world = World::new();
    world.write("source/file", "");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.path("source/found"),
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::from_raw_mode(0o666),
        rustix::fs::makedev(1, 3),
    )
    .unwrap();
    let script = "for place in /tmp /dev /mnt /dev/shm; do mknod $place/made c 1 3 || echo not made; \
                  echo x > $place/made && echo opened $place; done; \
                  echo x > /mnt/found && echo opened; echo x > /dev/null && echo fine";
    let mut spec = world.shell(script);
    spec.mounts = vec![bind(&world.path("source"), "/mnt")];
    let (text, _) = run(&spec);
    assert!(
        text.ends_with("fine\n") && !text.contains("opened") && !text.contains("not made"),
        "{text}"
    );
    assert_eq!(text.matches("Permission denied").count(), 5, "{text}");
    // A device that a layer brings is as shut.
    spec.mounts.clear();
    spec.argv[2] = String::from("echo x > /tmp/made");
    assert!(run(&spec).0.contains("Permission denied"));
    spec.rights.privileged = true;
    spec.argv[2] = String::from("echo x > /tmp/made && ls /dev | wc -l");
    let n_devices: u32 = output(&spec).trim().parse().unwrap();
    assert!(n_devices > 20, "{n_devices}");
}

fn the_old_root_is_gone() {
    let world = World::new();
    let text = world.output("cut -d' ' -f2 /proc/mounts; ls -a /..");
    assert!(!text.contains(world.folder.to_str().unwrap()), "{text}");
    let expected = "/\n/proc\n/dev\n/dev/null\n/dev/zero\n/dev/full\n/dev/random\n/dev/urandom\n/dev/tty\n\
                    /dev/pts\n/dev/shm\n/dev/mqueue\n/sys\n";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().filter(|line| *line == "/").count(), 1, "{text}");
    let source = world.output("head -n1 /proc/mounts");
    assert!(source.starts_with("overlay / overlay rw,"), "{source}");
    assert!(
        source.contains("redirect_dir=nofollow") || !source.contains("redirect_dir"),
        "{source}"
    );
}
