//! What a sandbox sees of files.

use crate::support::{World, output, run};
use sandbox::{Mount, Overlay, Root, Source, User};
use std::fs;

crate::tests![
    hundreds_of_layers_lie_over_each_other,
    a_directory_can_be_the_root,
    a_root_can_be_read_only,
    mounts_are_read_only_if_asked_for,
    memory_and_files_in_memory_are_mounted,
    an_overlay_is_mounted_and_a_part_of_one,
    streams_can_be_opened_by_name_by_any_user,
    shared_memory_has_its_size,
    another_sandboxs_network_is_shared,
];

fn mount(target: &str, source: Source) -> Mount {
    Mount {
        target: target.to_owned(),
        source,
        subpath: None,
        read_only: false,
    }
}

fn hundreds_of_layers_lie_over_each_other() {
    let world = World::new();
    let mut overlay = world.overlay();
    let mut layers: Vec<_> = (0..300)
        .map(|number| format!("a-layer-with-a-long-name-so-that-a-page-is-too-short-{number}"))
        .collect();
    for layer in &layers {
        world.write(&format!("{layer}/numbers/{layer}"), "");
        world.write(&format!("{layer}/last"), layer);
    }
    layers.push("lower".to_owned());
    overlay.lower = layers.iter().map(|layer| world.path(layer)).collect();
    let mut spec = world.shell("ls /numbers | wc -l; cat /last");
    spec.root = Root::Overlay(overlay);
    assert_eq!(
        output(&spec),
        "300\na-layer-with-a-long-name-so-that-a-page-is-too-short-0"
    );
}

fn a_directory_can_be_the_root() {
    let world = World::new();
    let mut spec = world.shell("echo 1 > /tmp/a");
    spec.root = Root::Directory(world.path("lower"));
    output(&spec);
    assert_eq!(world.read("lower/tmp/a"), "1\n");
}

fn a_root_can_be_read_only() {
    let world = World::new();
    let mut spec = world.shell("echo 1 > /tmp/a; echo 1 > /etc/a; cat /tmp/a");
    spec.read_only = true;
    spec.mounts = vec![mount(
        "/tmp",
        Source::Tmpfs {
            size: None,
            mode: 0o1777,
        },
    )];
    let (text, _) = run(&spec);
    assert!(
        text.contains("/etc/a: Read-only file system") && text.ends_with("1\n"),
        "{text}"
    );
}

fn mounts_are_read_only_if_asked_for() {
    let world = World::new();
    world.write("source/file", "old");
    let mut spec = world.shell("echo new > /mnt/file");
    spec.mounts = vec![mount("/mnt", Source::Bind(world.path("source")))];
    output(&spec);
    assert_eq!(world.read("source/file"), "new\n");
    spec.mounts[0].read_only = true;
    let (text, ended) = run(&spec);
    assert!(text.contains("Read-only file system"), "{text}");
    assert_ne!(ended.exit_code(), 0);
    // A single file, on a place that is made.
    spec.argv[2] = String::from("cat /made/here");
    spec.mounts = vec![mount("/made/here", Source::Bind(world.path("source/file")))];
    assert_eq!(output(&spec), "new\n");
}

fn memory_and_files_in_memory_are_mounted() {
    let world = World::new();
    let mut spec =
        world.shell("stat -c %a /memory; stat -c %a:%u:%g /run/secret; cat /run/secret; echo x > /run/secret");
    let secret = Source::File {
        bytes: b"hidden\n".to_vec(),
        mode: 0o400,
        uid: 7,
        gid: 8,
    };
    spec.mounts = vec![
        mount(
            "/memory",
            Source::Tmpfs {
                size: Some(1 << 20),
                mode: 0o1777,
            },
        ),
        Mount {
            read_only: true,
            ..mount("/run/secret", secret)
        },
    ];
    let (text, _) = run(&spec);
    assert!(text.starts_with("1777\n400:7:8\nhidden\n"), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    assert_eq!(world.read("upper/run/secret"), "", "the stub is empty");
    spec.argv[2] = String::from("dd if=/dev/zero of=/memory/a bs=1M count=2");
    assert!(run(&spec).0.contains("No space left"));
}

fn an_overlay_is_mounted_and_a_part_of_one() {
    let world = World::new();
    world.write("one/deep/file", "one");
    world.write("two/deep/other", "two");
    for name in ["changes", "space"] {
        fs::create_dir(world.path(name)).unwrap();
    }
    let overlay = Source::Overlay(Overlay {
        lower: vec![world.path("one"), world.path("two")],
        upper: world.path("changes"),
        work: world.path("space"),
        volatile: false,
    });
    let mut spec = world.shell("ls /mnt/deep; echo 1 > /mnt/deep/new");
    spec.mounts = vec![mount("/mnt", overlay.clone())];
    assert_eq!(output(&spec), "file\nother\n");
    assert_eq!(world.read("changes/deep/new"), "1\n");
    spec.argv[2] = String::from("ls /mnt");
    spec.mounts = vec![Mount {
        subpath: Some("/deep".to_owned()),
        ..mount("/mnt", overlay)
    }];
    assert_eq!(output(&spec), "file\nnew\nother\n");
}

fn streams_can_be_opened_by_name_by_any_user() {
    let world = World::new();
    let mut spec = world.shell("echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin; umask");
    spec.user = User {
        uid: 1000,
        gid: 1000,
        groups: Vec::new(),
    };
    assert_eq!(output(&spec), "out\nerr\n0022\n");
}

fn shared_memory_has_its_size() {
    let world = World::new();
    let mut spec = world.shell("grep ' /dev/shm ' /proc/mounts");
    assert!(output(&spec).contains("size=65536k"));
    spec.limits.shm = Some(1 << 20);
    assert!(output(&spec).contains("size=1024k"));
}

fn another_sandboxs_network_is_shared() {
    let world = World::new();
    let (child, _reader) = crate::support::start(&world.shell("sleep 1000")).unwrap();
    let other = World::new();
    let mut spec = other.shell("readlink /proc/self/ns/net");
    spec.network = sandbox::Network::Of(child.pid());
    let theirs = fs::read_link(format!("/proc/{}/ns/net", child.pid())).unwrap();
    assert_eq!(output(&spec).trim(), theirs.to_str().unwrap());
    spec.network = sandbox::Network::Host;
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(output(&spec).trim(), ours.to_str().unwrap());
    child.kill(9).unwrap();
    child.wait().unwrap();
}
