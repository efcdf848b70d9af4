//! What holds whatever a container does.

use super::support::{Machine, options, shown};
use engine::{CommitOptions, ExecOptions, ImportOptions, PortMapping};
use proptest::prelude::*;
use store::{ChangeKind, Limits, TreePath};

const PATHS: [&str; 8] = [
    "/a",
    "/srv/a",
    "/srv/data/seed",
    "/srv/data/x",
    "/etc/motd",
    "/etc/new/b",
    "/tmp/c",
    "/bin/nginx",
];

/// A write of a text of some length, or a removal.
fn step() -> impl Strategy<Value = (usize, Option<usize>)> {
    (0..PATHS.len(), proptest::option::of(0..4usize))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_container_is_its_image_and_its_writable_layer_however_it_leaves(steps in proptest::collection::vec(step(), 0..12)) {
        let mut machine = Machine::new();
        machine.up("web", "");
        for (path, text) in steps {
            let path = PATHS[path];
            let there = |machine: &Machine| {
                let tree = &machine.daemon.container("web").expect("it is here").tree;
                tree.get(&TreePath::clean(path).expect("a path")).is_some()
            };
            let line = match text {
                Some(length) => format!("write {path} {}", "x".repeat(length + 1)),
                None if there(&machine) => format!("remove {path}"),
                None => continue,
            };
            let exec = ExecOptions { argv: vec!["sh".to_owned(), line], ..ExecOptions::default() };
            machine.with(|daemon, host| daemon.exec("web", &exec, host)).expect("it runs");
        }
        machine.check();
        let tree = shown(&machine.daemon.container("web").expect("it is here").tree);
        let now = machine.now;
        // Committed and run again: the same files.
        let commit = CommitOptions::default();
        let id = machine.daemon.commit("web", &commit, now, &mut machine.blobs).expect("it commits");
        let again = machine.create(options(&id.hex(), &["last"])).expect("it is made");
        prop_assert_eq!(&shown(&machine.daemon.container(&again).expect("it is here").tree), &tree);
        // Exported and imported: the same files, in one layer.
        let mut tar = Vec::new();
        machine.daemon.export("web", &machine.blobs, &mut tar).expect("it is here");
        let flat = machine
            .daemon
            .import(Box::new(&tar[..]), &ImportOptions::default(), &Limits::default(), now, &mut machine.blobs)
            .expect("a sound archive");
        let flat = machine.daemon.image_by_id(flat).expect("it is here").clone();
        prop_assert_eq!(&shown(&flat.tree), &tree);
        prop_assert_eq!(flat.image.layers.len(), 1);
        // Saved and loaded: the same image.
        let mut saved = Vec::new();
        machine.daemon.save(&[id.hex()], &mut machine.blobs, &mut saved).expect("it is here");
        let mut other = Machine::new();
        let loaded = other
            .daemon
            .load(Box::new(&saved[..]), &Limits::default(), now, &mut other.blobs)
            .expect("a sound archive");
        prop_assert_eq!(loaded[0].id, id);
        machine.check();
        other.check();
        // What is hidden is gone, and what is gone was there.
        let container = machine.daemon.container("web").expect("it is here");
        for change in container.writable().changes {
            if change.kind == ChangeKind::Delete {
                prop_assert!(container.lower.get(&change.path).is_some());
                prop_assert!(container.tree.get(&change.path).is_none());
            }
        }
    }
}

#[test]
fn all_ports_of_a_machine_can_be_published_and_then_none_is_left() {
    let mut machine = Machine::new();
    let mut all = options("base:1", &["last"]);
    all.ports = PortMapping::parse("1-65535:1-65535").expect("good ports");
    let id = machine.run(all).expect("it starts").id;
    assert_eq!(machine.daemon.ports(&id).expect("it is here").len(), 2 * 65_535);
    let mut one = options("base:1", &["last"]);
    one.ports = PortMapping::parse("80").expect("good ports");
    let id = machine.create(one).expect("it is made");
    let refusal = machine.refused(|daemon, host| daemon.start(&id, &engine::Stdin::Nothing, host));
    assert!(refusal.ends_with("port is already allocated"), "{refusal}");
}
