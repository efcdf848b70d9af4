//! Removing images, by the rules of Docker's classic store.

use super::support::{Machine, options, reference};
use engine::{Daemon, Force, Parents, PruneImages, Refusal, Removed};
use oci::Digest;

fn remove(machine: &mut Machine, name: &str, force: Force) -> Vec<String> {
    let removed = machine
        .daemon
        .remove_image(name, force, Parents::Prune)
        .expect("it may go");
    removed.iter().map(Removed::to_string).collect()
}

fn refused(machine: &mut Machine, name: &str, force: Force) -> String {
    machine.refused(|daemon: &mut Daemon, _| -> Result<_, Refusal> { daemon.remove_image(name, force, Parents::Prune) })
}

fn id_of(machine: &Machine, name: &str) -> Digest {
    machine.daemon.image(name).expect("it is here").id
}

#[test]
fn the_last_name_takes_the_image_and_its_layers_along_top_first() {
    let mut machine = Machine::new();
    let image = machine.daemon.image("base:1").expect("it is here");
    let (id, chain) = (image.id, image.chain_ids());
    let expected = vec![
        "Untagged: base:1".to_owned(),
        format!("Deleted: {id}"),
        format!("Deleted: {}", chain[1].0),
        format!("Deleted: {}", chain[0].0),
    ];
    assert_eq!(remove(&mut machine, "base:1", Force::No), expected);
    assert_eq!(machine.daemon.images().count(), 0);
}

#[test]
fn a_name_among_several_goes_alone() {
    let mut machine = Machine::new();
    machine
        .daemon
        .tag("base:1", &reference("other"), machine.now)
        .expect("it is here");
    assert_eq!(remove(&mut machine, "base:1", Force::No), ["Untagged: base:1"]);
    assert_eq!(machine.daemon.repo_tags(id_of(&machine, "other")), ["other:latest"]);
}

#[test]
fn the_digests_of_a_repository_go_with_its_last_tag() {
    let mut machine = Machine::new();
    let digest = Digest::of(b"m");
    machine
        .daemon
        .record_push(&reference("base:1"), digest)
        .expect("it is here");
    let removed = remove(&mut machine, "base:1", Force::No);
    assert_eq!(
        removed[..2],
        ["Untagged: base:1".to_owned(), format!("Untagged: base@{digest}")]
    );
    assert_eq!(machine.daemon.images().count(), 0);
}

#[test]
fn an_id_with_several_names_must_be_forced() {
    let mut machine = Machine::new();
    machine
        .daemon
        .tag("base:1", &reference("other"), machine.now)
        .expect("it is here");
    let id = id_of(&machine, "base:1");
    assert_eq!(
        refused(&mut machine, &id.short(), Force::No),
        format!(
            "conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories",
            id.short()
        )
    );
    let removed = remove(&mut machine, &id.short(), Force::Yes);
    assert_eq!(
        removed[..3],
        [
            "Untagged: base:1".to_owned(),
            "Untagged: other:latest".to_owned(),
            format!("Deleted: {id}")
        ]
    );
}

#[test]
fn an_id_with_one_name_takes_it_along() {
    let mut machine = Machine::new();
    let id = id_of(&machine, "base:1");
    let removed = remove(&mut machine, &id.to_string(), Force::No);
    assert_eq!(removed[..2], ["Untagged: base:1".to_owned(), format!("Deleted: {id}")]);
}

#[test]
fn an_image_of_a_stopped_container_must_be_forced() {
    let mut machine = Machine::new();
    let container = machine.run(options("base:1", &["sh", "echo hi"])).expect("it runs").id;
    let id = id_of(&machine, "base:1");
    assert_eq!(
        refused(&mut machine, "base:1", Force::No),
        format!(
            "conflict: unable to remove repository reference \"base:1\" (must force) - container {} is using its referenced \
             image {}",
            &container[..12],
            id.short()
        )
    );
    assert_eq!(
        refused(&mut machine, &id.hex(), Force::No),
        format!(
            "conflict: unable to delete {} (must be forced) - image is being used by stopped container {}",
            id.short(),
            &container[..12]
        )
    );
    // The container's layers stay, since it stands on them.
    assert_eq!(
        remove(&mut machine, "base:1", Force::Yes),
        ["Untagged: base:1".to_owned(), format!("Deleted: {id}")]
    );
    let ran = machine
        .start(&container)
        .expect("a container lives on without its image");
    assert_eq!(ran.exit, Some(0));
}

#[test]
fn force_takes_the_name_of_an_image_that_runs_and_leaves_it_dangling() {
    let mut machine = Machine::new();
    let container = machine.up("web", "");
    let id = id_of(&machine, "base:1");
    assert_eq!(remove(&mut machine, "base:1", Force::Yes), ["Untagged: base:1"]);
    assert!(machine.daemon.is_dangling(id));
    assert_eq!(
        refused(&mut machine, &id.hex(), Force::Yes),
        format!(
            "conflict: unable to delete {} (cannot be forced) - image is being used by running container {}",
            id.short(),
            &container[..12]
        )
    );
    let pruned = machine.daemon.prune_images(&PruneImages::default()).expect("it prunes");
    assert_eq!(pruned.removed, [], "what a container uses is not pruned");
    machine.check();
}

#[test]
fn an_image_with_children_stays() {
    let mut machine = Machine::new();
    let container = machine.up("web", "write /x 1");
    let child = machine
        .daemon
        .commit(
            &container,
            &engine::CommitOptions::default(),
            machine.now,
            &mut machine.blobs,
        )
        .expect("it commits");
    machine
        .daemon
        .remove_container(&container, Force::Yes, engine::ItsVolumes::Keep)
        .expect("it may go");
    let id = id_of(&machine, "base:1");
    assert_eq!(
        refused(&mut machine, &id.hex(), Force::Yes),
        format!(
            "conflict: unable to delete {} (cannot be forced) - image has dependent child images",
            id.short()
        )
    );
    assert_eq!(remove(&mut machine, "base:1", Force::No), ["Untagged: base:1"]);
    // The nameless parent goes with its last child, unless it is told to stay.
    let mut other = machine.daemon.clone();
    let removed = remove(&mut machine, &child.hex(), Force::No);
    assert!(removed.contains(&format!("Deleted: {id}")), "{removed:?}");
    assert_eq!(machine.daemon.images().count(), 0);
    other
        .remove_image(&child.hex(), Force::No, Parents::Keep)
        .expect("it may go");
    assert!(other.image_by_id(id).is_some());
}

#[test]
fn pruning_takes_what_dangles_and_with_all_what_nobody_uses() {
    let mut machine = Machine::new();
    machine.add("", |config| config.user = "nobody".to_owned());
    machine.add("used:1", |config| config.user = "web".to_owned());
    machine.run(options("used:1", &["sh", ""])).expect("it runs");
    let pruned = machine.daemon.prune_images(&PruneImages::default()).expect("it prunes");
    assert_eq!(pruned.removed.len(), 1, "its layers are those of others");
    assert_eq!(pruned.reclaimed, 0);
    assert_eq!(machine.daemon.images().count(), 2);
    let all = PruneImages {
        all: true,
        ..PruneImages::default()
    };
    let pruned = machine.daemon.prune_images(&all).expect("it prunes");
    assert!(
        pruned
            .removed
            .iter()
            .any(|removed| removed.to_string() == "Untagged: base:1")
    );
    assert_eq!(machine.daemon.images().count(), 1);
    let containers = machine.daemon.prune_containers(None, &[]);
    assert_eq!(containers.ids.len(), 1);
    let pruned = machine.daemon.prune_images(&all).expect("it prunes");
    assert_eq!(pruned.reclaimed, 79);
    assert_eq!(machine.daemon.images().count(), 0);
}
