//! Volumes, host directories and directories in memory.

use super::support::{Machine, at, options, text};
use engine::{CreateOptions, ExecOptions, Force, ItsVolumes, MountSource, MountSpec, StopOptions};
use store::Tree;

fn volume(text: &str) -> MountSpec {
    MountSpec::parse_volume(text).expect("a good volume")
}

fn with(mounts: Vec<MountSpec>, script: &str) -> CreateOptions {
    CreateOptions {
        mounts,
        ..options("base:1", &["sh", script])
    }
}

fn tree_of(machine: &Machine, volume: &str) -> Tree {
    let node = &machine.daemon.volume(volume).expect("it is here").node;
    let mut tree = Tree::new();
    tree.insert(&at("v"), node.clone()).expect("room");
    tree
}

#[test]
fn an_empty_volume_gets_what_the_image_has_and_keeps_what_is_written() {
    let mut machine = Machine::new();
    machine
        .run(with(
            vec![volume("data:/srv/data")],
            "need /srv/data/seed;write /srv/data/new 1",
        ))
        .expect("it starts");
    let tree = tree_of(&machine, "data");
    assert_eq!(text(&tree, "v/seed", &machine.blobs).as_deref(), Some("seed\n"));
    assert_eq!(text(&tree, "v/new", &machine.blobs).as_deref(), Some("1"));
    let ran = machine
        .run(with(vec![volume("data:/other")], "need /other/new"))
        .expect("it starts");
    assert_eq!(ran.exit, Some(0), "another container sees it");
    let none = MountSpec::parse_mount("type=volume,src=bare,dst=/srv/data,volume-nocopy").expect("good");
    let ran = machine.run(with(vec![none], "need /srv/data/seed")).expect("it starts");
    assert_eq!(ran.exit, Some(1));
    machine.check();
    let container = machine.daemon.containers().next().expect("one");
    assert!(
        container.tree.get(&at("srv/data/new")).is_none(),
        "what is mounted is not the container's"
    );
}

#[test]
fn the_images_volumes_are_made_without_a_name_and_go_with_the_container() {
    let mut machine = Machine::new();
    machine.add("db:1", |config| {
        config.volumes.insert("/srv/data".to_owned());
    });
    let first = machine
        .run(options("db:1", &["sh", "write /srv/data/x 1"]))
        .expect("it starts")
        .id;
    let second = machine
        .run(options("db:1", &["sh", "need /srv/data/x"]))
        .expect("it starts");
    assert_eq!(second.exit, Some(1), "each container has its own");
    let names: Vec<String> = machine.daemon.volumes().map(|volume| volume.name.clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.len() == 64));
    machine
        .daemon
        .remove_container(&first, Force::No, ItsVolumes::Remove)
        .expect("it may go");
    assert_eq!(machine.daemon.volumes().count(), 1);
    machine
        .daemon
        .remove_container(&second.id, Force::No, ItsVolumes::Keep)
        .expect("it may go");
    assert_eq!(machine.daemon.volumes().count(), 1);
    assert_eq!(machine.daemon.prune_volumes(false).names.len(), 1);
}

#[test]
fn a_host_directory_is_read_and_written_as_it_is_at_that_moment() {
    let mut machine = Machine::new();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        mounts: vec![volume("/home/u/site:/site")],
        ..options("base:1", &["last", "write /site/from-container 1"])
    };
    machine.run(web).expect("it starts");
    assert_eq!(
        text(&machine.files.tree, "home/u/site/from-container", &machine.blobs).as_deref(),
        Some("1")
    );
    let node = machine
        .daemon
        .image("base:1")
        .expect("it is here")
        .tree
        .get(&at("etc/motd"))
        .cloned()
        .expect("a file");
    machine.files.tree.insert(&at("home/u/site/later"), node).expect("room");
    let look = ExecOptions {
        argv: vec!["sh".to_owned(), "need /site/later".to_owned()],
        ..ExecOptions::default()
    };
    let seen = machine
        .with(|daemon, host| daemon.exec("web", &look, host))
        .expect("it runs");
    assert_eq!(seen.exit, Some(0));
    machine.check();
}

#[test]
fn what_is_mounted_read_only_is_not_written_back() {
    let mut machine = Machine::new();
    machine
        .run(with(vec![volume("data:/d")], "write /d/x 1"))
        .expect("it starts");
    machine
        .run(with(vec![volume("data:/d:ro")], "need /d/x;write /d/y 2"))
        .expect("it starts");
    let tree = tree_of(&machine, "data");
    assert!(tree.get(&at("v/x")).is_some() && tree.get(&at("v/y")).is_none());
    let mounts = &machine.script.requests.last().expect("it ran").mounts;
    assert!(matches!(
        mounts[0].kind,
        builder::MountKind::Bind { read_only: true, .. }
    ));
}

#[test]
fn memory_lives_as_long_as_the_process() {
    let mut machine = Machine::new();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        mounts: vec![MountSpec::Tmpfs {
            target: "/run".to_owned(),
            size: None,
            mode: None,
        }],
        ..options("base:1", &["last", "write /run/pid 1"])
    };
    machine.run(web).expect("it starts");
    let has_pid = |machine: &mut Machine| {
        let look = ExecOptions {
            argv: vec!["sh".to_owned(), "need /run/pid".to_owned()],
            ..ExecOptions::default()
        };
        machine
            .with(|daemon, host| daemon.exec("web", &look, host))
            .expect("it runs")
            .exit
            == Some(0)
    };
    assert!(has_pid(&mut machine));
    machine
        .with(|daemon, host| daemon.stop("web", &StopOptions::default(), host))
        .expect("it stops");
    let container = machine.daemon.container("web").expect("it is here");
    assert!(container.state.tmpfs.is_empty());
    assert!(container.tree.get(&at("run/pid")).is_none());
}

#[test]
fn volumes_in_use_stay() {
    let mut machine = Machine::new();
    let id = machine.run(with(vec![volume("data:/d")], "")).expect("it starts").id;
    assert_eq!(
        machine.refused(|daemon, _| daemon.remove_volume("data", Force::No)),
        format!("remove data: volume is in use - [{id}]")
    );
    assert_eq!(
        machine.refused(|daemon, _| daemon.remove_volume("nope", Force::No)),
        "get nope: no such volume"
    );
    machine.daemon.remove_volume("nope", Force::Yes).expect("forced");
    machine
        .daemon
        .remove_container(&id, Force::No, ItsVolumes::Remove)
        .expect("it may go");
    assert!(
        machine.daemon.volume("data").is_ok(),
        "a volume with a name outlives its container"
    );
    assert!(machine.daemon.prune_volumes(false).names.is_empty());
    assert_eq!(machine.daemon.prune_volumes(true).names, ["data"]);
}

#[test]
fn mounts_that_make_no_sense_are_refused() {
    let mut machine = Machine::new();
    let missing = MountSpec::parse_mount("type=bind,src=/nope,dst=/x").expect("good");
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&with(vec![missing], ""), host)),
        "invalid mount config for type \"bind\": bind source path does not exist: /nope"
    );
    let twice = with(vec![volume("a1:/x"), volume("b1:/x/")], "");
    assert_eq!(
        machine.refused(|daemon, host| daemon.create(&twice, host)),
        "Duplicate mount point: /x"
    );
    let forbidden = machine
        .create(with(vec![volume("/forbidden/x:/x")], ""))
        .expect("it is made");
    assert_eq!(
        machine.refused(|daemon, host| daemon.start(&forbidden, &engine::Stdin::Nothing, host)),
        "/forbidden/x: permission denied"
    );
}

#[test]
fn volume_texts_are_read_as_docker_reads_them() {
    let error = |text: &str| MountSpec::parse_volume(text).expect_err("bad").to_string();
    assert_eq!(error("a1:b:c:d"), "invalid volume specification: 'a1:b:c:d'");
    assert_eq!(error("data:x"), "invalid mount path: 'x' mount path must be absolute");
    assert_eq!(error("data:/"), "invalid specification: destination can't be '/'");
    assert_eq!(error("data:/x:nope"), "invalid mode: nope");
    assert!(error("./x:/x").contains("If you intended to pass a host directory, use absolute path"));
    let error = |text: &str| MountSpec::parse_mount(text).expect_err("bad").to_string();
    assert!(error("type=bind,src=/x").ends_with("target is required"));
    assert!(error("type=bind,dst=/x").ends_with("source is required"));
    assert!(error("type=nope,dst=/x").ends_with("mount type unknown: \"nope\""));
    assert!(error("what").ends_with("invalid field 'what' must be a key=value pair"));
    let mut machine = Machine::new();
    let id = machine
        .create(with(vec![volume("/just/inside")], ""))
        .expect("it is made");
    let mounts = &machine.daemon.container(&id).expect("it is here").mounts;
    assert!(matches!(&mounts[0].source, MountSource::Volume(name) if name.len() == 64));
}

#[test]
fn a_shell_works_on_files_and_mounts_alike_and_cannot_take_a_mount_away() {
    let mut machine = Machine::new();
    let web = CreateOptions {
        name: Some("web".to_owned()),
        workdir: Some("/site".to_owned()),
        mounts: vec![volume("/home/u/site:/site"), volume("data:/d"), volume("data:/r:ro")],
        ..options("base:1", &["last", "write /d/old 1"])
    };
    machine.run(web).expect("it starts");
    let process = &machine.daemon.container("web").expect("it is here").state.processes[0];
    assert_eq!(process.cwd, "/site");
    assert_eq!(process.env[0], ("PATH".to_owned(), "/bin".to_owned()));
    let files = machine
        .with(|daemon, host| daemon.open_files("web", host))
        .expect("it runs");
    let mut tree = files.tree.clone();
    let node = tree.get(&at("etc/motd")).cloned().expect("a file");
    for path in ["own", "site/new", "r/new"] {
        tree.insert(&at(path), node.clone()).expect("room");
    }
    tree.remove(&at("d")).expect("it is there");
    machine
        .with(|daemon, host| daemon.keep_files("web", &files, tree, builder::Fidelity::Simulated, host))
        .expect("it is taken over");
    assert!(machine.files.tree.get(&at("home/u/site/new")).is_some());
    let container = machine.daemon.container("web").expect("it is here");
    assert!(container.tree.get(&at("own")).is_some() && container.tree.get(&at("site/new")).is_none());
    assert_eq!(container.fidelity, builder::Fidelity::Simulated);
    let data = tree_of(&machine, "data");
    assert!(data.get(&at("v")).is_some() && data.get(&at("v/old")).is_none() && data.get(&at("v/new")).is_none());
    machine.check();
    machine
        .with(|daemon, host| daemon.stop("web", &StopOptions::default(), host))
        .expect("it stops");
    let refusal = machine.refused(|daemon, host| daemon.open_files("web", host).map(drop));
    assert!(refusal.ends_with("is not running"), "{refusal}");
}
