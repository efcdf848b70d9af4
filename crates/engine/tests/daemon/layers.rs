//! The writable layer of a container: diff, whose a path is, commit.

use super::support::{Machine, at, options, reference, shown, text};
use engine::{CommitOptions, CreateOptions, Own};

fn diff(machine: &Machine, name: &str) -> Vec<String> {
    let changes = machine.daemon.changes(name).expect("it is here");
    changes
        .into_iter()
        .map(|(kind, path)| format!("{kind} {}", path.absolute()))
        .collect()
}

#[test]
fn a_container_that_was_only_made_differs_in_nothing() {
    let mut machine = Machine::new();
    let id = machine.create(options("base:1", &[])).expect("it is made");
    assert_eq!(diff(&machine, &id), Vec::<String>::new());
    assert_eq!(machine.daemon.container(&id).expect("it is here").writable_bytes(), 0);
}

#[test]
fn diff_lists_what_was_added_changed_and_deleted() {
    let mut machine = Machine::new();
    machine.up("web", "write /srv/own/a 12345;write /etc/motd new;remove /srv/second");
    assert_eq!(
        diff(&machine, "web"),
        [
            "C /etc",
            "C /etc/motd",
            "C /srv",
            "A /srv/own",
            "A /srv/own/a",
            "D /srv/second"
        ]
    );
    assert_eq!(machine.daemon.container("web").expect("it is here").writable_bytes(), 8);
    machine.check();
}

#[test]
fn the_working_directory_and_places_of_mounts_are_the_containers_own() {
    let mut machine = Machine::new();
    let made = CreateOptions {
        workdir: Some("/work/here".to_owned()),
        mounts: vec![engine::MountSpec::parse_volume("data:/d").expect("good")],
        ..options("base:1", &[])
    };
    let id = machine.create(made).expect("it is made");
    assert_eq!(diff(&machine, &id), ["A /d", "A /work", "A /work/here"]);
}

#[test]
fn every_path_is_shared_copied_up_new_or_hidden() {
    let mut machine = Machine::new();
    machine.up("web", "write /srv/own 1;write /etc/motd new;remove /srv/data");
    let whose = |path: &str| machine.daemon.whose("web", &at(path));
    for (path, own) in [
        ("bin/sh", Own::Shared),
        (".dockerenv", Own::Shared),
        ("etc/motd", Own::CopiedUp),
        ("etc", Own::CopiedUp),
        ("srv/own", Own::New),
        ("srv/data", Own::Whiteout),
        ("srv/data/seed", Own::Whiteout),
    ] {
        assert_eq!(whose(path).expect("it was there once"), own, "{path}");
    }
    let refusal = whose("nope").expect_err("it never was");
    assert_eq!(refusal.to_string(), "Could not find the file /nope in container web");
    let entries = machine.daemon.container("web").expect("it is here").own_entries();
    let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    assert_eq!(bytes, 4);
}

#[test]
fn a_commit_is_the_image_and_one_layer_more() {
    let mut machine = Machine::new();
    machine.up("web", "write /srv/own 1;remove /etc/motd");
    let options = CommitOptions {
        name: Some(reference("committed:1")),
        changes: vec!["CMD [\"last\"]".to_owned(), "EXPOSE 80".to_owned()],
        message: "by hand".to_owned(),
        author: "me".to_owned(),
    };
    let id = machine
        .daemon
        .commit("web", &options, machine.now, &mut machine.blobs)
        .expect("it commits");
    let base = machine.daemon.image("base:1").expect("it is here").clone();
    let image = machine.daemon.image("committed:1").expect("it has its name");
    assert_eq!((image.id, image.parent), (id, Some(base.id)));
    assert_eq!(image.image.layers.len(), 3);
    assert_eq!(image.image.layers[..2], base.image.layers[..]);
    assert_eq!(text(&image.tree, "srv/own", &machine.blobs).as_deref(), Some("1"));
    assert!(image.tree.get(&at("etc/motd")).is_none());
    assert!(
        image.tree.get(&at(".dockerenv")).is_none(),
        "what every container gets is not committed"
    );
    let config = &image.image.config;
    assert_eq!(config.config.cmd, ["last"]);
    assert!(config.config.exposed_ports.contains("80/tcp"));
    assert_eq!(config.author, "me");
    let last = config.history.last().expect("a step");
    assert_eq!((last.comment.as_str(), last.author.as_str()), ("by hand", "me"));
    assert!(last.created_by.starts_with("last write /srv/own"));
    // A container of it has the files of the one it was made of.
    let again = machine
        .create(super::support::options("committed:1", &[]))
        .expect("it is made");
    let tree = |name: &str| shown(&machine.daemon.container(name).expect("it is here").tree);
    assert_eq!(tree(&again), tree("web"));
    machine.check();
}

#[test]
fn a_commit_of_nothing_makes_no_layer() {
    let mut machine = Machine::new();
    machine.up("web", "");
    let id = machine
        .daemon
        .commit("web", &CommitOptions::default(), machine.now, &mut machine.blobs)
        .expect("it commits");
    let image = machine.daemon.image_by_id(id).expect("it is here");
    assert_eq!(image.image.layers.len(), 2);
    assert!(image.image.config.history.last().expect("a step").empty_layer);
    assert!(machine.daemon.is_dangling(id));
    machine.check();
    let bad = CommitOptions {
        changes: vec!["COPY a b".to_owned()],
        ..CommitOptions::default()
    };
    let now = machine.now;
    assert_eq!(
        machine.refused(|daemon, host| daemon.commit("web", &bad, now, host.blobs)),
        "COPY is not a valid change command"
    );
}
