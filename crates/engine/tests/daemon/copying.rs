//! `docker cp`, both ways.

use super::support::{Machine, at, options, text};
use engine::{CopyOptions, CreateOptions, MountSpec};
use store::{Limits, Meta, Node};

fn to(machine: &mut Machine, source: &str, path: &str) -> Result<u64, String> {
    let copied = machine.with(|daemon, host| daemon.copy_to("web", source, path, CopyOptions::default(), host));
    copied.map(|copied| copied.bytes).map_err(|refusal| refusal.to_string())
}

fn from(machine: &mut Machine, path: &str, target: &str) -> Result<u64, String> {
    let copied = machine.with(|daemon, host| daemon.copy_from("web", path, target, CopyOptions::default(), host));
    copied.map(|copied| copied.bytes).map_err(|refusal| refusal.to_string())
}

/// A container called `web`, and on the host `/h/file` and `/h/dir/inner`.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.up("web", "write /own/a 1");
    let file = machine
        .daemon
        .image("base:1")
        .expect("it is here")
        .tree
        .get(&at("etc/motd"))
        .cloned();
    let mut file = file.expect("a file");
    file.meta_mut().uid = 1000;
    machine
        .files
        .tree
        .mkdir_all(&at("h/dir"), &Meta::of_mode(0o755))
        .expect("room");
    for path in ["h/file", "h/dir/inner"] {
        machine.files.tree.insert(&at(path), file.clone()).expect("room");
    }
    machine
}

fn there(machine: &Machine, path: &str) -> bool {
    machine
        .daemon
        .container("web")
        .expect("it is here")
        .tree
        .get(&at(path))
        .is_some()
}

#[test]
fn a_file_goes_into_a_directory_or_under_another_name_and_is_roots() {
    let mut machine = machine();
    assert_eq!(to(&mut machine, "/h/file", "/srv"), Ok(2048));
    assert_eq!(to(&mut machine, "/h/file", "/srv/renamed"), Ok(2048));
    assert_eq!(to(&mut machine, "/h/file", "/etc/motd"), Ok(2048), "files are replaced");
    assert!(there(&machine, "srv/file") && there(&machine, "srv/renamed"));
    let tree = &machine.daemon.container("web").expect("it is here").tree;
    assert_eq!(tree.get(&at("srv/file")).map(|node| node.meta().uid), Some(0));
    let kept = CopyOptions {
        archive: true,
        ..CopyOptions::default()
    };
    machine
        .with(|daemon, host| daemon.copy_to("web", "/h/file", "/srv/kept", kept, host))
        .expect("it is copied");
    let tree = &machine.daemon.container("web").expect("it is here").tree;
    assert_eq!(tree.get(&at("srv/kept")).map(|node| node.meta().uid), Some(1000));
    machine.check();
}

#[test]
fn a_directory_goes_into_one_that_is_there_or_becomes_a_new_one() {
    let mut machine = machine();
    to(&mut machine, "/h/dir", "/srv").expect("into it");
    assert!(there(&machine, "srv/dir/inner"));
    to(&mut machine, "/h/dir", "/srv/new").expect("a new one");
    assert!(there(&machine, "srv/new/inner"));
    to(&mut machine, "/h/dir/.", "/srv/data").expect("its content");
    assert!(there(&machine, "srv/data/inner") && there(&machine, "srv/data/seed"));
    machine.check();
}

#[test]
fn copies_that_make_no_sense_are_refused_in_dockers_words() {
    let mut machine = machine();
    let before = machine.daemon.clone();
    assert_eq!(
        to(&mut machine, "/h/dir", "/etc/motd"),
        Err("cannot copy directory".to_owned())
    );
    assert_eq!(
        to(&mut machine, "/h/file", "/srv/nope/"),
        Err("no such directory".to_owned())
    );
    assert_eq!(
        to(&mut machine, "/h/file", "/nope/x"),
        Err("Could not find the file /nope in container web".to_owned())
    );
    assert_eq!(
        to(&mut machine, "/nope", "/srv"),
        Err("/nope: no such file or directory".to_owned())
    );
    assert_eq!(
        from(&mut machine, "/nope", "/h"),
        Err("Could not find the file /nope in container web".to_owned())
    );
    assert_eq!(
        from(&mut machine, "/etc/motd", "/nope/x"),
        Err("invalid output path: directory \"/nope\" does not exist".to_owned())
    );
    assert_eq!(machine.daemon, before);
}

#[test]
fn files_come_out_with_links_as_they_are_unless_followed() {
    let mut machine = machine();
    from(&mut machine, "/etc/motd", "/h").expect("into it");
    assert_eq!(
        text(&machine.files.tree, "h/motd", &machine.blobs).as_deref(),
        Some("hello\n")
    );
    from(&mut machine, "/own", "/h/new").expect("a new one");
    assert_eq!(
        text(&machine.files.tree, "h/new/a", &machine.blobs).as_deref(),
        Some("1")
    );
    from(&mut machine, "/etc/motd.link", "/h").expect("a link");
    assert!(matches!(
        machine.files.tree.get(&at("h/motd.link")),
        Some(Node::Symlink { .. })
    ));
    let follow = CopyOptions {
        follow: true,
        ..CopyOptions::default()
    };
    machine
        .with(|daemon, host| daemon.copy_from("web", "/etc/motd.link", "/h/followed", follow, host))
        .expect("what it points to");
    assert_eq!(
        text(&machine.files.tree, "h/followed", &machine.blobs).as_deref(),
        Some("hello\n")
    );
}

#[test]
fn copies_reach_into_volumes_and_stop_at_what_is_read_only() {
    let mut machine = machine();
    let boxed = CreateOptions {
        name: Some("boxed".to_owned()),
        read_only: true,
        mounts: vec![
            MountSpec::parse_volume("data:/d").expect("good"),
            MountSpec::parse_volume("ro1:/r:ro").expect("good"),
        ],
        ..options("base:1", &["last"])
    };
    machine.run(boxed).expect("it starts");
    let mut copy = |path: &str| {
        let copied =
            machine.with(|daemon, host| daemon.copy_to("boxed", "/h/file", path, CopyOptions::default(), host));
        copied.map(drop).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(copy("/d/x"), Ok(()));
    assert_eq!(copy("/r/x"), Err("mounted volume is marked read-only".to_owned()));
    assert_eq!(copy("/srv/x"), Err("container rootfs is marked read-only".to_owned()));
    let volume = machine.daemon.volume("data").expect("it is here");
    assert!(volume.node.as_dir().is_some_and(|dir| dir.entries.contains_key("x")));
}

#[test]
fn an_archive_comes_out_and_goes_into_another_place() {
    let mut machine = machine();
    let mut tar = Vec::new();
    let copied = machine
        .with(|daemon, host| daemon.archive_from("web", "/srv/data", CopyOptions::default(), host, &mut tar))
        .expect("it is there");
    assert_eq!(copied.bytes, tar.len() as u64);
    let into = |machine: &mut Machine, path: &str, tar: &[u8]| {
        let limits = Limits::default();
        let done = machine.with(|daemon, host| daemon.archive_to("web", path, Box::new(tar), &limits, host));
        done.map(drop).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(into(&mut machine, "/tmp", &tar), Ok(()));
    assert!(there(&machine, "tmp/data/seed"));
    let before = machine.daemon.clone();
    assert!(into(&mut machine, "/tmp", &tar[..700]).is_err());
    assert_eq!(
        into(&mut machine, "/nope", &tar),
        Err("Could not find the file /nope in container web".to_owned())
    );
    assert_eq!(
        into(&mut machine, "/etc/motd", &tar),
        Err("extraction point is not a directory".to_owned())
    );
    assert_eq!(machine.daemon, before);
    machine.check();
}
